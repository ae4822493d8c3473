//! The machine: its state, and what each input does to it.

use std::collections::VecDeque;

use mix::{GrantCause, LegLevel, LegNumber, Mode, Role};
use usage::{Charge, charges, minute_charged};
use wire::{
    Call, CallId, CallRecording, CallStatus, CoachLeg, CoachLegStatus, CoachMode, ContactId,
    DeviceId, Direction, HangupCause, Invitation, InvitationId, InvitationStatus, Joinability,
    LeadBrief, LedgerKind, LegEndReason, Level, ParticipationAction, ParticipationEntry, PartyKind,
    PhoneNumberKind, Plan, RecordingStatus, Timestamp, UserId,
};

use crate::authority::Authority;
use crate::input::{Annotation, Input, Invitee, Join, LeadProgress};
use crate::limits::{HISTORY_LINES_MAX, INVITATIONS_KEPT_MAX, LEGS_KEPT_MAX, Limits};
use crate::output::Output;
use crate::record::{annotate, end, recorded};
use crate::refusal::Refusal;
use crate::view::{Viewer, admit, view};

/// The rep's leg in the call's media.
pub const REP_LEG: LegNumber = LegNumber(0);
/// The lead's leg in the call's media.
pub const LEAD_LEG: LegNumber = LegNumber(1);

