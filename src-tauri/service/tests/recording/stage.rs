//! A recorded call with real media: Riley the rep, a lead whose ear is open, Morgan the coach.

use super::common::peer::{Offer, Peer, Peers};
use super::common::sound::{Ring, Sound, ToneLead};
use super::common::until;
use super::file;
use super::support::{self, Service, Socket, text};
use media::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadSignal};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use service::{Config, Hooks};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Leads who answer at once.
struct ToneLine(Option<f64>, Ring);

struct ToneLeg(Option<Box<dyn LeadMedia>>);

impl LeadLine for ToneLine {
    fn dial(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        tokio::spawn(async move {
            let (call, signal) = (dial.call, LeadSignal::Answered);
            let _ = events.send(LeadEvent { call, signal }).await;
        });
        let lead = ToneLead::new(self.0, self.1.clone());
        Box::new(ToneLeg(Some(Box::new(lead))))
    }

    fn receive(&self, dial: Dial, events: mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        self.dial(dial, events)
    }
}

impl LeadLeg for ToneLeg {
    fn pick_up(&mut self) {}
    fn hang_up(&mut self) {}
    fn send_dtmf(&mut self, _: &str) {}
    fn set_held(&mut self, _: bool) {}
    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        self.0.take()
    }
}

pub struct Stage {
    pub service: Service,
    pub peers: Peers,
    pub lead: Ring,
    pub token: String,
    pub socket: Socket,
    pub call: Value,
}

impl Stage {
    /// The service, after this was done to its store, and a call in progress.
    pub async fn new(config: Config, tone: Option<f64>, sql: &[&'static str]) -> Self {
        // Once for the store and its demonstration, once with what the test wants.
        let mut first = Service::start().await;
        first.stop().await;
        for statement in sql {
            change(&first, statement).await;
        }
        let config = Config {
            database: first.config.database.clone(),
            ..config
        };
        let lead = Ring::default();
        let hooks = Hooks {
            lead_line: Some(Arc::new(ToneLine(tone, lead.clone()))),
            ..Hooks::default()
        };
        let service = Service::start_in(first.folder, config, hooks).await;
        let token = service.token_of("riley@demo.example").await;
        let (mut socket, _) = service.welcomed(&token).await;
        let leads = service.get("/api/v1/lead/?query=Globex", &token).await;
        let numbers = service.get("/api/v1/phone_number/", &token).await;
        let body = json!({
            "local_phone_id": numbers["data"][0]["id"], "lead_id": leads["data"][0]["id"],
        });
        let placed = service.post("/api/v1/activity/call/", Some(&token), body);
        let (status, call) = placed.await;
        assert_eq!(status, 201, "{call}");
        socket
            .event_where("call_changed", |event| {
                event["call"]["status"] == "in-progress"
            })
            .await;
        Self {
            service,
            peers: Peers::new(),
            lead,
            token,
            socket,
            call,
        }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/activity/call/{}/{rest}", text(&self.call["id"]))
    }

    /// Connects the sound of who is on the call.
    pub async fn connect(&self, token: &str, say: Sound) -> Peer {
        let offer = Offer::new();
        let body = json!({ "sdp": offer.sdp() });
        let path = self.path("media/");
        let (status, answer) = self.service.post(&path, Some(token), body).await;
        assert_eq!(status, 200, "{answer}");
        let peer = self.peers.add(offer.accept(&text(&answer["sdp"])), say);
        let hearing = peer.clone();
        until("a peer hears", move || hearing.packets() > 10).await;
        peer
    }

    pub async fn put(&self, token: &str, rest: &str, body: Value) -> (StatusCode, Value) {
        let path = self.path(rest);
        let asked = self
            .service
            .ask(Method::PUT, &path, Some(token), Some(&body));
        asked.await
    }

    /// Waits until the recording stands so.
    pub async fn recording(&mut self, status: &str) -> Value {
        let event = self
            .socket
            .event_where("call_changed", |event| {
                event["call"]["recording"]["status"] == status
            })
            .await;
        event["event"]["call"].clone()
    }

    /// Hangs up, and returns the call once its recording is stored.
    pub async fn hang_up(&mut self) -> Value {
        let path = self.path("hangup/");
        let (status, over) = self.service.post(&path, Some(&self.token), json!({})).await;
        assert_eq!(status, 200, "{over}");
        self.recording("stored").await
    }

    /// The file as whoever may see the call gets it.
    pub async fn file(&self) -> Vec<i16> {
        let bytes = self.get("recording/", &[]).await.bytes().await.unwrap();
        let file = self.service.folder.path().join("heard.ogg");
        std::fs::write(&file, &bytes).unwrap();
        file::decode(&file)
    }

    pub async fn get(&self, rest: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}{}", self.service.base, self.path(rest));
        let mut request = self.service.http.get(url).bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }
}

/// Does this to the store of a service that does not run.
pub async fn change(service: &Service, statement: &'static str) {
    let store = service.store().await;
    let changed = store.meddle(statement).await.unwrap();
    assert!(changed > 0, "{statement}");
    store.close().await;
}

pub fn config() -> Config {
    support::config()
}
