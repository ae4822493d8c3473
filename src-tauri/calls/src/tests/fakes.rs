//! A directory, listeners and a line in memory.

use super::world::{organization, user};
use crate::{Directory, Events, Member};
use async_trait::async_trait;
use call::Authority;
use media::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, SimulatedLine};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::{LeadWhoCalls, StoreError};
use tokio::sync::{mpsc, oneshot};
use wire::*;

/// Longer than anything takes; reached only when something is wrong.
const LIMIT: Duration = Duration::from_secs(20);

fn phone(number: &str) -> ContactPhone {
    ContactPhone {
        phone: number.to_owned(),
        phone_formatted: number.to_owned(),
        extension: None,
        label: ContactLabel::Office,
    }
}

/// A look-up that has read the facts and waits before it gives them.
type Delay = (UserId, oneshot::Sender<()>, oneshot::Receiver<()>);

#[derive(Default)]
pub struct FakeDirectory {
    pub members: Mutex<HashMap<(OrganizationId, UserId), Authority>>,
    pub offline: Mutex<HashSet<UserId>>,
    pub delay: Mutex<Option<Delay>>,
    /// Whom it was asked about as somebody who calls.
    pub callers: Mutex<Vec<Option<String>>>,
    /// How often the members still can't be read.
    pub failures: AtomicUsize,
    /// Whether nothing is left to pay for a call.
    pub is_poor: AtomicBool,
    /// The numbers of leads that were made because they were called, with their names.
    pub called: Mutex<Vec<(String, String)>>,
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn members(&self, of: &OrganizationId) -> Result<Vec<Member>, StoreError> {
        let less = |left: usize| left.checked_sub(1);
        let is_failing = self.failures.fetch_update(SeqCst, SeqCst, less).is_ok();
        if is_failing {
            return Err(StoreError::Unavailable("for a test".into()));
        }
        let members = self.members.lock().unwrap();
        let of_it = members.iter().filter(|((one, _), _)| one == of);
        Ok(of_it
            .map(|((_, user_id), authority)| Member {
                user_id: user_id.clone(),
                authority: *authority,
                call_funds: true,
            })
            .collect())
    }

    async fn member(
        &self,
        of: &OrganizationId,
        user: &UserId,
    ) -> Result<Option<Member>, StoreError> {
        let key = (of.clone(), user.clone());
        let found = self.members.lock().unwrap().get(&key).copied();
        let delay = {
            let mut delay = self.delay.lock().unwrap();
            delay.take_if(|(of, ..)| of == user)
        };
        if let Some((_, read, go_on)) = delay {
            read.send(()).unwrap();
            go_on.await.unwrap();
        }
        let is_poor = self.is_poor.load(SeqCst);
        Ok(found.map(|authority| Member {
            user_id: user.clone(),
            authority,
            call_funds: !is_poor,
        }))
    }

    async fn lead(&self, of: &OrganizationId, id: &LeadId) -> Result<Option<Lead>, StoreError> {
        Ok((*of == organization("acme")).then(|| Lead {
            id: id.clone(),
            display_name: "Globex".into(),
            description: String::new(),
            status_id: None,
            status_label: None,
            owner_id: None,
            date_created: Timestamp(0),
            date_updated: Timestamp(0),
            contacts: vec![Contact {
                id: ContactId::from_suffix("hank").unwrap(),
                lead_id: id.clone(),
                name: "Hank".into(),
                display_name: "Hank".into(),
                phones: ["+12125550100", "+12125550101"].map(phone).to_vec(),
                emails: Vec::new(),
            }],
        }))
    }

    async fn phone_number(
        &self,
        of: &OrganizationId,
        id: &PhoneNumberId,
    ) -> Result<Option<PhoneNumber>, StoreError> {
        Ok((*of == organization("acme")).then(|| PhoneNumber {
            id: id.clone(),
            number: "+15550001".into(),
            label: "Main".into(),
            kind: PhoneNumberKind::Internal,
            user_id: None,
            user_ids: Vec::new(),
        }))
    }

