//! One WebRTC client of the load: str0m over a UDP socket of its own, so that the service meets as
//! many addresses as there are clients.
//!
//! Most clients only count: they hand STUN, DTLS and RTCP to str0m and count RTP by the header, which
//! SRTP leaves in the clear. So the load takes little of the cores that are measured.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::FRAME_SAMPLES;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::config::DtlsCert;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use crate::batch::Batch;
use crate::error::BenchError;
use crate::mouth::{Ear, Mouth};
use crate::tally::{Tally, rtp_header};

/// How often a counting client sends RTCP reports; it has nothing to report.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
/// Outputs taken in one go: no client has that many.
const OUTPUTS_MAX: usize = 256;
/// What a speaker's packets tell as their level, in dBov.
const LEVEL_DBOV: i8 = -23;

/// What a client does besides counting what it gets.
pub enum Part {
    /// Nothing: what it gets is not decrypted.
    Counts,
    /// Decrypts, decodes and keeps what it hears.
    Hears(Box<Ear>),
    /// Says something.
    Talks(Box<Mouth>),
}

/// A client that has offered and waits for the answer.
pub struct Offer {
    pub sdp: String,
    peer: Peer,
    pending: SdpPendingOffer,
}

/// A client with its socket.
pub struct Peer {
    pub part: Part,
    pub tally: Tally,
    /// Whether it is connected: keys are exchanged.
    pub connected: bool,
    rtc: Rtc,
    socket: UdpSocket,
    deadline: Instant,
    mid: Mid,
    sending: Option<(Ssrc, Pt)>,
    base: (u64, u32),
}

/// A certificate that all clients of the load share: making one is work that is not measured.
pub fn certificate() -> Result<DtlsCert, BenchError> {
    let provider = str0m::crypto::from_feature_flags();
    provider
        .dtls_provider
        .generate_certificate()
        .ok_or_else(|| BenchError::Unexpected("no certificate was made".into()))
}

impl Offer {
    /// A client on loopback with an offer as the service wants it.
    pub fn new(certificate: &DtlsCert, part: Part) -> Result<Self, BenchError> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .map_err(BenchError::system("bind a UDP socket"))?;
        socket
            .set_nonblocking(true)
            .map_err(BenchError::system("set a socket"))?;
        let local = socket
            .local_addr()
            .map_err(BenchError::system("read an address"))?;
        let mut rtc = RtcConfig::new()
            .set_rtp_mode(true)
            .set_dtls_cert(certificate.clone())
            .clear_codecs()
            .enable_opus(true, false)
            .clear_extension_map()
            .set_extension(1, Extension::AudioLevel)
            .set_extension(2, media::stamp_extension())
            .set_extension(4, Extension::RtpMid)
            .set_rtcp_report_interval_audio(REPORT_INTERVAL)
            .set_send_buffer_audio(1)
            .build(Instant::now());
        let candidate =
            Candidate::host(local, "udp").map_err(BenchError::unexpected("a candidate"))?;
        rtc.add_local_candidate(candidate);
        let mut changes = rtc.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes
            .apply()
            .ok_or_else(|| BenchError::Unexpected("there is nothing to offer".into()))?;
        let sdp = SdpOffer::to_sdp_string(&offer);
        let seed = u32::from(local.port()).wrapping_mul(0x9e37_79b1);
        let peer = Peer {
            part,
            tally: Tally::default(),
            connected: false,
            rtc,
            socket,
            deadline: Instant::now(),
            mid,
            sending: None,
            base: (u64::from(seed & 0x7fff), seed),
        };
        Ok(Self { sdp, peer, pending })
    }

    /// Takes the service's answer.
    pub fn accept(self, answer: &str) -> Result<Peer, BenchError> {
        let Self {
            mut peer, pending, ..
        } = self;
        let answer =
            SdpAnswer::from_sdp_string(answer).map_err(BenchError::unexpected("an SDP answer"))?;
        peer.rtc
            .sdp_api()
            .accept_answer(pending, answer)
            .map_err(BenchError::unexpected("an answer to the offer"))?;
        let pt = peer
            .rtc
            .codec_config()
            .params()
            .iter()
            .find(|p| p.spec().codec == Codec::Opus)
            .map(|p| p.pt());
        let ssrc = peer
            .rtc
            .direct_api()
            .stream_tx_by_mid(peer.mid, None)
            .map(|stream| stream.ssrc());
        peer.sending = ssrc.zip(pt);
        Ok(peer)
    }
}

