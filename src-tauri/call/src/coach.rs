//! The coaches on the call: joining, switching, losing the connection, leaving.

use crate::view::admit;
use crate::{
    Authority, HISTORY_LINES_MAX, Join, LEGS_KEPT_MAX, Machine, Output, REP_LEG, Refusal, Viewer,
};
use mix::{GrantCause, LegNumber, Mode, Role};
use wire::{
    CoachLeg, CoachLegStatus, CoachMode, DeviceId, LegEndReason, ParticipationAction,
    ParticipationEntry, Timestamp, UserId,
};

/// A coach's leg and its audio.
#[derive(Debug, Clone)]
pub(crate) struct Coach {
    /// The leg in the media. Another one after each move to another device.
    pub(crate) audio: LegNumber,
    /// When the leg ends unless the audio is connected by then.
    pub(crate) deadline: Option<Timestamp>,
    /// Minutes of the leg that are charged.
    pub(crate) charged: u32,
    pub(crate) leg: CoachLeg,
}

impl Coach {
    pub(crate) fn is_live(&self) -> bool {
        self.leg.status != CoachLegStatus::Done
    }

    pub(crate) fn mode(&self) -> Mode {
        self.leg.mode.into()
    }

    pub(crate) fn note(&mut self, now: Timestamp, action: ParticipationAction) {
        let history = &mut self.leg.participation_history;
        if history.len() >= HISTORY_LINES_MAX {
            history.remove(0);
        }
        history.push(ParticipationEntry {
            action,
            timestamp: now,
        });
    }

    pub(crate) fn changed(&self) -> Output {
        Output::CoachLegChanged(Box::new(self.leg.clone()))
    }
}

impl Machine {
    /// The leg in the media that this user's device speaks and hears on: the rep's from any device
    /// of theirs, a coach's from the one that has the audio (J4).
    ///
    /// # Errors
    /// `call_ended`, `not_found` when the user is not on the call, `conflict` when another device of
    /// theirs has the audio.
    pub fn media_leg(&self, user: &UserId, device: &DeviceId) -> Result<LegNumber, Refusal> {
        if self.is_over() {
            return Err(Refusal::over());
        }
        if *user == self.call.user_id {
            return Ok(REP_LEG);
        }
        let coach = self.live_coach(user).ok_or_else(Refusal::not_on_call)?;
        if coach.leg.device_id != *device {
            return Err(Refusal::other_device());
        }
        Ok(coach.audio)
    }

    /// The leg on which this user coaches now.
    #[must_use]
    pub fn coach_leg(&self, user: &UserId) -> Option<&CoachLeg> {
        self.live_coach(user).map(|coach| &coach.leg)
    }

