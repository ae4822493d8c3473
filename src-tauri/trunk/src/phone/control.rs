//! The half of a phone that stays with its leg, and what connects the halves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use media::LeadQuality;
use rtrb::{Consumer, Producer, RingBuffer};

use super::PhoneError;
use crate::rtp::{SrtpReceiver, SrtpSender};
use crate::sdp::{Negotiated, SrtpKeys};

/// Negotiations waiting for the worker.
const NEGOTIATIONS_MAX: usize = 16;
/// Digits waiting for the worker.
const DIGITS_MAX: usize = 64;
/// Keys waiting to be reported, and reported at once.
const KEYS_MAX: usize = 16;

/// What happened to a phone since the last report.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PhoneReport {
    /// Keys that the peer pressed, at most 16.
    pub keys: String,
    /// The quality of the network, if there is a new report.
    pub quality: Option<LeadQuality>,
    /// How long ago the peer last sent RTP or RTCP, by the worker's clock; before that, how long the
    /// phone has been ticked with something negotiated.
    pub heard_ms_ago: u64,
    /// RTP packets that the peer sent.
    pub received: u64,
    /// RTP packets that were sent to the peer.
    pub sent: u64,
    /// Datagrams from strangers, dropped.
    pub strangers: u64,
    /// Unusable datagrams from the peer, dropped: not RTP, not authentic, not negotiated, or from
    /// another stream.
    pub refused: u64,
}

impl std::fmt::Debug for PhoneReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys are never printed.
        f.debug_struct("PhoneReport")
            .field("key_count", &self.keys.len())
            .field("quality", &self.quality)
            .field("heard_ms_ago", &self.heard_ms_ago)
            .field("received", &self.received)
            .field("sent", &self.sent)
            .field("strangers", &self.strangers)
            .field("refused", &self.refused)
            .finish()
    }
}

/// The half of a phone that stays with its leg.
pub struct PhoneControl {
    port: u16,
    shared: Arc<Shared>,
    negotiations: Producer<Negotiation>,
    digits: Producer<u8>,
    keys: Consumer<u8>,
    srtp: Option<SrtpKeys>,
}

/// The worker's end.
pub(super) struct Link {
    pub shared: Arc<Shared>,
    pub negotiations: Consumer<Negotiation>,
    pub digits: Consumer<u8>,
    pub keys: Producer<u8>,
}

/// State seen by both halves. Only the worker writes the numbers.
#[derive(Default)]
pub(super) struct Shared {
    pub answered: AtomicBool,
    pub held: AtomicBool,
    pub ended: AtomicBool,
    /// A quality report packed in one word; 0 if there is no new one.
    quality: AtomicU64,
    pub now_ms: AtomicU64,
    pub heard_at_ms: AtomicU64,
    pub received: AtomicU64,
    pub sent: AtomicU64,
    pub strangers: AtomicU64,
    pub refused: AtomicU64,
}

/// The result of a negotiation, with what the worker cannot create itself.
pub(super) struct Negotiation {
    pub negotiated: Negotiated,
    /// New encryption, or none, or the same as before. A key that stays must keep its context, which
    /// counts how often the sequence numbers wrapped.
    pub sender: Change<SrtpSender>,
    pub receiver: Change<SrtpReceiver>,
    /// Where a new stream would begin.
    pub start: StreamStart,
}

pub(super) enum Change<T> {
    Keep,
    Set(Option<Box<T>>),
}

/// The random beginning of a stream (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StreamStart {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
}

impl StreamStart {
    pub fn random() -> Result<Self, PhoneError> {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).map_err(|_| PhoneError::Random)?;
        let [r0, r1, r2, r3, t0, t1, t2, t3, s0, s1] = bytes;
        Ok(Self {
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
            // From the lower half: if the first packets are lost, the peer of an encrypted stream must
            // not have to guess whether the numbers have wrapped (RFC 3711 §3.3.1).
            sequence: u16::from_be_bytes([s0, s1]) >> 1,
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
        })
    }
}

/// Both ends.
pub(super) fn link(port: u16) -> (PhoneControl, Link) {
    let shared = Arc::new(Shared::default());
    let (negotiations, negotiations_taken) = RingBuffer::new(NEGOTIATIONS_MAX);
    let (digits, digits_taken) = RingBuffer::new(DIGITS_MAX);
    let (keys_told, keys) = RingBuffer::new(KEYS_MAX);
    let control = PhoneControl {
        port,
        shared: Arc::clone(&shared),
        negotiations,
        digits,
        keys,
        srtp: None,
    };
    let link = Link {
        shared,
        negotiations: negotiations_taken,
        digits: digits_taken,
        keys: keys_told,
    };
    (control, link)
}

impl PhoneControl {
    /// The port of RTP, for the description.
    #[must_use]
    pub const fn local_port(&self) -> u16 {
        self.port
    }

