//! What goes to the peer: sound, what a held lead hears, keys.

use std::time::Duration;

use media::LeadMix;
use voice::{Codec, G711Encoder, Law, MAX_PACKET_BYTES};

use super::control::StreamStart;
use super::{HoldSound, PhoneError};
use crate::rtp::event::KeySender;
use crate::rtp::rtcp::SenderInfo;
use crate::rtp::{HEADER_BYTES, RtpHeader, SrtpSender, ntp};
use crate::sdp::{Negotiated, Payload};

const TICKS_HZ: u32 = 50;

/// What a tick is to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Voice,
    /// What a held lead hears.
    Held,
    /// Silence, to keep the way open.
    Nothing,
    /// A key, where the peer takes keys as sound only.
    Tone,
}

/// What goes to the peer.
pub(super) struct Outbound {
    pub sender: Option<Box<SrtpSender>>,
    pub keys: KeySender,
    /// Whether keys are events.
    has_events: bool,
    start: StreamStart,
    clock_hz: u32,
    /// The call's tick in which the stream began, and the next one. They count those that were skipped, so
    /// that timestamps follow the clock (RFC 3550 §5.1).
    origin: Option<u64>,
    tick: u64,
    sequence: u16,
    g711: G711Encoder,
    /// What the last packet of sound held; none when a stretch begins.
    last: Option<Content>,
    event_timestamp: u32,
    held_ticks: u64,
    packets: u32,
    bytes: u32,
    buffer: Box<[u8; HEADER_BYTES + MAX_PACKET_BYTES]>,
}

impl Outbound {
    pub fn new() -> Result<Self, PhoneError> {
        Ok(Self {
            sender: None,
            keys: KeySender::default(),
            has_events: false,
            start: StreamStart::default(),
            clock_hz: 0,
            origin: None,
            tick: 0,
            sequence: 0,
            g711: G711Encoder::new(Law::A)?,
            last: None,
            event_timestamp: 0,
            held_ticks: 0,
            packets: 0,
            bytes: 0,
            buffer: Box::new([0; HEADER_BYTES + MAX_PACKET_BYTES]),
        })
    }

    /// What was negotiated. A codec with another clock is another stream (RFC 7160 §4).
    pub fn negotiate(&mut self, negotiated: &Negotiated, start: StreamStart) {
        let clock_hz = Payload::Voice(negotiated.send.1).clock_hz();
        if clock_hz != self.clock_hz {
            self.clock_hz = clock_hz;
            self.start = start;
            self.sequence = start.sequence;
            (self.origin, self.packets, self.bytes) = (None, 0, 0);
            self.keys.break_off();
        }
        if negotiated.event.is_some() != self.has_events {
            self.has_events = negotiated.event.is_some();
            self.keys.break_off();
        }
        self.last = None;
    }

    /// The stream's source.
    pub const fn ssrc(&self) -> u32 {
        self.start.ssrc
    }

    fn timestamp(&self) -> u32 {
        let ticks = self.tick.wrapping_sub(self.origin.unwrap_or(self.tick));
        let samples = ticks.wrapping_mul(u64::from(self.clock_hz / TICKS_HZ));
        self.start.timestamp.wrapping_add(samples as u32)
    }

    /// The call's next tick begins. After skipped ones a new stretch of sound does as well.
    pub fn begin(&mut self, tick: u64) {
        if tick != self.tick {
            self.last = None;
        }
        self.tick = tick;
        self.origin.get_or_insert(tick);
    }

    /// Nothing is sent in this tick: the peer holds.
    pub fn pause(&mut self) {
        self.tick += 1;
        self.last = None;
    }

    /// The packet of this tick, given to `send` with all it needs; whether it went out.
    pub fn tick(
        &mut self,
        negotiated: &Negotiated,
        content: Content,
        heard: &LeadMix<'_>,
        hold: &HoldSound,
        send: impl FnOnce(&[u8]) -> bool,
    ) -> bool {
        let key = self.keys.tick();
        let event = negotiated
            .event
            .and_then(|event| Some((event, key?.packet(event.clock_hz)?)));
        let tone = key.filter(|_| negotiated.event.is_none());
        let now = self.timestamp();
        let (marker, payload_type, timestamp) = if let Some((event, packet)) = &event {
            if packet.is_first {
                self.event_timestamp = now;
            }
            (packet.is_first, event.payload_type, self.event_timestamp)
        } else {
            (self.last.is_none(), negotiated.send.0, now)
        };
        let encoded;
        let payload: &[u8] = if let Some((_, packet)) = &event {
            &packet.payload
        } else if let Some(tone) = tone {
            hold.key(negotiated.send.1, tone)
        } else {
            match content {
                Content::Voice => match voice(&mut self.g711, self.last, negotiated, heard) {
                    Said::G711(bytes) => {
                        encoded = bytes;
                        &encoded
                    }
                    Said::Opus(packet) if !packet.is_empty() => packet,
                    // It is encoded from the next tick on.
                    Said::Opus(_) => hold.nothing(negotiated.send.1),
                },
                Content::Held => hold.held(negotiated.send.1, self.held_ticks),
                Content::Nothing | Content::Tone => hold.nothing(negotiated.send.1),
            }
        };
        let header = RtpHeader {
            marker,
            payload_type,
            sequence: self.sequence,
            timestamp,
            ssrc: self.start.ssrc,
        };
        let len = header.write(payload, self.buffer.as_mut_slice());
        let payload_bytes = payload.len() as u32;
        self.tick += 1;
        self.held_ticks = if content == Content::Held {
            self.held_ticks + 1
        } else {
            0
        };
        let sound = tone.map_or(content, |_| Content::Tone);
        self.last = event.is_none().then_some(sound);
        let Some(packet) = len.and_then(|len| self.buffer.get(..len)) else {
            return false;
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.packets = self.packets.wrapping_add(1);
        self.bytes = self.bytes.wrapping_add(payload_bytes);
        match &mut self.sender {
            None => send(packet),
            Some(sender) => sender.rtp(packet, send).unwrap_or(false),
        }
    }

    /// What is told of it; none when nothing was sent yet.
    pub fn told(&self, now: Duration) -> Option<SenderInfo> {
        (self.packets > 0).then(|| SenderInfo {
            ntp: ntp(now),
            timestamp: self.timestamp(),
            packets: self.packets,
            bytes: self.bytes,
        })
    }
}

/// What is said, as the peer's codec wants it.
enum Said<'a> {
    G711([u8; voice::G711_PACKET_BYTES]),
    Opus(&'a [u8]),
}

fn voice<'a>(
    g711: &mut G711Encoder,
    last: Option<Content>,
    negotiated: &Negotiated,
    heard: &LeadMix<'a>,
) -> Said<'a> {
    let law = match negotiated.send.1 {
        Codec::Pcma => Law::A,
        Codec::Pcmu => Law::Mu,
        Codec::Opus | Codec::ComfortNoise => return Said::Opus(heard.opus),
    };
    if last != Some(Content::Voice) {
        // What was said before the pause is not said again.
        g711.reset();
    }
    g711.set_law(law);
    Said::G711(g711.encode(heard.frame))
}
