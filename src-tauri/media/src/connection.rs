//! One peer's WebRTC connection: str0m, driven by hand.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::{FRAME_SAMPLES, LegNumber, Mode};
use str0m::change::SdpOffer;
use str0m::media::{Mid, Pt};
use str0m::net::{DatagramSend, Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite, Ssrc};
use str0m::{Event, IceConnectionState, Input, Output, Rtc};

use crate::demux::Transaction;
use crate::negotiation::{Negotiated, Origin};

/// A peer that is silent for this long is lost, so that the others know within 5 s. Clients check
/// connectivity every 2 to 3 s.
pub(crate) const SILENCE_MAX: Duration = Duration::from_millis(4_500);
/// How long a peer may take to connect after the answer.
pub(crate) const SETUP_MAX: Duration = Duration::from_secs(30);
/// Outputs taken from str0m in one go; the rest wait for the next.
const OUTPUTS_MAX: usize = 256;
/// How long a connection rests after str0m reported an error.
const ERROR_PAUSE: Duration = Duration::from_millis(100);
/// How many of a peer's connectivity checks are remembered: a few minutes' worth.
const CHECKS_MAX: usize = 128;
/// Anything louder is marked as voice in the audio level extension.
const VOICE_DBOV: i8 = -50;

/// What came out of a connection.
pub(crate) enum Happening<'a> {
    /// DTLS is up: the peer is who the offer said.
    Up,
    /// ICE gave up, or found its way again.
    Reachable(bool),
    /// A packet from the peer, decrypted and authentic, and what it was sent on.
    Packet(Sending, &'a RtpPacket),
}

/// What a peer sends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    /// Which of the leg's tracks.
    pub(crate) track: usize,
    /// The mode that the offer declared for it (rule M3).
    pub(crate) declared: Option<Mode>,
}

// A frame that comes after all may have been captured before a silence that did not end the connection.
const _: () = assert!(SILENCE_MAX.as_millis() < mix::IN_FLIGHT_MAX.as_millis());

/// Where a connection stands.
pub(crate) struct Connection {
    /// Key of the call it belongs to.
    pub(crate) call: usize,
    pub(crate) leg: LegNumber,
    /// When it wants [`Connection::timeout`].
    pub(crate) deadline: Instant,
    /// Its latest entry in the timer queue.
    pub(crate) queued: Option<Instant>,
    pub(crate) last_received: Instant,
    pub(crate) born: Instant,
    pub(crate) up: bool,
    /// It panicked and must never be touched again.
    pub(crate) panicked: bool,
    /// What the peer last reported to lose; taken by the review.
    reported_loss: Option<f32>,
    checks: VecDeque<Transaction>,
    origin: Origin,
    rtc: Rtc,
    /// The media section of each track, and what it was declared for. A packet of no such section is
    /// not taken.
    tracks: Vec<(Mid, Option<Mode>)>,
    local: SocketAddr,
    ssrc: Ssrc,
    payload_type: Pt,
    sequence: u64,
    timestamp_base: u32,
}

impl Connection {
    pub(crate) fn new(
        negotiated: Negotiated,
        call: usize,
        leg: LegNumber,
        local: SocketAddr,
        now: Instant,
    ) -> Self {
        // Random starts (RFC 3550 §5.1) from a number that is random already. The sequence number
        // starts in the lower half so that its first packets cannot be taken for the next round.
        let seed = (*negotiated.ssrc).wrapping_mul(0x9e37_79b1);
        Self {
            call,
            leg,
            deadline: now,
            queued: None,
            last_received: now,
            born: now,
            up: false,
            panicked: false,
            reported_loss: None,
            checks: VecDeque::new(),
            origin: negotiated.origin,
            rtc: negotiated.rtc,
            tracks: negotiated.tracks,
            local,
            ssrc: negotiated.ssrc,
            payload_type: negotiated.payload_type,
            sequence: u64::from(seed & 0x7fff),
            timestamp_base: seed,
        }
    }

    /// Whether it is worth keeping.
    pub(crate) fn is_alive(&self) -> bool {
        !self.panicked && self.rtc.is_alive()
    }

    /// Whether an offer with this origin is of this connection.
    pub(crate) fn is_of(&self, origin: &Origin) -> bool {
        self.is_alive() && self.origin == *origin
    }

    /// Answers another offer of this connection: an ICE restart (RFC 8445 §9), or one that changes
    /// nothing. Sound goes on over the old path until the peer has proven a new one, and the DTLS
    /// session stays. Returns the answer, and the fragment that the peer will name from now on; `None`
    /// when that cannot be.
    pub(crate) fn renegotiate(&mut self, offer: SdpOffer) -> Option<(String, String)> {
        self.guarded(|rtc| {
            let answer = rtc.sdp_api().accept_offer(offer).ok()?;
            let credentials = rtc.direct_api().local_ice_credentials();
            Some((answer.to_sdp_string(), credentials.ufrag))
        })
        .flatten()
    }

