//! Peers for the engine: str0m as a client, over real sockets with DTLS-SRTP, who say tones and
//! measure which tones they hear.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

pub mod peer;
pub mod sound;
pub mod waits;

use std::sync::Arc;
use std::time::Duration;

use media::{Media, MediaEvent, MediaSettings, RecordingTaps};
use mix::{GrantCause, LegNumber, Mode, Role};
use tokio::sync::mpsc;
use wire::{CallId, MediaOffer};

use peer::{Peer, Peers};
use sound::{Ring, Sound, ToneLead};

pub const REP: LegNumber = LegNumber(1);
pub const LEAD: LegNumber = LegNumber(2);

/// A coach's leg.
pub fn coach(number: u32) -> LegNumber {
    LegNumber(10 + number)
}

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether all of these clients got every frame, and no tick was skipped, between two readings of the
/// metrics. On a machine that was too slow for that, nothing is judged.
pub fn every_frame_came(
    peers: [&Peer; 3],
    (before, after): (&media::MediaMetrics, &media::MediaMetrics),
    too_slow: Option<String>,
) -> bool {
    assert!(peers.iter().all(|peer| !peer.is_closed()));
    if let Some(slow) = too_slow {
        eprintln!("too slow to judge whether each frame came: {slow}");
        return false;
    }
    assert_eq!(peers.map(Peer::gaps), [0; 3]);
    assert_eq!(after.ticks_skipped, before.ticks_skipped);
    true
}

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Records the stage's call, and no other.
struct Taps(CallId, Ring);

impl RecordingTaps for Taps {
    fn open(&self, call: &CallId) -> Option<Box<dyn media::RecordingTap>> {
        (*call == self.0).then(|| Box::new(Tap(self.1.clone())) as _)
    }
}

struct Tap(Ring);

impl media::RecordingTap for Tap {
    fn packet(&mut self, _: u64, opus: &[u8]) {
        self.0.hear(opus);
    }

    fn gap(&mut self, _: u64) {
        self.0.hear(&[]);
    }
}

/// One engine with one call: a rep, a lead who says a tone, and a recording.
pub struct Stage {
    pub media: Media,
    pub call: CallId,
    pub events: mpsc::Receiver<MediaEvent>,
    pub peers: Peers,
    pub lead: Ring,
    pub recording: Ring,
}

impl Stage {
    pub async fn new(workers: usize) -> Self {
        let recording = Ring::default();
        let call = CallId::parse("acti_test").unwrap();
        let (sender, events) = mpsc::channel(1024);
        let settings = MediaSettings {
            worker_count: workers,
            recording: Some(Arc::new(Taps(call.clone(), recording.clone()))),
            ..MediaSettings::default()
        };
        let media = Media::start(settings, sender).unwrap();
        media.open_call(call.clone()).await.unwrap();
        Self {
            media,
            call,
            events,
            peers: Peers::new(),
            lead: Ring::default(),
            recording,
        }
    }

    /// Lets the lead in, who says a tone.
    pub async fn lead(&self, tone: Option<f64>) {
        self.media
            .add_leg(&self.call, LEAD, Role::Lead)
            .await
            .unwrap();
        let lead = ToneLead::new(tone, self.lead.clone());
        self.media
            .attach_lead(&self.call, Box::new(lead))
            .await
            .unwrap();
    }

    /// Lets a client in, and waits until they hear.
    pub async fn join(&self, leg: LegNumber, role: Role, say: Sound) -> Peer {
        self.media.add_leg(&self.call, leg, role).await.unwrap();
        self.connect(leg, say).await
    }

    /// Connects a client to a leg that is in, or takes it over.
    pub async fn connect(&self, leg: LegNumber, say: Sound) -> Peer {
        self.accept(leg, peer::Offer::new(), say).await
    }

    /// Lets a coach in who has a track for each mode instead of stamps.
    pub async fn join_by_track(&self, leg: LegNumber) -> Peer {
        let added = self.media.add_leg(&self.call, leg, Role::Coach).await;
        added.unwrap();
        self.accept(leg, peer::Offer::by_track(), Sound::default())
            .await
    }

    /// The engine's answer to an offer of one section.
    pub async fn answer(&self, leg: LegNumber, sdp: &str) -> String {
        let offer = MediaOffer::new(sdp);
        let answered = self.media.connect(&self.call, leg, &offer).await;
        answered.unwrap().sdp
    }

    async fn accept(&self, leg: LegNumber, offer: peer::Offer, say: Sound) -> Peer {
        let answered = self.media.connect(&self.call, leg, &offer.offer()).await;
        let peer = self.peers.add(offer.accept(&answered.unwrap().sdp), say);
        let hearing = peer.clone();
        until("a peer hears", move || hearing.packets() > 10).await;
        peer
    }

    pub async fn grant(&self, leg: LegNumber, mode: Mode) {
        let cause = GrantCause::Asked;
        self.media
            .set_mode(&self.call, leg, mode, cause)
            .await
            .unwrap();
    }

    pub async fn revoke(&self, leg: LegNumber, mode: Mode) {
        let cause = GrantCause::Revoked;
        self.media
            .set_mode(&self.call, leg, mode, cause)
            .await
            .unwrap();
    }

    /// The next event that is no level.
    pub async fn event(&mut self) -> MediaEvent {
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv());
            match event.await.expect("no event").unwrap() {
                MediaEvent::Levels { .. } => {}
                event => return event,
            }
        }
    }

    /// Metrics between two ticks, so that they agree with each other.
    pub async fn metrics(&self) -> media::MediaMetrics {
        let mut before = self.media.metrics();
        loop {
            tokio::time::sleep(Duration::from_millis(3)).await;
            let now = self.media.metrics();
            if (now.ticks, now.encodes) == (before.ticks, before.encodes) {
                return now;
            }
            before = now;
        }
    }
}
