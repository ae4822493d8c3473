//! What one viewer may see of a call, whether they may join it, and whose level they get.

use crate::{Authority, LEAD_LEG, Limits, Machine, REP_LEG, Refusal};
use mix::{LegLevel, LegNumber, Mode};
use wire::{
    Call, CallStatus, CoachLegStatus, Direction, HangupCause, Joinability, LegEndReason, Level,
    ParticipationAction, ParticipationEntry, PartyKind, PhoneNumberKind, Timestamp, UserId,
};

/// Who looks. They are of the call's organization: nobody else gets to ask (A3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The user.
    pub user: UserId,
    /// What they may do now.
    pub authority: Authority,
}

/// A call as this viewer may see it: the coach legs only when they may see those, the joinability
/// theirs. `record` is the whole of the call, in progress or past.
#[must_use]
pub fn view(record: &Call, limits: &Limits, viewer: &Viewer) -> Call {
    let may_see = may_see_coach_legs(record, viewer);
    let legs = if may_see {
        record.coach_legs.clone()
    } else {
        Vec::new()
    };
    let verdict = joinability(record, limits, viewer);
    Call {
        coach_legs: legs,
        joinability: Joinability {
            joinable: verdict.is_ok(),
            code: verdict.as_ref().err().map(|refusal| refusal.code),
            message: verdict.err().map(|refusal| refusal.message),
        },
        ..without_legs(record)
    }
}

/// Whether this viewer sees who coaches: the rep, the coaches on the call, and members whose role
/// lets them listen, whatever the plan.
#[must_use]
pub fn may_see_coach_legs(record: &Call, viewer: &Viewer) -> bool {
    record.user_id == viewer.user || viewer.authority.may_listen() || on_call(record, &viewer.user)
}

/// Whether this viewer would be let into the call now, in Listen.
///
/// # Errors
/// Why not, the most lasting reason first: the call is over, is the viewer's own (J4), came in or
/// uses another than an internal number (J1; a virtual number forwards and is none of the
/// organization's own lines, so it counts as external), the plan (J3), the permission (A1), the lead
/// has not answered, the call is full (J2), the balance does not pay for the first minute (B3).
pub fn joinability(record: &Call, limits: &Limits, viewer: &Viewer) -> Result<(), Refusal> {
    let live = record
        .coach_legs
        .iter()
        .filter(|leg| leg.status != CoachLegStatus::Done)
        .count();
    admit(record, live, on_call(record, &viewer.user), limits, viewer)
}

/// A call that was in progress when the service died, as it is to be kept: over since `now`, with
/// every leg of it.
#[must_use]
pub fn abandoned(mut record: Call, now: Timestamp) -> Call {
    if record.status.is_over() {
        return record;
    }
    end(&mut record, now, HangupCause::ServiceStopped);
    for leg in &mut record.coach_legs {
        if leg.status != CoachLegStatus::Done {
            leg.status = CoachLegStatus::Done;
            leg.date_done = Some(now);
            leg.end_reason = Some(LegEndReason::ServiceStopped);
            leg.participation_history.push(ParticipationEntry {
                action: ParticipationAction::Left,
                timestamp: now,
            });
        }
    }
    record
}

/// Sets what every ended call has set.
pub(crate) fn end(call: &mut Call, now: Timestamp, cause: HangupCause) {
    call.status = if call.status == CallStatus::InProgress {
        CallStatus::Completed
    } else {
        match cause {
            HangupCause::Rep => CallStatus::Cancel,
            // A phone that refuses the call is busy to whoever calls, as in the vocabulary that the
            // statuses are taken from; the cause tells the two apart.
            HangupCause::Busy | HangupCause::Declined => CallStatus::Busy,
            // A lead who hangs up a ringing phone did not answer.
            HangupCause::NoAnswer | HangupCause::Lead => CallStatus::NoAnswer,
            HangupCause::Unreachable
            | HangupCause::NetworkFailed
            | HangupCause::LeadLost
            | HangupCause::RepLost
            | HangupCause::ServiceStopped => CallStatus::Failed,
        }
    };
    call.date_ended = Some(now);
    call.duration = call
        .date_answered
        .map_or(0, |answered| now.millis_since(answered) / 1000);
    call.hangup_cause = Some(cause);
    call.held = false;
}

/// The rules of joining over the facts alone. `live` counts the coaches on the call.
pub(crate) fn admit(
    call: &Call,
    live: usize,
    on_call: bool,
    limits: &Limits,
    viewer: &Viewer,
) -> Result<(), Refusal> {
    if call.status.is_over() {
        return Err(Refusal::over());
    }
    if call.user_id == viewer.user {
        return Err(Refusal::own_call());
    }
    if call.direction == Direction::Inbound {
        return Err(Refusal::inbound());
    }
    if call.local_phone_type != PhoneNumberKind::Internal {
        return Err(Refusal::number(call.local_phone_type));
    }
    if !viewer.authority.plan.has_call_coaching() {
        return Err(Refusal::plan(viewer.authority.plan));
    }
    if !viewer.authority.may_listen() {
        return Err(Refusal::may_not_listen());
    }
    if call.status != CallStatus::InProgress {
        return Err(Refusal::not_answered());
    }
    // Rep and lead are two of the parties. Who is on the call already takes no further place.
    if !on_call && live.saturating_add(2) >= limits.party_max {
        return Err(Refusal::full(limits.party_max));
    }
    // Nor does it start a leg that has to be paid for.
    if !on_call && !viewer.authority.funds {
        return Err(Refusal::no_funds());
    }
    Ok(())
}

fn on_call(record: &Call, user: &UserId) -> bool {
    record
        .coach_legs
        .iter()
        .any(|leg| leg.user_id == *user && leg.status != CoachLegStatus::Done)
}

fn without_legs(record: &Call) -> Call {
    Call {
        id: record.id.clone(),
        user_id: record.user_id.clone(),
        rep_leg_id: record.rep_leg_id.clone(),
        lead: record.lead.clone(),
        contact_id: record.contact_id.clone(),
        local_phone: record.local_phone.clone(),
        remote_phone: record.remote_phone.clone(),
        recording_url: record.recording_url.clone(),
        recording: record.recording.clone(),
        coach_legs: Vec::new(),
        joinability: Joinability {
            joinable: false,
            code: None,
            message: None,
        },
        ..*record
    }
}

impl Machine {
    /// The call as this viewer may see it.
    #[must_use]
    pub fn view(&self, viewer: &Viewer) -> Call {
        view(&self.record(), &self.limits, viewer)
    }

    /// Whether this viewer would be let in now.
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

    /// Whose levels each user on the call gets: of the parties whom they hear, and their own. A
    /// whisper's level goes to the rep and to the whispering coach; that of a muted leg, of a leg
    /// that reached nobody, or of a lead on hold, to nobody but its own user.
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
