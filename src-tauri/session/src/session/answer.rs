//! What the service answers.

use std::time::Duration;

use wire::{Call, CallId, CoachLeg, Code};

use crate::my_call::Sound;
use crate::{
    Coaching, CommandId, EndReason, Failure, MediaRole, MyCall, Notice, Reply, Request, RequestId,
    SignedOutReason,
};

use super::resume::may_pass;
use super::{Purpose, RELOAD_WAIT, REREAD_WAIT, Session};

impl Session {
    pub(super) fn answer(
        &mut self,
        now: Duration,
        id: RequestId,
        purpose: Purpose,
        result: Result<Reply, Failure>,
    ) {
        if let Err(failure) = &result
            && failure.code == Some(Code::Unauthenticated)
            && !matches!(purpose, Purpose::SignIn(_) | Purpose::SignOut(_))
        {
            // The shell has already tried a new access token.
            self.finish_purpose(&purpose, Err(failure.clone()));
            self.forget(SignedOutReason::Expired);
            return;
        }
        match purpose {
            Purpose::Command(command) | Purpose::Leave(command) | Purpose::SignOut(command) => {
                self.finish(command, result);
            }
            Purpose::SignIn(command) => self.signed_in(now, command, result),
            Purpose::Resume => self.resume_answered(now, result),
            Purpose::PlaceCall(command) => {
                self.entering = false;
                if let Ok(Reply::Call(call)) = &result {
                    self.placed(call);
                }
                self.finish(command, result);
            }
            Purpose::Join(command, call_id) => {
                self.entering = false;
                if let Ok(Reply::CoachLeg(leg)) = &result {
                    self.joined(call_id, leg);
                }
                self.finish(command, result);
            }
            Purpose::HangUp(command, call_id) => {
                self.request(Request::Call(call_id), Purpose::Load);
                self.finish(command, result);
            }
            Purpose::Mute(command, muted) => {
                if let Some(sound) = self.sound.as_mut().filter(|s| s.mute_asked == Some(id)) {
                    sound.mute_asked = None;
                    sound.muted = muted || result.is_err() && sound.muted;
                    self.apply_muted();
                }
                self.finish(command, result);
            }
            Purpose::Mode => self.mode_answered(now, id, result),
            Purpose::Reread => self.reread_answered(now, id, result),
            Purpose::Media(media) => self.media_answered(now, media, result),
            Purpose::Refresh => match result {
                Ok(_) => self.connect(now),
                Err(_) => self.link.wait(now, 1.0),
            },
            Purpose::Load => match result {
                Ok(reply) => self.load(now, reply),
                Err(failure) => self.load_failed(now, failure),
            },
            Purpose::MyCall => match result {
                Err(failure) if failure.code == Some(Code::NotFound) => self.my_call_gone(),
                Ok(reply) => self.load(now, reply),
                Err(failure) => self.load_failed(now, failure),
            },
            Purpose::LeaveToSignOut(command) => {
                self.request(Request::SignOut, Purpose::SignOut(command));
                self.forget(SignedOutReason::Asked);
            }
        }
    }

    pub(super) fn signed_in(
        &mut self,
        now: Duration,
        command: CommandId,
        result: Result<Reply, Failure>,
    ) {
        if let Ok(Reply::SignedIn { user_id, device_id }) = &result {
            self.view.user_id = Some(user_id.clone());
            self.view.device_id = Some(device_id.clone());
            self.notify(Notice::SignedIn);
            self.connect(now);
        }
        self.finish(command, result);
    }

    pub(super) fn placed(&mut self, call: &Call) {
        self.view.calls.insert(call.id.clone(), call.clone());
        if call.status.is_over() {
            self.notify(Notice::MyCallEnded(Box::new(call.clone())));
            return;
        }
        let my_call = MyCall {
            call: call.clone(),
            muted: false,
            ending: false,
        };
        self.view.my_call = Some(my_call.clone());
        self.notify(Notice::MyCall(Box::new(my_call)));
        self.start_sound(Sound::new(call.id.clone(), MediaRole::Rep));
    }