/// What is known of a call when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The call.
    pub id: CallId,
    /// The rep.
    pub rep: UserId,
    /// The rep's leg.
    pub rep_leg: wire::LegId,
    /// Who is called, or who calls.
    pub lead: LeadBrief,
    /// The person there.
    pub contact: Option<ContactId>,
    /// Which way it goes.
    pub direction: Direction,
    /// The organization's number, E.164.
    pub local_phone: String,
    /// What kind of number that is (J1).
    pub local_phone_type: PhoneNumberKind,
    /// The lead's number, E.164; empty when who calls withholds it.
    pub remote_phone: String,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Machine {
    // Its `coach_legs` stays empty: `coaches` has them.
    call: Call,
    coaches: Vec<Coach>,
    invitations: Vec<Invitation>,
    limits: Limits,
    // Never runs backwards, so that the dates of a history are in order.
    now: Timestamp,
    /// Minutes of the call itself charged so far.
    charged: u32,
    rep_connected: bool,
    /// The device that has the rep's audio, once one has offered it.
    rep_device: Option<DeviceId>,
    /// When the rep was last heard, while they are not.
    rep_heard: Option<Timestamp>,
    /// When the lead's phone was last heard, while it is not.
    lead_heard: Option<Timestamp>,
    /// Whether the lead's leg is in the media: since the answer, or since early media.
    lead_added: bool,
    rep_deadline: Option<Timestamp>,
    ring_deadline: Option<Timestamp>,
    next_leg: u32,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A call that begins now. Its first outputs add the rep and dial or receive the lead.
    #[must_use]
    pub fn new(now: Timestamp, placed: Placed, limits: Limits) -> Self {
        let outbound = placed.direction == Direction::Outbound;
        // An inbound call rings from the start.
        let status = if outbound {
            CallStatus::Created
        } else {
            CallStatus::Ringing
        };
        let mut machine = Self {
            call: Call {
                id: placed.id,
                user_id: placed.rep,
                rep_leg_id: placed.rep_leg,
                lead: placed.lead,
                contact_id: placed.contact,
                direction: placed.direction,
                status,
                local_phone: placed.local_phone,
                local_phone_type: placed.local_phone_type,
                remote_phone: placed.remote_phone,
                date_created: now,
                date_answered: None,
                date_ended: None,
                duration: 0,
                hangup_cause: None,
                held: false,
                muted: false,
                rep_reconnecting: false,
                microphone_trouble: false,
                recording_url: None,
                recording: None,
                outcome_id: None,
                disposition: None,
                note: String::new(),
                coach_legs: Vec::new(),
                joinability: Joinability {
                    joinable: false,
                    code: None,
                    message: None,
                },
            },
            coaches: Vec::new(),
            invitations: Vec::new(),
            limits,
            now,
            charged: 0,
            rep_connected: false,
            rep_device: None,
            rep_heard: None,
            lead_heard: None,
            lead_added: false,
            rep_deadline: None,
            ring_deadline: Some(now.plus_millis(limits.ring_ms)),
            next_leg: LEAD_LEG.0 + 1,
            outputs: VecDeque::new(),
        };
        machine.put(Output::AddLeg {
            leg: REP_LEG,
            role: Role::Rep,
        });
        machine.put(Output::CallChanged);
        machine.put(if outbound {
            Output::Dial
        } else {
            Output::Receive
        });
        machine
    }

    /// Handles an input.
    ///
    /// # Errors
    /// [`Refusal`] when it is not allowed; then nothing changed but what time alone changes. After the
    /// call has ended, everything is refused with `call_ended`.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        if self.is_over() {
            return Err(Refusal::over());
        }
        self.charge();
        self.expire();
        if self.is_over() {
            // It ended just now, by time alone.
            return match input {
                Input::TimePassed => Ok(()),
                _ => Err(Refusal::over()),
            };
        }
        match input {
            Input::Lead(signal) => self.lead(signal),
            Input::MediaOffered {
                leg,
                device,
                widest,
            } => self.media_offered(leg, device, widest),
            Input::MediaConnected(leg) => self.media_connected(leg),
            Input::MediaLost(leg) => self.media_lost(leg),
            Input::Answer { user } => self.answer(&user)?,
            Input::HangUp { user } => {
                self.rep_only(&user, "hang up")?;
                self.end(HangupCause::Rep);
            }
            Input::SetHeld { user, held } => self.set_held(&user, held)?,
            Input::SetMuted {
                user,
                device,
                muted,
            } => self.set_muted(&user, &device, muted)?,
            Input::SetMicrophoneTrouble {
                user,
                device,
                trouble,
            } => self.set_microphone_trouble(&user, &device, trouble)?,
            Input::Recording(recording) => self.recording_changed(recording),
            Input::Annotate(annotation) => self.annotate(annotation),
            Input::SetRecordingPaused { user, paused } => {
                self.set_recording_paused(&user, paused)?;
            }
            Input::Dtmf { user, digits } => {
                self.rep_only(&user, "press keys")?;
                self.answered()?;
                self.put(Output::SendDtmf(digits));
            }
            Input::Join(join) => self.join(join)?,
            Input::Leave { user, device } => self.leave(&user, &device)?,
            Input::SetMode {
                user,
                device,
                mode,
                authority,
            } => self.set_mode(&user, &device, mode.into(), &authority)?,
            Input::Invite { user, invitees } => self.invite(&user, invitees)?,
            Input::Decline { user, invitation } => self.decline(&user, &invitation)?,
            Input::AuthorityChanged { user, authority } => {
                self.authority_changed(&user, &authority)
            }
            Input::PlanChanged(plan) => self.plan_changed(plan),
            Input::TimePassed => {}
            Input::ServiceStopping => self.end(HangupCause::ServiceStopped),
        }
        // Anyone this connected has started their first minute.
        self.charge();
        Ok(())
    }

    /// The next output.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When time alone changes something next, if ever.
    #[must_use]
    pub fn wake_at(&self) -> Option<Timestamp> {
        if self.is_over() {
            return None;
        }
        let coaches = self.coaches.iter().filter_map(|coach| coach.deadline);
        let invitations = self.open_invitations().map(|one| one.date_expires);
        self.ring_deadline
            .into_iter()
            .chain(self.rep_deadline)
            .chain(coaches)
            .chain(invitations)
            .chain(self.next_minute())
            .min()
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.call.status.is_over()
    }

    /// The call's id.
    #[must_use]
    pub const fn id(&self) -> &CallId {
        &self.call.id
    }

    /// The rep.
    #[must_use]
    pub const fn rep(&self) -> &UserId {
        &self.call.user_id
    }

    /// Who is called.
    #[must_use]
    pub const fn lead_brief(&self) -> &LeadBrief {
        &self.call.lead
    }

    /// The whole call with its coach legs, to be saved. No one is shown it without [`crate::view()`].
    #[must_use]
    pub fn record(&self) -> Call {
        Call {
            coach_legs: self.coaches.iter().map(|coach| coach.leg.clone()).collect(),
            ..self.call.clone()
        }
    }

    /// Applies what time alone changes.
    fn expire(&mut self) {
        let now = self.now;
        let due = |deadline: Option<Timestamp>| deadline.is_some_and(|deadline| deadline <= now);
        if due(self.ring_deadline) {
            self.put(Output::HangUpLead);
            self.end_after_lead(HangupCause::NoAnswer);
        } else if due(self.rep_deadline) {
            self.end(HangupCause::RepLost);
        } else {
            self.expire_coaches();
            self.expire_invitations();
        }
    }

    fn lead(&mut self, signal: LeadProgress) {
        match signal {
            LeadProgress::Ringing => {
                if self.call.status == CallStatus::Created {
                    self.call.status = CallStatus::Ringing;
                    self.put(Output::CallChanged);
                }
            }
            LeadProgress::EarlyMedia => self.lead_plays(),
            // On an inbound call, the rep answers.
            LeadProgress::Answered if self.call.direction == Direction::Inbound => {}
            LeadProgress::Answered => self.lead_answered(),
            LeadProgress::Busy => self.end_after_lead(HangupCause::Busy),
            LeadProgress::NoAnswer => self.end_after_lead(HangupCause::NoAnswer),
            LeadProgress::Declined => self.end_after_lead(HangupCause::Declined),
            LeadProgress::Unreachable => self.end_after_lead(HangupCause::Unreachable),
            LeadProgress::Failed => self.end_after_lead(HangupCause::NetworkFailed),
            LeadProgress::Unheard { ms_ago } => {
                let ms_ago = i64::try_from(ms_ago).unwrap_or(i64::MAX);
                let heard = self.now.plus_millis(-ms_ago);
                self.lead_heard.get_or_insert(heard);
            }
            LeadProgress::Heard => self.lead_heard = None,
            LeadProgress::Lost => self.end_after_lead(HangupCause::LeadLost),
            LeadProgress::HungUp => self.end_after_lead(HangupCause::Lead),
        }
    }

    /// The network plays something before the answer: the rep and the lead's line hear each other as far
    /// as the line allows, and no one else is in the call yet.
    fn lead_plays(&mut self) {
        if self.call.direction == Direction::Outbound && self.call.status != CallStatus::InProgress
        {
            self.lead(LeadProgress::Ringing);
            self.add_lead();
        }
    }

    fn add_lead(&mut self) {
        if !self.lead_added {
            self.lead_added = true;
            self.put(Output::AddLeg {
                leg: LEAD_LEG,
                role: Role::Lead,
            });
        }
    }

    fn lead_answered(&mut self) {
        if self.call.status == CallStatus::InProgress {
            return;
        }
        self.call.status = CallStatus::InProgress;
        self.call.date_answered = Some(self.now);
        self.ring_deadline = None;
        // The lead does not wait forever for a rep who never connects.
        if !self.rep_connected && self.rep_deadline.is_none() {
            self.rep_deadline = Some(self.now.plus_millis(self.limits.reconnect_ms));
        }
        if !self.rep_connected {
            self.rep_heard.get_or_insert(self.now);
        }
        self.add_lead();
        self.put(Output::Answered);
        self.put(Output::CallChanged);
    }

    fn media_connected(&mut self, leg: LegNumber) {
        if leg == REP_LEG {
            self.rep_connected = true;
            self.rep_heard = None;
            self.rep_deadline = None;
            self.set_rep_reconnecting(false);
        } else {
            self.coach_connected(leg);
        }
    }

    fn media_lost(&mut self, leg: LegNumber) {
        if leg == REP_LEG {
            self.rep_connected = false;
            let heard = self.now.plus_millis(-self.limits.silence_ms);
            self.rep_heard.get_or_insert(heard);
            if self.rep_deadline.is_none() {
                self.rep_deadline = Some(self.now.plus_millis(self.limits.reconnect_ms));
            }
            self.set_rep_reconnecting(true);
        } else {
            self.coach_lost(leg);
        }
    }

    fn set_rep_reconnecting(&mut self, reconnecting: bool) {
        if self.call.rep_reconnecting != reconnecting {
            self.call.rep_reconnecting = reconnecting;
            self.put(Output::CallChanged);
        }
    }

    fn set_held(&mut self, user: &UserId, held: bool) -> Result<(), Refusal> {
        self.rep_only(user, "put the lead on hold")?;
        self.answered()?;
        if self.call.held != held {
            self.call.held = held;
            self.put(Output::SetHeld(held));
            self.put(Output::CallChanged);
        }
        Ok(())
    }

    fn set_rep_muted(&mut self, muted: bool) {
        if self.call.muted != muted {
            self.call.muted = muted;
            self.put(Output::SetMuted {
                leg: REP_LEG,
                muted,
            });
            self.put(Output::CallChanged);
        }
    }

    /// Ends the call, and hangs up the lead (J5).
    fn end(&mut self, cause: HangupCause) {
        self.put(Output::HangUpLead);
        self.end_after_lead(cause);
    }

    /// Ends a call whose lead is already gone (J5): every leg is removed, every invitation cancelled.
    fn end_after_lead(&mut self, cause: HangupCause) {
        let reason = match cause {
            HangupCause::ServiceStopped => LegEndReason::ServiceStopped,
            _ => LegEndReason::CallEnded,
        };
        let ended = self.ended_at(cause);
        self.charge_call(ended);
        self.call.rep_reconnecting = false;
        end(&mut self.call, ended, cause);
        // Before the coaches' legs: then they know why it ended when theirs does.
        self.put(Output::CallChanged);
        self.end_coaches(reason);
        self.close_invitations(InvitationStatus::Cancelled, |_| true);
        if self.lead_added {
            self.put(Output::RemoveLeg { leg: LEAD_LEG });
        }
        self.put(Output::RemoveLeg { leg: REP_LEG });
        self.put(Output::Ended(cause));
    }

    /// When a call ended that ends now: one whose rep or lead was lost, when they were last heard (B2).
    fn ended_at(&self, cause: HangupCause) -> Timestamp {
        let heard = match cause {
            HangupCause::LeadLost => self.lead_heard,
            HangupCause::RepLost => self.rep_heard,
            _ => None,
        };
        let began = self.call.date_answered.unwrap_or(self.call.date_created);
        heard.unwrap_or(self.now).max(began)
    }

    fn rep_only(&self, user: &UserId, what: &str) -> Result<(), Refusal> {
        if *user == self.call.user_id {
            Ok(())
        } else {
            Err(Refusal::rep_only(what))
        }
    }

    fn answered(&self) -> Result<(), Refusal> {
        if self.call.status == CallStatus::InProgress {
            Ok(())
        } else {
            Err(Refusal::not_answered())
        }
    }

    /// A leg number that this call has not used before, so that media events of an old leg are never
    /// mistaken for a new one's.
    const fn new_leg(&mut self) -> LegNumber {
        let leg = LegNumber(self.next_leg);
        self.next_leg = self.next_leg.saturating_add(1);
        leg
    }

    fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

