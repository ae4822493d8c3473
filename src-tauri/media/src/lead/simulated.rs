//! A line with simulated leads: they ring, answer and take turns speaking, or do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use mix::{FRAME_SAMPLES, SILENCE};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinHandle;
use voice::{Encoder, EncoderSettings, MAX_PACKET_BYTES, level_dbov};
use wire::CallId;

use super::leg::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadMix, LeadSignal};
use super::turns::Turns;
use crate::error::MediaError;

/// How long it rings before it is answered.
const RINGING: Duration = Duration::from_secs(1);
/// How long it rings before it gives up.
const RINGING_MAX: Duration = Duration::from_secs(30);
/// How long a lead who hangs up stays on the call.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the network takes to reject a call.
const REFUSAL: Duration = Duration::from_millis(200);

/// Taps into what simulated leads hear.
pub trait Ears: Send + Sync {
    /// The ear of one call's lead, or `None`.
    fn open(&self, call: &CallId) -> Option<Box<dyn Ear>>;
}

/// What one simulated lead hears.
pub trait Ear: Send {
    /// The Opus packet of a tick; empty while the lead is held. Runs on the call's worker: never
    /// blocks, locks or allocates.
    fn packet(&mut self, tick: u64, opus: &[u8]);
}

/// How leads are simulated.
pub struct SimulatedLineSettings {
    /// What they say, 48 kHz mono, over and over. Without any they are silent.
    pub sentences: Vec<Vec<i16>>,
    /// Whether they keep talking while spoken to. For tests and benchmarks.
    pub talks_over: bool,
    /// Receives what they hear.
    pub ear: Option<Arc<dyn Ears>>,
}

/// What a simulated lead does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers after a second, and talks.
    Talks,
    /// Is busy.
    Busy,
    /// Never answers, and gives up after 30 s.
    NeverAnswers,
    /// Answers after a second, and hangs up five seconds later.
    HangsUp,
    /// Cannot be reached.
    Unreachable,
}

impl Behaviour {
    /// By the number's last two digits: `01` busy, `02` never answers, `03` hangs up, `04`
    /// unreachable; every other number talks.
    #[must_use]
    pub fn of(phone: &str) -> Self {
        let digits = phone.len().checked_sub(2).and_then(|at| phone.get(at..));
        match digits {
            Some("01") => Self::Busy,
            Some("02") => Self::NeverAnswers,
            Some("03") => Self::HangsUp,
            Some("04") => Self::Unreachable,
            _ => Self::Talks,
        }
    }
}

/// Sentences as Opus packets, 20 ms each. Encoded once, shared by every lead.
type Speech = Arc<Vec<Vec<Box<[u8]>>>>;

/// A [`LeadLine`] of simulated leads.
pub struct SimulatedLine {
    speech: Speech,
    talks_over: bool,
    ear: Option<Arc<dyn Ears>>,
}

impl SimulatedLine {
    /// Encodes the sentences, about 10 ms for each second of speech.
    ///
    /// # Errors
    /// [`MediaError::Codec`] when libopus refuses.
    pub fn new(settings: SimulatedLineSettings) -> Result<Self, MediaError> {
        let mut encoder = Encoder::new(&EncoderSettings {
            fec: false,
            expected_loss_percent: 0,
            ..EncoderSettings::default()
        })?;
        let mut speech = Vec::with_capacity(settings.sentences.len());
        for sentence in &settings.sentences {
            encoder.reset();
            let mut packets = Vec::with_capacity(sentence.len().div_ceil(FRAME_SAMPLES));
            let mut out = [0; MAX_PACKET_BYTES];
            for chunk in sentence.chunks(FRAME_SAMPLES) {
                let mut frame = SILENCE;
                for (sample, said) in frame.iter_mut().zip(chunk) {
                    *sample = *said;
                }
                let len = encoder.encode(&frame, &mut out)?;
                packets.push(out.get(..len).unwrap_or_default().into());
            }
            speech.push(packets);
        }
        Ok(Self {
            speech: Arc::new(speech),
            talks_over: settings.talks_over,
            ear: settings.ear,
        })
    }

    /// The media of a lead who has answered already, for tests and benchmarks without signalling.
    #[must_use]
    pub fn answered(&self, call: &CallId) -> Box<dyn LeadMedia> {
        let state = Arc::new(State::default());
        state.set(TALKING);
        Box::new(self.media(call, state))
    }

    fn media(&self, call: &CallId, state: Arc<State>) -> SimulatedMedia {
        SimulatedMedia {
            speech: Arc::clone(&self.speech),
            turns: Turns::new(self.talks_over),
            ear: self.ear.as_ref().and_then(|ears| ears.open(call)),
            state,
            sequence: 0,
        }
    }
}

impl LeadLine for SimulatedLine {
    fn dial(&self, dial: Dial, events: Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        let state = Arc::new(State::default());
        let media = self.media(&dial.call, Arc::clone(&state));
        let task = tokio::spawn(signal(dial, Arc::clone(&state), events));
        Box::new(SimulatedLeg {
            state,
            media: Some(media),
            task,
        })
    }

