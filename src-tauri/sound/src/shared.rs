//! What the card's thread, the callbacks and the users exchange.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use voice::VoiceProcessor;

use crate::devices::{Choice, Devices, Kind};
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
    Meter(bool),
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
    /// What is wrong with the microphone, in a sentence; `None` when it works again.
    MicrophoneTrouble(Option<String>),
    /// What is wrong with the loudspeaker, in a sentence; `None` when it works again.
    LoudspeakerTrouble(Option<String>),
    /// The microphone's level, about 15 times a second while it is open.
    Level {
        /// 0 is the loudest, −127 is silence (RFC 6464).
        dbov: i8,
    },
}

/// What is currently wrong, in sentences.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trouble {
    pub microphone: Option<String>,
    pub loudspeaker: Option<String>,
}

impl Trouble {
    pub(crate) fn of(&mut self, kind: Kind) -> &mut Option<String> {
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
    pub(crate) level: Level,
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

/// The level, reported by a callback without a lock.
#[derive(Default)]
pub(crate) struct Level {
    energy: AtomicU64,
    samples: AtomicU32,
}

impl Level {
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
