//! One WebRTC connection to the service: one Opus stream each way.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mix::{FRAME_SAMPLES, Mode};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp::{Header, Packet};
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters,
    RTCRtpHeaderExtensionCapability, RtpCodecKind,
};
use session::MediaRole;
use tokio::sync::mpsc;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription,
    RTCStatsReportEntry, Registry, SettingEngineBuilder, StatsSelector, configure_rtcp_reports,
};
use webrtc::rtp_transceiver::RtpSender;
use wire::{AUDIO_LEVEL_EXTENSION_URI, COACH_MODE_EXTENSION_URI};

use crate::error::ClientError;

/// The payload type that is offered for Opus.
const OPUS_PAYLOAD_TYPE: u8 = 111;
/// Opus as it is offered (RFC 7587): with in-band FEC, mono is enough.
const OPUS_FMTP: &str = "minptime=10;useinbandfec=1";
/// How long gathering candidates of this machine may take.
const GATHER_WAIT: Duration = Duration::from_secs(5);
/// Nothing heard for so long, and the connection counts as lost.
const ICE_DISCONNECTED_AFTER: Duration = Duration::from_secs(4);
const ICE_FAILED_AFTER: Duration = Duration::from_secs(6);
const ICE_KEEPALIVE: Duration = Duration::from_secs(1);
const EVENTS_MAX: usize = 16;

/// How to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerSettings {
    /// As what the user speaks: a coach's packets must carry their mode.
    pub role: MediaRole,
    /// The address to send from; the unspecified one for every interface but loopback.
    pub bind: IpAddr,
}

impl Default for PeerSettings {
    fn default() -> Self {
        Self {
            role: MediaRole::Coach,
            bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }
}

/// What is heard of a [`Peer`].
#[derive(Debug)]
pub enum PeerEvent {
    /// Sound can flow.
    Connected,
    /// The service's stream: there is one.
    Incoming(Incoming),
    /// The connection is lost. Make another; this one is of no more use.
    Lost,
}

/// One WebRTC connection. Close it with [`Peer::close`].
pub struct Peer {
    connection: Arc<dyn PeerConnection>,
    sender: Arc<dyn RtpSender>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    role: MediaRole,
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Peer")
            .field("ssrc", &self.ssrc)
            .finish_non_exhaustive()
    }
}

/// How good the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PeerStats {
    /// The round trip to the service, by ICE's own checks; `None` before the first.
    pub round_trip: Option<Duration>,
    /// The part of what was sent that did not arrive, 0 to 1, by the service's receiver reports.
    pub sent_lost_fraction: Option<f64>,
}

impl Peer {
    /// A connection with its SDP offer, candidates included, and what is heard of it. Must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Media`] when no socket can be bound.
    pub async fn offer(
        settings: PeerSettings,
    ) -> Result<(Self, String, mpsc::Receiver<PeerEvent>), ClientError> {
        let (events, inbox) = mpsc::channel(EVENTS_MAX);
        let (gathered, mut gathering) = mpsc::channel(1);
        let handler = Arc::new(Handler {
            events,
            gathered,
            lost: AtomicBool::new(false),
        });
        let mut media = media_engine()?;
        // Only reports: nothing of video, no retransmission, no congestion control of 32 kbit/s.
        let registry = configure_rtcp_reports(Registry::new());
        let codec = media_codec();
        media.register_codec(codec.clone(), RtpCodecKind::Audio)?;
        let network = SettingEngineBuilder::new()
            .with_ice_timeouts(
                Some(ICE_DISCONNECTED_AFTER),
                Some(ICE_FAILED_AFTER),
                Some(ICE_KEEPALIVE),
            )
            .with_include_loopback_candidate(settings.bind.is_loopback())
            .build();
        let connection = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(media)
            .with_setting_engine(network)
            .with_interceptor_registry(registry)
            .with_handler(handler)
            .with_udp_addrs(vec![SocketAddr::new(settings.bind, 0)])
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let ssrc = (crate::random::bits() as u32).max(1);
        let track = Arc::new(TrackLocalStaticRTP::new(microphone_track(ssrc, &codec)));
        let local: Arc<dyn TrackLocal> = track.clone();
        let sender = connection.add_track(local).await?;
        let offer = connection.create_offer(None).await?;
        connection.set_local_description(offer).await?;
        let gathered = tokio::time::timeout(GATHER_WAIT, gathering.recv()).await;
        if gathered.is_err() {
            return Err(ClientError::Media("found no network address".into()));
        }
        let sdp = connection
            .local_description()
            .await
            .ok_or_else(|| ClientError::Media("could not make an offer".into()))?
            .sdp;
        let peer = Self {
            connection,
            sender,
            track,
            ssrc,
            role: settings.role,
        };
        Ok((peer, sdp, inbox))
    }

