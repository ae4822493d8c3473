//! What the user wants.

use mix::Mode;
use wire::{CallId, DtmfRequest, InvitationRequest, JoinRequest, LegEndReason};

use crate::{
    Command, CommandId, EndReason, Failure, MediaRole, Notice, Reply, Request, RequestId,
    SignedOutReason,
};

use super::{Purpose, Session, refuse};

impl Session {
    pub(super) fn command(&mut self, id: CommandId, command: Command) {
        let outcome = match command {
            Command::SignIn(request) => self.sign_in(id, Request::SignIn(request)),
            Command::AcceptInvite(request) => self.sign_in(id, Request::AcceptInvite(request)),
            Command::Resume => self.resume(id),
            Command::StopResuming => {
                self.stop_resuming();
                self.finish(id, Ok(Reply::Done));
                Ok(())
            }
            Command::SignOut => self.sign_out(id),
            Command::HoldToWhisper(held) => self.hold_to_whisper(id, held),
            _ if self.view.user_id.is_none() => refuse("nobody is signed in"),
            Command::PlaceCall(request) => {
                self.enter(Request::PlaceCall(request), Purpose::PlaceCall(id))
            }
            Command::Answer(call) => self.enter(Request::Answer(call), Purpose::PlaceCall(id)),
            Command::Join {
                call_id,
                invitation_id,
            } => self.enter(
                Request::Join(call_id.clone(), JoinRequest { invitation_id }),
                Purpose::Join(id, call_id),
            ),
            Command::Decline(invitation) => {
                self.request(Request::Decline(invitation), Purpose::Command(id));
                Ok(())
            }
            Command::DeclineCall(call) => {
                self.request(Request::HangUp(call), Purpose::Command(id));
                Ok(())
            }
            Command::Mute(muted) => self.mute(id, muted),
            Command::SetMode(mode) => self.set_mode(id, mode.into()),
            Command::Leave => self.leave(id),
            Command::HangUp => self.of_my_call(|session, call| {
                session.hang_up();
                session.request(Request::HangUp(call.clone()), Purpose::HangUp(id, call));
            }),
            Command::Hold(held) => self.of_my_call(|session, call| {
                session.request(Request::Hold(call, held), Purpose::Command(id));
            }),
            Command::Dtmf(digits) => self.of_my_call(|session, call| {
                let request = Request::Dtmf(call, DtmfRequest { digits });
                session.request(request, Purpose::Command(id));
            }),
            Command::Invite(user_ids) => self.of_my_call(|session, call| {
                let request = Request::Invite(call, InvitationRequest { user_ids });
                session.request(request, Purpose::Command(id));
            }),
        };
        if let Err(failure) = outcome {
            self.finish(id, Err(failure));
        }
    }

    pub(super) fn sign_in(&mut self, id: CommandId, request: Request) -> Result<(), Failure> {
        if self.view.user_id.is_some() {
            return refuse("somebody is signed in already");
        }
        self.stop_resuming();
        self.request(request, Purpose::SignIn(id));
        Ok(())
    }

    pub(super) fn sign_out(&mut self, id: CommandId) -> Result<(), Failure> {
        if self.view.user_id.is_none() {
            return refuse("nobody is signed in");
        }
        let leaving = self.sound.as_ref().map(|sound| match sound.role {
            MediaRole::Rep => Request::HangUp(sound.call_id.clone()),
            MediaRole::Coach => Request::Leave(sound.call_id.clone()),
        });
        if self.view.coaching.is_some() {
            self.end_coaching(EndReason::SignedOut);
        }
        self.end_sound();
        if let Some((request, command)) = self.leaving() {
            // The service must take that in before the tokens end.
            self.purposes.insert(request, Purpose::LeaveToSignOut(id));
            self.finish(command, Ok(Reply::Done));
            return Ok(());
        }
        match leaving {
            Some(request) => {
                self.request(request, Purpose::LeaveToSignOut(id));
            }
            None => {
                self.request(Request::SignOut, Purpose::SignOut(id));
                self.forget(SignedOutReason::Asked);
            }
        }
        Ok(())
    }

    /// A call that is being left or hung up, without an answer yet.
    pub(super) fn leaving(&self) -> Option<(RequestId, CommandId)> {
        self.purposes
            .iter()
            .find_map(|(id, purpose)| match purpose {
                Purpose::Leave(command) | Purpose::HangUp(command, _) => Some((*id, *command)),
                _ => None,
            })
    }

    /// Places or joins a call. There is one at a time.
    pub(super) fn enter(&mut self, request: Request, purpose: Purpose) -> Result<(), Failure> {
        if self.entering || self.sound.is_some() {
            return refuse("already on a call");
        }
        self.entering = true;
        self.request(request, purpose);
        Ok(())
    }

    pub(super) fn of_my_call(
        &mut self,
        act: impl FnOnce(&mut Self, CallId),
    ) -> Result<(), Failure> {
        match &self.view.my_call {
            Some(my_call) if !my_call.ending => {
                let call_id = my_call.call.id.clone();
                act(self, call_id);
                Ok(())
            }
            _ => refuse("not on a call of one's own"),
        }
    }

    pub(super) fn mute(&mut self, id: CommandId, muted: bool) -> Result<(), Failure> {
        let Some(sound) = &mut self.sound else {
            return refuse("not on a call");
        };
        if muted {
            // At once here, then told; the other way round it waits to be confirmed.
            sound.muted = true;
        }
        let call_id = sound.call_id.clone();
        self.apply_muted();
        self.restamp();
        let request = self.request(Request::Mute(call_id, muted), Purpose::Mute(id, muted));
        if let Some(sound) = &mut self.sound {
            sound.mute_asked = Some(request);
        }
        Ok(())
    }

    pub(super) fn set_mode(&mut self, id: CommandId, mode: Mode) -> Result<(), Failure> {
        let Some(coaching) = &mut self.view.coaching else {
            return refuse("not coaching a call");
        };
        let replaced = coaching.want(Some(id), mode);
        // A narrowing holds before anybody is told of it (M3).
        self.restamp();
        if let Some(replaced) = replaced {
            self.finish(replaced, refuse("another switch took its place"));
        }
        self.notify_coaching();
        Ok(())
    }

    pub(super) fn leave(&mut self, id: CommandId) -> Result<(), Failure> {
        let Some(coaching) = &self.view.coaching else {
            return refuse("not coaching a call");
        };
        let call_id = coaching.call_id.clone();
        self.end_coaching(EndReason::Leg(LegEndReason::Left));
        self.request(Request::Leave(call_id), Purpose::Leave(id));
        Ok(())
    }

    /// The sound ends at once; the call itself when the service says so.
    pub(super) fn hang_up(&mut self) {
        self.end_sound();
        if let Some(my_call) = &mut self.view.my_call {
            my_call.ending = true;
            let notice = Notice::MyCall(Box::new(my_call.clone()));
            self.notify(notice);
        }
    }
}
