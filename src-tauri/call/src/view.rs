//! What one viewer may see of a call, and whether they may join it.

use wire::{
    Call, CallStatus, ClientType, CoachLegStatus, Direction, InvitationTarget, Joinability,
    PhoneNumberKind, UserId,
};

use crate::authority::Authority;
use crate::limits::Limits;
use crate::refusal::Refusal;

/// Who is looking. They belong to the call's organization: no one else gets to ask (A3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// The user.
    pub user: UserId,
    /// What they may do now.
    pub authority: Authority,
}

/// A call as this viewer may see it: with the coach legs if they may see those, and with their own
/// joinability. `record` is the whole call, in progress or past.
#[must_use]
pub fn view(record: &Call, limits: &Limits, viewer: &Viewer) -> Call {
    let may_see = may_see_coach_legs(record, viewer);
    let legs = if may_see {
        record.coach_legs.clone()
    } else {
        Vec::new()
    };
    Call {
        coach_legs: legs,
        joinability: told(joinability(record, limits, viewer)),
        ..without_legs(record)
    }
}

/// What is told of a verdict.
fn told(verdict: Result<(), Refusal>) -> Joinability {
    let refusal = verdict.err();
    Joinability {
        joinable: refusal.is_none(),
        code: refusal.as_ref().map(|refusal| refusal.code),
        message: refusal.map(|refusal| refusal.message),
    }
}

/// The same call as a client of this type may use it: only the desktop app can join, so no other client
/// is told that it could.
#[must_use]
pub fn seen_from(client_type: ClientType, call: Call) -> Call {
    if client_type == ClientType::Native || !call.joinability.joinable {
        return call;
    }
    Call {
        joinability: told(Err(Refusal::desktop_only())),
        ..call
    }
}

/// Whether this viewer sees who coaches: the rep, the coaches on the call, and members whose role
/// lets them listen, whatever the plan.
#[must_use]
pub fn may_see_coach_legs(record: &Call, viewer: &Viewer) -> bool {
    record.user_id == viewer.user || viewer.authority.may_listen() || on_call(record, &viewer.user)
}

/// Whether this viewer could join the call now, in Listen.
///
/// # Errors
/// Why not, the most lasting reason first: the call has ended, is the viewer's own (J4), is inbound or
/// does not use an internal number (J1; a virtual number only forwards and counts as external), the
/// plan (J3), the permission (A1), the lead
/// has not answered, the call is full (J2), the balance does not cover the first minute (B3).
pub fn joinability(record: &Call, limits: &Limits, viewer: &Viewer) -> Result<(), Refusal> {
    let live = record
        .coach_legs
        .iter()
        .filter(|leg| leg.status != CoachLegStatus::Done)
        .count();
    admit(record, live, on_call(record, &viewer.user), limits, viewer)
}

/// Whom of these teammates the rep may invite now: those who are not on the call, and whether they could
/// join (W3).
#[must_use]
pub fn invitation_targets(
    record: &Call,
    limits: &Limits,
    teammates: impl IntoIterator<Item = Viewer>,
) -> Vec<InvitationTarget> {
    let targets = teammates
        .into_iter()
        .filter(|one| one.user != record.user_id && !on_call(record, &one.user));
    targets
        .map(|viewer| {
            let verdict = joinability(record, limits, &viewer);
            InvitationTarget {
                user_id: viewer.user,
                joinability: told(verdict.map_err(Refusal::of_a_teammate)),
            }
        })
        .collect()
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
    // Rep and lead are two of the parties. Someone already on the call takes no further place,
    if !on_call && live.saturating_add(2) >= limits.party_max {
        return Err(Refusal::full(limits.party_max));
    }
    // nor starts another leg that has to be paid for.
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
        outcome_id: record.outcome_id.clone(),
        disposition: record.disposition.clone(),
        note: record.note.clone(),
        coach_legs: Vec::new(),
        joinability: Joinability {
            joinable: false,
            code: None,
            message: None,
        },
        ..*record
    }
}
