//! Open invitations to this user, which end by themselves after 60 s (W3).

use std::collections::BTreeMap;
use std::time::Duration;

use wire::{Invitation, InvitationId, Timestamp};

/// How far the service's clock is from ours, as `service − ours`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServiceClock {
    offset_ms: Option<i64>,
}

impl ServiceClock {
    pub(crate) fn set(&mut self, now: Duration, service: Timestamp) {
        self.offset_ms = Some(service.0.saturating_sub(millis(now)));
    }

    /// What the service's clock shows now; `None` while it is unknown.
    pub(crate) fn now(self, now: Duration) -> Option<Timestamp> {
        let offset_ms = self.offset_ms?;
        Some(Timestamp(millis(now).saturating_add(offset_ms)))
    }

    /// When a moment of the service's is on our clock; its start when it is before that.
    pub(crate) fn at(self, moment: Timestamp) -> Option<Duration> {
        let ms = moment.0.saturating_sub(self.offset_ms?);
        Some(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
    }
}

fn millis(now: Duration) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// When each open invitation ends, on our clock.
#[derive(Debug, Default)]
pub(crate) struct Expiries(BTreeMap<InvitationId, Duration>);

impl Expiries {
    pub(crate) fn add(&mut self, now: Duration, clock: ServiceClock, invitation: &Invitation) {
        let whole = invitation
            .date_expires
            .millis_since(invitation.date_created);
        let ends = clock
            .at(invitation.date_expires)
            .unwrap_or(now.saturating_add(Duration::from_millis(whole)));
        self.0.insert(invitation.id.clone(), ends.max(now));
    }

    pub(crate) fn remove(&mut self, id: &InvitationId) {
        self.0.remove(id);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// One that has ended, if any; it is forgotten.
    pub(crate) fn ended(&mut self, now: Duration) -> Option<InvitationId> {
        let id = self.0.iter().find(|(_, at)| **at <= now)?.0.clone();
        self.0.remove(&id);
        Some(id)
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.0.values().min().copied()
    }
}