/// An inbound call: it rings until the rep answers it.
impl Machine {
    /// Whether it is an inbound call that no one has answered: it does not put the rep on a call.
    #[must_use]
    pub fn rings_in(&self) -> bool {
        self.call.direction == Direction::Inbound && self.call.status == CallStatus::Ringing
    }

    /// The rep answers, once, on one device.
    fn answer(&mut self, user: &UserId) -> Result<(), Refusal> {
        self.rep_only(user, "answer")?;
        if !self.rings_in() {
            return Err(Refusal::answered_already());
        }
        self.put(Output::PickUp);
        self.lead_answered();
        Ok(())
    }
}

/// Coaches: they join, switch modes, lose the connection and leave.
impl Machine {
    /// The leg that this user's device speaks and hears on: the rep's for any of their devices, a coach's
    /// for the one that has the audio (J4).
    ///
    /// # Errors
    /// `call_ended`; `not_found` when the user is not on the call; `conflict` when another of their devices
    /// has the audio.
    pub fn media_leg(&self, user: &UserId, device: &DeviceId) -> Result<LegNumber, Refusal> {
        if self.is_over() {
            return Err(Refusal::over());
        }
        if *user == self.call.user_id {
            return Ok(REP_LEG);
        }
        let at = self.live_on(user, device)?;
        let coach = self.coaches.get(at).ok_or_else(Refusal::not_on_call)?;
        Ok(coach.audio)
    }

