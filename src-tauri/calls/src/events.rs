//! How what happens on calls reaches those who may see it, and whoever else is to know.

use wire::{
    ActiveCall, CallId, ClientType, CoachLeg, Event, OrganizationId, ServerMessage, UserId,
};

/// Delivers to users' sockets, and to who keeps books. The seam for users whose sockets are on several
/// machines. No method blocks: what cannot be delivered waits in the user's stream, or is lost with it.
pub trait Events: Send + Sync {
    /// The users of an organization for whom a stream is held: for others no event needs to be made.
    fn listeners(&self, organization: &OrganizationId) -> Vec<UserId>;

    /// Numbers an event in this user's stream and sends it to their sockets.
    fn to_user(&self, organization: &OrganizationId, user: &UserId, event: &Event);

    /// Sends this user's sockets something that is not numbered and may be lost.
    fn unnumbered(&self, organization: &OrganizationId, user: &UserId, message: &ServerMessage);

    /// The calls that this user is the rep of changed; these are all of them, with the type of client
    /// that each was placed from.
    fn active_calls_changed(
        &self,
        organization: &OrganizationId,
        user: &UserId,
        calls: &[(ClientType, ActiveCall)],
    );

    /// A coach's leg changed, for the audit log (A4).
    fn coach_leg_changed(&self, organization: &OrganizationId, call: &CallId, leg: &CoachLeg);

    /// A started minute was charged (B2).
    fn charged(&self, organization: &OrganizationId);
}
