//! The sound card as the program sees it.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use client::ClientError;
use tokio::sync::broadcast;
use voice::{Processing, VoiceProcessor};

use crate::devices::{Choice, Devices};
use crate::loudspeaker::CardLoudspeaker;
use crate::microphone::CardMicrophone;
use crate::run::Run;
use crate::shared::{Event, Input, Shared, Trouble};

/// Inputs that may wait for the card's thread.
const INPUTS_MAX: usize = 256;
/// Events that may wait for a slow listener, which misses the oldest.
const EVENTS_MAX: usize = 64;

/// The sound card of this machine. All clones are the same one; it ends with the last.
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
    /// Starts a thread that finds and watches the devices. No device is opened yet, and there need not be
    /// any.
    ///
    /// # Errors
    /// [`ClientError::Audio`] when no thread can be started.
    pub fn start() -> Result<Self, ClientError> {
        let (inputs, inbox) = sync_channel(INPUTS_MAX);
        let (events, _) = broadcast::channel(EVENTS_MAX);
        let shared = Arc::new(Shared {
            processor: Mutex::new(VoiceProcessor::new(Processing::default())),
            is_read: AtomicBool::new(false),
            calls: Arc::default(),
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

    /// The devices seen last; none right after the start.
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

    /// Uses these devices from now on, even during a call. The old one goes on until the new one runs.
    pub fn choose(&self, choice: Choice) {
        self.tell(Input::Choose(choice));
    }

    /// Processes the microphone's sound like this from now on, even during a call.
    pub fn processing(&self, processing: Processing) {
        self.0.shared.processor().set(processing);
    }

    /// A closed microphone: the device is opened by [`client::audio::Microphone::open`].
    /// If several are open, the last one captures.
    #[must_use]
    pub fn microphone(&self) -> CardMicrophone {
        CardMicrophone::new(self.0.inputs.clone(), Arc::clone(&self.0.shared))
    }

    /// A loudspeaker. Its device is open until this is dropped. If there are several, the last one is
    /// heard.
    #[must_use]
    pub fn loudspeaker(&self) -> CardLoudspeaker {
        CardLoudspeaker::new(self.0.inputs.clone(), Arc::clone(&self.0.shared))
    }

    /// Events from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// Plays a tone for a second, along with the call if there is one.
    pub fn test_tone(&self) {
        self.tell(Input::TestTone);
    }

    /// Opens the microphone just for [`Event::Level`], or closes it again.
    pub fn meter(&self, wanted: bool) {
        self.tell(Input::Meter(wanted));
    }

    /// Opens every microphone just for [`Event::AllLevels`], or closes them again. They are closed while
    /// there is a [`Self::microphone`], open or not.
    pub fn meter_all(&self, wanted: bool) {
        self.tell(Input::MeterAll(wanted));
    }

    fn tell(&self, input: Input) {
        if self.0.inputs.try_send(input).is_err() {
            tracing::warn!("the sound card's queue is full");
        }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        // If there is no room, the thread notices when its queue closes.
        let _ = self.inputs.try_send(Input::Quit);
    }
}