    /// Riley's own number, one that is nobody's, and an external one of Riley's.
    async fn number_called(
        &self,
        of: Option<&OrganizationId>,
        number: &str,
    ) -> Result<Option<(OrganizationId, PhoneNumber)>, StoreError> {
        let acme = organization("acme");
        let (kind, owner) = match number {
            "+15550004" => (PhoneNumberKind::Internal, Some("riley")),
            "+15550001" => (PhoneNumberKind::Internal, None),
            "+15550002" => (PhoneNumberKind::External, Some("riley")),
            _ => return Ok(None),
        };
        let number = PhoneNumber {
            id: PhoneNumberId::from_suffix("called").unwrap(),
            number: number.into(),
            label: "Called".into(),
            kind,
            user_id: owner.map(user),
            user_ids: Vec::new(),
        };
        Ok(of.is_none_or(|of| *of == acme).then_some((acme, number)))
    }

    async fn lead_who_calls(
        &self,
        _: &OrganizationId,
        phone: Option<&str>,
    ) -> Result<LeadWhoCalls, StoreError> {
        self.callers.lock().unwrap().push(phone.map(str::to_owned));
        Ok(LeadWhoCalls {
            lead: LeadBrief {
                id: LeadId::from_suffix("initech").unwrap(),
                display_name: phone.unwrap_or("Withheld number").into(),
            },
            contact: phone.map(|_| ContactId::from_suffix("bill").unwrap()),
        })
    }

    async fn lead_with_phone(
        &self,
        of: &OrganizationId,
        phone: &str,
    ) -> Result<Option<LeadWhoCalls>, StoreError> {
        let is_known = *of == organization("acme") && phone == "+12125550100";
        Ok(is_known.then(|| LeadWhoCalls {
            lead: LeadBrief {
                id: LeadId::from_suffix("globex").unwrap(),
                display_name: "Globex".into(),
            },
            contact: ContactId::from_suffix("hank").ok(),
        }))
    }

    async fn lead_to_call(
        &self,
        of: &OrganizationId,
        phone: &str,
        name: &str,
    ) -> Result<LeadWhoCalls, StoreError> {
        if let Some(known) = self.lead_with_phone(of, phone).await? {
            return Ok(known);
        }
        let mut called = self.called.lock().unwrap();
        called.push((phone.into(), name.into()));
        Ok(LeadWhoCalls {
            lead: LeadBrief {
                id: LeadId::from_suffix("new").unwrap(),
                display_name: name.into(),
            },
            contact: ContactId::from_suffix("new").ok(),
        })
    }

    async fn country(&self, _: &OrganizationId) -> Result<String, StoreError> {
        Ok("US".into())
    }

    fn is_native_online(&self, user: &UserId) -> bool {
        !self.offline.lock().unwrap().contains(user)
    }
}

/// Everything that was told, in order.
#[derive(Default)]
pub struct FakeEvents {
    pub events: Mutex<Vec<(UserId, Event)>>,
    pub levels: Mutex<Vec<(UserId, Vec<Level>)>>,
    pub active: Mutex<Vec<(UserId, usize)>>,
    /// Of the lead's phone.
    pub phone: Mutex<Vec<(UserId, ServerMessage)>>,
    /// Of coaches, for the audit log.
    pub legs: Mutex<Vec<CoachLeg>>,
    pub charges: AtomicU64,
    pub listeners: Mutex<HashMap<OrganizationId, Vec<UserId>>>,
    news: tokio::sync::Notify,
}

impl FakeEvents {
    /// Waits until somebody was told something like this, and gives what.
    pub async fn wait<T>(&self, what: &str, find: impl Fn(&UserId, &Event) -> Option<T>) -> T {
        let found = async {
            loop {
                let more = self.news.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                {
                    let events = self.events.lock().unwrap();
                    let mut hits = events.iter();
                    if let Some(hit) = hits.find_map(|(user, event)| find(user, event)) {
                        return hit;
                    }
                }
                more.await;
            }
        };
        tokio::time::timeout(LIMIT, found)
            .await
            .unwrap_or_else(|_| panic!("nobody was told: {what}"))
    }

