//! What comes from the peer: told from what strangers send, decrypted, put on one timeline.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use voice::{Codec, MAX_PACKET_BYTES};

use super::control::{Link, Shared};
use super::source::{Source, Standing};
use crate::rtp::event::EventReceiver;
use crate::rtp::rtcp::{self, RtcpItem};
use crate::rtp::{Observed, Reception, RtpHeader, RtpPacket, SrtpReceiver, Timeline, round_trip};
use crate::sdp::{Negotiated, Payload};

/// A stream does not begin with sound that waited longer: the worker was not there yet to hear it.
const STALE: Duration = Duration::from_millis(200);

/// The epoch of this side's clock in its reports, so that none of its times is zero.
pub(super) const EPOCH: Duration = Duration::from_secs(3600);

/// The level of a pause for a key, in dB below overload.
const SILENT: u8 = 127;

/// When a datagram came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    /// The worker's clock.
    pub now: Duration,
    /// How long it waited in the kernel.
    pub age: Duration,
}

impl Arrival {
    const fn at(self) -> Duration {
        self.now.saturating_sub(self.age)
    }
}

/// What comes from the peer.
pub(super) struct Inbound {
    pub receiver: Option<Box<SrtpReceiver>>,
    pub stream: Stream,
}

/// The peer's stream.
pub(super) struct Stream {
    pub source: Source,
    pub reception: Reception,
    pub round_trip: Option<Duration>,
    /// The part of what was sent that the peer lost, by its latest report; taken once.
    pub reported_loss: Option<f32>,
    ssrc: Option<u32>,
    /// A stream that would take its place, with the sequence number that would confirm it.
    candidate: Option<(u32, u16)>,
    timeline: Timeline,
    keys: EventReceiver,
}

impl Inbound {
    pub fn new(negotiated: &Negotiated) -> Self {
        Self {
            receiver: None,
            stream: Stream {
                source: Source::new(negotiated.peer, negotiated.peer_rtcp),
                reception: Reception::default(),
                round_trip: None,
                reported_loss: None,
                ssrc: None,
                candidate: None,
                timeline: Timeline::default(),
                keys: EventReceiver::default(),
            },
        }
    }

    /// Takes one datagram of RTP. What is sound goes to `speak`.
    pub fn rtp(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        arrival: Arrival,
        negotiated: &Negotiated,
        link: &mut Link,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    ) {
        let Self { receiver, stream } = self;
        let standing = stream.source.standing(from);
        if standing == Standing::Stranger {
            Shared::add(&link.shared.strangers);
            return;
        }
        let mut take = |bytes: &[u8]| {
            RtpPacket::parse(bytes).is_some_and(|packet| {
                let payload = negotiated.receive.get(packet.header.payload_type);
                payload.is_some_and(|payload| {
                    stream.source.confirm(from);
                    let is_wanted = negotiated.receives;
                    stream.packet(&packet, payload, is_wanted, arrival, link, speak)
                })
            })
        };
        let is_taken = match receiver {
            None => take(bytes),
            Some(receiver) => receiver.rtp(bytes, take).unwrap_or(false),
        };
        if !is_taken {
            refuse(standing, link);
        }
    }

    /// Takes one datagram of RTCP; `ssrc` is this side's stream.
    pub fn rtcp(
        &mut self,
        from: SocketAddr,
        bytes: &[u8],
        arrival: Arrival,
        ssrc: u32,
        link: &mut Link,
    ) {
        let Self { receiver, stream } = self;
        // On a shared port it comes from where RTP does.
        let standing = match stream.source.standing(from) {
            Standing::Peer => Standing::Peer,
            _ => stream.source.standing_rtcp(from),
        };
        if standing == Standing::Stranger {
            Shared::add(&link.shared.strangers);
            return;
        }
        let mut take = |bytes: &[u8]| rtcp::read(bytes, |told| stream.told(told, arrival, ssrc));
        let is_taken = match receiver {
            None => take(bytes),
            Some(receiver) => receiver.rtcp(bytes, take).unwrap_or(false),
        };
        if is_taken {
            stream.source.confirm_rtcp(from);
            heard(link, arrival);
        } else {
            refuse(standing, link);
        }
    }
}

