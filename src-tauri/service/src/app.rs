//! The service's parts, as requests and sockets work with them, and what goes across several of them.

use crate::audit::Audit;
use crate::auth::Auth;
use crate::balances::BalanceNews;
use crate::config::Config;
use crate::hub::{Hub, availability};
use crate::imports::Imports;
use crate::metrics::{Gauges, Metrics};
use calls::Calls;
use recordings::Recordings;
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::clock::now;
use store::{Database, MembershipChange, RoleChange, StoreError};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use wire::{Availability, DeviceId, Event, Organization, OrganizationId, UserId};

/// How long a readiness check is good for: whoever asks more often makes no more work.
const READINESS_KEPT: Duration = Duration::from_secs(1);

/// Members for whom calls are told at once that they may do something else.
const TOLD_AT_ONCE: usize = 64;

/// The service's parts.
pub struct App {
    /// What it was told.
    pub config: Config,
    /// What lasts.
    pub store: Database,
    /// Who is who.
    pub auth: Auth,
    /// The audit log's way in.
    pub audit: Audit,
    /// Sockets and streams.
    pub hub: Arc<Hub>,
    /// The calls.
    pub calls: Calls,
    /// The recordings; none when the store is only read.
    pub recordings: Option<Arc<Recordings>>,
    /// The imports of leads; none when the store is only read.
    pub imports: Option<Arc<Imports>>,
    /// The media workers.
    pub media: media::Media,
    /// The trunks to the telephone network; none when leads are simulated.
    pub trunks: Option<Arc<trunk::Trunks>>,
    /// Whose balance changed.
    pub balances: Arc<BalanceNews>,
    /// What HTTP counts.
    pub metrics: Metrics,
    /// When it started.
    pub started: Instant,
    /// The last readiness check, and when it was made.
    pub readiness: Mutex<Option<(Instant, Readiness)>>,
}

/// What `/ready` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether everything works.
    pub ready: bool,
    /// `ok`, or what is wrong with the store.
    pub store: &'static str,
    /// `ok`, or what is wrong with the media workers.
    pub media: &'static str,
}

impl App {
    /// How available every active member of an organization is.
    ///
    /// # Errors
    /// [`StoreError`] when the members cannot be read.
    pub async fn availability(
        &self,
        organization: &OrganizationId,
    ) -> Result<Availability, StoreError> {
        let members = self.store.members(organization).await?;
        let presence = self.hub.presence();
        Ok(Availability {
            data: members
                .iter()
                .map(|member| availability(presence, &member.user_id))
                .collect(),
        })
    }

    /// A member's role changed, or whether they are active: tells calls at once (A2), then them.
    pub async fn member_changed(&self, organization: &OrganizationId, change: &MembershipChange) {
        self.calls
            .authority_changed(organization, &change.user_id)
            .await;
        if change.active {
            self.tell_me(organization, &change.user_id).await;
        } else {
            self.hub.close_user(organization, &change.user_id);
        }
        self.directory_changed(organization);
    }

    /// A member changed their own name or address: they are told, and everybody who shows it.
    pub async fn profile_changed(&self, organization: &OrganizationId, user: &UserId) {
        self.tell_me(organization, user).await;
        self.directory_changed(organization);
    }

    /// The sign-ins of these devices are over: their sockets close. Calls on them go on.
    pub fn signed_out(&self, devices: &[DeviceId]) {
        for device in devices {
            self.hub.close_device(device);
        }
    }

    /// Somebody became a member: everybody else is told who they are and how available.
    pub fn member_came(&self, organization: &OrganizationId, user: &UserId) {
        self.directory_changed(organization);
        self.hub.availability_changed(organization, user);
    }

    /// What a role holds changed: tells calls at once, for everybody who holds it (A2), then them.
    pub async fn role_changed(&self, organization: &OrganizationId, change: &RoleChange) {
        for some in change.members.chunks(TOLD_AT_ONCE) {
            let mut told = JoinSet::new();
            for user in some {
                let (calls, organization, user) =
                    (self.calls.clone(), organization.clone(), user.clone());
                told.spawn(async move { calls.authority_changed(&organization, &user).await });
            }
            told.join_all().await;
        }
        let listeners = self.hub.listeners(organization);
        for user in listeners
            .iter()
            .filter(|user| change.members.contains(user))
        {
            self.tell_me(organization, user).await;
        }
        self.directory_changed(organization);
    }

    /// Members, roles, groups or numbers changed: whoever shows them reads them anew.
    pub fn directory_changed(&self, organization: &OrganizationId) {
        self.hub
            .broadcast(organization, &Event::DirectoryChanged {});
    }

    /// The organization changed: tells calls of another plan at once (A2), then everybody who listens.
    pub async fn organization_changed(&self, organization: &Organization, has_plan: bool) {
        if has_plan {
            self.calls
                .plan_changed(&organization.id, organization.plan)
                .await;
        }
        for user in self.hub.listeners(&organization.id) {
            self.tell_me(&organization.id, &user).await;
        }
    }

    async fn tell_me(&self, organization: &OrganizationId, user: &UserId) {
        match self.store.me(user, now()).await {
            Ok(Some(me)) => {
                let me = Box::new(me);
                self.hub.send(organization, user, &Event::MeChanged { me });
            }
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "could not read a member"),
        }
    }

    /// Whether the store can be written and the media workers run.
    pub async fn readiness(&self) -> Readiness {
        let mut last = self.readiness.lock().await;
        if let Some((at, readiness)) = &*last
            && at.elapsed() < READINESS_KEPT
        {
            return readiness.clone();
        }
        let store = self.store.probe().await;
        if let Err(error) = &store {
            tracing::warn!(%error, "the database can't be written");
        }
        let media = self.media.is_alive();
        let readiness = Readiness {
            ready: store.is_ok() && media,
            store: if store.is_ok() {
                "ok"
            } else {
                "cannot be written"
            },
            media: if media { "ok" } else { "stopped" },
        };
        *last = Some((Instant::now(), readiness.clone()));
        readiness
    }

    /// All that is counted, in Prometheus' text format.
    pub async fn metrics_page(&self) -> String {
        self.metrics.page(&Gauges {
            hub: self.hub.counts(),
            media: self.media.metrics(),
            calls: self.calls.active_count(),
            saves: self.calls.save_counts(),
            audit_lost: self.audit.lost(),
            recordings: self
                .recordings
                .as_ref()
                .map(|all| all.counts())
                .unwrap_or_default(),
            trunks: self
                .trunks
                .as_ref()
                .map(|trunks| trunks.status())
                .unwrap_or_default(),
            ready: self.readiness().await.ready,
            uptime: self.started.elapsed(),
        })
    }
}