    fn receive(&self, dial: Dial, events: Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        let state = Arc::new(State::default());
        let media = self.media(&dial.call, Arc::clone(&state));
        let task = tokio::spawn(wait(dial, Arc::clone(&state), events));
        Box::new(SimulatedLeg {
            state,
            media: Some(media),
            task,
        })
    }
}

impl std::fmt::Debug for SimulatedLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedLine").finish_non_exhaustive()
    }
}

const RINGS: u8 = 0;
const TALKING: u8 = 1;
const HELD: u8 = 2;
const ENDED: u8 = 3;

/// A leg's state, shared by its signalling and its media.
#[derive(Debug)]
struct State(AtomicU8);

impl Default for State {
    fn default() -> Self {
        Self(AtomicU8::new(RINGS))
    }
}

impl State {
    fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, state: u8) {
        self.0.store(state, Ordering::Release);
    }

    /// Changes only from the one state to the other.
    fn change(&self, from: u8, to: u8) {
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        // Another state stays as it is.
        let _ = self.0.compare_exchange(from, to, set, get);
    }
}

/// Acts out a number's behaviour. A closed channel means that no one is listening any more.
async fn signal(dial: Dial, state: Arc<State>, events: Sender<LeadEvent>) {
    let tell = async |signal| {
        let call = dial.call.clone();
        events.send(LeadEvent { call, signal }).await.is_ok()
    };
    match Behaviour::of(&dial.remote_phone) {
        Behaviour::Busy => {
            tokio::time::sleep(REFUSAL).await;
            state.set(ENDED);
            tell(LeadSignal::Busy).await;
        }
        Behaviour::Unreachable => {
            tokio::time::sleep(REFUSAL).await;
            state.set(ENDED);
            tell(LeadSignal::Unreachable).await;
        }
        Behaviour::NeverAnswers => {
            if tell(LeadSignal::Ringing).await {
                tokio::time::sleep(RINGING_MAX).await;
                state.set(ENDED);
                tell(LeadSignal::NoAnswer).await;
            }
        }
        behaviour @ (Behaviour::Talks | Behaviour::HangsUp) => {
            if !tell(LeadSignal::Ringing).await {
                return;
            }
            tokio::time::sleep(RINGING).await;
            state.change(RINGS, TALKING);
            if tell(LeadSignal::Answered).await && behaviour == Behaviour::HangsUp {
                tokio::time::sleep(PATIENCE).await;
                state.set(ENDED);
                tell(LeadSignal::HungUp).await;
            }
        }
    }
}

/// Waits to be picked up for as long as a phone rings.
async fn wait(dial: Dial, state: Arc<State>, events: Sender<LeadEvent>) {
    tokio::time::sleep(RINGING_MAX).await;
    if state.get() == RINGS {
        state.set(ENDED);
        let (call, signal) = (dial.call, LeadSignal::HungUp);
        // No one may wait for it any more.
        let _ = events.send(LeadEvent { call, signal }).await;
    }
}

struct SimulatedLeg {
    state: Arc<State>,
    media: Option<SimulatedMedia>,
    task: JoinHandle<()>,
}

impl LeadLeg for SimulatedLeg {
    fn pick_up(&mut self) {
        self.state.change(RINGS, TALKING);
    }

    fn hang_up(&mut self) {
        self.task.abort();
        self.state.set(ENDED);
    }

    fn send_dtmf(&mut self, digits: &str) {
        // No one at the other end listens for digits.
        tracing::debug!(count = digits.len(), "sent digits to a simulated lead");
    }

    fn set_held(&mut self, held: bool) {
        let (from, to) = if held {
            (TALKING, HELD)
        } else {
            (HELD, TALKING)
        };
        self.state.change(from, to);
    }

    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        if self.state.get() == RINGS {
            return None;
        }
        let media = self.media.take()?;
        Some(Box::new(media))
    }
}

impl Drop for SimulatedLeg {
    fn drop(&mut self) {
        self.hang_up();
    }
}

struct SimulatedMedia {
    speech: Speech,
    turns: Turns,
    ear: Option<Box<dyn Ear>>,
    state: Arc<State>,
    sequence: u16,
}

impl LeadMedia for SimulatedMedia {
    fn tick(
        &mut self,
        _now: Duration,
        heard: LeadMix<'_>,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    ) {
        if let Some(ear) = &mut self.ear {
            ear.packet(heard.tick, heard.opus);
        }
        if self.state.get() != TALKING {
            return;
        }
        let packets = |sentence: usize| self.speech.get(sentence).map(Vec::len);
        let Some((sentence, packet)) = self.turns.step(level_dbov(heard.frame), packets) else {
            return;
        };
        let sentence = self.speech.get(sentence);
        let Some(payload) = sentence.and_then(|packets| packets.get(packet)) else {
            return;
        };
        // The timestamp follows the ticks, the sequence number the packets: a pause is no loss.
        let timestamp = (heard.tick as u32).wrapping_mul(FRAME_SAMPLES as u32);
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        speak(&voice::Packet {
            codec: voice::Codec::Opus,
            sequence,
            timestamp,
            mode: None,
            payload,
        });
    }
}

#[cfg(test)]
mod tests;
