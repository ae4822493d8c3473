//! Tapes: what the lead and the recording receive, and what the lead says, taken off at the worker.
//!
//! The worker's side copies a packet into a lock-free ring, and does nothing else; a thread of the
//! demonstration's own decodes it into a track.

use media::lead::{Dial, LeadEvent, LeadLeg, LeadLine, LeadMedia, LeadMix, SimulatedLine};
use media::{RecordingTap, RecordingTaps};
use mix::{FRAME_SAMPLES, SILENCE};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use voice::{Decoder, MAX_PACKET_BYTES, Packet};

/// Packets that a tape holds: five seconds.
const RING_PACKETS: usize = 256;
/// How often tapes are emptied.
const POLL: Duration = Duration::from_millis(10);

/// Everything that one listener received or one speaker said: 48 kHz mono, growing.
#[derive(Debug, Clone, Default)]
pub struct Track(Arc<Mutex<Vec<i16>>>);

impl Track {
    /// Adds samples at the end.
    pub fn extend(&self, samples: &[i16]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(samples);
    }

    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples from one position to another.
    #[must_use]
    pub fn between(&self, from: usize, to: usize) -> Vec<i16> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples
            .get(from..to.min(samples.len()))
            .unwrap_or_default()
            .to_vec()
    }

    /// The newest samples, this many at most.
    #[must_use]
    pub fn newest(&self, count: usize) -> Vec<i16> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples[samples.len().saturating_sub(count)..].to_vec()
    }
}

#[derive(Clone, Copy)]
struct Piece {
    len: usize,
    bytes: [u8; MAX_PACKET_BYTES],
}

/// The worker's end of a tape.
struct Head(rtrb::Producer<Piece>);

impl Head {
    /// A tape that is decoded into this track until the worker lets go of it.
    fn onto(track: Track) -> Self {
        let (producer, mut consumer) = rtrb::RingBuffer::new(RING_PACKETS);
        std::thread::spawn(move || {
            let Ok(mut decoder) = Decoder::new() else {
                return;
            };
            loop {
                let abandoned = consumer.is_abandoned();
                while let Ok(Piece { len, bytes }) = consumer.pop() {
                    let mut frame = SILENCE;
                    // What cannot be decoded, or is empty on hold, stays silence: time goes on.
                    if len > 0 && decoder.decode(&bytes[..len], &mut frame).is_err() {
                        frame = SILENCE;
                    }
                    track.extend(&frame[..FRAME_SAMPLES]);
                }
                if abandoned {
                    return;
                }
                std::thread::sleep(POLL);
            }
        });
        Self(producer)
    }

    fn take(&mut self, packet: &[u8]) {
        let mut piece = Piece {
            len: packet.len().min(MAX_PACKET_BYTES),
            bytes: [0; MAX_PACKET_BYTES],
        };
        piece.bytes[..piece.len].copy_from_slice(&packet[..piece.len]);
        // A full ring loses packets, and a lost packet makes a cell differ: nothing is hidden by it.
        let _ = self.0.push(piece);
    }
}

#[derive(Debug, Clone, Default)]
pub struct Recording(pub Track);

impl RecordingTaps for Recording {
    fn open(&self, _call: &wire::CallId) -> Option<Box<dyn RecordingTap>> {
        Some(Box::new(RecordingHead(Head::onto(self.0.clone()))))
    }
}

struct RecordingHead(Head);

impl RecordingTap for RecordingHead {
    fn packet(&mut self, _tick: u64, opus: &[u8]) {
        self.0.take(opus);
    }

    fn gap(&mut self, _tick: u64) {}
}

/// The simulated lead's line with two tapes on it.
pub struct TapedLine {
    line: SimulatedLine,
    said: Track,
    heard: Track,
}

impl TapedLine {
    /// Puts tapes on a line: what its leads say, and what they hear.
    #[must_use]
    pub const fn new(line: SimulatedLine, said: Track, heard: Track) -> Self {
        Self { line, said, heard }
    }

    fn taped(&self, leg: Box<dyn LeadLeg>) -> Box<dyn LeadLeg> {
        Box::new(TapedLeg {
            leg,
            said: self.said.clone(),
            heard: self.heard.clone(),
        })
    }
}

impl LeadLine for TapedLine {
    fn dial(&self, dial: Dial, events: tokio::sync::mpsc::Sender<LeadEvent>) -> Box<dyn LeadLeg> {
        self.taped(self.line.dial(dial, events))
    }

    fn receive(
        &self,
        dial: Dial,
        events: tokio::sync::mpsc::Sender<LeadEvent>,
    ) -> Box<dyn LeadLeg> {
        self.taped(self.line.receive(dial, events))
    }
}

struct TapedLeg {
    leg: Box<dyn LeadLeg>,
    said: Track,
    heard: Track,
}

impl LeadLeg for TapedLeg {
    fn pick_up(&mut self) {
        self.leg.pick_up();
    }

    fn hang_up(&mut self) {
        self.leg.hang_up();
    }

    fn send_dtmf(&mut self, digits: &str) {
        self.leg.send_dtmf(digits);
    }

    fn set_held(&mut self, held: bool) {
        self.leg.set_held(held);
    }

    fn take_media(&mut self) -> Option<Box<dyn LeadMedia>> {
        let media = self.leg.take_media()?;
        let said = Head::onto(self.said.clone());
        let heard = Head::onto(self.heard.clone());
        Some(Box::new(TapedMedia { media, said, heard }))
    }
}

struct TapedMedia {
    media: Box<dyn LeadMedia>,
    said: Head,
    heard: Head,
}

impl LeadMedia for TapedMedia {
    fn tick(&mut self, now: Duration, heard: LeadMix<'_>, speak: &mut dyn FnMut(&Packet<'_>)) {
        self.heard.take(heard.opus);
        let said = &mut self.said;
        self.media.tick(now, heard, &mut |packet| {
            said.take(packet.payload);
            speak(packet);
        });
    }
}
