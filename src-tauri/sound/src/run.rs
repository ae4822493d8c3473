//! The card's thread: one loop over its inputs, which holds the devices and watches them come and
//! go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::devices::{Choice, Devices, Fault, Kind};
use crate::line::{Line, Open, Step};
use crate::meters::{Metered, Meters};
use crate::shared::{End, Event, Input, Shared, Signs};
use crate::slot::Slot;
use crate::stream::{self, Hold, Order};
use crate::system::{Scan, System};
use crate::{capture, playout};

/// How often the devices are scanned: no system reports all changes by itself.
const SCAN_EVERY: Duration = Duration::from_millis(500);
/// How often at most, when the system reports one change after the other.
const SCAN_AGAIN: Duration = Duration::from_millis(50);
/// How often the level is reported.
const LEVEL_EVERY: Duration = Duration::from_millis(66);
/// How long a level is shown after the last samples.
const LEVEL_FOR: Duration = Duration::from_millis(300);
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
    meters: Meters,
    tone_until: Option<Instant>,
    #[cfg(target_os = "linux")]
    watch: Option<crate::pulse::Watch>,
    /// Whether a look at the devices is asked for and not done yet.
    look_asked: Arc<AtomicBool>,
    scanned_at: Option<Instant>,
    scan_at: Instant,
    level_at: Instant,
    /// When the level that was told last is no longer true.
    level_until: Option<Instant>,
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
            meters: Meters::default(),
            tone_until: None,
            #[cfg(target_os = "linux")]
            watch: None,
            look_asked: Arc::default(),
            scanned_at: None,
            scan_at: now,
            level_at: now,
            level_until: None,
            serial: 0,
            alive: Arc::new(()),
        }
    }

    pub(crate) fn run(mut self, inbox: &Receiver<Input>) {
        loop {
            let now = Instant::now();
            if now >= self.scan_at {
                self.look_asked.store(false, Ordering::Release);
                self.scan();
                self.scanned_at = Some(now);
                self.scan_at = now + SCAN_EVERY;
            }
            self.settle(now);
            let mut next = self.scan_at;
            let is_level = self.microphone.current.is_some() || self.level_until.is_some();
            if is_level || self.meters.is_any_open() {
                self.tell_levels(now);
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
            Input::Look => {
                let soonest = self
                    .scanned_at
                    .map_or_else(Instant::now, |at| at + SCAN_AGAIN);
                self.scan_at = self.scan_at.min(soonest);
            }
            Input::Meter(wanted) => self.metered = wanted,
            Input::MeterAll(wanted) => self.meters.wanted = wanted,
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
        self.meters.failed(serial);
        if microphone || loudspeaker {
            tracing::warn!(why, "a sound device failed");
            self.scan_at = now;
        }
    }

    fn scan(&mut self) {
        #[cfg(target_os = "linux")]
        if self.watch.as_ref().is_none_or(crate::pulse::Watch::is_over) {
            let (inputs, asked) = (self.inputs.clone(), Arc::clone(&self.look_asked));
            self.watch = crate::pulse::Watch::start(move || {
                // One look answers for all that came before it.
                if !asked.swap(true, Ordering::AcqRel) && inputs.try_send(Input::Look).is_err() {
                    asked.store(false, Ordering::Release);
                }
            });
        }
        let Scan {
            devices,
            microphone,
            loudspeaker,
        } = self.system.scan();
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
        // Which stream is whose is not known while all microphones are open.
        let microphone = microphone.filter(|_| !self.meters.is_any_open());
        if let Some((stream, id)) = self.microphone.found(microphone, &self.choice) {
            self.system.move_back(Kind::Microphone, stream, id);
        }
        if let Some((stream, id)) = self.loudspeaker.found(loudspeaker, &self.choice) {
            self.system.move_back(Kind::Loudspeaker, stream, id);
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
        for serial in [self.microphone.stopped(now), self.loudspeaker.stopped(now)]
            .into_iter()
            .flatten()
        {
            self.failed(serial, "there is no sound from it, or it takes none");
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
        let on_a_call = Arc::strong_count(&self.shared.calls) > 1;
        for id in self.meters.settle(&self.devices.microphones, on_a_call) {
            let signs = Arc::default();
            let opened = self.start(Kind::Microphone, &id, &signs);
            let metered = opened.map(|(serial, hold)| Metered::new(serial, signs, hold));
            self.meters.add(id, metered);
        }
        self.tell_trouble(Kind::Microphone);
        self.tell_trouble(Kind::Loudspeaker);
    }

    fn open(&mut self, kind: Kind, id: String) -> Option<Open> {
        let signs = Arc::default();
        let (serial, hold) = self.start(kind, &id, &signs)?;
        Some(Open {
            serial,
            id,
            signs,
            beat: (0, Instant::now()),
            _hold: hold,
        })
    }

    fn start(&mut self, kind: Kind, id: &str, signs: &Arc<Signs>) -> Option<(u64, Hold)> {
        if Arc::strong_count(&self.alive) > STREAMS_MAX {
            return None;
        }
        self.serial += 1;
        let order = Order {
            serial: self.serial,
            kind,
            id: id.to_owned(),
            tone_first: self.tone_until.is_some() && self.loudspeaker.current.is_none(),
            signs: Arc::clone(signs),
            alive: Arc::clone(&self.alive),
        };
        let hold = stream::open(order, Arc::clone(&self.shared), self.inputs.clone()).ok()?;
        Some((self.serial, hold))
    }

    fn tell_trouble(&mut self, kind: Kind) {
        let (now, event): (_, fn(Option<Fault>) -> Event) = match kind {
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

    fn tell_levels(&mut self, now: Instant) {
        if now < self.level_at {
            return;
        }
        self.level_at = now + LEVEL_EVERY;
        let current = self.microphone.current.as_ref();
        let level = current.and_then(|open| open.signs.take_dbov());
        let is_over = current.is_none() || self.level_until.is_some_and(|until| until <= now);
        if let Some(dbov) = level {
            self.level_until = Some(now + LEVEL_FOR);
            let _ = self.events.send(Event::Level { dbov });
        } else if is_over && self.level_until.take().is_some() {
            let _ = self.events.send(Event::Level { dbov: -127 });
        }
        if self.meters.is_any_open() {
            let _ = self.events.send(Event::AllLevels(self.meters.levels()));
        }
    }
}
