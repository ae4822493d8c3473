//! Tells each change to exactly those who may see it, in the order in which they happened.

use super::directory::{Directory, Member};
use super::events::Events;
use call::{Limits, Viewer, may_see_coach_legs, view};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use wire::{
    ActiveCall, Call, CallId, ClientType, CoachLeg, Event, Invitation, OrganizationId, UserId,
};

/// Changes that wait to be told. The owner waits when there are more.
const QUEUE_MAX: usize = 4096;
/// How long the members may take to be read.
const READ_MAX: Duration = Duration::from_secs(2);

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
    let teller = Teller {
        directory,
        events,
        limits,
    };
    tokio::spawn(async move {
        while let Some(news) = news.recv().await {
            teller.tell(news).await;
        }
    });
    queue
}

struct Teller {
    directory: Arc<dyn Directory>,
    events: Arc<dyn Events>,
    limits: Limits,
}

impl Teller {
    async fn tell(&self, news: News) {
        match news {
            News::Call(organization, record) => {
                for viewer in self.viewers(&organization, &record.id).await {
                    self.show(&organization, &viewer, &record);
                }
            }
            News::Calls(organization, user, records) => {
                let Some(first) = records.first() else {
                    return;
                };
                let viewers = self.viewers(&organization, &first.id).await;
                if let Some(viewer) = viewers.iter().find(|viewer| viewer.user == user) {
                    for record in &records {
                        self.show(&organization, viewer, record);
                    }
                }
            }
            News::Leg(organization, record, leg) => {
                let viewers = self.viewers(&organization, &record.id).await;
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

    /// The active members who listen, with what they may see by now. Nobody when that cannot be
    /// known: who may see it cannot be guessed.
    async fn viewers(&self, organization: &OrganizationId, call: &CallId) -> Vec<Viewer> {
        let read = tokio::time::timeout(READ_MAX, self.directory.members(organization)).await;
        let members = match read {
            Ok(Ok(members)) => members,
            Ok(Err(error)) => {
                tracing::error!(call_id = %call, %error, "could not tell anyone about a change");
                return Vec::new();
            }
            Err(_) => {
                tracing::error!(call_id = %call, "could not tell anyone about a change: the database is slow");
                return Vec::new();
            }
        };
        let listening: HashSet<UserId> = self.events.listeners(organization).into_iter().collect();
        members
            .into_iter()
            .filter(|member| listening.contains(&member.user_id))
            .map(|Member { user_id, authority }| Viewer {
                user: user_id,
                authority,
            })
            .collect()
    }
}
