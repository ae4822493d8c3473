//! The machine: its state, and what it does with each input.

use crate::coach::Coach;
use crate::view::end;
use crate::{Input, LeadProgress, Limits, Output, Refusal};
use mix::{LegNumber, Role};
use std::collections::VecDeque;
use wire::{
    Call, CallId, CallStatus, ContactId, Direction, HangupCause, Invitation, InvitationStatus,
    Joinability, LeadBrief, LegEndReason, PhoneNumberKind, Timestamp, UserId,
};

/// The rep's leg in the call's media.
pub const REP_LEG: LegNumber = LegNumber(0);
/// The lead's leg in the call's media.
pub const LEAD_LEG: LegNumber = LegNumber(1);

/// What is known of a call when it is placed, or comes in.
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
    // `coach_legs` of it stays empty: `coaches` holds them.
    pub(crate) call: Call,
    pub(crate) coaches: Vec<Coach>,
    pub(crate) invitations: Vec<Invitation>,
    pub(crate) limits: Limits,
    // Never runs backwards, so that dates of one history follow each other.
    pub(crate) now: Timestamp,
    /// Minutes of the call itself that are charged.
    pub(crate) charged: u32,
    rep_connected: bool,
    /// Whether the lead's leg is in the media: since the answer, or what the network played before it.
    lead_added: bool,
    rep_deadline: Option<Timestamp>,
    ring_deadline: Option<Timestamp>,
    next_leg: u32,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A call that begins now. Its first outputs let the rep in and dial the lead, or receive them.
    #[must_use]
    pub fn new(now: Timestamp, placed: Placed, limits: Limits) -> Self {
        let outbound = placed.direction == Direction::Outbound;
        // A call that comes in rings with the rep from the start.
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
                recording_url: None,
                recording: None,
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

    /// Takes in what happened.
    ///
    /// # Errors
    /// [`Refusal`] when it may not be; then nothing changed but what time alone changes. After the
    /// call ended everything is refused with `call_ended`.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Result<(), Refusal> {
        self.now = self.now.max(now);
        if self.is_over() {
            return Err(Refusal::over());
        }
        // What started until now is owed, whatever ends now.
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
            Input::MediaOffered(leg) => self.coach_offered(leg),
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
            Input::Recording(recording) => self.recording_changed(recording),
            Input::SetRecordingPaused { user, paused } => {
                self.set_recording_paused(&user, paused)?;
            }
            Input::Dtmf { user, digits } => {
                self.rep_only(&user, "press keys")?;
                self.answered()?;
                self.put(Output::SendDtmf(digits));
            }
            Input::Join(join) => self.join(join)?,
            Input::Leave { user } => self.leave(&user)?,
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
        // Who is connected by it has started the first minute.
        self.charge();
        Ok(())
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When time alone changes something; `None` when it does not.
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

    /// The whole call, coach legs and all, to be kept; nobody is shown it without [`crate::view()`].
    #[must_use]
    pub fn record(&self) -> Call {
        Call {
            coach_legs: self.coaches.iter().map(|coach| coach.leg.clone()).collect(),
            ..self.call.clone()
        }
    }

    /// Lets happen what time alone brings.
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
            // Whoever calls in is there already: the rep answers.
            LeadProgress::Answered if self.call.direction == Direction::Inbound => {}
            LeadProgress::Answered => self.lead_answered(),
            LeadProgress::Busy => self.end_after_lead(HangupCause::Busy),
            LeadProgress::NoAnswer => self.end_after_lead(HangupCause::NoAnswer),
            LeadProgress::Declined => self.end_after_lead(HangupCause::Declined),
            LeadProgress::Unreachable => self.end_after_lead(HangupCause::Unreachable),
            LeadProgress::Failed => self.end_after_lead(HangupCause::NetworkFailed),
            LeadProgress::Lost => self.end_after_lead(HangupCause::LeadLost),
            LeadProgress::HungUp => self.end_after_lead(HangupCause::Lead),
        }
    }

    /// The network plays something before the answer: rep and lead's line hear each other as far as the
    /// line lets them, and nobody else is in the call yet.
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

    pub(crate) fn lead_answered(&mut self) {
        if self.call.status == CallStatus::InProgress {
            return;
        }
        self.call.status = CallStatus::InProgress;
        self.call.date_answered = Some(self.now);
        self.ring_deadline = None;
        // The lead does not wait for ever for a rep who never came.
        if !self.rep_connected && self.rep_deadline.is_none() {
            self.rep_deadline = Some(self.now.plus_millis(self.limits.reconnect_ms));
        }
        self.add_lead();
        self.put(Output::Answered);
        self.put(Output::CallChanged);
    }

    fn media_connected(&mut self, leg: LegNumber) {
        if leg == REP_LEG {
            self.rep_connected = true;
            self.rep_deadline = None;
        } else {
            self.coach_connected(leg);
        }
    }

    fn media_lost(&mut self, leg: LegNumber) {
        if leg == REP_LEG {
            self.rep_connected = false;
            if self.rep_deadline.is_none() {
                self.rep_deadline = Some(self.now.plus_millis(self.limits.reconnect_ms));
            }
        } else {
            self.coach_lost(leg);
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

    pub(crate) fn set_rep_muted(&mut self, muted: bool) {
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
    pub(crate) fn end(&mut self, cause: HangupCause) {
        self.put(Output::HangUpLead);
        self.end_after_lead(cause);
    }

    /// Ends the call whose lead is gone already (J5): every leg goes, every invitation is cancelled.
    fn end_after_lead(&mut self, cause: HangupCause) {
        let reason = match cause {
            HangupCause::ServiceStopped => LegEndReason::ServiceStopped,
            _ => LegEndReason::CallEnded,
        };
        self.end_coaches(reason);
        self.close_invitations(InvitationStatus::Cancelled, |_| true);
        if self.lead_added {
            self.put(Output::RemoveLeg { leg: LEAD_LEG });
        }
        self.put(Output::RemoveLeg { leg: REP_LEG });
        end(&mut self.call, self.now, cause);
        self.put(Output::CallChanged);
        self.put(Output::Ended(cause));
    }

    pub(crate) fn rep_only(&self, user: &UserId, what: &str) -> Result<(), Refusal> {
        if *user == self.call.user_id {
            Ok(())
        } else {
            Err(Refusal::rep_only(what))
        }
    }

    pub(crate) fn answered(&self) -> Result<(), Refusal> {
        if self.call.status == CallStatus::InProgress {
            Ok(())
        } else {
            Err(Refusal::not_answered())
        }
    }

    /// A leg number that this call has not used before: what the media says of an old one is then
    /// never taken for a new one's.
    pub(crate) const fn new_leg(&mut self) -> LegNumber {
        let leg = LegNumber(self.next_leg);
        self.next_leg = self.next_leg.saturating_add(1);
        leg
    }

    pub(crate) fn put(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}
