//! The bounds of a call.

/// Lines of history that a coach's leg keeps, the newest ones (`wire::CoachLeg`).
pub const HISTORY_LINES_MAX: usize = 1000;

/// Coach legs that a call keeps in memory. Beyond that, the oldest finished one is forgotten here; what
/// was output of it stays where it was written.
pub const LEGS_KEPT_MAX: usize = 256;

/// Invitations that a call keeps in memory. Beyond that, the oldest answered one is forgotten here.
pub const INVITATIONS_KEPT_MAX: usize = 512;

/// The bounds of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// People in the call, including rep and lead (J2). A leg that is reconnecting keeps its place.
    pub party_max: usize,
    /// How long the lead may ring, in milliseconds.
    pub ring_ms: i64,
    /// How long to wait for a party who is lost or not yet connected, in milliseconds.
    pub reconnect_ms: i64,
    /// How long a leg was silent when its media is reported as lost, in milliseconds.
    pub silence_ms: i64,
    /// How long after its start a minute is charged, in milliseconds: longer than it takes until a leg is
    /// known to have been lost before that minute (B2).
    pub charge_after_ms: i64,
    /// How long an invitation stays open (W3), in milliseconds.
    pub invitation_ms: i64,
    /// The length of a charged minute (B2), in milliseconds. Only tests use another than 60 000.
    pub minute_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            party_max: 100,
            ring_ms: 60_000,
            reconnect_ms: 30_000,
            silence_ms: 4_500,
            charge_after_ms: 6_000,
            invitation_ms: 60_000,
            minute_ms: usage::MINUTE_MS,
        }
    }
}
