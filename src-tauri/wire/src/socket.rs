//! The messages of the WebSocket at `/api/v1/socket/`, one JSON object in each text frame.
//!
//! The client says `hello` with its access token within 5 s and then `heartbeat` every 10 s; the
//! service answers `welcome` and each heartbeat, and sends events. Events are numbered in each user's
//! own stream: a client that reconnects names the stream and the last number that it saw, and gets
//! what it missed. When that is no longer held, `welcome` says `resumed: false`, and the client reads
//! the state anew over HTTP.

use crate::{
    Balance, Call, CallId, CoachLeg, Code, Invitation, LegId, Me, Timestamp, UserAvailability,
    UserId,
};
use serde::{Deserialize, Serialize};

/// How often a client says `heartbeat`, in seconds. Two missed ones and it counts as gone.
pub const HEARTBEAT_INTERVAL_S: u64 = 10;
/// The longest message that a client may send, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// A message from a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message.
    Hello(Hello),
    /// Every 10 s.
    Heartbeat {},
}

/// The first message of a client.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The access token of the sign-in; it also says which device this is.
    pub access_token: String,
    /// The stream that the client was on, from its last `welcome`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_id: Option<String>,
    /// The number of the last event that the client handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_seq: Option<u64>,
}

impl std::fmt::Debug for Hello {
    // No log may hold a token.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Hello {{ after_seq: {:?}, .. }}", self.after_seq)
    }
}

/// A message from the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The answer to `hello`.
    Welcome {
        /// The stream that events are numbered in. It changes when the service restarts.
        stream_id: String,
        /// The number of the newest event so far; 0 before the first.
        seq: u64,
        /// Whether every event after `after_seq` follows. If not, read the current state over HTTP.
        resumed: bool,
        /// The service's clock.
        now: Timestamp,
        /// How long the service waits for audio that is lost before it ends the leg, in milliseconds; a rep's
        /// leg ends with its call.
        reconnect_ms: u64,
    },
    /// Something changed.
    Event {
        /// Its number: one more than the one before.
        seq: u64,
        /// The change.
        event: Box<Event>,
    },
    /// How loud those are whom this user hears, and the user: up to five times a second while on a
    /// call. Not numbered and not sent again.
    Levels {
        /// The call.
        call_id: CallId,
        /// One entry for each party who is heard.
        levels: Vec<Level>,
    },
    /// The lead pressed a key of their phone. To the rep's own devices; not numbered, not kept.
    LeadKey {
        /// The call.
        call_id: CallId,
        /// Which: `0`–`9`, `*`, `#`, `A`–`D`.
        key: char,
    },
    /// How the network to the lead's phone does: every two seconds while on a call over a trunk. To the
    /// rep's own devices; not numbered, not sent again.
    LeadQuality {
        /// The call.
        call_id: CallId,
        /// The figures.
        quality: LeadQuality,
    },
    /// The answer to `heartbeat`.
    HeartbeatAck {},
    /// The last message was refused. After `unauthenticated`, the connection is closed.
    Error {
        /// The stable code.
        code: Code,
        /// What happened, in words.
        message: String,
    },
    /// The service is stopping. Connect again shortly.
    GoingAway {},
}

/// The quality of the network to the lead's phone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, specta::Type,
)]
pub struct LeadQuality {
    /// Interarrival jitter of what comes from it (RFC 3550 §6.4.1), in milliseconds.
    pub jitter_ms: u32,
    /// Packets of it lost recently, in thousandths.
    pub lost_permille: u16,
    /// Round-trip time, in milliseconds; null until the phone has reported it.
    pub round_trip_ms: Option<u32>,
}

/// What changed. Each event goes to exactly those who can see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A teammate came online, went offline, or started or ended a call. To the organization.
    AvailabilityChanged {
        /// Its current state.
        user: UserAvailability,
    },
    /// A call was placed or changed. To the organization; coach legs only to those who may see them.
    CallChanged {
        /// Its current state.
        call: Box<Call>,
    },
    /// A coach joined, switched, moved, or left. To those who see the call's coach legs.
    CoachLegChanged {
        /// The call.
        call_id: CallId,
        /// The leg's current state.
        coach_leg: Box<CoachLeg>,
    },
    /// An invitation was sent or answered. To inviter and invitee.
    InvitationChanged {
        /// Its current state.
        invitation: Box<Invitation>,
    },
    /// The rep pressed keys. To the rep's own devices.
    DtmfSent {
        /// The call.
        call_id: CallId,
        /// How many. Which ones isn't repeated.
        digit_count: u8,
    },
    /// This user's data or permissions changed. To that user.
    MeChanged {
        /// Its current state.
        me: Box<Me>,
    },
    /// Members, roles, groups or numbers changed: read them again. To the organization.
    DirectoryChanged {},
    /// The balance changed, or what counts as low. To those who manage the organization.
    BalanceChanged {
        /// The current balance.
        balance: Balance,
    },
}

/// A party's role in a call.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    specta::Type,
)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// The rep.
    Rep,
    /// The lead.
    Lead,
    /// A teammate who coaches.
    Coach,
}

/// How loud one party is.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, specta::Type,
)]
pub struct Level {
    /// The party's role.
    pub kind: PartyKind,
    /// The user; null for the lead.
    pub user_id: Option<UserId>,
    /// The party's leg; null for the lead.
    pub leg_id: Option<LegId>,
    /// The loudest frame since the last message, in dBov: 0 the loudest, -127 silence (RFC 6464).
    pub level_dbov: i8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_message_is_refused() {
        for text in [
            r#"{"type":"grant_me_everything"}"#,
            "{}",
            "[]",
            r#"{"type":"hello"}"#,
        ] {
            assert!(
                serde_json::from_str::<ClientMessage>(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_heartbeat_is_as_documented() {
        let text = serde_json::to_string(&ClientMessage::Heartbeat {}).unwrap();
        assert_eq!(text, r#"{"type":"heartbeat"}"#);
        assert_eq!(
            serde_json::from_str::<ClientMessage>(&text).unwrap(),
            ClientMessage::Heartbeat {}
        );
    }

    #[test]
    fn a_hello_is_printed_without_its_token() {
        let hello = Hello {
            access_token: "secret".into(),
            stream_id: None,
            after_seq: Some(3),
        };
        assert!(!format!("{:?}", ClientMessage::Hello(hello)).contains("secret"));
    }
}
