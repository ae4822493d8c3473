//! Two organizations, a lead's line that does as it is told, a store in a folder of its own, and all
//! that was told.

use super::fakes::{FakeDirectory, FakeEvents, FakeLine};
use crate::{CallPolicy, Caller, Calls, CallsParts, CallsSettings};
use call::Authority;
use media::{
    LeadEvent, LeadSignal, Media, MediaEvent, MediaSettings, SimulatedLine, SimulatedLineSettings,
};
use std::path::Path;
use std::sync::{Arc, Mutex};
use store::Database;
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::*;

pub fn user(name: &str) -> UserId {
    UserId::from_suffix(name).unwrap()
}

pub fn organization(name: &str) -> OrganizationId {
    OrganizationId::from_suffix(name).unwrap()
}

pub fn caller(name: &str, of: &str) -> Caller {
    Caller {
        user_id: user(name),
        organization_id: organization(of),
        device_id: DeviceId::from_suffix(name).unwrap(),
        client_type: ClientType::Native,
    }
}

pub fn authority(listen: bool, barge: bool) -> Authority {
    Authority {
        active: true,
        listen,
        barge,
        plan: Plan::Enterprise,
        funds: true,
    }
}

/// A store with two organizations.
pub async fn database(folder: &Path) -> Database {
    let database = Database::open(folder, 0, false).await.unwrap();
    for name in ["acme", "elsewhere"] {
        let organization = organization(name);
        database.add_organization(&organization).await.unwrap();
    }
    database
}

pub struct World {
    pub calls: Calls,
    pub directory: Arc<FakeDirectory>,
    pub database: Database,
    pub events: Arc<FakeEvents>,
    pub line: Arc<FakeLine>,
    pub media: Media,
    pub media_events: mpsc::Sender<MediaEvent>,
    _folder: Option<TempDir>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(CallsSettings::default()).await
    }

    /// The same, within these bounds.
    pub async fn with(settings: CallsSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = database(folder.path()).await;
        let world = Self::on(settings, database).await;
        Self {
            _folder: Some(folder),
            ..world
        }
    }

    /// Riley the rep, Morgan and Casey the managers, Taylor the trainee, Sam without permissions; and
    /// the Other of another organization. All are online, and calls are kept in this database.
    pub async fn on(settings: CallsSettings, database: Database) -> Self {
        let directory = Arc::new(FakeDirectory::default());
        let events = Arc::new(FakeEvents::default());
        for (name, of, listen, barge) in [
            ("riley", "acme", false, false),
            ("morgan", "acme", true, true),
            ("casey", "acme", true, true),
            ("taylor", "acme", true, false),
            ("sam", "acme", false, false),
            ("other", "elsewhere", true, true),
        ] {
            let key = (organization(of), user(name));
            let mut members = directory.members.lock().unwrap();
            members.insert(key, authority(listen, barge));
            let mut listeners = events.listeners.lock().unwrap();
            listeners
                .entry(organization(of))
                .or_default()
                .push(user(name));
        }
        let (media_events, media_out) = mpsc::channel(64);
        let media = Media::start(
            MediaSettings {
                worker_count: 1,
                ..MediaSettings::default()
            },
            media_events.clone(),
        )
        .unwrap();
        let line = Arc::new(FakeLine {
            sound: SimulatedLine::new(SimulatedLineSettings {
                sentences: Vec::new(),
                talks_over: false,
                ear: None,
            })
            .unwrap(),
            dialled: Mutex::default(),
            keys: Arc::default(),
            hung_up: Arc::default(),
        });
        let calls = Calls::start(CallsParts {
            settings,
            policy: CallPolicy::default(),
            directory: directory.clone(),
            database: database.clone(),
            events: events.clone(),
            media: media.clone(),
            media_events: media_out,
            line: line.clone(),
            recordings: None,
        })
        .await;
        Self {
            calls,
            directory,
            database,
            events,
            line,
            media,
            media_events,
            _folder: None,
        }
    }

    pub fn set(&self, name: &str, authority: Option<Authority>) {
        let key = (organization("acme"), user(name));
        let mut members = self.directory.members.lock().unwrap();
        match authority {
            Some(authority) => members.insert(key, authority),
            None => members.remove(&key),
        };
    }

    /// The call as the store has it by now.
    pub async fn kept(&self, call: &CallId) -> Option<Call> {
        let acme = organization("acme");
        self.database.call(&acme, call).await.unwrap()
    }

    pub async fn place(&self) -> Call {
        self.try_place().await.unwrap()
    }

    pub async fn try_place(&self) -> Result<Call, ErrorBody> {
        let request = PlaceCallRequest {
            local_phone_id: PhoneNumberId::from_suffix("main").unwrap(),
            lead_id: LeadId::from_suffix("globex").ok(),
            contact_id: None,
            remote_phone: None,
        };
        self.calls.place(&caller("riley", "acme"), &request).await
    }

    /// Calls a number, whoever has it.
    pub async fn dial(&self, number: &str) -> Result<Call, ErrorBody> {
        let request = PlaceCallRequest {
            local_phone_id: PhoneNumberId::from_suffix("main").unwrap(),
            lead_id: None,
            contact_id: None,
            remote_phone: Some(number.into()),
        };
        self.calls.place(&caller("riley", "acme"), &request).await
    }

    /// The line says something about the newest call.
    pub async fn line_says(&self, signal: LeadSignal) {
        let (call, events) = {
            let dialled = self.line.dialled.lock().unwrap();
            let (dial, events) = dialled.last().unwrap();
            (dial.call.clone(), events.clone())
        };
        events.send(LeadEvent { call, signal }).await.unwrap();
    }

    /// A call in progress, whose rep was told so.
    pub async fn answered(&self) -> CallId {
        let call = self.place().await.id;
        self.line_says(LeadSignal::Answered).await;
        self.changed("riley", &call, |call| call.status == CallStatus::InProgress)
            .await;
        call
    }

    /// Waits until this user was told of a state of the call like this.
    pub async fn changed(&self, name: &str, id: &CallId, like: impl Fn(&Call) -> bool) -> Call {
        let who = user(name);
        self.events
            .wait("the call changed", |to, event| match event {
                Event::CallChanged { call } if *to == who && call.id == *id && like(call) => {
                    Some((**call).clone())
                }
                _ => None,
            })
            .await
    }

    pub async fn leg_changed(&self, name: &str, like: impl Fn(&CoachLeg) -> bool) -> CoachLeg {
        let who = user(name);
        self.events
            .wait("a leg changed", |to, event| match event {
                Event::CoachLegChanged { coach_leg, .. } if *to == who && like(coach_leg) => {
                    Some((**coach_leg).clone())
                }
                _ => None,
            })
            .await
    }

    pub async fn join(&self, name: &str, call: &CallId) -> Result<CoachLeg, ErrorBody> {
        let request = JoinRequest::default();
        self.calls.join(&caller(name, "acme"), call, &request).await
    }

    pub async fn mode(
        &self,
        name: &str,
        call: &CallId,
        mode: CoachMode,
    ) -> Result<CoachLeg, ErrorBody> {
        let request = ModeRequest { mode };
        self.calls
            .set_mode(&caller(name, "acme"), call, &request)
            .await
    }
}

pub fn code<T: std::fmt::Debug>(result: Result<T, ErrorBody>) -> Code {
    result.unwrap_err().error.code
}
