//! A directory, a store, listeners and a line in memory.

use super::world::{organization, user};
use crate::calls::{CallRepository, Directory, Member, Notify};
use crate::store::audit::{AuditFilter, AuditLog, Placed, Whose};
use crate::store::{LeadWhoCalls, StoreError};
use async_trait::async_trait;
use call::Authority;
use media::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, SimulatedLine};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use wire::*;

/// Longer than anything takes; reached only when something is wrong.
const LIMIT: Duration = Duration::from_secs(20);

/// A look-up that has read the facts and waits before it gives them.
type Delay = (UserId, oneshot::Sender<()>, oneshot::Receiver<()>);

#[derive(Default)]
pub struct FakeDirectory {
    pub members: Mutex<HashMap<(OrganizationId, UserId), Authority>>,
    pub offline: Mutex<HashSet<UserId>>,
    pub delay: Mutex<Option<Delay>>,
    /// Whom it was asked about as somebody who calls.
    pub callers: Mutex<Vec<Option<String>>>,
}

#[async_trait]
impl Directory for FakeDirectory {
    async fn members(&self, of: &OrganizationId) -> Result<Vec<Member>, StoreError> {
        let members = self.members.lock().unwrap();
        let of_it = members.iter().filter(|((one, _), _)| one == of);
        Ok(of_it
            .map(|((_, user_id), authority)| Member {
                user_id: user_id.clone(),
                authority: *authority,
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
        Ok(found.map(|authority| Member {
            user_id: user.clone(),
            authority,
        }))
    }

    async fn lead(&self, of: &OrganizationId, id: &LeadId) -> Result<Option<Lead>, StoreError> {
        Ok((*of == organization("acme")).then(|| Lead {
            id: id.clone(),
            display_name: "Globex".into(),
            contacts: vec![Contact {
                id: ContactId::from_suffix("hank").unwrap(),
                lead_id: id.clone(),
                display_name: "Hank".into(),
                phones: vec!["+15551200".into(), "+15551300".into()],
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

    fn is_native_online(&self, user: &UserId) -> bool {
        !self.offline.lock().unwrap().contains(user)
    }
}

#[derive(Default)]
pub struct FakeStore {
    pub broken: AtomicBool,
    pub calls: Mutex<HashMap<CallId, (OrganizationId, Call)>>,
    pub invitations: Mutex<HashMap<InvitationId, (OrganizationId, Invitation)>>,
    pub audited: Mutex<Vec<(Whose, AuditEntry)>>,
    pub charges: Mutex<std::collections::BTreeSet<(String, u32)>>,
}

impl FakeStore {
    fn check(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the disk is full".into()));
        }
        Ok(())
    }

    pub fn kept(&self, call: &CallId) -> Option<Call> {
        let calls = self.calls.lock().unwrap();
        calls.get(call).map(|(_, call)| call.clone())
    }
}

#[async_trait]
impl CallRepository for FakeStore {
    async fn save_call(&self, of: &OrganizationId, call: &Call) -> Result<(), StoreError> {
        self.check()?;
        let mut calls = self.calls.lock().unwrap();
        let legs = calls
            .remove(&call.id)
            .map(|(_, before)| before.coach_legs)
            .unwrap_or_default();
        let kept = Call {
            coach_legs: legs,
            ..call.clone()
        };
        calls.insert(call.id.clone(), (of.clone(), kept));
        Ok(())
    }

    async fn save_coach_leg(
        &self,
        _: &OrganizationId,
        call: &CallId,
        leg: &CoachLeg,
    ) -> Result<(), StoreError> {
        self.check()?;
        let mut calls = self.calls.lock().unwrap();
        let (_, call) = calls.get_mut(call).unwrap();
        call.coach_legs.retain(|kept| kept.id != leg.id);
        call.coach_legs.push(leg.clone());
        Ok(())
    }

    async fn save_invitation(
        &self,
        of: &OrganizationId,
        invitation: &Invitation,
    ) -> Result<(), StoreError> {
        self.check()?;
        let kept = (of.clone(), invitation.clone());
        let mut invitations = self.invitations.lock().unwrap();
        invitations.insert(invitation.id.clone(), kept);
        Ok(())
    }

    async fn call(&self, of: &OrganizationId, id: &CallId) -> Result<Option<Call>, StoreError> {
        let calls = self.calls.lock().unwrap();
        let found = calls.get(id).filter(|(one, _)| one == of);
        Ok(found.map(|(_, call)| call.clone()))
    }

    async fn calls(
        &self,
        of: &OrganizationId,
        lead: Option<&LeadId>,
        limit: u32,
        skip: u32,
    ) -> Result<Vec<Call>, StoreError> {
        let calls = self.calls.lock().unwrap();
        let mut found: Vec<Call> = calls
            .values()
            .filter(|(one, call)| one == of && lead.is_none_or(|lead| call.lead.id == *lead))
            .map(|(_, call)| call.clone())
            .collect();
        found.sort_by(|one, other| {
            (other.date_created, &other.id).cmp(&(one.date_created, &one.id))
        });
        let page = found.into_iter().skip(skip as usize).take(limit as usize);
        Ok(page.collect())
    }

    async fn unfinished_calls(&self) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        let calls = self.calls.lock().unwrap();
        let open = calls.values().filter(|(_, call)| !call.status.is_over());
        Ok(open.cloned().collect())
    }

    async fn calls_since(&self, _: Timestamp) -> Result<Vec<(OrganizationId, Call)>, StoreError> {
        Ok(self.calls.lock().unwrap().values().cloned().collect())
    }

    async fn save_charges(
        &self,
        _: &OrganizationId,
        _: &CallId,
        charges: &[usage::Charge],
    ) -> Result<u64, StoreError> {
        self.check()?;
        let mut kept = self.charges.lock().unwrap();
        let before = kept.len();
        kept.extend(
            charges
                .iter()
                .map(|one| (one.leg_id.to_string(), one.minute)),
        );
        Ok((kept.len() - before) as u64)
    }

    async fn last_charge(&self, _: &CallId) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn save_alive(&self, _: Timestamp) -> Result<(), StoreError> {
        self.check()
    }

    async fn last_alive(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn open_invitations(&self) -> Result<Vec<(OrganizationId, Invitation)>, StoreError> {
        let invitations = self.invitations.lock().unwrap();
        let open = invitations
            .values()
            .filter(|(_, one)| one.status == InvitationStatus::Open);
        Ok(open.cloned().collect())
    }
}

/// Everything that was told, in order.
#[derive(Default)]
pub struct Told {
    pub events: Mutex<Vec<(UserId, Event)>>,
    pub levels: Mutex<Vec<(UserId, Vec<Level>)>>,
    pub active: Mutex<Vec<(UserId, usize)>>,
    /// Of the lead's phone.
    pub phone: Mutex<Vec<(UserId, ServerMessage)>>,
    pub listeners: Mutex<HashMap<OrganizationId, Vec<UserId>>>,
    news: tokio::sync::Notify,
}

impl Told {
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

    pub fn told(&self, user: &UserId, like: impl Fn(&Event) -> bool) -> usize {
        let events = self.events.lock().unwrap();
        let hits = events
            .iter()
            .filter(|(to, event)| to == user && like(event));
        hits.count()
    }
}

impl Notify for Told {
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

#[async_trait]
impl AuditLog for FakeStore {
    async fn append(&self, entries: &[(Whose, AuditEntry)]) -> Result<(), StoreError> {
        self.audited.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }

    async fn entries(
        &self,
        _: &OrganizationId,
        _: &AuditFilter,
        _: Option<i64>,
        _: u32,
        _: u32,
    ) -> Result<Vec<Placed>, StoreError> {
        Ok(Vec::new())
    }
}
