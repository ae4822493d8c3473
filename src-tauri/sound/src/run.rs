//! The card's thread: one loop over its inputs, which holds the devices and watches them come and
//! go.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::devices::{Choice, Devices, Kind, System};
use crate::line::{Line, Open, Step};
use crate::shared::{End, Event, Input, Shared};
use crate::slot::Slot;
use crate::stream::{self, Order};
use crate::{capture, playout};

/// How often the devices are scanned: no system reports all changes by itself.
const SCAN_EVERY: Duration = Duration::from_millis(500);
/// How often the level is reported.
const LEVEL_EVERY: Duration = Duration::from_millis(66);
/// How long a device opened just for the test tone stays open.
const TONE_FOR: Duration = Duration::from_millis(2500);
/// Streams that may exist at once, including those that the system does not let go.
const STREAMS_MAX: usize = 64;

pub(crate) struct Run {
    inputs: SyncSender<Input>,
    shared: Arc<Shared>,
    events: broadcast::Sender<Event>,
    system: System,
    devices: Devices,
    choice: Choice,
    microphone: Line<capture::Reader>,
    loudspeaker: Line<playout::Writer>,
    metered: bool,
    tone_until: Option<Instant>,
    scan_at: Instant,
    level_at: Instant,
    serial: u64,
    alive: Arc<()>,
}

impl Run {
    pub(crate) fn new(
        inputs: SyncSender<Input>,
        shared: Arc<Shared>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let now = Instant::now();
        Self {
            inputs,
            shared,
            events,
            system: System::default(),
            devices: Devices::default(),
            choice: Choice::default(),
            microphone: Line::new(Kind::Microphone),
            loudspeaker: Line::new(Kind::Loudspeaker),
            metered: false,
            tone_until: None,
            scan_at: now,
            level_at: now,
            serial: 0,
            alive: Arc::new(()),
        }
    }

    pub(crate) fn run(mut self, inbox: &Receiver<Input>) {
        loop {
            let now = Instant::now();
            if now >= self.scan_at {
                self.scan();
                self.scan_at = now + SCAN_EVERY;
            }
            self.settle(now);
            let mut next = self.scan_at;
            if self.microphone.current.is_some() {
                self.tell_level(now);
                next = next.min(self.level_at);
            }
            let wait = next.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(wait) {
                Ok(Input::Quit) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(input) => self.handle(input),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        self.microphone.close();
        self.loudspeaker.close();
    }

    fn handle(&mut self, input: Input) {
        match input {
            Input::Choose(choice) => self.choice = choice,
            Input::Meter(wanted) => self.metered = wanted,
            Input::TestTone => {
                self.tone_until = Some(Instant::now() + TONE_FOR);
                self.shared.tones.fetch_add(1, Ordering::Relaxed);
            }
            Input::OpenMicrophone(slot) => self.microphone.use_by(slot),
            Input::CloseMicrophone(slot, end) => self.microphone.leave(&slot, end),
            Input::OpenLoudspeaker(slot) => self.loudspeaker.use_by(slot),
            Input::CloseLoudspeaker(slot, end) => self.loudspeaker.leave(&slot, end),
            Input::Opened(serial, End::Capture(end)) => self.microphone.opened(serial, end),
            Input::Opened(serial, End::Playout(end)) => self.loudspeaker.opened(serial, end),
            Input::Failed(serial, why) => self.failed(serial, &why),
            Input::Quit => {}
        }
    }

    fn failed(&mut self, serial: u64, why: &str) {
        let now = Instant::now();
        let microphone = self.microphone.failed(serial, now);
        let loudspeaker = self.loudspeaker.failed(serial, now);
        if microphone || loudspeaker {
            tracing::warn!(why, "a sound device failed");
            self.scan_at = now;
        }
    }

    fn scan(&mut self) {
        let devices = self.system.scan();
        if devices != self.devices {
            self.devices = devices.clone();
            let mut shared = self
                .shared
                .devices
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            shared.clone_from(&devices);
            drop(shared);
            let _ = self.events.send(Event::DevicesChanged(devices));
        }
    }

    /// Brings both lines into the state they should be in.
    fn settle(&mut self, now: Instant) {
        self.tone_until = self.tone_until.filter(|until| *until > now);
        if let Some(slot) = self.microphone.user.clone().filter(Slot::is_closed) {
            self.microphone.leave(&slot, None);
        }
        if let Some(slot) = self.loudspeaker.user.clone().filter(Slot::is_closed) {
            self.loudspeaker.leave(&slot, None);
        }
        let heard = self.microphone.user.is_some() || self.metered;
        let step = self
            .microphone
            .settle(now, &self.devices, &self.choice, heard);
        match step {
            Step::Wait => {}
            Step::Close => self.microphone.close(),
            Step::Open(id) => self.microphone.opening = self.open(Kind::Microphone, id),
        }
        let played = self.loudspeaker.user.is_some() || self.tone_until.is_some();
        let step = self
            .loudspeaker
            .settle(now, &self.devices, &self.choice, played);
        match step {
            Step::Wait => {}
            Step::Close => self.loudspeaker.close(),
            Step::Open(id) => self.loudspeaker.opening = self.open(Kind::Loudspeaker, id),
        }
        self.tell_trouble(Kind::Microphone);
        self.tell_trouble(Kind::Loudspeaker);
    }

    fn open(&mut self, kind: Kind, id: String) -> Option<Open> {
        if Arc::strong_count(&self.alive) > STREAMS_MAX {
            return None;
        }
        self.serial += 1;
        let order = Order {
            serial: self.serial,
            kind,
            id: id.clone(),
            tone_first: self.tone_until.is_some() && self.loudspeaker.current.is_none(),
            alive: Arc::clone(&self.alive),
        };
        let hold = stream::open(order, Arc::clone(&self.shared), self.inputs.clone()).ok()?;
        Some(Open {
            serial: self.serial,
            id,
            _hold: hold,
        })
    }

    fn tell_trouble(&mut self, kind: Kind) {
        let (now, event): (_, fn(Option<String>) -> Event) = match kind {
            Kind::Microphone => (&self.microphone.trouble, Event::MicrophoneTrouble),
            Kind::Loudspeaker => (&self.loudspeaker.trouble, Event::LoudspeakerTrouble),
        };
        let mut told = self
            .shared
            .trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let told = told.of(kind);
        if told != now {
            told.clone_from(now);
            let _ = self.events.send(event(now.clone()));
        }
    }

    fn tell_level(&mut self, now: Instant) {
        if now < self.level_at {
            return;
        }
        self.level_at = now + LEVEL_EVERY;
        if let Some(dbov) = self.shared.level.take_dbov() {
            let _ = self.events.send(Event::Level { dbov });
        }
    }
}
