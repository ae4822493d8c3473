//! Tells each change to exactly those who may see it, in the order in which they happened.

use super::directory::{Directory, Member};
use super::events::Events;
use call::{Limits, Viewer, may_see_coach_legs, view};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use wire::{
    ActiveCall, Call, CallId, ClientType, CoachLeg, Event, Invitation, OrganizationId, UserId,
};

/// Changes that wait to be told. The owner waits when there are more.
const QUEUE_MAX: usize = 4096;
/// How long the members may take to be read.
const READ_MAX: Duration = Duration::from_secs(2);
/// How long after that they are read again.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// Calls of an organization of which it's kept that nobody was told, at most.
const UNTOLD_MAX: usize = 1024;

/// Something to tell.
pub enum News {
    /// A call changed: to the organization.
    Call(OrganizationId, Arc<Call>),
    /// Calls look different to one user, whose authority changed.
    Calls(OrganizationId, UserId, Vec<Arc<Call>>),
    /// A coach's leg of this call changed: to those who see its coach legs, and to the coach.
    Leg(OrganizationId, Arc<Call>, Box<CoachLeg>),
    /// An invitation changed: to inviter and invitee.
    Invitation(OrganizationId, Box<Invitation>),
    /// Keys were sent: to the rep.
    Dtmf(OrganizationId, UserId, CallId, u8),
    /// A rep is on other calls than before.
    Active(OrganizationId, UserId, Vec<(ClientType, ActiveCall)>),
    /// All that came before was told: say so.
    Flush(oneshot::Sender<()>),
}

/// Starts to tell.
pub fn start(
    directory: Arc<dyn Directory>,
    events: Arc<dyn Events>,
    limits: Limits,
) -> mpsc::Sender<News> {
    let (queue, mut news) = mpsc::channel(QUEUE_MAX);
    let mut teller = Teller {
        directory,
        events,
        limits,
        untold: HashMap::new(),
    };
    tokio::spawn(async move {
        loop {
            let again = teller.untold.values().map(|untold| untold.again).min();
            tokio::select! {
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {
                    teller.tell_again().await;
                }
                news = news.recv() => match news {
                    Some(news) => teller.tell(news).await,
                    None => return,
                },
            }
        }
    });
    queue
}

struct Teller {
    directory: Arc<dyn Directory>,
    events: Arc<dyn Events>,
    limits: Limits,
    /// Of organizations whose members couldn't be read.
    untold: HashMap<OrganizationId, Untold>,
}

/// What nobody in an organization was told yet.
struct Untold {
    /// Each call as it changed last.
    calls: HashMap<CallId, Arc<Call>>,
    /// When the members are read again.
    again: Instant,
}

impl Teller {
    async fn tell(&mut self, news: News) {
        match news {
            News::Call(organization, record) => {
                for viewer in self.viewers(&organization, &[&record]).await {
                    self.show(&organization, &viewer, &record);
                }
            }
            News::Calls(organization, user, records) => {
                let all: Vec<_> = records.iter().collect();
                let viewers = self.viewers(&organization, &all).await;
                if let Some(viewer) = viewers.iter().find(|viewer| viewer.user == user) {
                    for record in &records {
                        self.show(&organization, viewer, record);
                    }
                }
            }
            News::Leg(organization, record, leg) => {
                let viewers = self.viewers(&organization, &[&record]).await;
                let coach = leg.user_id.clone();
                let event = Event::CoachLegChanged {
                    call_id: record.id.clone(),
                    coach_leg: leg,
                };
                for viewer in viewers {
                    if viewer.user != coach && may_see_coach_legs(&record, &viewer) {
                        self.events.to_user(&organization, &viewer.user, &event);
                    }
                }
                // Also who was put out, and is not a member any more, is told why (A2).
                self.events.to_user(&organization, &coach, &event);
            }
            News::Invitation(organization, invitation) => {
                let users = [invitation.inviter_id.clone(), invitation.invitee_id.clone()];
                let event = Event::InvitationChanged { invitation };
                for user in &users {
                    self.events.to_user(&organization, user, &event);
                }
            }
            News::Dtmf(organization, rep, call_id, digit_count) => {
                let event = Event::DtmfSent {
                    call_id,
                    digit_count,
                };
                self.events.to_user(&organization, &rep, &event);
            }
            News::Active(organization, rep, calls) => {
                self.events
                    .active_calls_changed(&organization, &rep, &calls);
            }
            News::Flush(reply) => {
                let _ = reply.send(());
            }
        }
    }

    fn show(&self, organization: &OrganizationId, viewer: &Viewer, record: &Call) {
        let call = Box::new(view(record, &self.limits, viewer));
        let event = Event::CallChanged { call };
        self.events.to_user(organization, &viewer.user, &event);
    }

    /// The active members who listen, with what they may see by now. Nobody when that cannot be known:
    /// who may see it cannot be guessed. These calls are shown to them once it is.
    async fn viewers(
        &mut self,
        organization: &OrganizationId,
        calls: &[&Arc<Call>],
    ) -> Vec<Viewer> {
        // Before what came earlier, nothing is told.
        let read = if self.untold.contains_key(organization) {
            None
        } else {
            self.read(organization).await
        };
        if read.is_none() {
            let untold = self.untold.entry(organization.clone());
            let Untold { calls: untold, .. } = untold.or_insert_with(|| Untold {
                calls: HashMap::new(),
                again: Instant::now() + READ_AGAIN,
            });
            for call in calls {
                if untold.len() < UNTOLD_MAX || untold.contains_key(&call.id) {
                    untold.insert(call.id.clone(), Arc::clone(call));
                }
            }
        }
        read.unwrap_or_default()
    }

    /// Shows the calls of which nobody was told, if the organization whose turn it is can be read again.
    /// If not, the others come first: one that can't be read holds up no other.
    async fn tell_again(&mut self) {
        let next = self.untold.iter().min_by_key(|(_, untold)| untold.again);
        let Some(organization) = next.map(|(organization, _)| organization.clone()) else {
            return;
        };
        let read = self.read(&organization).await;
        let Some(mut untold) = self.untold.remove(&organization) else {
            return;
        };
        let Some(viewers) = read else {
            untold.again = Instant::now() + READ_AGAIN;
            self.untold.insert(organization, untold);
            return;
        };
        for call in untold.calls.values() {
            for viewer in &viewers {
                self.show(&organization, viewer, call);
            }
        }
    }

    async fn read(&self, organization: &OrganizationId) -> Option<Vec<Viewer>> {
        let read = tokio::time::timeout(READ_MAX, self.directory.members(organization)).await;
        let why = match read {
            Ok(Ok(members)) => return Some(self.viewers_of(organization, members)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database is slow".to_owned(),
        };
        tracing::error!(organization_id = %organization, why, "could not tell anyone about a change yet");
        None
    }

    fn viewers_of(&self, organization: &OrganizationId, members: Vec<Member>) -> Vec<Viewer> {
        let listening: HashSet<UserId> = self.events.listeners(organization).into_iter().collect();
        members
            .into_iter()
            .filter(|member| listening.contains(&member.user_id))
            .map(
                |Member {
                     user_id, authority, ..
                 }| Viewer {
                    user: user_id,
                    authority,
                },
            )
            .collect()
    }
}