    /// Takes the service's SDP answer, and gives what to send with.
    ///
    /// # Errors
    /// [`ClientError::Media`] when the answer is no SDP, or does not take what is needed: Opus, and
    /// for a coach the header extension of the mode. Without it a whisper could not be told apart.
    pub async fn accept(&self, answer_sdp: String) -> Result<Outgoing, ClientError> {
        let answer = RTCSessionDescription::answer(answer_sdp)?;
        self.connection.set_remote_description(answer).await?;
        let parameters = self.sender.get_parameters().await?.rtp_parameters;
        let payload_type = parameters
            .codecs
            .first()
            .map(|codec| codec.payload_type)
            .ok_or_else(|| ClientError::Media("the service doesn't accept Opus".into()))?;
        let id_of = |uri: &str| {
            let found = parameters.header_extensions.iter().find(|e| e.uri == uri)?;
            u8::try_from(found.id).ok()
        };
        let mode_id = match (self.role, id_of(COACH_MODE_EXTENSION_URI)) {
            (MediaRole::Rep, _) => None,
            (MediaRole::Coach, Some(id)) => Some(id),
            (MediaRole::Coach, None) => {
                let why = "the service doesn't accept the header extension for the mode";
                return Err(ClientError::Media(why.into()));
            }
        };
        Ok(Outgoing {
            track: Arc::clone(&self.track),
            ssrc: self.ssrc,
            payload_type,
            mode_id,
            level_id: id_of(AUDIO_LEVEL_EXTENSION_URI),
            sequence: crate::random::bits() as u16,
            timestamp: crate::random::bits() as u32,
            resumed: true,
        })
    }

    /// How good the connection is now.
    pub async fn stats(&self) -> PeerStats {
        let report = self
            .connection
            .get_stats(Instant::now(), StatsSelector::None)
            .await;
        let round_trip = report
            .candidate_pairs()
            .map(|pair| pair.current_round_trip_time)
            .find(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let sent_lost_fraction = report.iter().find_map(|entry| match entry {
            RTCStatsReportEntry::RemoteInboundRtp(stats) => Some(stats.fraction_lost),
            _ => None,
        });
        PeerStats {
            round_trip,
            sent_lost_fraction,
        }
    }

    /// Closes it: the socket is gone afterwards.
    pub async fn close(&self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "closing the media connection");
        }
    }
}

/// What a microphone's packets go out through.
pub struct Outgoing {
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    payload_type: u8,
    /// The ids that were negotiated for the two header extensions.
    mode_id: Option<u8>,
    level_id: Option<u8>,
    sequence: u16,
    timestamp: u32,
    resumed: bool,
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Outgoing {{ ssrc: {} }}", self.ssrc)
    }
}

