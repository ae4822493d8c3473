//! What the session and the sound card say, passed on to the presenter, the window and the desktop.

use client::{ClientError, EndReason, Notice, Session, SessionEvent, SignedOutReason};
use tauri::{AppHandle, Manager};
use tauri_plugin_notification::NotificationExt;
use tokio::sync::broadcast::error::RecvError;
use wire::{Call, CallStatus, Direction, HangupCause, LegEndReason};

use crate::error::AppError;
use crate::events::{
    DeviceLevel, LeadKey, LeadQuality, Levels, Message, MessageKind, MicrophoneLevel,
    MicrophoneLevels, Quality, SoundDevicesChanged, say,
};
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
            let title = format!("{who} invites you to a call");
            let body = format!(
                "With {}. Open Call Coaching to join or decline.",
                invitation.lead.display_name
            );
            notify(app, title, body);
        }
        SessionEvent::Notice(Notice::Call(call)) if rings(presenter, &call) => {
            let title = format!("{} is calling", call.lead.display_name);
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
    let info = |message: &str| Message {
        kind: MessageKind::Info,
        code: None,
        message: message.into(),
    };
    let error = |message: &str| Message {
        kind: MessageKind::Error,
        ..info(message)
    };
    Some(match notice {
        Notice::SignedOut(SignedOutReason::Expired) => {
            error("Your sign-in is over. Please sign in again.")
        }
        Notice::CoachingEnded(_, reason) => match reason {
            EndReason::SignedOut | EndReason::Leg(LegEndReason::Left) => return None,
            EndReason::MovedDevice => {
                info("You joined the call on another device; the sound is there now.")
            }
            EndReason::Gone => {
                error("You are no longer on the call. Join it again from the Team page.")
            }
            EndReason::Leg(LegEndReason::CallEnded) => info("The call has ended."),
            EndReason::Leg(LegEndReason::PermissionRevoked) => error(
                "An admin took away your permission to be on this call. The call itself goes on.",
            ),
            EndReason::Leg(LegEndReason::PlanChanged) => error(
                "Your organization's plan no longer has Call Coaching. The call itself goes on.",
            ),
            EndReason::Leg(LegEndReason::Deactivated) => error("Your account was deactivated."),
            EndReason::Leg(LegEndReason::ConnectionLost) => error(
                "The connection was lost for too long. Join the call again if it still goes on.",
            ),
            EndReason::Leg(LegEndReason::ServiceStopped) => error("The service was stopped."),
        },
        Notice::MyCallEnded(call) => match (call.status, call.hangup_cause) {
            (CallStatus::Busy, Some(HangupCause::Declined)) => info("The lead declined the call."),
            (CallStatus::Busy, _) => info("The lead's line is busy."),
            (CallStatus::NoAnswer, _) => info("The lead did not answer."),
            (CallStatus::Failed, Some(HangupCause::NetworkFailed)) => error(
                "The phone network could not put the call through. Try again, or call from another number.",
            ),
            (CallStatus::Failed, Some(HangupCause::Unreachable)) => error(
                "This number does not exist, or nobody can be reached under it. Check the number.",
            ),
            (_, Some(HangupCause::LeadLost)) => {
                error("Nothing was heard of the lead's phone any more, so the call was ended.")
            }
            (_, Some(HangupCause::NetworkFailed)) => {
                error("The phone network ended the call. Call again.")
            }
            (_, Some(HangupCause::Lead)) => info("The lead hung up."),
            (_, Some(HangupCause::RepLost)) => {
                error("Your connection was lost for too long, and the call was ended.")
            }
            (_, Some(HangupCause::ServiceStopped)) => {
                error("The service was stopped, and the call was ended.")
            }
            (CallStatus::Failed, _) => error("The call could not be put through. Try again."),
            _ => return None,
        },
        Notice::Trouble(failure) => {
            let AppError { code, message } = ClientError::from(failure.clone()).into();
            Message {
                code: Some(code),
                ..error(&message)
            }
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
fn notify(app: &AppHandle, title: String, body: String) {
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
            microphone_trouble: false,
            recording_url: None,
            recording: None,
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
                "did not answer",
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
                "phone network could not",
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
        assert!(
            revoked.message.contains("permission"),
            "{}",
            revoked.message
        );
        assert_eq!(ended(EndReason::Leg(LegEndReason::Left)), None);
    }
}
