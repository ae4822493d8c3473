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
        again: Instant::now(),
    };
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                () = sleep_until(teller.again), if !teller.untold.is_empty() => {
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
    /// Of organizations whose members couldn't be read: each call as it changed last.
    untold: HashMap<OrganizationId, HashMap<CallId, Arc<Call>>>,
    /// When they are read again.
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
            let untold = self.untold.entry(organization.clone()).or_default();
            for call in calls {
                if untold.len() < UNTOLD_MAX || untold.contains_key(&call.id) {
                    untold.insert(call.id.clone(), Arc::clone(call));
                }
            }
        }
        read.unwrap_or_default()
    }

    /// Shows the calls of which nobody was told to those whose organizations can be read again.
    async fn tell_again(&mut self) {
        let organizations: Vec<_> = self.untold.keys().cloned().collect();
        for organization in organizations {
            let Some(viewers) = self.read(&organization).await else {
                // The others wait too: each that can't be read holds up what's new.
                return;
            };
            for call in self
                .untold
                .remove(&organization)
                .unwrap_or_default()
                .values()
            {
                for viewer in &viewers {
                    self.show(&organization, viewer, call);
                }
            }
        }
    }

    async fn read(&mut self, organization: &OrganizationId) -> Option<Vec<Viewer>> {
        let read = tokio::time::timeout(READ_MAX, self.directory.members(organization)).await;
        let members = match read {
            Ok(Ok(members)) => members,
            failed => {
                let why = failed.map_or_else(
                    |_| "the database is slow".to_owned(),
                    |read| {
                        read.err()
                            .map(|error| error.to_string())
                            .unwrap_or_default()
                    },
                );
                tracing::error!(organization_id = %organization, why, "could not tell anyone about a change yet");
                self.again = Instant::now() + READ_AGAIN;
                return None;
            }
        };
        let listening: HashSet<UserId> = self.events.listeners(organization).into_iter().collect();
        let viewers = members
            .into_iter()
            .filter(|member| listening.contains(&member.user_id))
            .map(|Member { user_id, authority }| Viewer {
                user: user_id,
                authority,
            });
        Some(viewers.collect())
    }
}
