//! What a user may do on calls, as the shell found it just now.

use mix::Mode;
use wire::{LegEndReason, Permission, Plan};

/// The facts that decide about a coach (A1, A2, J3). They are looked up again at every join and mode
/// change; none is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority {
    /// Whether the user is an active member of the call's organization.
    pub active: bool,
    /// Whether the role holds `call_coach_listen`, or what implies it.
    pub listen: bool,
    /// Whether the role holds `call_coach_barge`.
    pub barge: bool,
    /// The organization's plan.
    pub plan: Plan,
    /// Whether the organization's balance covers a coach's first minute (B3).
    pub funds: bool,
}

impl Authority {
    /// The authority of a member whose role holds these permissions.
    #[must_use]
    pub fn new(active: bool, permissions: &[Permission], plan: Plan) -> Self {
        let barge = permissions.contains(&Permission::CallCoachBarge);
        Self {
            active,
            // The second permission implies the first (A1).
            listen: barge || permissions.contains(&Permission::CallCoachListen),
            barge,
            plan,
            funds: true,
        }
    }

    /// The same, with or without funds for a coach's first minute.
    #[must_use]
    pub const fn with_funds(self, funds: bool) -> Self {
        Self { funds, ..self }
    }

    /// The authority to do nothing: for someone who is not an active member, or whose facts are unknown.
    /// The plan is assumed to include the feature, so that the reason given is the member's own.
    #[must_use]
    pub const fn none(active: bool) -> Self {
        Self {
            active,
            listen: false,
            barge: false,
            plan: Plan::Enterprise,
            funds: true,
        }
    }

    /// Whether the role lets its member listen, whatever the plan.
    #[must_use]
    pub const fn may_listen(&self) -> bool {
        self.active && (self.listen || self.barge)
    }

    /// The widest mode that may be granted; `None` when not even Listen may.
    #[must_use]
    pub const fn ceiling(&self) -> Option<Mode> {
        if !self.may_listen() || !self.plan.has_call_coaching() {
            None
        } else if self.barge {
            Some(Mode::Barge)
        } else {
            Some(Mode::Listen)
        }
    }

    /// Why a coach with this authority is taken off the call (A2); `None` when they may stay.
    pub(crate) const fn revoked_reason(&self) -> Option<LegEndReason> {
        if !self.active {
            Some(LegEndReason::Deactivated)
        } else if !self.plan.has_call_coaching() {
            Some(LegEndReason::PlanChanged)
        } else if !self.may_listen() {
            Some(LegEndReason::PermissionRevoked)
        } else {
            None
        }
    }
}