    /// Applies the result of a negotiation.
    ///
    /// # Errors
    /// [`PhoneError::Keys`], [`PhoneError::Random`]; [`PhoneError::Busy`] when the worker has not handled
    /// earlier ones. The previous negotiation then stays in force.
    pub fn negotiated(&mut self, negotiated: Negotiated) -> Result<(), PhoneError> {
        let (before, keys) = (self.srtp, negotiated.srtp);
        let sender = change(
            before.map(|keys| keys.local),
            keys.map(|keys| keys.local),
            |key| SrtpSender::new(key).map_err(|_| PhoneError::Keys),
        )?;
        let receiver = change(
            before.map(|keys| keys.remote),
            keys.map(|keys| keys.remote),
            |key| SrtpReceiver::new(key).map_err(|_| PhoneError::Keys),
        )?;
        let negotiation = Negotiation {
            negotiated,
            sender,
            receiver,
            start: StreamStart::random()?,
        };
        let pushed = self.negotiations.push(negotiation);
        pushed.map_err(|_| PhoneError::Busy)?;
        self.srtp = keys;
        Ok(())
    }

    /// The lead answered: from now on they hear the call. Before that they are sent silence.
    pub fn answered(&mut self) {
        self.shared.answered.store(true, Ordering::Release);
    }

    /// Starts or stops playing the hold sound.
    pub fn set_held(&mut self, held: bool) {
        self.shared.held.store(held, Ordering::Release);
    }

    /// Sends digits: `0`–`9`, `*`, `#`, `A`–`D`. They are events (RFC 4733), or tones in the sound if the
    /// peer takes no events. Others are ignored, as are digits beyond the 64 that can wait, and all of them
    /// while the peer wants to hear nothing.
    pub fn send_dtmf(&mut self, digits: &str) {
        for digit in digits.bytes() {
            if self.digits.push(digit).is_err() {
                return;
            }
        }
    }

    /// What happened since the last report. Keys beyond 16 are lost, so call this at least once a
    /// second.
    pub fn report(&mut self) -> PhoneReport {
        let mut keys = String::new();
        for _ in 0..KEYS_MAX {
            let Ok(key) = self.keys.pop() else {
                break;
            };
            keys.push(char::from(key));
        }
        let shared = &*self.shared;
        let get = |number: &AtomicU64| number.load(Ordering::Acquire);
        let heard_at_ms = get(&shared.heard_at_ms);
        PhoneReport {
            keys,
            quality: unpack(shared.quality.swap(0, Ordering::AcqRel)),
            heard_ms_ago: get(&shared.now_ms).saturating_sub(heard_at_ms),
            received: get(&shared.received),
            sent: get(&shared.sent),
            strangers: get(&shared.strangers),
            refused: get(&shared.refused),
        }
    }

    /// Says goodbye (RTCP BYE) at the next tick, and is silent after that.
    pub fn end(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
    }
}

/// What becomes of a direction's encryption.
fn change<K: PartialEq, T>(
    before: Option<K>,
    now: Option<K>,
    make: impl FnOnce(&K) -> Result<T, PhoneError>,
) -> Result<Change<T>, PhoneError> {
    if before == now {
        return Ok(Change::Keep);
    }
    let made = now.as_ref().map(make).transpose()?;
    Ok(Change::Set(made.map(Box::new)))
}

impl Shared {
    /// Reports the network's quality, replacing a report that no one read.
    pub fn tell(&self, quality: LeadQuality) {
        self.quality.store(pack(quality), Ordering::Release);
    }

    pub fn add(number: &AtomicU64) {
        number.fetch_add(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for PhoneControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PhoneControl")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

const PRESENT: u64 = 1 << 63;
/// Beyond this a round trip is not told: it fills 32 bits.
const NO_ROUND_TRIP: u32 = u32::MAX;

fn pack(quality: LeadQuality) -> u64 {
    let lost = u64::from(quality.lost_permille.min(1000));
    let jitter = u64::from(quality.jitter_ms.min(0xffff));
    let round_trip = u64::from(quality.round_trip_ms.unwrap_or(NO_ROUND_TRIP));
    PRESENT | lost << 48 | jitter << 32 | round_trip
}

fn unpack(packed: u64) -> Option<LeadQuality> {
    let round_trip_ms = packed as u32;
    (packed & PRESENT != 0).then_some(LeadQuality {
        jitter_ms: u32::from((packed >> 32) as u16),
        lost_permille: (packed >> 48) as u16 & 0x7fff,
        round_trip_ms: (round_trip_ms != NO_ROUND_TRIP).then_some(round_trip_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quality_report_is_given_once_and_unchanged() {
        let (mut control, link) = link(4000);
        assert_eq!(control.report(), PhoneReport::default());
        for round_trip_ms in [None, Some(0), Some(80)] {
            let quality = LeadQuality {
                jitter_ms: 12,
                lost_permille: 1000,
                round_trip_ms,
            };
            link.shared.tell(LeadQuality {
                jitter_ms: 0,
                ..quality
            });
            link.shared.tell(quality);
            assert_eq!(control.report().quality, Some(quality));
            assert_eq!(control.report().quality, None);
        }
    }

    #[test]
    fn keys_are_reported_in_order_and_never_logged() {
        let (mut control, mut link) = link(4000);
        for key in b"12345678901234567890" {
            // More than fit are lost.
            let _ = link.keys.push(*key);
        }
        let report = control.report();
        assert_eq!(report.keys, "1234567890123456");
        assert!(!format!("{report:?} {control:?}").contains("1234567"));
        assert_eq!(control.report().keys, "");
    }

    #[test]
    fn digits_beyond_the_bound_are_ignored() {
        let (mut control, mut link) = link(4000);
        control.send_dtmf(&"5".repeat(1000));
        assert_eq!(link.digits.slots(), 64);
        assert_eq!(link.digits.pop(), Ok(b'5'));
    }
}
