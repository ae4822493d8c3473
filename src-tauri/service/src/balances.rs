//! Whose balance changed, and telling it: those who manage the organization see it at once, and
//! everybody's Listen buttons when it begins or ceases to pay for a coach's first minute (B3, B4).

use crate::hub::Hub;
use calls::Calls;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::Database;
use store::clock::now;
use wire::{Event, LedgerKind, OrganizationId, Permission};

/// How often an organization is told at most: many coaches' minutes start together.
const INTERVAL: Duration = Duration::from_millis(500);

/// Organizations whose balance changed since it was told. Each is held once.
#[derive(Debug, Default)]
pub struct BalanceNews {
    changed: Mutex<BTreeSet<OrganizationId>>,
    bell: tokio::sync::Notify,
}

impl BalanceNews {
    /// A line was added to this organization's ledger. Never waits.
    pub fn note(&self, organization: OrganizationId) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert(organization);
        self.bell.notify_one();
    }

    async fn next(&self) -> BTreeSet<OrganizationId> {
        self.bell.notified().await;
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *changed)
    }
}

/// Tells, as long as the service runs.
pub async fn tell(news: Arc<BalanceNews>, database: Database, hub: Arc<Hub>, calls: Calls) {
    let mut paid: HashMap<OrganizationId, bool> = HashMap::new();
    loop {
        for organization in news.next().await {
            let balance = match database.balance(&organization).await {
                Ok(balance) => balance,
                Err(error) => {
                    tracing::warn!(%error, "could not read a balance");
                    continue;
                }
            };
            let members = database.members(&organization).await;
            for member in members.unwrap_or_default() {
                if member.permissions.contains(&Permission::ManageOrganization) {
                    let event = Event::BalanceChanged { balance };
                    hub.send(&organization, &member.user_id, &event);
                }
            }
            let price = usage::rate_at(LedgerKind::Coaching, now());
            let pays = balance.balance_micro_dollars >= price;
            if paid.insert(organization.clone(), pays) != Some(pays) {
                calls.funds_changed(&organization).await;
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}