/// Counts what is of no use: what is not known to be the peer's is a stranger's.
fn refuse(standing: Standing, link: &Link) {
    Shared::add(match standing {
        Standing::Peer => &link.shared.refused,
        Standing::Perhaps | Standing::Stranger => &link.shared.strangers,
    });
}

fn heard(link: &Link, arrival: Arrival) {
    let at_ms = arrival.at().as_millis() as u64;
    link.shared.heard_at_ms.fetch_max(at_ms, Ordering::AcqRel);
}

impl Stream {
    /// Another description of the peer.
    pub fn describe(&mut self, negotiated: &Negotiated) {
        if self.source.describe(negotiated.peer, negotiated.peer_rtcp) {
            (self.ssrc, self.candidate) = (None, None);
        }
    }

    /// Takes a packet whose payload type was negotiated; whether it is of use.
    fn packet(
        &mut self,
        packet: &RtpPacket<'_>,
        payload: Payload,
        is_wanted: bool,
        arrival: Arrival,
        link: &mut Link,
        speak: &mut dyn FnMut(&voice::Packet<'_>),
    ) -> bool {
        let header = packet.header;
        if self.ssrc.is_none() && arrival.age > STALE {
            heard(link, arrival);
            return true;
        }
        if !self.belongs(&header) {
            return false;
        }
        let sequence = match self.reception.observe(header.sequence) {
            Observed::Valid(sequence) => sequence,
            Observed::Stray => return false,
            Observed::Restarted(sequence) => {
                self.timeline.change();
                sequence
            }
        };
        heard(link, arrival);
        Shared::add(&link.shared.received);
        let codec = match payload {
            Payload::Event { clock_hz } => {
                let stamp = header.timestamp;
                let pause = self.timeline.pause(sequence, stamp, clock_hz, arrival.at());
                if let Some(moment) = pause.filter(|_| is_wanted) {
                    speak(&voice::Packet {
                        sequence: moment.sequence,
                        codec: Codec::ComfortNoise,
                        timestamp: moment.timestamp,
                        mode: None,
                        payload: &[SILENT],
                    });
                }
                let key = self
                    .keys
                    .receive(sequence, header.timestamp, packet.payload);
                if let Some(key) = key {
                    // Keys that no one asks for are lost.
                    let _ = link.keys.push(key as u8);
                }
                return true;
            }
            Payload::Voice(codec) => codec,
        };
        if packet.payload.is_empty() || packet.payload.len() > MAX_PACKET_BYTES {
            return false;
        }
        let (clock_hz, at) = (payload.clock_hz(), arrival.at());
        self.reception.arrived(header.timestamp, clock_hz, at);
        let moment = self
            .timeline
            .place(sequence, header.timestamp, clock_hz, at);
        if is_wanted {
            speak(&voice::Packet {
                sequence: moment.sequence,
                codec,
                timestamp: moment.timestamp,
                mode: None,
                payload: packet.payload,
            });
        }
        true
    }

    /// Whether a packet is of the peer's stream. Another stream of the same source takes its place when
    /// two of its packets come in a row (RFC 3550 A.1): one stray packet ends nothing.
    fn belongs(&mut self, header: &RtpHeader) -> bool {
        if self.ssrc == Some(header.ssrc) {
            self.candidate = None;
            return true;
        }
        let is_second = self.candidate == Some((header.ssrc, header.sequence));
        if self.ssrc.is_some() && !is_second {
            self.candidate = Some((header.ssrc, header.sequence.wrapping_add(1)));
            return false;
        }
        self.ssrc = Some(header.ssrc);
        self.candidate = None;
        self.reception = Reception::new(header.ssrc);
        self.timeline.change();
        self.keys.clear();
        true
    }

    /// Takes what stood in a report.
    fn told(&mut self, told: RtcpItem, arrival: Arrival, own: u32) {
        match told {
            RtcpItem::Sender { ssrc, info } if self.ssrc == Some(ssrc) => {
                self.reception.reported(info.ntp, arrival.at());
            }
            RtcpItem::Received(block) if block.ssrc == own => {
                let round_trip = round_trip(&block, EPOCH + arrival.at());
                self.round_trip = round_trip.or(self.round_trip);
                self.reported_loss = Some(f32::from(block.fraction_lost) / 256.0);
            }
            // The next stream needs no second packet.
            RtcpItem::Goodbye { ssrc } if self.ssrc == Some(ssrc) => self.ssrc = None,
            _ => {}
        }
    }
}
