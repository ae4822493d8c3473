//! The sound card as the program sees it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use client::ClientError;
use tokio::sync::broadcast;
use voice::{Processing, VoiceProcessor};

use crate::devices::{Choice, Devices, Kind};
use crate::run::{Input, Run};
use crate::{CardLoudspeaker, CardMicrophone};

/// Inputs that may wait for the card's thread.
const INPUTS_MAX: usize = 256;
/// Events that may wait for a slow listener; it misses the oldest.
const EVENTS_MAX: usize = 64;

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
    /// With the microphone.
    pub microphone: Option<String>,
    /// With the loudspeaker.
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
    /// Whether somebody reads the microphone, so that what is played is to be heard for echoes.
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

/// The sound card of this machine. Clones are the same one; it ends with the last of them.
#[derive(Clone)]
pub struct SoundCard(Arc<Card>);

struct Card {
    inputs: SyncSender<Input>,
    shared: Arc<Shared>,
    events: broadcast::Sender<Event>,
}

impl std::fmt::Debug for SoundCard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SoundCard")
    }
}

impl SoundCard {
    /// Starts a thread that finds the devices and watches them. No device is opened yet, and none
    /// need be there.
    ///
    /// # Errors
    /// [`ClientError::Audio`] when there cannot be another thread.
    pub fn start() -> Result<Self, ClientError> {
        let (inputs, inbox) = sync_channel(INPUTS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            processor: Mutex::new(VoiceProcessor::new(Processing::default())),
            is_read: AtomicBool::new(false),
            level: Level::default(),
            tones: Arc::default(),
            devices: Mutex::default(),
            trouble: Mutex::default(),
        });
        let card = Self(Arc::new(Card {
            inputs: inputs.clone(),
            shared: Arc::clone(&shared),
            events: events.clone(),
        }));
        let run = Run::new(inputs, shared, events);
        thread::Builder::new()
            .name("sound-card".into())
            .spawn(move || run.run(&inbox))
            .map_err(|error| ClientError::Audio(error.to_string()))?;
        Ok(card)
    }

    /// The devices there are, as last seen; none right after the start.
    #[must_use]
    pub fn devices(&self) -> Devices {
        let devices = self.0.shared.devices.lock();
        devices.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is wrong now.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        let trouble = self.0.shared.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses these devices from now on, also in a call. The old one goes on until the new one runs.
    pub fn choose(&self, choice: Choice) {
        self.tell(Input::Choose(choice));
    }

    /// Does this to the microphone's sound from now on, also in a call.
    pub fn processing(&self, processing: Processing) {
        self.0.shared.processor().set(processing);
    }

    /// A microphone, closed: the device is not opened before [`client::audio::Microphone::open`].
    /// When several are open at once, the last one captures.
    #[must_use]
    pub fn microphone(&self) -> CardMicrophone {
        CardMicrophone::new(self.0.inputs.clone(), Arc::clone(&self.0.shared))
    }

    /// A loudspeaker. Its device is open until this is dropped. When there are several, the last one
    /// is heard.
    #[must_use]
    pub fn loudspeaker(&self) -> CardLoudspeaker {
        CardLoudspeaker::new(self.0.inputs.clone(), Arc::clone(&self.0.shared))
    }

    /// What happens from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Plays a tone for a second, beside the call if there is one.
    pub fn test_tone(&self) {
        self.tell(Input::TestTone);
    }

    /// Opens the microphone for [`Event::Level`] alone, or lets go of it.
    pub fn meter(&self, wanted: bool) {
        self.tell(Input::Meter(wanted));
    }

    fn tell(&self, input: Input) {
        if self.0.inputs.try_send(input).is_err() {
            tracing::warn!("the sound card does not take any more orders");
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // When there is no room, the thread finds out by its queue's end at the latest.
        let _ = self.inputs.try_send(Input::Quit);
    }
}
