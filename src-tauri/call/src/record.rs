//! The record of a call outside its machine: its end, its recording, and what is owed for it.

use crate::input::Annotation;
use usage::{Charge, charges};
use wire::{
    Call, CallRecording, CallStatus, CoachLegStatus, HangupCause, LedgerKind, LegEndReason,
    ParticipationAction, ParticipationEntry, RecordingStatus, Timestamp,
};

/// Sets the status of a call's recording, on a call in progress or past. It has an address once it can
/// be played.
pub fn recorded(call: &mut Call, recording: CallRecording) {
    call.recording_url = (recording.status == RecordingStatus::Stored)
        .then(|| format!("/api/v1/activity/call/{}/recording/", call.id));
    call.recording = Some(recording);
}

/// Sets what came of a call, in progress or past (L5).
pub fn annotate(call: &mut Call, annotation: Annotation) {
    if let Some(outcome) = annotation.outcome {
        (call.outcome_id, call.disposition) = match outcome {
            Some(outcome) => (Some(outcome.id), Some(outcome.name)),
            None => (None, None),
        };
    }
    if let Some(note) = annotation.note {
        call.note = note;
    }
}

/// A call that was in progress when the service died, as it is to be saved: ended at `now`, with all its
/// legs. A coach who was not connected then was there until their history says so (B2).
#[must_use]
pub fn abandoned(mut record: Call, now: Timestamp) -> Call {
    if record.status.is_over() {
        return record;
    }
    end(&mut record, now, HangupCause::ServiceStopped);
    for leg in &mut record.coach_legs {
        if leg.status != CoachLegStatus::Done {
            let last = leg.participation_history.last();
            let heard = last.filter(|_| leg.status != CoachLegStatus::Connected);
            let done = heard.map_or(now, |entry| entry.timestamp);
            leg.status = CoachLegStatus::Done;
            leg.microphone_trouble = false;
            leg.date_done = Some(done);
            leg.end_reason = Some(LegEndReason::ServiceStopped);
            leg.participation_history.push(ParticipationEntry {
                action: ParticipationAction::Left,
                timestamp: done,
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
            // A declined call counts as busy, as in the vocabulary that the statuses come from; the
            // cause tells the two apart.
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
    call.microphone_trouble = false;
}

/// All charges of a call that has ended and of its coaches' legs. `record` is the whole call.
#[must_use]
pub fn owed(record: &Call, minute_ms: u64) -> Vec<Charge> {
    let mut owed = Vec::new();
    if let Some(dates) = record.date_answered.zip(record.date_ended) {
        let (leg, user) = (&record.rep_leg_id, &record.user_id);
        owed.extend(charges(LedgerKind::Call, leg, user, dates, 0, minute_ms));
    }
    for leg in &record.coach_legs {
        if let Some(dates) = leg.date_connected.zip(leg.date_done) {
            let kind = LedgerKind::Coaching;
            owed.extend(charges(kind, &leg.id, &leg.user_id, dates, 0, minute_ms));
        }
    }
    owed
}

/// When a call ended that was in progress when the service died: when the service was last known to be
/// alive, or later if something is known to have happened on the call after that, such as a charged
/// minute. No one pays for the time until the service started again.
#[must_use]
pub fn cut_off_at(
    record: &Call,
    alive: Option<Timestamp>,
    last_charge: Option<Timestamp>,
) -> Timestamp {
    let legs = record.coach_legs.iter();
    let of_legs = legs.flat_map(|leg| [Some(leg.date_created), leg.date_connected, leg.date_done]);
    // A minute that was charged had begun.
    let charged = last_charge.map(|at| at.plus_millis(1));
    [record.date_answered, alive, charged]
        .into_iter()
        .chain(of_legs)
        .flatten()
        .fold(record.date_created, Timestamp::max)
}
