//! What service and clients say to each other: ids, HTTP bodies, WebSocket messages, error codes.
//!
//! Everything is declared once, here; OpenAPI, JSON Schema and TypeScript are exported from it. Names
//! are those of Close's public API where it has one. `wire` knows nothing of sockets, storage,
//! clocks or rules: it holds shapes and their bounds.

mod auth;
mod availability;
mod call;
mod coach;
mod directory;
mod error;
mod ids;
mod invitation;
mod list;
mod media;
mod organization;
mod socket;
mod timestamp;

pub use auth::{RefreshRequest, SignInRequest, SignOutRequest, Tokens};
pub use availability::{
    ActiveCall, Availability, ClientAvailability, ClientType, PresenceStatus, UserAvailability,
};
pub use call::{
    Call, CallStatus, Direction, DtmfRequest, HangupCause, HoldRequest, Joinability, LeadBrief,
    MuteRequest, PlaceCallRequest,
};
pub use coach::{
    CoachLeg, CoachLegStatus, CoachMode, JoinRequest, LegEndReason, ModeRequest,
    ParticipationAction, ParticipationEntry,
};
pub use directory::{Contact, Lead, PhoneNumber, PhoneNumberKind};
pub use error::{Code, ErrorBody, ErrorDetail};
pub use ids::{
    CallId, ContactId, DeviceId, GroupId, IdError, InvitationId, LeadId, LegId, MembershipId,
    OrganizationId, PhoneNumberId, RoleId, UserId,
};
pub use invitation::{Invitation, InvitationRequest, InvitationStatus, InvitationTarget};
pub use list::{List, ListQuery};
pub use media::{
    AUDIO_LEVEL_EXTENSION_URI, COACH_MODE_EXTENSION_URI, MediaAnswer, MediaOffer, SDP_BYTES_MAX,
};
pub use organization::{
    Group, Me, Membership, MembershipPatch, Organization, OrganizationPatch, Permission, Plan,
    Role, User,
};
pub use socket::{
    ClientMessage, Event, HEARTBEAT_INTERVAL_S, Hello, Level, MESSAGE_BYTES_MAX, PartyKind,
    ServerMessage,
};
pub use timestamp::Timestamp;
