//! What goes across calls: a rep's calls, a changed authority, the stop of the service.

use super::hands::Work;
use super::news::News;
use super::owner::Owner;
use call::{Authority, Input, Machine};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use wire::{ActiveCall, CallId, ClientType, OrganizationId, Plan, UserId};

/// How long a stop waits for the store.
const FLUSH_MAX: Duration = Duration::from_secs(3);

impl Owner {
    pub(super) async fn authority_changed(
        &mut self,
        organization: OrganizationId,
        user: UserId,
        authority: Authority,
    ) -> Vec<oneshot::Receiver<()>> {
        let input = |_: &Machine| Input::AuthorityChanged {
            user: user.clone(),
            authority,
        };
        let mut waits = self.tell_all(&organization, input).await;
        let records = self
            .of(&organization)
            .map(|live| Arc::new(live.machine.record()));
        let records = records.collect();
        self.say(News::Calls(organization, user, records)).await;
        waits.push(self.told().await);
        waits
    }

    pub(super) async fn plan_changed(
        &mut self,
        organization: OrganizationId,
        plan: Plan,
    ) -> Vec<oneshot::Receiver<()>> {
        let mut waits = self
            .tell_all(&organization, |_| Input::PlanChanged(plan))
            .await;
        waits.push(self.told().await);
        waits
    }

    /// Whether a call can be joined changed for everybody; nobody is cut off for money (B3).
    pub(super) async fn funds_changed(&self, organization: &OrganizationId) {
        let of = self.of(organization);
        let records: Vec<_> = of.map(|live| Arc::new(live.machine.record())).collect();
        for record in records {
            self.say(News::Call(organization.clone(), record)).await;
        }
    }

    /// Gives each call of an organization something; when each one's hands are done with it.
    pub(super) async fn tell_all(
        &mut self,
        organization: &OrganizationId,
        input: impl Fn(&Machine) -> Input,
    ) -> Vec<oneshot::Receiver<()>> {
        let of = self.of(organization).map(|live| live.machine.id().clone());
        let calls: Vec<CallId> = of.collect();
        let mut waits = Vec::new();
        for call in calls {
            let Some(live) = self.state.live.get(&call) else {
                continue;
            };
            let input = input(&live.machine);
            let work = live.work.clone();
            self.tell(&call, input).await;
            let (reply, done) = oneshot::channel();
            if work.send(Work::Done(reply)).await.is_ok() {
                waits.push(done);
            }
        }
        waits
    }

    pub(super) async fn told(&self) -> oneshot::Receiver<()> {
        let (reply, told) = oneshot::channel();
        self.say(News::Told(reply)).await;
        told
    }

    /// Ends every call, and waits until the media has let go of them, it is told, and it is kept or
    /// took too long.
    pub(super) async fn stop(&mut self) {
        let calls: Vec<CallId> = self.state.live.keys().cloned().collect();
        tracing::info!(calls = calls.len(), "calls end: the service stops");
        for call in &calls {
            self.tell(call, Input::ServiceStopping).await;
        }
        self.state.hands.close();
        self.state.hands.wait().await;
        let _ = self.told().await.await;
        if tokio::time::timeout(FLUSH_MAX, self.saves.flush())
            .await
            .is_err()
        {
            tracing::error!("the store did not take everything in time");
        }
    }

    pub(super) async fn tell_active(&self, call: &CallId) {
        if let Some(live) = self.state.live.get(call) {
            let rep = live.machine.rep().clone();
            self.say_active(live.organization.clone(), rep).await;
        }
    }

    pub(super) async fn say_active(&self, organization: OrganizationId, rep: UserId) {
        let of_rep = self
            .of(&organization)
            .filter(|live| *live.machine.rep() == rep && !live.machine.rings_in());
        let mut calls: Vec<(ClientType, ActiveCall)> = of_rep
            .map(|live| {
                let call = ActiveCall {
                    id: live.machine.id().clone(),
                    lead: live.machine.lead_brief().clone(),
                };
                (live.client_type, call)
            })
            .collect();
        calls.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        self.say(News::Active(organization, rep, calls)).await;
    }
}
