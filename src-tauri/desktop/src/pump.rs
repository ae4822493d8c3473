//! What the session and the sound card say, passed on to the presenter, the window and the desktop.

use client::{ClientError, EndReason, Notice, Request, Session, SessionEvent, SignedOutReason};
use tauri::{AppHandle, Manager};
use tauri_plugin_notification::NotificationExt;
use tokio::sync::broadcast::error::RecvError;
use wire::{Call, CallStatus, Direction, HangupCause, LegEndReason};

use crate::error::AppError;
use crate::events::{
    DeviceLevel, LeadKey, LeadQuality, Levels, Message, MessageKind, MicrophoneLevel,
    MicrophoneLevels, Quality, SoundDevicesChanged, say,
};
use crate::names::isolated;
use crate::presenter::{Change, Presenter};
use crate::view::WINDOW;

/// Passes on one session's state and events until another takes its place.
pub async fn session(app: AppHandle, presenter: Presenter, session: Session) {
    let mut views = session.views();
    let mut events = session.events();
    let first = views.borrow_and_update().clone();
    presenter.tell(Change::Session(first)).await;
    loop {
        tokio::select! {
            changed = views.changed() => {
                if changed.is_err() {
                    return;
                }
                let view = views.borrow_and_update().clone();
                presenter.tell(Change::Session(view)).await;
            }
            event = events.recv() => match event {
                Ok(event) => take(&app, &presenter, event),
                Err(RecvError::Lagged(missed)) => log::warn!("{missed} events of the session missed"),
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// Passes on what the sound card says, as long as the app runs.
pub async fn sound(app: AppHandle, presenter: Presenter, card: sound::SoundCard) {
    let mut events = card.events();
    loop {
        match events.recv().await {
            Ok(sound::Event::DevicesChanged(devices)) => {
                say(&app, &SoundDevicesChanged(devices.into()));
            }
            Ok(sound::Event::MicrophoneTrouble(trouble)) => {
                presenter.tell(Change::MicrophoneTrouble(trouble)).await;
            }
            Ok(sound::Event::LoudspeakerTrouble(trouble)) => {
                presenter.tell(Change::LoudspeakerTrouble(trouble)).await;
            }
            Ok(sound::Event::Level { dbov }) => say(&app, &MicrophoneLevel { level_dbov: dbov }),
            Ok(sound::Event::AllLevels(levels)) => {
                let levels = levels.into_iter();
                let cross = |(id, level_dbov)| DeviceLevel { id, level_dbov };
                say(&app, &MicrophoneLevels(levels.map(cross).collect()));
            }
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn take(app: &AppHandle, presenter: &Presenter, event: SessionEvent) {
    match event {
        SessionEvent::Quality(quality) => say(
            app,
            &Quality {
                lost_percent: quality.lost_percent,
                jitter_ms: quality.jitter_ms,
                round_trip_ms: quality.round_trip_ms,
            },
        ),
        SessionEvent::Notice(Notice::Levels(call_id, levels)) => {
            say(app, &Levels { call_id, levels });
        }
        SessionEvent::Notice(Notice::LeadKey(call_id, key)) => say(app, &LeadKey { call_id, key }),
        SessionEvent::Notice(Notice::LeadQuality(call_id, quality)) => {
            say(app, &LeadQuality::of(call_id, quality));
        }
        SessionEvent::Notice(Notice::Invited(invitation)) => {
            let who = presenter.view().name_of(&invitation.inviter_id);
            let title = format!("{} invites you to a call", isolated(&who));
            let body = format!(
                "With {}. Open Call Coaching to join or decline.",
                isolated(&invitation.lead.display_name)
            );
            notify(app, title, body);
        }
        SessionEvent::Notice(Notice::Call(call)) if rings(presenter, &call) => {
            let title = format!("{} is calling", isolated(&call.lead.display_name));
            notify(app, title, "Open Call Coaching to answer.".into());
        }
        SessionEvent::Notice(notice) => {
            if let Some(message) = message(&notice) {
                say(app, &message);
            }
        }
    }
}

/// What a person is told in a sentence: only what the pages do not show by themselves.
fn message(notice: &Notice) -> Option<Message> {
    Some(match notice {
        Notice::SignedOut(SignedOutReason::Expired) => {
            error("Your session has expired. Sign in again.")
        }
        Notice::SignInLost => {
            stays("Your session has expired. This call goes on. Sign in again when it ends.")
        }
        Notice::CoachingEnded(_, reason) => coaching_ended(*reason)?,
        Notice::MyCallEnded(call) => call_ended(call)?,
        Notice::Postponed(request) => info(postponed(request)?),
        Notice::Trouble(failure) => {
            let AppError { code, message, .. } = ClientError::from(failure.clone()).into();
            Message {
                code: Some(code),
                ..error(&message)
            }
        }
        _ => return None,
    })
}

fn info(message: &str) -> Message {
    Message {
        kind: MessageKind::Info,
        code: None,
        message: message.into(),
        stays: false,
    }
}

fn error(message: &str) -> Message {
    Message {
        kind: MessageKind::Error,
        ..info(message)
    }
}

/// What may have happened while nobody looked.
fn stays(message: &str) -> Message {
    Message {
        stays: true,
        ..error(message)
    }
}

/// Why the user coaches no longer.
fn coaching_ended(reason: EndReason) -> Option<Message> {
    Some(match reason {
        EndReason::SignedOut | EndReason::Leg(LegEndReason::Left) => return None,
        EndReason::MovedDevice => {
            info("You joined the call on another device. Its audio is there now.")
        }
        EndReason::Gone => {
            stays("You're no longer on the call. You can join again from the Team page.")
        }
        EndReason::Call(Some(HangupCause::RepLost)) => {
            stays("The rep lost their connection, so the call ended.")
        }
        EndReason::Call(Some(HangupCause::LeadLost | HangupCause::NetworkFailed)) => {
            stays("The connection to the lead's phone was lost, so the call ended.")
        }
        EndReason::Call(Some(HangupCause::ServiceStopped))
        | EndReason::Leg(LegEndReason::ServiceStopped) => {
            stays("The service was stopped, so the call ended.")
        }
        EndReason::Call(_) | EndReason::Leg(LegEndReason::CallEnded) => info("The call has ended."),
        EndReason::Leg(LegEndReason::PermissionRevoked) => {
            error("An admin removed your access to this call. The call is still in progress.")
        }
        EndReason::Leg(LegEndReason::PlanChanged) => error(
            "Your organization's plan no longer includes Call Coaching. The call is still in progress.",
        ),
        EndReason::Leg(LegEndReason::Deactivated) => error("An admin deactivated your account."),
        EndReason::Leg(LegEndReason::ConnectionLost) => stays(
            "You were disconnected for too long, so you're off the call. You can join again if it's still \
             in progress.",
        ),
    })
}

/// Why the user's own call ended.
fn call_ended(call: &Call) -> Option<Message> {
    let lead = isolated(&call.lead.display_name);
    Some(match (call.status, call.hangup_cause) {
        (CallStatus::Busy, Some(HangupCause::Declined)) => info("The lead declined the call."),
        (CallStatus::Busy, _) => info("The lead's line is busy."),
        (CallStatus::NoAnswer, _) => info("The lead didn't answer."),
        (CallStatus::Failed, Some(HangupCause::NetworkFailed)) => error(
            "The phone network couldn't connect the call. Try again, or call from another number.",
        ),
        (CallStatus::Failed, Some(HangupCause::Unreachable)) => {
            error("This number doesn't exist or can't be reached. Check the number.")
        }
        (_, Some(HangupCause::LeadLost)) => stays(&format!(
            "We lost the connection to the lead's phone, so your call with {lead} ended."
        )),
        (_, Some(HangupCause::NetworkFailed)) => {
            error("The phone network ended the call. Try calling again.")
        }
        (_, Some(HangupCause::Lead)) => info("The lead hung up."),
        (_, Some(HangupCause::RepLost)) => stays(&format!(
            "You were disconnected for too long, so your call with {lead} ended."
        )),
        (_, Some(HangupCause::ServiceStopped)) => stays(&format!(
            "The service was stopped, so your call with {lead} ended."
        )),
        (CallStatus::Failed, _) => error("The call couldn't be connected. Try again."),
        _ => return None,
    })
}

/// What the service will be told as soon as it can be reached. What holds here at once needs no word.
const fn postponed(request: &Request) -> Option<&'static str> {
    Some(match request {
        Request::HangUp(_) => {
            "The service can't be reached. We'll end the call as soon as it's back."
        }
        Request::Hold(_, true) => {
            "The service can't be reached. We'll put the call on hold as soon as it's back."
        }
        Request::Hold(_, false) => {
            "The service can't be reached. We'll take the call off hold as soon as it's back."
        }
        Request::Mute(_, false) => {
            "The service can't be reached. We'll unmute you as soon as it's back."
        }
        Request::PauseRecording(_, true) => {
            "The service can't be reached, so the recording may still be running. We'll pause it as soon \
             as it's back."
        }
        Request::PauseRecording(_, false) => {
            "The service can't be reached. We'll resume the recording as soon as it's back."
        }
        _ => return None,
    })
}

/// Whether a call rings for who is signed in here.
fn rings(presenter: &Presenter, call: &Call) -> bool {
    let me = presenter.view().session.me;
    call.direction == Direction::Inbound
        && call.status == CallStatus::Ringing
        && me.is_some_and(|me| me.user.id == call.user_id)
}

/// A native notification; the window has its card besides. Showing it can take a while, or fail where
/// the desktop has no notifications.
pub fn notify(app: &AppHandle, title: String, body: String) {
    let app = app.clone();
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = app.notification().builder().title(title).body(body).show() {
            log::warn!("no notification: {error}");
        }
        if let Some(window) = app.get_webview_window(WINDOW) {
            let attention = Some(tauri::UserAttentionType::Informational);
            let _ = window.request_user_attention(attention);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{CallId, Joinability, LeadBrief, LeadId, LegId, PhoneNumberKind, Timestamp, UserId};

    fn ended(status: CallStatus, cause: Option<HangupCause>) -> Option<Message> {
        message(&Notice::MyCallEnded(Box::new(Call {
            id: CallId::from_suffix("1").unwrap(),
            user_id: UserId::from_suffix("riley").unwrap(),
            rep_leg_id: LegId::from_suffix("rep").unwrap(),
            lead: LeadBrief {
                id: LeadId::from_suffix("1").unwrap(),
                display_name: "Globex".into(),
            },
            contact_id: None,
            direction: Direction::Outbound,
            status,
            local_phone: "+15550001".into(),
            local_phone_type: PhoneNumberKind::Internal,
            remote_phone: "+15551000".into(),
            date_created: Timestamp(0),
            date_answered: None,
            date_ended: Some(Timestamp(1_000)),
            duration: 0,
            hangup_cause: cause,
            held: false,
            muted: false,
            rep_reconnecting: false,
            microphone_trouble: false,
            recording_url: None,
            recording: None,
            outcome_id: None,
            disposition: None,
            note: String::new(),
            coach_legs: vec![],
            joinability: Joinability {
                joinable: false,
                code: None,
                message: None,
            },
        })))
    }

    #[test]
    fn the_rep_is_told_in_words_of_their_own_why_a_call_came_to_nothing() {
        let ends = [
            (
                CallStatus::Busy,
                HangupCause::Busy,
                MessageKind::Info,
                "busy",
            ),
            (
                CallStatus::Busy,
                HangupCause::Declined,
                MessageKind::Info,
                "declined",
            ),
            (
                CallStatus::NoAnswer,
                HangupCause::NoAnswer,
                MessageKind::Info,
                "didn't answer",
            ),
            (
                CallStatus::Failed,
                HangupCause::Unreachable,
                MessageKind::Error,
                "number",
            ),
            (
                CallStatus::Failed,
                HangupCause::NetworkFailed,
                MessageKind::Error,
                "phone network couldn't",
            ),
            (
                CallStatus::Completed,
                HangupCause::NetworkFailed,
                MessageKind::Error,
                "phone network ended",
            ),
            (
                CallStatus::Completed,
                HangupCause::LeadLost,
                MessageKind::Error,
                "lead's phone",
            ),
            (
                CallStatus::Failed,
                HangupCause::LeadLost,
                MessageKind::Error,
                "lead's phone",
            ),
        ];
        let mut sentences = std::collections::BTreeSet::new();
        for (status, cause, kind, words) in ends {
            let told = ended(status, Some(cause)).unwrap();
            assert_eq!(told.kind, kind, "{cause:?}");
            assert!(told.message.contains(words), "{cause:?}: {}", told.message);
            sentences.insert(told.message);
        }
        assert_eq!(sentences.len(), ends.len() - 1, "a lost phone is one thing");
        assert!(ended(CallStatus::Failed, None).is_some());
    }

    #[test]
    fn b2_what_happened_during_an_outage_stays_until_it_is_read() {
        let mine = ended(CallStatus::Completed, Some(HangupCause::RepLost)).unwrap();
        assert!(mine.stays && mine.message.contains("Globex"), "{mine:?}");
        let call = CallId::parse("acti_1").unwrap();
        let coached = |reason| message(&Notice::CoachingEnded(call.clone(), reason)).unwrap();
        let lost = coached(EndReason::Leg(LegEndReason::ConnectionLost));
        let rep_lost = coached(EndReason::Call(Some(HangupCause::RepLost)));
        let over = coached(EndReason::Call(Some(HangupCause::Lead)));
        assert!(lost.stays && rep_lost.stays && !over.stays);
        assert!(rep_lost.message.contains("lost their connection"));
    }

    #[test]
    fn whoever_acts_during_an_outage_is_told_what_is_still_to_come() {
        let call = CallId::parse("acti_1").unwrap();
        let told = |request| message(&Notice::Postponed(request)).map(|told| told.message);
        let pause = told(Request::PauseRecording(call.clone(), true)).unwrap();
        assert!(pause.contains("may still be running"), "{pause}");
        assert!(told(Request::HangUp(call.clone())).is_some());
        // They hold here at once.
        assert_eq!(told(Request::Mute(call.clone(), true)), None);
        assert_eq!(told(Request::Leave(call)), None);
    }

    #[test]
    fn a_rep_who_hung_up_is_told_nothing() {
        for status in [CallStatus::Completed, CallStatus::Cancel] {
            assert_eq!(ended(status, Some(HangupCause::Rep)), None);
        }
    }

    #[test]
    fn a2_somebody_put_out_of_a_call_is_told_why_and_somebody_who_left_is_not() {
        let call = CallId::parse("acti_1").unwrap();
        let ended = |reason| message(&Notice::CoachingEnded(call.clone(), reason));
        let revoked = ended(EndReason::Leg(LegEndReason::PermissionRevoked)).unwrap();
        assert_eq!(revoked.kind, MessageKind::Error);
        assert!(revoked.message.contains("access"), "{}", revoked.message);
        assert_eq!(ended(EndReason::Leg(LegEndReason::Left)), None);
    }
}