    /// The leg on which this user coaches now.
    #[must_use]
    pub fn coach_leg(&self, user: &UserId) -> Option<&CoachLeg> {
        self.live_coach(user).map(|coach| &coach.leg)
    }

    /// The newest leg on which this user coached, which may have ended.
    #[must_use]
    pub fn last_coach_leg(&self, user: &UserId) -> Option<&CoachLeg> {
        let mut legs = self.coaches.iter().rev().map(|coach| &coach.leg);
        legs.find(|leg| leg.user_id == *user)
    }

    fn live(&self) -> impl Iterator<Item = &Coach> {
        self.coaches.iter().filter(|coach| coach.is_live())
    }

    fn live_coach(&self, user: &UserId) -> Option<&Coach> {
        self.live().find(|coach| coach.leg.user_id == *user)
    }

    fn live_at(&self, user: &UserId) -> Option<usize> {
        self.coaches
            .iter()
            .position(|coach| coach.is_live() && coach.leg.user_id == *user)
    }

    /// The leg that this coach may command from this device. One whose audio was moved away could
    /// otherwise still disturb it on the device that has it now (J4).
    fn live_on(&self, user: &UserId, device: &DeviceId) -> Result<usize, Refusal> {
        let at = self.live_at(user).ok_or_else(Refusal::not_on_call)?;
        match self.coaches.get(at) {
            Some(coach) if coach.leg.device_id == *device => Ok(at),
            _ => Err(Refusal::other_device()),
        }
    }

