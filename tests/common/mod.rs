//! The stage of the whole-product tests: the real service within this process, on a store and ports of
//! its own, and people with real clients.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, clippy::panic, reason = "so does a test fail")]

pub mod plain;
pub mod ticks;

use client::audio::Discard;
use client::{Devices, EndReason, Notice, SessionEvent, View, VoiceStats};
use demo::actor::{Actor, in_time};
use demo::tape::{Recording, TapedLine, Track};
use demo::trace::{Trace, trace};
use media::{SimulatedLine, SimulatedLineSettings};
use service::{Config, Hooks, Running};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use wire::{
    CallId, CallStatus, CoachLeg, CoachLegStatus, CoachMode, LeadQuery, ListQuery, PhoneNumberKind,
    PlaceCallRequest, UserId, route,
};

/// How often a track is looked at while it is awaited.
const LOOK: Duration = Duration::from_millis(20);
const SECOND: usize = 48_000;
/// What is heard of a word at the latest so long after it was said, in samples.
pub const SETTLED: usize = 3 * SECOND / 2;

/// The service, and what was received where no client is.
pub struct Stage {
    pub service: Running,
    pub server: String,
    pub lead_heard: Track,
    pub recording: Track,
    _folder: tempfile::TempDir,
}

impl Stage {
    /// A service with the demonstration's organizations and a lead who says nothing.
    pub async fn set() -> Self {
        Self::set_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn set_with(change: impl FnOnce(&mut Config)) -> Self {
        let line = SimulatedLine::new(SimulatedLineSettings {
            sentences: Vec::new(),
            talks_over: false,
            ear: None,
        })
        .expect("a line");
        let lead_heard = Track::default();
        let recording = Recording::default();
        let hooks = Hooks {
            lead_line: Some(Arc::new(TapedLine::new(
                line,
                Track::default(),
                lead_heard.clone(),
            ))),
            recording: Some(Arc::new(recording.clone())),
        };
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config {
            data: folder.path().to_owned(),
            ..config()
        };
        change(&mut config);
        let service = service::start(config, hooks)
            .await
            .expect("the service starts");
        Self {
            server: format!("http://{}", service.http_addr),
            service,
            lead_heard,
            recording: recording.0,
            _folder: folder,
        }
    }

    /// Somebody of the demonstration's first organization, signed in and online.
    pub async fn actor(&self, name: &'static str) -> Actor {
        Actor::sign_in(&self.server, name)
            .await
            .unwrap_or_else(|error| panic!("{name} comes online: {error}"))
    }

    /// Riley on a call that the lead answered, with sound.
    pub async fn rep_on_a_call(&self) -> (Actor, CallId) {
        let rep = self.actor("riley").await;
        let call_id = place(&rep, PhoneNumberKind::Internal, "Globex", None).await;
        answered(&rep).await;
        rep.connected().await.expect("the rep's sound");
        (rep, call_id)
    }

    /// Somebody on the call as a coach, with sound.
    pub async fn coach_on(&self, name: &'static str, call_id: &CallId) -> Actor {
        let coach = self.actor(name).await;
        join(&coach, call_id).await;
        coach.connected().await.expect("the coach's sound");
        coach
    }

    /// Everybody on the stage is done.
    pub async fn strike(self) {
        self.service.stop().await;
    }
}

/// Settings of a small service on ports of its own.
pub fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        demo: true,
        demo_password: Some("demo-password".into()),
        workers: 1,
        ..Config::default()
    }
}

/// Calls a lead.
pub async fn place(
    rep: &Actor,
    kind: PhoneNumberKind,
    lead: &str,
    remote_phone: Option<&str>,
) -> CallId {
    let request = call_request(rep, kind, lead, remote_phone).await;
    let call = rep.session.place_call(request, rep.devices()).await;
    call.expect("the call is placed").id
}

/// What it takes to call a lead.
pub async fn call_request(
    rep: &Actor,
    kind: PhoneNumberKind,
    lead: &str,
    remote_phone: Option<&str>,
) -> PlaceCallRequest {
    let api = rep.session.api();
    let numbers = api
        .list(&route::LIST_PHONE_NUMBERS, &ListQuery::default())
        .await
        .expect("numbers");
    let leads = api
        .list(&route::LIST_LEADS, &LeadQuery::named(lead))
        .await
        .expect("leads");
    let number = numbers.into_iter().find(|number| number.kind == kind);
    let lead = leads.into_iter().next().expect("the lead");
    let contact = lead.contacts.into_iter().find(|contact| {
        remote_phone.is_some_and(|phone| contact.phones.iter().any(|theirs| theirs.phone == phone))
    });
    PlaceCallRequest {
        local_phone_id: number.expect("a number").id,
        lead_id: Some(lead.id),
        contact_id: contact.map(|contact| contact.id),
        remote_phone: remote_phone.map(str::to_owned),
    }
}

/// Waits until the lead has answered.
pub async fn answered(rep: &Actor) {
    until(rep, "the lead's answer", |view| {
        let call = view.my_call.as_ref().map(|mine| mine.call.status);
        call == Some(CallStatus::InProgress)
    })
    .await;
}

