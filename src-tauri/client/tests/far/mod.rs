//! The other end of a media connection: str0m on a thread, as the service uses it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mix::FRAME_SAMPLES;
use str0m::change::SdpOffer;
use str0m::media::Pt;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use voice::{Encoder, EncoderSettings, MAX_PACKET_BYTES};
use wire::COACH_MODE_EXTENSION_URI;

/// A packet as it arrived.
#[derive(Debug, Clone)]
pub struct Arrived {
    pub timestamp: u32,
    pub marker: bool,
    /// The byte of the mode's header extension.
    pub mode: Option<u8>,
    pub level_dbov: Option<i8>,
    pub payload: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
struct ModeByte(u8);

#[derive(Debug)]
struct ModeSerializer;

impl ExtensionSerializer for ModeSerializer {
    fn write_to(&self, _buf: &mut [u8], _values: &ExtensionValues) -> usize {
        0
    }

    fn parse_value(&self, buf: &[u8], values: &mut ExtensionValues) -> bool {
        values.user_values.set(ModeByte(buf[0]));
        true
    }

    fn is_audio(&self) -> bool {
        true
    }

    fn is_video(&self) -> bool {
        false
    }
}

pub struct Far {
    arrived: Arc<Mutex<Vec<Arrived>>>,
    /// Of the packets that it sends, each of this number is lost; 0 for none.
    loses: Arc<AtomicU64>,
    reported_loss: Arc<Mutex<Option<f32>>>,
    stop: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// What the far end takes of an offer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    Everything,
    NoMode,
}

impl Far {
    /// Answers an offer and runs until it is dropped, speaking a tone all the time.
    pub fn answer(offer: &str, takes: Takes) -> (Self, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut config = RtcConfig::new()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .clear_extension_map()
            .set_stats_interval(Some(Duration::from_millis(500)))
            .set_extension(1, Extension::AudioLevel);
        if takes == Takes::Everything {
            let extension = Extension::with_serializer(COACH_MODE_EXTENSION_URI, ModeSerializer);
            config = config.set_extension(2, extension);
        }
        let mut rtc = config.build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        let offer = SdpOffer::from_sdp_string(offer).unwrap();
        let answer = rtc.sdp_api().accept_offer(offer).unwrap().to_sdp_string();
        let mid = answer
            .lines()
            .find_map(|line| line.strip_prefix("a=mid:"))
            .unwrap()
            .trim();
        let mid = str0m::media::Mid::from(mid);
        let pt = rtc.media(mid).unwrap().remote_pts()[0];
        let ssrc = rtc.direct_api().stream_tx_by_mid(mid, None).unwrap().ssrc();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let loses = Arc::default();
        let reported_loss = Arc::default();
        let (stop, stopped) = channel();
        let run = Run {
            rtc,
            socket,
            address,
            pt,
            ssrc,
            arrived: Arc::clone(&arrived),
            loses: Arc::clone(&loses),
            reported_loss: Arc::clone(&reported_loss),
            stopped,
        };
        let thread = Some(std::thread::spawn(move || run.run()));
        let far = Self {
            arrived,
            loses,
            reported_loss,
            stop,
            thread,
        };
        (far, answer)
    }

    /// Loses every such packet on its way to the client.
    pub fn loses_every(&self, nth: u64) {
        self.loses.store(nth, Ordering::Release);
    }

    /// The part of its packets that the client last reported to be lost.
    pub fn reported_loss(&self) -> Option<f32> {
        *self.reported_loss.lock().unwrap()
    }

    /// Everything that arrived so far.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Run {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    pt: Pt,
    ssrc: Ssrc,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    loses: Arc<AtomicU64>,
    reported_loss: Arc<Mutex<Option<f32>>>,
    stopped: Receiver<()>,
}

impl Run {
    fn run(mut self) {
        let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
        let mut buffer = [0; 2000];
        let mut connected = false;
        let mut next_frame = Instant::now();
        let mut sequence = 0_u64;
        while self.stopped.try_recv() == Err(TryRecvError::Empty) {
            let timeout = loop {
                match self.rtc.poll_output().unwrap() {
                    Output::Transmit(transmit) => {
                        let _ = self
                            .socket
                            .send_to(&transmit.contents, transmit.destination);
                    }
                    Output::Event(Event::Connected) => {
                        connected = true;
                        next_frame = Instant::now();
                    }
                    Output::Event(Event::RtpPacket(packet)) => {
                        let values = &packet.header.ext_vals;
                        let mode = values.user_values.get::<ModeByte>();
                        self.arrived.lock().unwrap().push(Arrived {
                            timestamp: packet.header.timestamp,
                            marker: packet.header.marker,
                            mode: mode.map(|mode| mode.0),
                            level_dbov: values.audio_level,
                            payload: packet.payload.to_vec(),
                        });
                    }
                    Output::Event(Event::MediaEgressStats(stats)) => {
                        let mut reported = self.reported_loss.lock().unwrap();
                        *reported = stats.loss.or(*reported);
                    }
                    Output::Event(_) => {}
                    Output::Timeout(at) => break at,
                }
            };
            let now = Instant::now();
            if connected && now >= next_frame {
                self.speak(&mut encoder, sequence, now);
                sequence += 1;
                next_frame += Duration::from_millis(20);
                continue;
            }
            let until = if connected {
                timeout.min(next_frame)
            } else {
                timeout
            };
            let wait = until
                .saturating_duration_since(now)
                .clamp(Duration::from_millis(1), Duration::from_millis(20));
            self.socket.set_read_timeout(Some(wait)).unwrap();
            if let Ok((len, source)) = self.socket.recv_from(&mut buffer) {
                let receive =
                    Receive::new(Protocol::Udp, source, self.address, &buffer[..len]).unwrap();
                self.rtc
                    .handle_input(Input::Receive(Instant::now(), receive))
                    .unwrap();
            } else {
                self.rtc
                    .handle_input(Input::Timeout(Instant::now()))
                    .unwrap();
            }
        }
    }

    fn speak(&mut self, encoder: &mut Encoder, sequence: u64, now: Instant) {
        let mut frame = [0_i16; FRAME_SAMPLES];
        let start = sequence as usize * FRAME_SAMPLES;
        for (n, sample) in frame.iter_mut().enumerate() {
            let phase = (start + n) as f64 * 440.0 * std::f64::consts::TAU / 48_000.0;
            *sample = (phase.sin() * 8000.0) as i16;
        }
        let mut packet = [0; MAX_PACKET_BYTES];
        let len = encoder.encode(&frame, &mut packet).unwrap();
        let nth = self.loses.load(Ordering::Acquire);
        if nth > 0 && sequence.is_multiple_of(nth) {
            return;
        }
        let write = RtpWrite::new(
            self.pt,
            sequence.into(),
            (sequence as u32).wrapping_mul(FRAME_SAMPLES as u32),
            now,
            packet[..len].to_vec(),
        );
        let mut direct = self.rtc.direct_api();
        direct.stream_tx(&self.ssrc).unwrap().write_rtp(write);
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }
}