    fn join(&mut self, join: Join) -> Result<(), Refusal> {
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
            widest: Mode::Barge,
            deadline: Some(now.plus_millis(self.limits.reconnect_ms)),
            heard: None,
            charged: 0,
            leg: CoachLeg {
                id: leg,
                user_id: user,
                device_id: device,
                status: CoachLegStatus::Connecting,
                mode: CoachMode::Listen,
                muted: false,
                microphone_trouble: false,
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

    /// A second join: from another device, the audio moves there and the old device is out at once; from
    /// the same one, nothing moves. Either way the mode is Listen, as after every join (M1).
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
        // An app that joins again has said nothing of its microphone yet.
        let in_trouble = std::mem::take(&mut coach.leg.microphone_trouble);
        if !moved && was == Mode::Listen {
            if in_trouble {
                let changed = coach.changed();
                self.put(changed);
            }
            return;
        }
        coach.leg.mode = CoachMode::Listen;
        if moved {
            coach.leg.device_id = device;
            coach.audio = fresh;
            coach.leg.status = CoachLegStatus::Connecting;
            coach.deadline = Some(now.plus_millis(reconnect_ms));
            coach.heard.get_or_insert(now);
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

    fn leave(&mut self, user: &UserId, device: &DeviceId) -> Result<(), Refusal> {
        let at = self.live_on(user, device)?;
        self.end_coach(at, LegEndReason::Left);
        Ok(())
    }

    fn set_mode(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        mode: Mode,
        authority: &Authority,
    ) -> Result<(), Refusal> {
        let at = self.live_on(user, device)?;
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return Err(Refusal::not_on_call());
        };
        // Listening needs no more than being on the call.
        if mode > Mode::Listen {
            if !authority.plan.has_call_coaching() {
                return Err(Refusal::plan(authority.plan));
            }
            if authority.ceiling() != Some(Mode::Barge) {
                return Err(Refusal::may_not_speak());
            }
        }
        if mode > coach.mode() {
            if coach.leg.status == CoachLegStatus::Reconnecting {
                return Err(Refusal::reconnecting());
            }
            if mode > coach.widest {
                return Err(Refusal::no_barge_track());
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

    fn set_muted(&mut self, user: &UserId, device: &DeviceId, muted: bool) -> Result<(), Refusal> {
        if *user == self.call.user_id {
            self.set_rep_muted(muted);
            return Ok(());
        }
        let at = self.live_on(user, device)?;
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return Err(Refusal::not_on_call());
        };
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

    fn set_microphone_trouble(
        &mut self,
        user: &UserId,
        device: &DeviceId,
        trouble: bool,
    ) -> Result<(), Refusal> {
        if *user == self.call.user_id {
            if self.rep_device.as_ref() != Some(device) {
                return Err(Refusal::other_device());
            }
            self.set_rep_microphone_trouble(trouble);
            return Ok(());
        }
        let at = self.live_on(user, device)?;
        let Some(coach) = self.coaches.get_mut(at) else {
            return Err(Refusal::not_on_call());
        };
        if coach.leg.microphone_trouble != trouble {
            coach.leg.microphone_trouble = trouble;
            let changed = coach.changed();
            self.put(changed);
        }
        Ok(())
    }

    fn set_rep_microphone_trouble(&mut self, trouble: bool) {
        if self.call.microphone_trouble != trouble {
            self.call.microphone_trouble = trouble;
            self.put(Output::CallChanged);
        }
    }

    fn media_offered(&mut self, leg: LegNumber, device: DeviceId, widest: Mode) {
        if leg != REP_LEG {
            self.coach_offered(leg, widest);
        } else if self.rep_device.as_ref() != Some(&device) {
            self.rep_device = Some(device);
            self.set_rep_microphone_trouble(false);
        }
    }

    fn coach_offered(&mut self, audio: LegNumber, widest: Mode) {
        let now = self.now;
        let Some(coach) = self.live_by_audio(audio) else {
            return;
        };
        coach.widest = widest;
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

    fn coach_connected(&mut self, audio: LegNumber) {
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
        coach.heard = None;
        coach.deadline = None;
        let changed = coach.changed();
        self.put(changed);
    }

    /// The coach keeps their place for a while, in Listen until they ask again.
    fn coach_lost(&mut self, audio: LegNumber) {
        let now = self.now;
        let deadline = now.plus_millis(self.limits.reconnect_ms);
        let silent_since = now.plus_millis(-self.limits.silence_ms);
        let Some(coach) = self.live_by_audio(audio) else {
            return;
        };
        let heard = coach.not_before_the_last(silent_since);
        if coach.leg.status == CoachLegStatus::Connected {
            coach.leg.status = CoachLegStatus::Reconnecting;
            coach.deadline = Some(deadline);
            coach.heard = Some(heard);
            coach.note(heard, ParticipationAction::ConnectionLost);
        } else if coach.mode() == Mode::Listen {
            // Already waiting for it.
            return;
        }
        let narrowed = coach.mode() != Mode::Listen;
        if narrowed {
            coach.leg.mode = CoachMode::Listen;
            coach.note(heard, ParticipationAction::Listen);
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

    fn is_full(&self) -> bool {
        self.live().count().saturating_add(2) >= self.limits.party_max
    }

    /// Others can no longer join, which changes everyone's view of the call.
    fn tell_when_full(&mut self) {
        if self.is_full() {
            self.put(Output::CallChanged);
        }
    }
}

/// How coaches lose modes or their leg: by a changed authority, by time, by the end of the call.
impl Machine {
    /// A revocation takes effect at once (A2). Deactivating the rep ends the call, as it takes them out
    /// of everything; no other change to the rep's role does.
    fn authority_changed(&mut self, user: &UserId, authority: &Authority) {
        if *user == self.call.user_id {
            if !authority.active {
                self.end(HangupCause::RepLost);
            }
            return;
        }
        let Some(at) = self.live_at(user) else {
            return;
        };
        if let Some(reason) = authority.revoked_reason() {
            self.end_coach(at, reason);
            return;
        }
        let now = self.now;
        let Some(coach) = self.coaches.get_mut(at) else {
            return;
        };
        if authority.ceiling().is_some_and(|most| coach.mode() <= most) {
            return;
        }
        coach.leg.mode = CoachMode::Listen;
        coach.note(now, ParticipationAction::MovedToListen);
        let leg = coach.audio;
        let changed = coach.changed();
        self.put(Output::SetGrant {
            leg,
            mode: Mode::Listen,
            cause: GrantCause::Revoked,
        });
        self.put(changed);
    }

    /// Whichever way the plan changed, it changes for everyone whether the call can be joined.
    fn plan_changed(&mut self, plan: Plan) {
        if !plan.has_call_coaching() {
            self.end_coaches(LegEndReason::PlanChanged);
        }
        self.put(Output::CallChanged);
    }

    fn expire_coaches(&mut self) {
        let now = self.now;
        // Each turn ends one leg, so this ends.
        while let Some(at) = self
            .coaches
            .iter()
            .position(|coach| coach.deadline.is_some_and(|deadline| deadline <= now))
        {
            self.end_coach(at, LegEndReason::ConnectionLost);
        }
    }

    fn end_coaches(&mut self, reason: LegEndReason) {
        while let Some(at) = self.coaches.iter().position(Coach::is_live) {
            self.end_coach(at, reason);
        }
    }

    fn end_coach(&mut self, at: usize, reason: LegEndReason) {
        let (now, minute_ms) = (self.now, self.limits.minute_ms);
        let was_full = self.is_full();
        let Some(coach) = self.coaches.get_mut(at) else {
            return;
        };
        // Whoever is not heard and says nothing was there until they were last heard (B2).
        let heard = coach.heard.filter(|_| reason != LegEndReason::Left);
        let done = coach.not_before_the_last(heard.unwrap_or(now));
        let owed = coach.charge(done, minute_ms);
        coach.leg.status = CoachLegStatus::Done;
        coach.leg.mode = CoachMode::Listen;
        coach.leg.microphone_trouble = false;
        coach.leg.date_done = Some(done);
        coach.leg.end_reason = Some(reason);
        coach.deadline = None;
        coach.note(done, ParticipationAction::Left);
        let leg = coach.audio;
        let changed = coach.changed();
        self.put_charges(owed);
        self.put(Output::RemoveLeg { leg });
        self.put(changed);
        if was_full && reason != LegEndReason::CallEnded && reason != LegEndReason::ServiceStopped {
            self.put(Output::CallChanged);
        }
    }
}

/// Invitations to coach the call (W3).
impl Machine {
    /// The remembered invitations, oldest first.
    pub fn invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations.iter()
    }

    /// The invitations that wait for an answer.
    pub fn open_invitations(&self) -> impl Iterator<Item = &Invitation> {
        self.invitations
            .iter()
            .filter(|invitation| invitation.status == InvitationStatus::Open)
    }

    /// This user's open invitation. There is at most one.
    #[must_use]
    pub fn open_invitation(&self, invitee: &UserId) -> Option<&Invitation> {
        self.open_invitations()
            .find(|invitation| invitation.invitee_id == *invitee)
    }

    /// The invitation with this id, unless it was answered so long ago that it is forgotten.
    #[must_use]
    pub fn invitation(&self, id: &InvitationId) -> Option<&Invitation> {
        self.invitations
            .iter()
            .find(|invitation| invitation.id == *id)
    }

    /// Invites all or, if one is refused, none, so that the rep knows whom they are waiting for.
    /// Whoever already has an open invitation keeps it, with its date.
    fn invite(&mut self, user: &UserId, invitees: Vec<Invitee>) -> Result<(), Refusal> {
        self.rep_only(user, "invite teammates")?;
        let mut invited: Vec<Invitee> = Vec::new();
        for invitee in invitees {
            if !invitee.native_online {
                return Err(Refusal::invitee_offline());
            }
            if self.live_coach(&invitee.user).is_some() {
                return Err(Refusal::invitee_on_call());
            }
            let viewer = Viewer {
                user: invitee.user.clone(),
                authority: invitee.authority,
            };
            self.joinability(&viewer)
                .map_err(|refusal| Refusal::invitee(&refusal))?;
            let twice = invited.iter().any(|one| one.user == invitee.user);
            if !twice && self.open_invitation(&invitee.user).is_none() {
                invited.push(invitee);
            }
        }
        // With more open invitations than places, not all could be accepted.
        let open_max = self.limits.party_max;
        if self
            .open_invitations()
            .count()
            .saturating_add(invited.len())
            > open_max
        {
            return Err(Refusal::too_many_invitations(open_max));
        }
        for invitee in invited {
            self.open(invitee);
        }
        Ok(())
    }

    fn open(&mut self, invitee: Invitee) {
        if self.invitations.len() >= INVITATIONS_KEPT_MAX
            && let Some(at) = self
                .invitations
                .iter()
                .position(|one| one.status != InvitationStatus::Open)
        {
            self.invitations.remove(at);
        }
        let invitation = Invitation {
            id: invitee.invitation,
            call_id: self.call.id.clone(),
            lead: self.call.lead.clone(),
            inviter_id: self.call.user_id.clone(),
            invitee_id: invitee.user,
            status: InvitationStatus::Open,
            date_created: self.now,
            date_expires: self.now.plus_millis(self.limits.invitation_ms),
        };
        self.put(Output::InvitationChanged(Box::new(invitation.clone())));
        self.invitations.push(invitation);
    }

    /// Whether a join may name this invitation: an open one of this user's, or the one that already let
    /// them in, so that a join can be retried.
    fn may_accept(&self, user: &UserId, id: &InvitationId) -> Result<(), Refusal> {
        let invitation = self
            .invitation(id)
            .filter(|invitation| invitation.invitee_id == *user)
            .ok_or_else(Refusal::no_invitation)?;
        let again =
            invitation.status == InvitationStatus::Accepted && self.live_coach(user).is_some();
        if invitation.status == InvitationStatus::Open || again {
            Ok(())
        } else {
            Err(Refusal::invitation_closed())
        }
    }

    /// However an invited user joins, that answers the invitation.
    fn accept_invitation(&mut self, user: &UserId) {
        self.close_invitations(InvitationStatus::Accepted, |invitation| {
            invitation.invitee_id == *user
        });
    }

    fn decline(&mut self, user: &UserId, id: &InvitationId) -> Result<(), Refusal> {
        let invitation = self
            .invitation(id)
            .filter(|invitation| invitation.invitee_id == *user)
            .ok_or_else(Refusal::no_invitation)?;
        match invitation.status {
            InvitationStatus::Open => {
                self.close_invitations(InvitationStatus::Declined, |invitation| {
                    invitation.id == *id
                });
                Ok(())
            }
            // Declined twice.
            InvitationStatus::Declined => Ok(()),
            InvitationStatus::Accepted
            | InvitationStatus::Expired
            | InvitationStatus::Cancelled => Err(Refusal::invitation_closed()),
        }
    }

    fn expire_invitations(&mut self) {
        let now = self.now;
        self.close_invitations(InvitationStatus::Expired, |invitation| {
            invitation.date_expires <= now
        });
    }

    fn close_invitations(&mut self, status: InvitationStatus, which: impl Fn(&Invitation) -> bool) {
        let mut closed = Vec::new();
        for invitation in &mut self.invitations {
            if invitation.status == InvitationStatus::Open && which(invitation) {
                invitation.status = status;
                closed.push(Output::InvitationChanged(Box::new(invitation.clone())));
            }
        }
        for output in closed {
            self.put(output);
        }
    }
}

/// The recording (R1): how it stands, and that the rep may pause it.
impl Machine {
    fn recording_changed(&mut self, mut recording: CallRecording) {
        let paused = |of: &CallRecording| of.status == RecordingStatus::Paused;
        // Whoever writes the file learns later than the rep that it is paused.
        if recording.status == RecordingStatus::Recording
            && self.call.recording.as_ref().is_some_and(paused)
        {
            recording.status = RecordingStatus::Paused;
        }
        if self.call.recording.as_ref() != Some(&recording) {
            recorded(&mut self.call, recording);
            self.put(Output::CallChanged);
        }
    }

    fn annotate(&mut self, annotation: Annotation) {
        let told = |call: &Call| {
            let (outcome, name) = (call.outcome_id.clone(), call.disposition.clone());
            (outcome, name, call.note.clone())
        };
        let before = told(&self.call);
        annotate(&mut self.call, annotation);
        if told(&self.call) != before {
            self.put(Output::CallChanged);
        }
    }

    fn set_recording_paused(&mut self, user: &UserId, paused: bool) -> Result<(), Refusal> {
        self.rep_only(user, "pause the recording")?;
        let (from, to) = if paused {
            (RecordingStatus::Recording, RecordingStatus::Paused)
        } else {
            (RecordingStatus::Paused, RecordingStatus::Recording)
        };
        let recording = self.call.recording.as_mut();
        let recording = recording.ok_or_else(Refusal::not_recorded)?;
        if recording.status == from {
            recording.status = to;
            self.put(Output::SetRecordingPaused(paused));
            self.put(Output::CallChanged);
        } else if recording.status != to {
            return Err(Refusal::not_recorded());
        }
        Ok(())
    }
}

/// Each started minute is charged (B2): a moment after its start, when it is certain that whoever it is of
/// was still there, or when they left.
impl Machine {
    /// Charges every minute that has started, is certain, and was not charged yet: of each coach, from
    /// their first connection until the leg is done; of the call, from the answer on. Who is not heard is
    /// charged no further until they are heard again. A machine that is woken late catches up.
    fn charge(&mut self) {
        let certain = self.now.plus_millis(-self.limits.charge_after_ms);
        let minute_ms = self.limits.minute_ms;
        let mut due: Vec<Charge> = Vec::new();
        for coach in self.coaches.iter_mut().filter(|coach| coach.is_live()) {
            let until = coach.heard.unwrap_or(certain);
            due.extend(coach.charge(until, minute_ms));
        }
        self.put_charges(due);
        if !self.is_over() {
            self.charge_call(self.heard().unwrap_or(certain));
        }
    }

    /// Charges every minute of the call that started before then and was not charged yet.
    fn charge_call(&mut self, until: Timestamp) {
        let Some(answered) = self.call.date_answered else {
            return;
        };
        let whose = (&self.call.rep_leg_id, &self.call.user_id);
        let (dates, minute_ms) = ((answered, until), self.limits.minute_ms);
        let due = take_charges(LedgerKind::Call, whose, dates, &mut self.charged, minute_ms);
        self.put_charges(due);
    }

    fn put_charges(&mut self, due: Vec<Charge>) {
        for charge in due {
            self.put(Output::Charge(charge));
        }
    }

    /// When rep and lead were last both heard, while one of them is not.
    fn heard(&self) -> Option<Timestamp> {
        self.rep_heard.into_iter().chain(self.lead_heard).min()
    }

    /// When the next minute of any leg is charged.
    fn next_minute(&self) -> Option<Timestamp> {
        let limits = &self.limits;
        let after = |from, charged| {
            minute_charged(from, charged, limits.minute_ms).plus_millis(limits.charge_after_ms)
        };
        let heard = self.live().filter(|coach| coach.heard.is_none());
        let coaches = heard.filter_map(|coach| {
            let connected = coach.leg.date_connected?;
            Some(after(connected, coach.charged))
        });
        let answered = self.call.date_answered.filter(|_| self.heard().is_none());
        let call = answered.map(|from| after(from, self.charged));
        coaches.chain(call).min()
    }
}

/// What one viewer may see, and whose levels each user gets.
impl Machine {
    /// The call as this viewer may see it.
    #[must_use]
    pub fn view(&self, viewer: &Viewer) -> Call {
        view(&self.record(), &self.limits, viewer)
    }

    /// Whether this viewer could join now.
    ///
    /// # Errors
    /// As [`joinability`].
    pub fn joinability(&self, viewer: &Viewer) -> Result<(), Refusal> {
        admit(
            &self.call,
            self.live().count(),
            self.live_coach(&viewer.user).is_some(),
            &self.limits,
            viewer,
        )
    }

    /// The levels that each user on the call gets: their own, and those of the parties they hear. A
    /// whisper's level goes to the rep and the whispering coach; that of a muted leg, of one that reached
    /// no one, or of a lead on hold, only to its own user.
    #[must_use]
    pub fn levels(&self, levels: &[LegLevel]) -> Vec<(UserId, Vec<Level>)> {
        if self.call.status != CallStatus::InProgress {
            return Vec::new();
        }
        let rep = (REP_LEG, &self.call.user_id);
        let coaches = self.live().map(|coach| (coach.audio, &coach.leg.user_id));
        std::iter::once(rep)
            .chain(coaches)
            .map(|(listener, user)| {
                let heard = levels
                    .iter()
                    .filter(|level| level.leg == listener || self.hears(listener, level))
                    .filter_map(|level| self.level(level))
                    .collect::<Vec<_>>();
                (user.clone(), heard)
            })
            .filter(|(_, heard)| !heard.is_empty())
            .collect()
    }

    fn hears(&self, listener: LegNumber, level: &LegLevel) -> bool {
        match level.leg {
            LEAD_LEG => !self.call.held,
            REP_LEG => !self.call.muted,
            leg => {
                let muted = self
                    .live()
                    .any(|coach| coach.audio == leg && coach.leg.muted);
                let needed = if listener == REP_LEG {
                    Mode::Whisper
                } else {
                    Mode::Barge
                };
                !muted && level.reach >= needed
            }
        }
    }

    fn level(&self, level: &LegLevel) -> Option<Level> {
        let (kind, user_id, leg_id) = match level.leg {
            LEAD_LEG => (PartyKind::Lead, None, None),
            REP_LEG => (
                PartyKind::Rep,
                Some(self.call.user_id.clone()),
                Some(self.call.rep_leg_id.clone()),
            ),
            leg => {
                let coach = self.live().find(|coach| coach.audio == leg)?;
                (
                    PartyKind::Coach,
                    Some(coach.leg.user_id.clone()),
                    Some(coach.leg.id.clone()),
                )
            }
        };
        Some(Level {
            kind,
            user_id,
            leg_id,
            level_dbov: level.level_dbov,
        })
    }
}

/// A coach's leg and its audio.
#[derive(Debug, Clone)]
struct Coach {
    /// The leg in the media. A new one after each move to another device.
    audio: LegNumber,
    /// How far its connection can carry the coach's voice.
    widest: Mode,
    /// When the leg ends if the audio is not connected by then.
    deadline: Option<Timestamp>,
    /// When the coach was last heard, while they are not.
    heard: Option<Timestamp>,
    /// Minutes of the leg charged so far.
    charged: u32,
    leg: CoachLeg,
}

impl Coach {
    fn is_live(&self) -> bool {
        self.leg.status != CoachLegStatus::Done
    }

    fn mode(&self) -> Mode {
        self.leg.mode.into()
    }

    /// That moment, or the last one of the leg's history if that is later.
    fn not_before_the_last(&self, at: Timestamp) -> Timestamp {
        let last = self.leg.participation_history.last();
        last.map_or(at, |entry| entry.timestamp.max(at))
    }

    /// The charges of the minutes that started before then and were not charged yet.
    fn charge(&mut self, until: Timestamp, minute_ms: u64) -> Vec<Charge> {
        let Some(connected) = self.leg.date_connected else {
            return Vec::new();
        };
        let whose = (&self.leg.id, &self.leg.user_id);
        let (kind, dates) = (LedgerKind::Coaching, (connected, until));
        take_charges(kind, whose, dates, &mut self.charged, minute_ms)
    }

    fn note(&mut self, now: Timestamp, action: ParticipationAction) {
        let history = &mut self.leg.participation_history;
        if history.len() >= HISTORY_LINES_MAX {
            history.remove(0);
        }
        history.push(ParticipationEntry {
            action,
            timestamp: now,
        });
    }

    fn changed(&self) -> Output {
        Output::CoachLegChanged(Box::new(self.leg.clone()))
    }
}

/// The charges of a leg's minutes that started between two moments and were not charged yet. They are
/// counted as charged from now on.
fn take_charges(
    kind: LedgerKind,
    (leg, user): (&wire::LegId, &UserId),
    dates: (Timestamp, Timestamp),
    charged: &mut u32,
    minute_ms: u64,
) -> Vec<Charge> {
    let due: Vec<Charge> = charges(kind, leg, user, dates, *charged, minute_ms).collect();
    *charged += due.len() as u32;
    due
}