/// Joins a call as soon as it is seen.
pub async fn join(coach: &Actor, call_id: &CallId) -> CoachLeg {
    sees(coach, call_id).await;
    let leg = coach.session.join(call_id.clone(), None, coach.devices());
    leg.await.expect("the coach is let in")
}

/// Waits until the call is seen in progress.
pub async fn sees(actor: &Actor, call_id: &CallId) {
    until(actor, "a call to be seen", |view| {
        let call = view.calls.get(call_id).map(|call| call.status);
        call == Some(CallStatus::InProgress)
    })
    .await;
}

/// Waits until the state of a client is so, and gives it.
pub async fn until(actor: &Actor, what: &'static str, is: impl FnMut(&View) -> bool) -> Arc<View> {
    match in_time(what, actor.session.wait_until(is)).await {
        Ok(Ok(view)) => view,
        Ok(Err(error)) => panic!("{}: {what}: {error}", actor.name),
        Err(error) => panic!("{}: {error}: {:#?}", actor.name, actor.session.view()),
    }
}

/// The leg of a coach as the rep is shown it (W5).
pub fn leg_of<'a>(view: &'a View, coach: &UserId) -> Option<&'a CoachLeg> {
    let legs = &view.my_call.as_ref()?.call.coach_legs;
    legs.iter().rev().find(|leg| leg.user_id == *coach)
}

/// Waits until the rep is shown a coach in this mode, with sound.
pub async fn rep_sees(rep: &Actor, coach: &Actor, mode: CoachMode) {
    until(rep, "the rep to see a coach's mode", |view| {
        leg_of(view, &coach.user_id)
            .is_some_and(|leg| leg.status == CoachLegStatus::Connected && leg.mode == mode)
    })
    .await;
}

/// Switches, and waits for the service's word.
pub async fn switch(coach: &Actor, mode: CoachMode) {
    let leg = coach.session.set_mode(mode).await;
    assert_eq!(leg.expect("the mode is granted").mode, mode);
}

/// Counts of a client's voice that are at most as old as this question.
pub async fn fresh_stats(actor: &Actor) -> VoiceStats {
    let mut events = actor.session.events();
    let next = async {
        loop {
            if let SessionEvent::Quality(quality) = events.recv().await.expect("events") {
                return quality.voice;
            }
        }
    };
    in_time("a measurement of the sound", next)
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", actor.name))
}

/// Loud and clear words, another voice for each seed.
pub fn words(seed: u64, seconds: u32) -> Vec<i16> {
    let mut words = voice::speech::synthesized(seed, seconds);
    voice::speech::normalized(&mut words, -26.0);
    words
}

/// What listeners receive while something is said and until it has arrived.
pub struct Listening<'a> {
    tracks: Vec<(&'a Track, usize)>,
}

impl<'a> Listening<'a> {
    pub fn to(tracks: &[&'a Track]) -> Self {
        let tracks = tracks.iter().map(|&track| (track, track.len()));
        Self {
            tracks: tracks.collect(),
        }
    }

    /// Has somebody say words, and gives how much of them was found in each track.
    pub async fn while_saying(self, speaker: &Actor, said: &[i16]) -> Vec<Trace> {
        speaker.mouth.say(said);
        self.traces_of(said).await
    }

    /// Waits until all of this could have been heard, and gives how much was.
    pub async fn traces_of(self, said: &[i16]) -> Vec<Trace> {
        let heard = async {
            let mut traces = Vec::new();
            for (track, from) in &self.tracks {
                let enough = from + said.len() + SETTLED;
                while track.len() < enough {
                    tokio::time::sleep(LOOK).await;
                }
                traces.push(trace(said, &track.between(*from, track.len())));
            }
            traces
        };
        in_time("the words to be heard", heard)
            .await
            .expect("every listener goes on receiving")
    }
}

/// Whether anything of a speaker was there. What is quieter than the last bit of a sample is a chance
/// likeness in the rounding noise of silence.
pub fn is_heard(trace: &Trace) -> bool {
    trace.heard() && trace.level_dbov > -90.0
}

/// Devices of one who speaks these words over and over, and whose ear keeps nothing.
pub fn tireless(words: Vec<i16>) -> Devices {
    Devices::new(client::audio::Samples::repeated(words), Discard::default())
}

/// Why coachings ended, once this client is told of one: the state says so a moment before.
pub async fn ends(events: &mut Receiver<SessionEvent>) -> Vec<EndReason> {
    let first = async {
        loop {
            let event = events.recv().await.expect("the session goes on");
            if let SessionEvent::Notice(Notice::CoachingEnded(_, reason)) = event {
                return reason;
            }
        }
    };
    let first = in_time("the end of a coaching to be told", first).await;
    let mut ends = vec![first.expect("it is told")];
    while let Ok(event) = events.try_recv() {
        if let SessionEvent::Notice(Notice::CoachingEnded(_, reason)) = event {
            ends.push(reason);
        }
    }
    ends
}
