//! Calls, and what their rep asks of them.

use crate::list::list_query;
use crate::{
    CallId, CallRecording, CoachLeg, Code, ContactId, LeadId, LegId, OutcomeId, PhoneNumberId,
    PhoneNumberKind, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use wire_macros::wire_type;

/// A call's direction.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The rep called the lead.
    Outbound,
    /// The lead called the rep.
    Inbound,
}

/// A call's status. The names are Close's, plus `ringing`.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Placed; nothing heard from the lead's side yet.
    Created,
    /// The lead's phone rings.
    Ringing,
    /// Rep and lead are connected.
    InProgress,
    /// Ended after it was in progress.
    Completed,
    /// The lead was busy.
    Busy,
    /// The lead didn't answer.
    NoAnswer,
    /// The rep hung up before the lead answered.
    Cancel,
    /// It couldn't be connected.
    Failed,
}

impl CallStatus {
    /// Whether the call is over, in whichever way.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Created | Self::Ringing | Self::InProgress)
    }
}

/// Who or what ended a call.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum HangupCause {
    /// The rep hung up.
    Rep,
    /// The lead hung up.
    Lead,
    /// The lead was busy.
    Busy,
    /// The lead didn't answer in time.
    NoAnswer,
    /// The lead declined the call.
    Declined,
    /// The lead's number doesn't exist or can't be reached.
    Unreachable,
    /// The phone network couldn't connect the call.
    NetworkFailed,
    /// The connection to the lead's phone was lost.
    LeadLost,
    /// The rep was disconnected for too long.
    RepLost,
    /// The service was stopped.
    ServiceStopped,
}

/// A lead, in brief.
#[wire_type]
pub struct LeadBrief {
    /// The lead.
    pub id: LeadId,
    /// Its name.
    pub display_name: String,
}

/// Whether the signed-in user can join a call now and, if not, why.
#[wire_type]
pub struct Joinability {
    /// Whether they can join.
    pub joinable: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Why not, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A call, as an activity of its lead.
#[wire_type]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The rep.
    pub user_id: UserId,
    /// The rep's leg.
    pub rep_leg_id: LegId,
    /// The lead.
    pub lead: LeadBrief,
    /// The contact at the lead.
    pub contact_id: Option<ContactId>,
    /// Its direction.
    pub direction: Direction,
    /// Its status.
    pub status: CallStatus,
    /// The organization's number, E.164.
    pub local_phone: String,
    /// The kind of that number.
    pub local_phone_type: PhoneNumberKind,
    /// The lead's number, E.164; empty if the caller withholds it.
    pub remote_phone: String,
    /// When it was placed.
    pub date_created: Timestamp,
    /// When the lead answered.
    pub date_answered: Option<Timestamp>,
    /// When it ended.
    pub date_ended: Option<Timestamp>,
    /// Whole seconds from answer to end; 0 until it has ended.
    #[specta(type = u32)]
    pub duration: u64,
    /// Who or what ended it.
    pub hangup_cause: Option<HangupCause>,
    /// Whether the lead is on hold.
    pub held: bool,
    /// Whether the rep is muted.
    pub muted: bool,
    /// Whether the rep's audio was lost and the call is waiting for it to come back.
    #[serde(default)]
    pub rep_reconnecting: bool,
    /// Whether the rep's app says that its microphone doesn't work, so no one can hear the rep.
    #[serde(default)]
    pub microphone_trouble: bool,
    /// Where to get the recording; null if there's none.
    pub recording_url: Option<String>,
    /// The recording; null if the call isn't recorded.
    #[serde(default)]
    pub recording: Option<CallRecording>,
    /// The outcome that was chosen for it; null if none was.
    #[serde(default)]
    pub outcome_id: Option<OutcomeId>,
    /// The name of that outcome when it was chosen. It stays when the outcome is renamed or deleted.
    #[serde(default)]
    pub disposition: Option<String>,
    /// What the rep wrote about it.
    #[serde(default)]
    pub note: String,
    /// Everyone who coached it, in the order they came. Empty for those who may not see them: only
    /// the rep, the coaches on the call, and members who may listen see it.
    pub coach_legs: Vec<CoachLeg>,
    /// Whether the signed-in user can join.
    pub joinability: Joinability,
}

list_query! {
    /// Filters calls.
    CallQuery {
        /// Only those of this lead.
        pub lead_id: Option<LeadId>,
        /// Only those that haven't ended (`true`), or all (`false`, or left out).
        pub active: Option<bool>,
    }
}

/// `POST /api/v1/activity/call/`: places a call, to a lead or to any number.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct PlaceCallRequest {
    /// The organization's number to call from.
    pub local_phone_id: PhoneNumberId,
    /// The lead to call. Without it, whoever has `remote_phone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_id: Option<LeadId>,
    /// The contact to call. Without it, the lead's first one. Only with `lead_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// With `lead_id`: which of the contact's numbers to call, E.164; without it, the first one. Without
    /// `lead_id`: the number to call, as people write it in the organization's country.
    #[schema(max_length = 64)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_phone: Option<String>,
}

