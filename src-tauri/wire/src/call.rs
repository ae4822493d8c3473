//! Calls, and what their rep asks of them.

use crate::list::list_query;
use crate::{
    CallId, CallRecording, CoachLeg, Code, ContactId, LeadId, LegId, PhoneNumberId,
    PhoneNumberKind, Timestamp, UserId,
};
use wire_macros::wire_type;

/// Which way a call goes.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The rep called the lead.
    Outbound,
    /// The lead called the rep.
    Inbound,
}

/// Where a call stands. The names are Close's, with `ringing` added.
#[wire_type(Copy, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum CallStatus {
    /// Placed; the lead's side has not answered with anything yet.
    Created,
    /// The lead's phone rings.
    Ringing,
    /// Rep and lead speak.
    InProgress,
    /// Was in progress and is over.
    Completed,
    /// The lead was busy.
    Busy,
    /// The lead did not answer.
    NoAnswer,
    /// The rep hung up before the lead answered.
    Cancel,
    /// It could not be connected.
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
    /// The lead did not answer in time.
    NoAnswer,
    /// The lead did not want the call.
    Declined,
    /// The lead's phone could not be reached: there is no such number, or nobody under it.
    Unreachable,
    /// The telephone network did not put the call through.
    NetworkFailed,
    /// Nothing was heard of the lead's phone any more.
    LeadLost,
    /// The rep's connection was lost for longer than is waited for.
    RepLost,
    /// The service was stopped.
    ServiceStopped,
}

/// A lead, as a call names it.
#[wire_type]
pub struct LeadBrief {
    /// The lead.
    pub id: LeadId,
    /// Its name.
    pub display_name: String,
}

/// Whether the user who asked may join a call now, and if not, why.
#[wire_type]
pub struct Joinability {
    /// Whether Listen would be let in.
    pub joinable: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Why not, in words for the button's hint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A call, which is an activity of its lead.
#[wire_type]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The rep.
    pub user_id: UserId,
    /// The rep's leg.
    pub rep_leg_id: LegId,
    /// Who is called, or who calls.
    pub lead: LeadBrief,
    /// The person there.
    pub contact_id: Option<ContactId>,
    /// Which way it goes.
    pub direction: Direction,
    /// Where it stands.
    pub status: CallStatus,
    /// The organization's number, E.164.
    pub local_phone: String,
    /// What kind of number that is.
    pub local_phone_type: PhoneNumberKind,
    /// The lead's number, E.164; empty when who calls withholds it.
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
    /// Whether the rep's audio is lost, and the call waits for it to come back.
    #[serde(default)]
    pub rep_reconnecting: bool,
    /// Whether the rep's app says that its microphone doesn't work, so no one can hear the rep.
    #[serde(default)]
    pub microphone_trouble: bool,
    /// Where the recording is; null when there is none.
    pub recording_url: Option<String>,
    /// The recording; null when the call is not recorded.
    #[serde(default)]
    pub recording: Option<CallRecording>,
    /// Everyone who coached it, in the order they came. Empty for those who may not see them: only
    /// the rep, the coaches on the call, and members who may listen see it.
    pub coach_legs: Vec<CoachLeg>,
    /// Whether the user who asked may join.
    pub joinability: Joinability,
}

list_query! {
    /// Which calls are wanted.
    CallQuery {
        /// Those of this lead only.
        pub lead_id: Option<LeadId>,
        /// Only those that are not over (`true`), or all (`false`, or not given).
        pub active: Option<bool>,
    }
}

/// `POST /api/v1/activity/call/`: places a call.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct PlaceCallRequest {
    /// Which of the organization's numbers is shown.
    pub local_phone_id: PhoneNumberId,
    /// Who is called.
    pub lead_id: LeadId,
    /// The person there; the lead's first contact when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<ContactId>,
    /// Which of the contact's numbers, E.164; the first when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_phone: Option<String>,
}

/// `POST /api/v1/demo/inbound_call/`, in local mode: the simulated lead calls in.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct InboundCallRequest {
    /// Which of the organization's numbers is called; it must be somebody's.
    pub local_phone_id: PhoneNumberId,
    /// Who calls.
    pub lead_id: LeadId,
}

/// `PUT …/hold/`.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Whether the lead is to be on hold.
    pub held: bool,
}

/// `PUT …/mute/`: of the asking user's own leg, the rep's or a coach's.
#[wire_type]
#[serde(deny_unknown_fields)]
pub struct MuteRequest {
    /// Whether the leg is to be muted.
    pub muted: bool,
}

/// `PUT …/microphone/`: of the asking device's own leg, the rep's or a coach's.
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
    fn digits_are_not_printed() {
        let request = DtmfRequest {
            digits: "4111".into(),
        };
        assert!(!format!("{request:?}").contains("4111"));
    }
}