    pub(super) fn joined(&mut self, call_id: CallId, leg: &CoachLeg) {
        self.view.coaching = Some(Coaching::new(call_id.clone(), leg.clone()));
        self.notify_coaching();
        self.start_sound(Sound::new(call_id, MediaRole::Coach));
    }

    pub(super) fn mode_answered(
        &mut self,
        now: Duration,
        id: RequestId,
        result: Result<Reply, Failure>,
    ) {
        let next_request = RequestId(self.next_request);
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        let settled = match &result {
            Ok(Reply::CoachLeg(leg)) => coaching.granted(id, (**leg).clone()),
            _ => coaching.refused(id, next_request),
        };
        if coaching.in_doubt() {
            let wait = if result.is_ok() {
                Duration::ZERO
            } else {
                REREAD_WAIT
            };
            self.reread_at = Some(now.saturating_add(wait));
        }
        self.restamp();
        if let Some(command) = settled.and_then(|settled| settled.command) {
            self.finish(command, result);
        }
        self.notify_coaching();
    }

    pub(super) fn reread_answered(
        &mut self,
        now: Duration,
        id: RequestId,
        result: Result<Reply, Failure>,
    ) {
        let Some(coaching) = &mut self.view.coaching else {
            return;
        };
        match result {
            Ok(Reply::Call(call)) if call.id == coaching.call_id => {
                let leg_id = &coaching.leg.id;
                let leg = call
                    .coach_legs
                    .iter()
                    .find(|leg| leg.id == *leg_id)
                    .cloned();
                match leg {
                    Some(leg) => {
                        coaching.reread(id, leg.clone());
                        if coaching.in_doubt() {
                            self.reread_at = Some(now);
                        }
                        self.leg_seen(&leg);
                    }
                    None => self.end_coaching(EndReason::Gone),
                }
                self.call_seen(&call);
            }
            Err(failure) if failure.code == Some(Code::NotFound) => {
                self.end_coaching(EndReason::Gone);
            }
            _ => self.reread_at = Some(now.saturating_add(REREAD_WAIT)),
        }
    }

    /// What is shown may be old: it is read anew, after the next `welcome` when there is no
    /// connection.
    fn load_failed(&mut self, now: Duration, failure: Failure) {
        if may_pass(failure.code) {
            if self.link.is_online() {
                let at = now.saturating_add(RELOAD_WAIT);
                self.reload_at.get_or_insert(at);
            } else {
                self.stale = true;
            }
        }
        self.notify(Notice::Trouble(failure));
    }

    fn my_call_gone(&mut self) {
        if let Some(my_call) = self.view.my_call.take() {
            self.view.calls.remove(&my_call.call.id);
            self.end_sound_of(MediaRole::Rep);
            self.notify(Notice::MyCallEnded(Box::new(my_call.call)));
        }
    }

    pub(super) fn load(&mut self, now: Duration, reply: Reply) {
        match reply {
            Reply::Me(me) => {
                self.view.me = Some(*me);
                self.notify(Notice::MeChanged);
            }
            Reply::Users(users) => {
                self.view.users = users
                    .into_iter()
                    .map(|user| (user.id.clone(), user))
                    .collect();
                self.notify(Notice::Refreshed);
            }
            Reply::Availability(users) => {
                self.view.availability = users
                    .into_iter()
                    .map(|user| (user.user_id.clone(), user))
                    .collect();
                self.notify(Notice::Refreshed);
            }
            Reply::ActiveCalls(calls) => {
                let touched = std::mem::take(&mut self.touched);
                self.view.calls.retain(|id, _| touched.contains(id));
                for call in calls {
                    if !touched.contains(&call.id) {
                        self.view.calls.insert(call.id.clone(), call);
                    }
                }
                self.notify(Notice::Refreshed);
            }
            Reply::Invitations(invitations) => {
                self.view.invitations.clear();
                self.expiries.clear();
                for invitation in invitations {
                    self.invitation_seen(now, invitation);
                }
                self.notify(Notice::Refreshed);
            }
            Reply::Call(call) => self.call_seen(&call),
            Reply::Done
            | Reply::SignedIn { .. }
            | Reply::NothingKept
            | Reply::CoachLeg(_)
            | Reply::MediaAnswer(_) => {}
        }
    }
}
