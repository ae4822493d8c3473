//! What service and clients say to each other: ids, HTTP bodies, WebSocket messages, error codes.
//!
//! Everything is declared once, here; OpenAPI, JSON Schema and TypeScript are exported from it. Names
//! are those of Close's public API where it has one. `wire` knows nothing of sockets, storage,
//! clocks or rules: it holds shapes and their bounds.

#![warn(missing_docs)]

mod admin;
mod audit;
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
mod money;
mod organization;
mod recording;
pub mod route;
mod shape;
mod socket;
mod timestamp;

pub use admin::{
    AcceptInviteRequest, GroupRequest, InviteLookup, InviteOffer, Member, MemberInvite,
    MemberInviteRequest, MemberInviteStatus, NewMemberInvite, PhoneNumberRequest, PlanFeature,
    PlanInfo, RoleRequest,
};
pub use audit::{AuditAction, AuditEntry, AuditQuery};
pub use auth::{RefreshRequest, SignInRequest, SignOutRequest, Tokens};
pub use availability::{
    ActiveCall, Availability, ClientAvailability, ClientType, PresenceStatus, UserAvailability,
};
pub use call::{
    Call, CallQuery, CallStatus, Direction, DtmfRequest, HangupCause, HoldRequest,
    InboundCallRequest, Joinability, LeadBrief, MuteRequest, PlaceCallRequest,
};
pub use coach::{
    CoachLeg, CoachLegStatus, CoachMode, JoinRequest, LegEndReason, ModeRequest,
    ParticipationAction, ParticipationEntry,
};
pub use directory::{Contact, ContactQuery, Lead, LeadQuery, PhoneNumber, PhoneNumberKind};
pub use error::{Code, ErrorBody, ErrorDetail};
pub use ids::{
    AuditEntryId, CallId, ContactId, DeviceId, GroupId, IdError, InvitationId, LeadId,
    LedgerEntryId, LegId, MemberInviteId, MembershipId, OrganizationId, PhoneNumberId, RoleId,
    UserId,
};
pub use invitation::{Invitation, InvitationRequest, InvitationStatus, InvitationTarget};
pub use list::{List, ListQuery};
pub use media::{
    AUDIO_LEVEL_EXTENSION_URI, COACH_MODE_EXTENSION_URI, MediaAnswer, MediaOffer, SDP_BYTES_MAX,
};
pub use money::{
    Balance, LedgerEntry, LedgerKind, MicroDollars, Rate, SpendOfCall, SpendOfCoach, SpendOfDay,
    TopUpRequest, Usage, UsageQuery,
};
pub use organization::{
    Group, Me, Membership, MembershipPatch, Organization, OrganizationPatch, Permission, Plan,
    Role, User,
};
pub use recording::{
    CallRecording, RecordingGap, RecordingOverride, RecordingPeaks, RecordingQuery,
    RecordingRequest, RecordingSettings, RecordingStatus,
};
pub use socket::{
    ClientMessage, Event, HEARTBEAT_INTERVAL_S, Hello, LeadQuality, Level, MESSAGE_BYTES_MAX,
    PartyKind, ServerMessage,
};
pub use timestamp::Timestamp;