    /// The newest leg on which this user coached, which may be over.
    #[must_use]
    pub fn last_coach_leg(&self, user: &UserId) -> Option<&CoachLeg> {
        let mut legs = self.coaches.iter().rev().map(|coach| &coach.leg);
        legs.find(|leg| leg.user_id == *user)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &Coach> {
        self.coaches.iter().filter(|coach| coach.is_live())
    }

    pub(crate) fn live_coach(&self, user: &UserId) -> Option<&Coach> {
        self.live().find(|coach| coach.leg.user_id == *user)
    }

    pub(crate) fn live_at(&self, user: &UserId) -> Option<usize> {
        self.coaches
            .iter()
            .position(|coach| coach.is_live() && coach.leg.user_id == *user)
    }

    pub(crate) fn join(&mut self, join: Join) -> Result<(), Refusal> {
        let viewer = Viewer {
            user: join.user,
            authority: join.authority,
        };
        let at = self.live_at(&viewer.user);
        let live = self.live().count();
        admit(&self.call, live, at.is_some(), &self.limits, &viewer)?;
        if let Some(invitation) = &join.invitation {
            self.may_accept(&viewer.user, invitation)?;
        }
        self.accept_invitation(&viewer.user);
        match at {
            Some(at) => self.rejoin(at, join.device),
            None => self.enter(viewer.user, join.device, join.leg),
        }
        Ok(())
    }

    fn enter(&mut self, user: UserId, device: DeviceId, leg: wire::LegId) {
        if self.coaches.len() >= LEGS_KEPT_MAX
            && let Some(at) = self.coaches.iter().position(|coach| !coach.is_live())
        {
            self.coaches.remove(at);
        }
        let now = self.now;
        let audio = self.new_leg();
        let mut coach = Coach {
            audio,
            deadline: Some(now.plus_millis(self.limits.reconnect_ms)),
            charged: 0,
            leg: CoachLeg {
                id: leg,
                user_id: user,
                device_id: device,
                status: CoachLegStatus::Connecting,
                mode: CoachMode::Listen,
                muted: false,
                date_created: now,
                date_connected: None,
                date_done: None,
                end_reason: None,
                participation_history: Vec::new(),
            },
        };
        coach.note(now, ParticipationAction::Listen);
        self.put(Output::AddLeg {
            leg: audio,
            role: Role::Coach,
        });
        self.put(coach.changed());
        self.coaches.push(coach);
        self.tell_when_full();
    }

    /// A second join: from another device the audio moves there and the old device is out at once;
    /// from the same one nothing moves. In either case the mode is Listen, as at each join (M1).
    fn rejoin(&mut self, at: usize, device: DeviceId) {
        let now = self.now;
        let reconnect_ms = self.limits.reconnect_ms;
        let fresh = self.new_leg();
        let Some(coach) = self.coaches.get_mut(at) else {
            return;
        };
        let was = coach.mode();
        let old = coach.audio;
        let moved = coach.leg.device_id != device;
        if !moved && was == Mode::Listen {
            return;
        }
        coach.leg.mode = CoachMode::Listen;
        if moved {
            coach.leg.device_id = device;
            coach.audio = fresh;
            coach.leg.status = CoachLegStatus::Connecting;
            coach.deadline = Some(now.plus_millis(reconnect_ms));
            coach.note(now, ParticipationAction::MovedDevice);
        }
        if was != Mode::Listen {
            coach.note(now, ParticipationAction::Listen);
        }
        let muted = coach.leg.muted;
        let changed = coach.changed();
        if moved {
            self.put(Output::RemoveLeg { leg: old });
            self.put(Output::AddLeg {
                leg: fresh,
                role: Role::Coach,
            });
            if muted {
                self.put(Output::SetMuted { leg: fresh, muted });
            }
        } else {
            self.put(Output::SetGrant {
                leg: old,
                mode: Mode::Listen,
                cause: GrantCause::Asked,
            });
        }
        self.put(changed);
    }

    pub(crate) fn leave(&mut self, user: &UserId) -> Result<(), Refusal> {
        let at = self.live_at(user).ok_or_else(Refusal::not_on_call)?;
        self.end_coach(at, LegEndReason::Left);
        Ok(())
    }

    pub(crate) fn set_mode(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        mode: Mode,
        authority: &Authority,
    ) -> Result<(), Refusal> {
        let at = self.live_at(user).ok_or_else(Refusal::not_on_call)?;
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return Err(Refusal::not_on_call());
        };
        // To be heard by nobody needs no more than to be the coach.
        if mode > Mode::Listen {
            if !authority.plan.has_call_coaching() {
                return Err(Refusal::plan(authority.plan));
            }
            if authority.ceiling() != Some(Mode::Barge) {
                return Err(Refusal::may_not_speak());
            }
        }
        if mode > coach.mode() {
            if coach.leg.device_id != *device {
                return Err(Refusal::other_device());
            }
            if coach.leg.status == CoachLegStatus::Reconnecting {
                return Err(Refusal::reconnecting());
            }
        }
        if mode != coach.mode() {
            let leg = coach.audio;
            coach.leg.mode = mode.into();
            coach.note(
                now,
                match mode {
                    Mode::Listen => ParticipationAction::Listen,
                    Mode::Whisper => ParticipationAction::Whisper,
                    Mode::Barge => ParticipationAction::Barge,
                },
            );
            let changed = coach.changed();
            self.put(Output::SetGrant {
                leg,
                mode,
                cause: GrantCause::Asked,
            });
            self.put(changed);
        }
        Ok(())
    }