    /// Waits until this holds of the levels.
    pub async fn wait_levels(&self, count: usize) -> Vec<(UserId, Vec<Level>)> {
        let found = async {
            loop {
                let more = self.news.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                let levels = self.levels.lock().unwrap().clone();
                if levels.len() >= count {
                    return levels;
                }
                more.await;
            }
        };
        tokio::time::timeout(LIMIT, found).await.expect("levels")
    }

    /// How many events like this the user was told.
    pub fn count(&self, user: &UserId, like: impl Fn(&Event) -> bool) -> usize {
        let events = self.events.lock().unwrap();
        let hits = events
            .iter()
            .filter(|(to, event)| to == user && like(event));
        hits.count()
    }
}

impl Events for FakeEvents {
    fn listeners(&self, of: &OrganizationId) -> Vec<UserId> {
        let listeners = self.listeners.lock().unwrap();
        listeners.get(of).cloned().unwrap_or_default()
    }

    fn to_user(&self, _: &OrganizationId, user: &UserId, event: &Event) {
        let told = (user.clone(), event.clone());
        self.events.lock().unwrap().push(told);
        self.news.notify_waiters();
    }

    fn unnumbered(&self, _: &OrganizationId, user: &UserId, message: &ServerMessage) {
        if let ServerMessage::Levels { levels, .. } = message {
            let told = (user.clone(), levels.clone());
            self.levels.lock().unwrap().push(told);
        } else {
            let told = (user.clone(), message.clone());
            self.phone.lock().unwrap().push(told);
        }
        self.news.notify_waiters();
    }

    fn active_calls_changed(
        &self,
        _: &OrganizationId,
        user: &UserId,
        calls: &[(ClientType, ActiveCall)],
    ) {
        let told = (user.clone(), calls.len());
        self.active.lock().unwrap().push(told);
        self.news.notify_waiters();
    }
    fn coach_leg_changed(&self, _: &OrganizationId, _: &CallId, leg: &CoachLeg) {
        self.legs.lock().unwrap().push(leg.clone());
    }

    fn charged(&self, _: &OrganizationId) {
        self.charges.fetch_add(1, SeqCst);
        self.news.notify_waiters();
    }
}

/// A line on which nothing happens but what the test says.
pub struct FakeLine {
    pub sound: SimulatedLine,
    pub dialled: Mutex<Vec<(Dial, mpsc::Sender<LeadEvent>)>>,
    pub keys: Arc<Mutex<Vec<String>>>,
    pub hung_up: Arc<Mutex<Vec<CallId>>>,
}

struct FakeLeg {
    call: CallId,
    sound: Option<Box<dyn LeadMedia>>,
    keys: Arc<Mutex<Vec<String>>>,
    hung_up: Arc<Mutex<Vec<CallId>>>,
}

impl LeadLine for FakeLine {
    fn dial(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        let leg = FakeLeg {
            call: dial.call.clone(),
            sound: Some(self.sound.answered(&dial.call)),
            keys: self.keys.clone(),
            hung_up: self.hung_up.clone(),
        };
        self.dialled.lock().unwrap().push((dial, events));
        Box::new(leg)
    }

    fn receive(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        self.dial(dial, events)
    }
}

impl LeadLeg for FakeLeg {
    fn pick_up(&mut self) {}

    fn hang_up(&mut self) {
        self.hung_up.lock().unwrap().push(self.call.clone());
    }

    fn send_dtmf(&mut self, digits: &str) {
        self.keys.lock().unwrap().push(digits.into());
    }

    fn set_held(&mut self, _: bool) {}

    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        self.sound.take()
    }
}