impl Outgoing {
    /// Sends one 20 ms Opus packet with the mode that it was captured in and its level in dBov, -127
    /// to 0 (RFC 6464).
    ///
    /// # Errors
    /// [`ClientError::Media`] when the connection is gone.
    pub async fn send(
        &mut self,
        opus: &[u8],
        mode: Mode,
        level_dbov: i8,
    ) -> Result<(), ClientError> {
        let mut header = Header {
            version: 2,
            // The first packet after a pause (RFC 3551 §4.1).
            marker: std::mem::take(&mut self.resumed),
            payload_type: self.payload_type,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            ..Header::default()
        };
        // Ids and bytes by hand: the crate's own extensions cannot cross threads.
        if let Some(id) = self.mode_id {
            header.set_extension(id, Bytes::copy_from_slice(&[mode.to_byte()]))?;
        }
        if let Some(id) = self.level_id {
            let level = level_dbov.clamp(-127, 0).unsigned_abs();
            header.set_extension(id, Bytes::copy_from_slice(&[level]))?;
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.skip(1);
        let payload = Bytes::copy_from_slice(opus);
        self.track.write_rtp(Packet { header, payload }).await?;
        Ok(())
    }

    /// Time goes by in which nothing is sent, in frames of 20 ms.
    pub fn skip(&mut self, frames: u32) {
        let samples = frames.wrapping_mul(FRAME_SAMPLES as u32);
        self.timestamp = self.timestamp.wrapping_add(samples);
    }

    /// A pause in sending begins: the next packet is marked as the first after it.
    pub const fn pause(&mut self) {
        self.resumed = true;
    }
}

/// The service's stream.
pub struct Incoming {
    track: Arc<dyn TrackRemote>,
}

impl std::fmt::Debug for Incoming {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Incoming")
    }
}

impl Incoming {
    /// The next packet as sequence number, timestamp and Opus; `None` when there are no more. May be
    /// dropped while it waits, and loses nothing by it.
    pub async fn next(&self) -> Option<(u16, u32, Bytes)> {
        loop {
            match self.track.poll().await? {
                TrackRemoteEvent::OnRtpPacket(packet) => {
                    let header = packet.header;
                    return Some((header.sequence_number, header.timestamp, packet.payload));
                }
                TrackRemoteEvent::OnEnded => return None,
                _ => {}
            }
        }
    }
}

struct Handler {
    events: mpsc::Sender<PeerEvent>,
    gathered: mpsc::Sender<()>,
    lost: AtomicBool,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    // These run on the connection's own task and must never wait.

    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            let _ = self.gathered.try_send(());
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        match state {
            RTCPeerConnectionState::Connected => {
                let _ = self.events.try_send(PeerEvent::Connected);
            }
            RTCPeerConnectionState::Disconnected
            | RTCPeerConnectionState::Failed
            | RTCPeerConnectionState::Closed
                if !self.lost.swap(true, Ordering::Relaxed) =>
            {
                let _ = self.events.try_send(PeerEvent::Lost);
            }
            _ => {}
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self
            .events
            .try_send(PeerEvent::Incoming(Incoming { track }));
    }
}

fn media_engine() -> Result<MediaEngine, ClientError> {
    let mut media = MediaEngine::default();
    for uri in [AUDIO_LEVEL_EXTENSION_URI, COACH_MODE_EXTENSION_URI] {
        let extension = RTCRtpHeaderExtensionCapability {
            uri: uri.to_owned(),
        };
        media.register_header_extension(extension, RtpCodecKind::Audio, None)?;
    }
    Ok(media)
}

fn media_codec() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: mix::SAMPLE_RATE_HZ,
            // Always written as 2, whatever is sent (RFC 7587 §7).
            channels: 2,
            sdp_fmtp_line: OPUS_FMTP.to_owned(),
            rtcp_feedback: vec![],
        },
        payload_type: OPUS_PAYLOAD_TYPE,
    }
}

fn microphone_track(ssrc: u32, codec: &RTCRtpCodecParameters) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            ..RTCRtpCodingParameters::default()
        },
        active: true,
        codec: codec.rtp_codec.clone(),
        ..RTCRtpEncodingParameters::default()
    };
    MediaStreamTrack::new(
        "voice".to_owned(),
        "microphone".to_owned(),
        "microphone".to_owned(),
        RtpCodecKind::Audio,
        vec![encoding],
    )
}
