//! When and what is reported: RTCP to the peer, quality to the leg.

use std::time::Duration;

use media::LeadQuality;

use super::PhoneError;
use super::inbound::{EPOCH, Stream};
use super::outbound::Outbound;
use crate::rtp::Interval;
use crate::rtp::rtcp::{COMPOUND_BYTES_MAX, Compound};

/// The first report comes early, so that the round trip is known soon.
const FIRST_AFTER: Duration = Duration::from_secs(1);
/// Reports to the peer (RFC 3550 §6.2).
const REPORT_EVERY: Duration = Duration::from_secs(5);
const QUALITY_EVERY: Duration = Duration::from_secs(2);

pub(super) struct Reports {
    /// A name that tells nothing (RFC 7022 §4.2): 96 random bits in hexadecimal.
    name: [u8; 24],
    report_at: Duration,
    quality_at: Duration,
    interval: Interval,
    packet: [u8; COMPOUND_BYTES_MAX],
}

impl Reports {
    pub fn new() -> Result<Self, PhoneError> {
        let mut random = [0_u8; 12];
        getrandom::fill(&mut random).map_err(|_| PhoneError::Random)?;
        let digits = random.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        let mut name = [0; 24];
        for (letter, digit) in name.iter_mut().zip(digits) {
            *letter = *b"0123456789abcdef".get(usize::from(digit)).unwrap_or(&b'0');
        }
        Ok(Self {
            name,
            report_at: Duration::ZERO,
            quality_at: Duration::ZERO,
            interval: Interval::default(),
            packet: [0; COMPOUND_BYTES_MAX],
        })
    }

    pub fn begin(&mut self, now: Duration) {
        self.report_at = now + FIRST_AFTER;
        self.quality_at = now + QUALITY_EVERY;
    }

    pub fn is_due(&mut self, now: Duration) -> bool {
        let is_due = now >= self.report_at;
        if is_due {
            self.report_at = now + REPORT_EVERY;
        }
        is_due
    }

    /// How the network does, when that is due and anything came: of silence nothing can be said.
    pub fn quality(&mut self, now: Duration, stream: &Stream) -> Option<LeadQuality> {
        if now < self.quality_at || !stream.reception.has_begun() {
            return None;
        }
        self.quality_at = now + QUALITY_EVERY;
        let lost = stream.reception.lost_since(&mut self.interval, 1000);
        let round_trip = stream.round_trip.map(|time| time.as_millis());
        Some(LeadQuality {
            jitter_ms: stream.reception.jitter_ms(),
            lost_permille: u16::try_from(lost).unwrap_or(0),
            round_trip_ms: round_trip.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX - 1)),
        })
    }

    /// Writes a report, encrypted where the session is, and gives it to `send`.
    pub fn send(
        &mut self,
        now: Duration,
        goodbye: bool,
        stream: &mut Stream,
        outbound: &mut Outbound,
        send: impl FnOnce(&[u8]) -> bool,
    ) {
        let compound = Compound {
            ssrc: outbound.ssrc(),
            sender: outbound.told(now + EPOCH),
            block: stream.reception.block(now),
            name: std::str::from_utf8(&self.name).unwrap_or_default(),
            goodbye,
        };
        let len = compound.write(&mut self.packet);
        let Some(packet) = len.and_then(|len| self.packet.get(..len)) else {
            return;
        };
        // What is not taken now comes again in five seconds.
        let _ = match &mut outbound.sender {
            None => send(packet),
            Some(sender) => sender.rtcp(packet, send).unwrap_or(false),
        };
    }
}