/// Which number to look up.
#[derive(
    Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams, specta::Type,
)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct NumberQuery {
    /// The number, as people write it in the organization's country. Up to 64 characters.
    #[param(max_length = 64)]
    #[serde(default)]
    pub number: String,
}

/// `GET /api/v1/phone_lookup/`: a number as the service would call it.
#[wire_type]
pub struct NumberLookup {
    /// The number, E.164.
    pub number: String,
    /// As people write it in the organization's country.
    pub display_number: String,
    /// Its country, an ISO 3166 code; null for a number of no country, such as a satellite phone's.
    pub country: Option<String>,
    /// The lead that has it; null if none does.
    pub lead: Option<LeadBrief>,
    /// Why it can't be called, in words; null if it can.
    pub refusal: Option<String>,
}

/// The longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 4_000;

/// `PUT /api/v1/activity/call/{id}/`: changes only what it names.
#[wire_type(Default)]
#[serde(deny_unknown_fields)]
pub struct CallPatch {
    /// The outcome; null takes it away.
    #[serde(
        default,
        deserialize_with = "named",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<OutcomeId>")]
    #[schema(value_type = Option<OutcomeId>)]
    #[specta(type = Option<OutcomeId>)]
    pub outcome_id: Option<Option<OutcomeId>>,
    /// The note, up to 4 000 characters.
    #[schema(max_length = 4_000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What is named, also as null, is there.
fn named<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// An outcome that a call can have.
#[wire_type]
pub struct Outcome {
    /// Its id.
    pub id: OutcomeId,
    /// Its name.
    pub name: String,
}

/// `POST` and `PUT` of `/api/v1/outcome/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct OutcomeRequest {
    /// Its name, 1 to 64 characters. No two outcomes have the same one.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
}

/// `POST /api/v1/demo/inbound_call/`, only with demo data: the simulated lead calls in.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct InboundCallRequest {
    /// The organization's number to call. It has to be assigned to someone.
    pub local_phone_id: PhoneNumberId,
    /// The lead who calls.
    pub lead_id: LeadId,
}

/// `PUT …/hold/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Whether to put the lead on hold.
    pub held: bool,
}

/// `PUT …/mute/`: mutes or unmutes the signed-in user's own leg, as the rep or a coach.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MuteRequest {
    /// Whether to mute the leg.
    pub muted: bool,
}

/// `PUT …/microphone/`: reports the microphone of this device's own leg, as the rep or a coach.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MicrophoneRequest {
    /// Whether the microphone doesn't work.
    pub trouble: bool,
}

/// `POST …/dtmf/`: keys pressed by the rep.
#[wire_type(secret)]
#[serde(deny_unknown_fields)]
pub struct DtmfRequest {
    /// 1 to 32 of `0`–`9`, `*`, `#`, `A`–`D` (RFC 4733).
    #[schema(min_length = 1, max_length = 32, pattern = "^[0-9*#A-D]{1,32}$")]
    pub digits: String,
}

impl std::fmt::Debug for DtmfRequest {
    // Digits may be a card's number.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "DtmfRequest {{ {} digits }}", self.digits.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_modes_are_written_as_close_writes_them() {
        assert_eq!(
            serde_json::to_string(&CallStatus::InProgress).unwrap(),
            "\"in-progress\""
        );
        assert_eq!(
            serde_json::to_string(&CallStatus::NoAnswer).unwrap(),
            "\"no-answer\""
        );
        assert_eq!(
            serde_json::to_string(&crate::CoachMode::Whisper).unwrap(),
            "\"whisper\""
        );
    }

    #[test]
    fn an_unknown_field_is_refused_and_not_passed_over() {
        assert!(
            serde_json::from_str::<crate::ModeRequest>(r#"{"mode":"listen","for":"all"}"#).is_err()
        );
    }

    #[test]
    fn l5_an_outcome_that_is_null_is_taken_away_and_one_that_is_absent_stays() {
        let read = |text: &str| serde_json::from_str::<CallPatch>(text).unwrap();
        assert_eq!(read("{}"), CallPatch::default());
        assert_eq!(read(r#"{"outcome_id":null}"#).outcome_id, Some(None));
        let id = OutcomeId::from_suffix("1").unwrap();
        let chosen = read(r#"{"outcome_id":"outcome_1","note":"Call back"}"#);
        assert_eq!(chosen.outcome_id, Some(Some(id)));
        assert_eq!(chosen.note.as_deref(), Some("Call back"));
        for patch in [CallPatch::default(), chosen, read(r#"{"outcome_id":null}"#)] {
            let text = serde_json::to_string(&patch).unwrap();
            assert_eq!(read(&text), patch, "{text}");
        }
    }

    #[test]
    fn digits_are_not_printed() {
        let request = DtmfRequest {
            digits: "4111".into(),
        };
        assert!(!format!("{request:?}").contains("4111"));
    }
}