    /// Whether the peer has sent anything lately.
    pub(crate) fn is_heard(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_received) < SILENCE_MAX
    }

    /// Whether a datagram comes from this peer: a STUN request with their password.
    pub(crate) fn accepts(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> bool {
        let local = self.local;
        self.guarded(|rtc| {
            Receive::new(Protocol::Udp, source, local, datagram)
                .is_ok_and(|receive| rtc.accepts(&Input::Receive(now, receive)))
        })
        .unwrap_or(false)
    }

    /// The part of the packets that the peer lost, by its latest receiver reports, if there are new
    /// ones.
    pub(crate) fn take_reported_loss(&mut self) -> Option<f32> {
        self.reported_loss.take()
    }

    /// Notes an accepted connectivity check. True if it is new.
    pub(crate) fn note_check(&mut self, transaction: Transaction) -> bool {
        if self.checks.contains(&transaction) {
            return false;
        }
        if self.checks.len() >= CHECKS_MAX {
            self.checks.pop_front();
        }
        self.checks.push_back(transaction);
        true
    }

    /// Takes a datagram; `false` when it is malformed.
    pub(crate) fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) -> bool {
        let local = self.local;
        let taken = self.guarded(|rtc| {
            Receive::new(Protocol::Udp, source, local, datagram)
                .is_ok_and(|receive| rtc.handle_input(Input::Receive(now, receive)).is_ok())
        });
        let taken = taken.unwrap_or(false);
        if taken {
            self.last_received = now;
        }
        taken
    }

    /// Tells it that time has passed.
    pub(crate) fn timeout(&mut self, now: Instant) {
        let _ = self.guarded(|rtc| rtc.handle_input(Input::Timeout(now)).is_ok());
    }

    /// Sends the sound of one tick to the peer. Timestamps follow the ticks, so they advance even while
    /// nothing is sent.
    pub(crate) fn write(&mut self, now: Instant, tick: u64, payload: Arc<[u8]>, level_dbov: i8) {
        let (ssrc, pt) = (self.ssrc, self.payload_type);
        let time = (tick as u32).wrapping_mul(FRAME_SAMPLES as u32);
        let time = time.wrapping_add(self.timestamp_base);
        let sequence = self.sequence;
        self.sequence += 1;
        let _ = self.guarded(|rtc| {
            let values = ExtensionValues {
                audio_level: Some(level_dbov),
                voice_activity: Some(level_dbov > VOICE_DBOV),
                ..ExtensionValues::default()
            };
            if let Some(stream) = rtc.direct_api().stream_tx(&ssrc) {
                let packet = RtpWrite::new(pt, sequence.into(), time, now, payload);
                stream.write_rtp(packet.ext_vals(values));
            }
            // str0m sends what was written when its time moves.
            rtc.handle_input(Input::Timeout(now)).is_ok()
        });
    }

    /// Says goodbye; [`Connection::drain`] gives what to send.
    pub(crate) fn close(&mut self) {
        let _ = self.guarded(|rtc| rtc.close().is_ok());
    }

    /// Handles all of str0m's outputs, and notes its next deadline.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        mut send: impl FnMut(SocketAddr, DatagramSend),
        mut happened: impl FnMut(Happening<'_>),
    ) {
        for _ in 0..OUTPUTS_MAX {
            let Some(output) = self.guarded(|rtc| rtc.poll_output()) else {
                return;
            };
            match output {
                Ok(Output::Transmit(transmit)) => send(transmit.destination, transmit.contents),
                Ok(Output::Event(event)) => match event {
                    Event::RtpPacket(packet) => {
                        if let Some(sending) = self.sending(packet.header.ssrc) {
                            happened(Happening::Packet(sending, &packet));
                        }
                    }
                    Event::Connected => {
                        self.up = true;
                        happened(Happening::Up);
                    }
                    Event::IceConnectionStateChange(state) => {
                        let reachable = state != IceConnectionState::Disconnected;
                        happened(Happening::Reachable(reachable));
                    }
                    Event::MediaEgressStats(stats) => {
                        self.reported_loss = stats.loss.or(self.reported_loss);
                    }
                    _ => {}
                },
                Ok(Output::Timeout(at)) => {
                    self.deadline = at;
                    return;
                }
                Err(_) => {
                    self.deadline = now + ERROR_PAUSE;
                    return;
                }
            }
        }
        self.deadline = now;
    }

    /// What a stream is sent on.
    fn sending(&mut self, ssrc: Ssrc) -> Option<Sending> {
        let (track, declared) = match *self.tracks {
            // The only section, so the packet is of it.
            [(_, declared)] => (0, declared),
            _ => {
                let mid = self.guarded(|rtc| {
                    let mut api = rtc.direct_api();
                    api.stream_rx(&ssrc).map(|stream| stream.mid())
                })??;
                let at = self.tracks.iter().position(|(of, _)| *of == mid)?;
                (at, self.tracks.get(at)?.1)
            }
        };
        Some(Sending { track, declared })
    }

    /// A panic in the WebRTC stack ends this connection, but never the worker: instances are
    /// independent, and this one is dropped (str0m, "panics").
    fn guarded<T>(&mut self, run: impl FnOnce(&mut Rtc) -> T) -> Option<T> {
        if self.panicked {
            return None;
        }
        let rtc = &mut self.rtc;
        let result = catch_unwind(AssertUnwindSafe(|| run(rtc)));
        self.panicked = result.is_err();
        result.ok()
    }
}