    pub(crate) fn set_muted(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        muted: bool,
    ) -> Result<(), Refusal> {
        if *user == self.call.user_id {
            self.set_rep_muted(muted);
            return Ok(());
        }
        let at = self.live_at(user).ok_or_else(Refusal::not_on_call)?;
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return Err(Refusal::not_on_call());
        };
        if !muted && coach.leg.device_id != *device {
            return Err(Refusal::other_device());
        }
        if coach.leg.muted != muted {
            coach.leg.muted = muted;
            coach.note(
                now,
                if muted {
                    ParticipationAction::Muted
                } else {
                    ParticipationAction::Unmuted
                },
            );
            let leg = coach.audio;
            let changed = coach.changed();
            self.put(Output::SetMuted { leg, muted });
            self.put(changed);
        }
        Ok(())
    }

    pub(crate) fn coach_offered(&mut self, audio: LegNumber) {
        let now = self.now;
        let Some(coach) = self.live_by_audio(audio) else {
            return;
        };
        if coach.mode() == Mode::Listen {
            return;
        }
        coach.leg.mode = CoachMode::Listen;
        coach.note(now, ParticipationAction::Listen);
        let changed = coach.changed();
        self.put(Output::SetGrant {
            leg: audio,
            mode: Mode::Listen,
            cause: GrantCause::Revoked,
        });
        self.put(changed);
    }

    pub(crate) fn coach_connected(&mut self, audio: LegNumber) {
        let now = self.now;
        let Some(coach) = self.live_by_audio(audio) else {
            return;
        };
        match coach.leg.status {
            CoachLegStatus::Connected | CoachLegStatus::Done => return,
            CoachLegStatus::Connecting => {}
            CoachLegStatus::Reconnecting => coach.note(now, ParticipationAction::Reconnected),
        }
        coach.leg.status = CoachLegStatus::Connected;
        coach.leg.date_connected.get_or_insert(now);
        coach.deadline = None;
        let changed = coach.changed();
        self.put(changed);
    }

    /// The place is held for a while; the mode is the narrowest until the coach asks again.
    pub(crate) fn coach_lost(&mut self, audio: LegNumber) {
        let now = self.now;
        let deadline = now.plus_millis(self.limits.reconnect_ms);
        let Some(coach) = self.live_by_audio(audio) else {
            return;
        };
        if coach.leg.status == CoachLegStatus::Connected {
            coach.leg.status = CoachLegStatus::Reconnecting;
            coach.deadline = Some(deadline);
            coach.note(now, ParticipationAction::ConnectionLost);
        } else if coach.mode() == Mode::Listen {
            // It was waited for already.
            return;
        }
        let narrowed = coach.mode() != Mode::Listen;
        if narrowed {
            coach.leg.mode = CoachMode::Listen;
            coach.note(now, ParticipationAction::Listen);
        }
        let changed = coach.changed();
        if narrowed {
            self.put(Output::SetGrant {
                leg: audio,
                mode: Mode::Listen,
                cause: GrantCause::Revoked,
            });
        }
        self.put(changed);
    }

    fn live_by_audio(&mut self, audio: LegNumber) -> Option<&mut Coach> {
        self.coaches
            .iter_mut()
            .find(|coach| coach.is_live() && coach.audio == audio)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.live().count().saturating_add(2) >= self.limits.party_max
    }

    /// Others can no longer join: everybody's view of the call changed.
    fn tell_when_full(&mut self) {
        if self.is_full() {
            self.put(Output::CallChanged);
        }
    }
}