impl Peer {
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// When the client has something to do though nothing comes.
    pub fn due(&self) -> Option<Instant> {
        match &self.part {
            Part::Counts => None,
            Part::Hears(ear) => Some(ear.due()),
            Part::Talks(mouth) => self.connected.then(|| mouth.due()),
        }
    }

    /// Whether it is measured by time, so that nothing of it may wait for a turn.
    pub fn is_prompt(&self) -> bool {
        match &self.part {
            Part::Counts => false,
            Part::Hears(_) => true,
            Part::Talks(mouth) => mouth.is_live(),
        }
    }

    /// Takes everything that came.
    pub fn receive(&mut self, batch: &mut Batch, now: Instant) -> Result<(), BenchError> {
        let Self {
            rtc,
            socket,
            tally,
            part,
            ..
        } = self;
        let local = socket
            .local_addr()
            .map_err(BenchError::system("read an address"))?;
        let hears = matches!(part, Part::Hears(_));
        batch.drain(socket, |datagram, source| {
            let header = rtp_header(datagram);
            if let Some((header, _)) = &header {
                tally.count(header);
            }
            if header.is_none() || hears {
                // What is malformed or not authentic is not counted as an error here: it is missed
                // by its sequence number or by the handshake.
                if let Ok(receive) = Receive::new(Protocol::Udp, source, local, datagram) {
                    let _ = rtc.handle_input(Input::Receive(now, receive));
                }
            }
        });
        if now >= self.deadline {
            let _ = self.rtc.handle_input(Input::Timeout(now));
        }
        self.flush(now)
    }

    /// Says and plays what is due.
    pub fn act(&mut self, now: Instant) -> Result<(), BenchError> {
        if self.due().is_none_or(|due| due > now) {
            return Ok(());
        }
        match &mut self.part {
            Part::Counts => Ok(()),
            Part::Hears(ear) => {
                ear.play(now);
                Ok(())
            }
            Part::Talks(mouth) => {
                let (number, payload) = mouth.speak()?;
                self.send(now, number, payload)?;
                self.flush(now)
            }
        }
    }

    fn send(&mut self, now: Instant, number: u32, payload: Arc<[u8]>) -> Result<(), BenchError> {
        let (ssrc, pt) = self
            .sending
            .ok_or_else(|| BenchError::Unexpected("the answer lets nobody speak".into()))?;
        let time = self
            .base
            .1
            .wrapping_add(number.wrapping_mul(FRAME_SAMPLES as u32));
        let values = ExtensionValues {
            audio_level: Some(LEVEL_DBOV),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        if let Some(stream) = self.rtc.direct_api().stream_tx(&ssrc) {
            let sequence = self.base.0 + u64::from(number);
            stream
                .write_rtp(RtpWrite::new(pt, sequence.into(), time, now, payload).ext_vals(values));
        }
        // str0m sends what was written when its time moves.
        self.rtc
            .handle_input(Input::Timeout(now))
            .map_err(BenchError::unexpected("a packet sent"))
    }

    /// Sends what str0m has to send, and notes what it tells.
    fn flush(&mut self, now: Instant) -> Result<(), BenchError> {
        for _ in 0..OUTPUTS_MAX {
            match self
                .rtc
                .poll_output()
                .map_err(BenchError::unexpected("WebRTC"))?
            {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // A full buffer loses a datagram, as a network does.
                    let _ = self
                        .socket
                        .send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => {
                    self.connected = true;
                    if let Part::Talks(mouth) = &mut self.part {
                        mouth.start(now);
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    if let Part::Hears(ear) = &mut self.part {
                        let header = &packet.header;
                        ear.push(
                            now,
                            header.sequence_number,
                            header.timestamp,
                            &packet.payload,
                        );
                    }
                }
                Output::Event(_) => {}
            }
        }
        Ok(())
    }
}
