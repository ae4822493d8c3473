//! What the card's thread, the callbacks and the users tell each other.

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
    /// A stream runs.
    Opened(u64, End),
    /// A stream could not be opened, or ended.
    Failed(u64, String),
    Quit,
}

/// Something that the program may want to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Devices came or went, or another one is the default.
    DevicesChanged(Devices),
    /// What is wrong with the microphone, as a sentence; `None` when it is well again.
    MicrophoneTrouble(Option<String>),
    /// What is wrong with the loudspeaker, as a sentence; `None` when it is well again.
    LoudspeakerTrouble(Option<String>),
    /// How loud it is at the microphone, about 15 times a second while it is open.
    Level {
        /// 0 is the loudest, −127 is silence (RFC 6464).
        dbov: i8,
    },
}

/// What is wrong now, as sentences.
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
    /// Locked by who reads the microphone and who plays, never by a callback.
    pub(crate) processor: Mutex<VoiceProcessor>,
    /// Whether someone reads the microphone, so that what is played is to be heard for echoes.
    pub(crate) is_read: AtomicBool,
    pub(crate) level: Level,
    /// How often the test tone was asked for.
    pub(crate) tones: Arc<AtomicU32>,
    pub(crate) devices: Mutex<Devices>,
    pub(crate) trouble: Mutex<Trouble>,
}

impl Shared {
    /// The processor; waits only for another frame to be processed, or for a new setting.
    pub(crate) fn processor(&self) -> MutexGuard<'_, VoiceProcessor> {
        let processor = self.processor.lock();
        processor.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a callback tells of loudness, without a lock.
#[derive(Default)]
pub(crate) struct Level {
    energy: AtomicU64,
    samples: AtomicU32,
}

impl Level {
    /// Counts these samples' squares in.
    pub(crate) fn add(&self, energy: u64, samples: u32) {
        self.energy.fetch_add(energy, Ordering::Relaxed);
        self.samples.fetch_add(samples, Ordering::Relaxed);
    }

    /// The level since the last time, if any sample came.
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
