//! What the card's thread, the callbacks and the users exchange.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use voice::VoiceProcessor;

use crate::devices::{Choice, Devices, Fault, Kind};
use crate::slot::Slot;
use crate::{capture, playout};

/// The program's end of an open device's ring.
pub(crate) enum End {
    Capture(capture::Reader),
    Playout(playout::Writer),
}

/// What the card's thread is told.
pub(crate) enum Input {
    Choose(Choice),
    /// Something of the devices may have changed.
    Look,
    Meter(bool),
    MeterAll(bool),
    TestTone,
    OpenMicrophone(Slot<capture::Reader>),
    CloseMicrophone(Slot<capture::Reader>, Option<capture::Reader>),
    OpenLoudspeaker(Slot<playout::Writer>),
    CloseLoudspeaker(Slot<playout::Writer>, Option<playout::Writer>),
    /// A stream is running.
    Opened(u64, End),
    /// A stream could not be opened, or ended.
    Failed(u64, String),
    Quit,
}

/// Something the program may want to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Devices came or went, or the default changed.
    DevicesChanged(Devices),
    /// What is wrong with the microphone; `None` when it works again.
    MicrophoneTrouble(Option<Fault>),
    /// What is wrong with the loudspeaker; `None` when it works again.
    LoudspeakerTrouble(Option<Fault>),
    /// The microphone's level, about 15 times a second while it is open, and silence once it gives
    /// nothing more.
    Level {
        /// 0 is the loudest, −127 is silence (RFC 6464).
        dbov: i8,
    },
    /// The level of each microphone by its id, as often, while all are metered.
    AllLevels(Vec<(String, i8)>),
}

/// What is currently wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trouble {
    pub microphone: Option<Fault>,
    pub loudspeaker: Option<Fault>,
}

impl Trouble {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut Option<Fault> {
        match kind {
            Kind::Microphone => &mut self.microphone,
            Kind::Loudspeaker => &mut self.loudspeaker,
        }
    }
}

/// What the card's thread, the callbacks and the users share.
pub(crate) struct Shared {
    /// Locked by the users of the microphone and the loudspeaker, never by a callback.
    pub(crate) processor: Mutex<VoiceProcessor>,
    /// Whether someone reads the microphone, so that the echo canceller needs what is played.
    pub(crate) is_read: AtomicBool,
    /// Held by each microphone that was given out, open or not: who has one is on a call.
    pub(crate) calls: Arc<()>,
    /// How often the test tone was requested.
    pub(crate) tones: Arc<AtomicU32>,
    pub(crate) devices: Mutex<Devices>,
    pub(crate) trouble: Mutex<Trouble>,
}

impl Shared {
    /// The processor. Waits only while another frame is processed, or a setting changes.
    pub(crate) fn processor(&self) -> MutexGuard<'_, VoiceProcessor> {
        let processor = self.processor.lock();
        processor.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the callback of one stream reports, without a lock.
#[derive(Default)]
pub(crate) struct Signs {
    callbacks: AtomicU32,
    energy: AtomicU64,
    samples: AtomicU32,
}

impl Signs {
    /// There was another callback.
    pub(crate) fn called(&self) {
        self.callbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub(crate) fn callbacks(&self) -> u32 {
        self.callbacks.load(Ordering::Relaxed)
    }

    /// Adds the sum of these samples' squares.
    pub(crate) fn add(&self, energy: u64, samples: u32) {
        self.energy.fetch_add(energy, Ordering::Relaxed);
        self.samples.fetch_add(samples, Ordering::Relaxed);
    }

    /// The level since the last call, if there were any samples.
    pub(crate) fn take_dbov(&self) -> Option<i8> {
        let energy = self.energy.swap(0, Ordering::Relaxed);
        let samples = self.samples.swap(0, Ordering::Relaxed);
        if samples == 0 {
            return None;
        }
        let rms = (energy as f64 / f64::from(samples)).sqrt();
        let dbov = 20.0 * (rms / 32_768.0).max(1e-7).log10();
        Some(dbov.round().clamp(-127.0, 0.0) as i8)
    }
}
