//! A network in memory: seeded delay, jitter, loss and duplicates between an encoder and a jitter
//! buffer. Time is simulated; nothing sleeps.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on should say so")]

use std::time::Duration;

use mix::{FRAME_SAMPLES, Frame, Mode};
use voice::{
    Codec, Encoder, EncoderSettings, G711Encoder, JitterBuffer, JitterSettings, JitterStats, Kind,
    Law, MAX_PACKET_BYTES, Packet, StampedEncoder,
};

/// SplitMix64: the whole test follows from one printed seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to 1.
    pub fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Mean 0, standard deviation 1 (Box and Muller).
    pub fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().max(1e-12).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// What a network does to packets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network {
    pub delay_ms: f64,
    /// Standard deviation of the delay.
    pub jitter_ms: f64,
    /// How much longer a packet may take, every delay up to that being as likely as the other.
    pub spread_ms: f64,
    pub loss: f64,
    pub duplicates: f64,
}

pub struct Sent {
    pub at: Duration,
    pub codec: Codec,
    pub sequence: u16,
    pub timestamp: u32,
    pub mode: Option<Mode>,
    pub payload: Vec<u8>,
}

/// Encodes frames, each captured in its mode, as a client does. Sequence numbers and timestamps
/// wrap on the way.
pub fn sent(frames: &[(Frame, Mode)], settings: &EncoderSettings) -> Vec<Sent> {
    let mut encoder = StampedEncoder::new(settings).expect("settings in range");
    let mut out = [0; MAX_PACKET_BYTES];
    let mut sequence = 65_500_u16;
    let mut packets = Vec::new();
    for (index, (frame, mode)) in frames.iter().enumerate() {
        let stamped = encoder.encode(frame, *mode, &mut out).expect("room enough");
        if let Some(stamped) = stamped {
            packets.push(Sent {
                at: Duration::from_millis(20 * (index as u64 + 1)),
                codec: Codec::Opus,
                sequence,
                timestamp: timestamp(index),
                mode: Some(stamped.mode),
                payload: out[..stamped.len].to_vec(),
            });
            sequence = sequence.wrapping_add(1);
        }
    }
    packets
}

/// When a frame was captured; wraps on the way.
fn timestamp(index: usize) -> u32 {
    (u32::MAX - 48_000).wrapping_add(index as u32 * 960)
}

/// Encodes frames in G.711. Whoever has no mode, as a telephone, sends no stamp.
pub fn sent_g711(frames: &[(Frame, Option<Mode>)], law: Law) -> Vec<Sent> {
    let codec = match law {
        Law::A => Codec::Pcma,
        Law::Mu => Codec::Pcmu,
    };
    sent_by(frames, |_| codec)
}

/// Encodes each frame in the codec that `codec_of` says for its number; comfort noise is silent. Where
/// mode or codec changes, the encoder is reset. Nothing is sent on Listen.
pub fn sent_by(frames: &[(Frame, Option<Mode>)], codec_of: impl Fn(usize) -> Codec) -> Vec<Sent> {
    let mut opus = Encoder::new(&EncoderSettings::default()).expect("defaults");
    let mut g711 = G711Encoder::new(Law::A).expect("a known pair of rates");
    let mut before = None;
    let mut packets: Vec<Sent> = Vec::new();
    for (index, (frame, mode)) in frames.iter().enumerate() {
        let codec = codec_of(index);
        if before != Some((*mode, codec)) {
            opus.reset();
            g711.reset();
            before = Some((*mode, codec));
        }
        let payload = match codec {
            _ if *mode == Some(Mode::Listen) => continue,
            Codec::Opus => {
                let mut out = [0; MAX_PACKET_BYTES];
                let len = opus.encode(frame, &mut out).expect("room enough");
                out[..len].to_vec()
            }
            Codec::Pcma | Codec::Pcmu => {
                let law = if codec == Codec::Pcma {
                    Law::A
                } else {
                    Law::Mu
                };
                g711.set_law(law);
                g711.encode(frame).to_vec()
            }
            Codec::ComfortNoise => vec![0x7F],
        };
        packets.push(Sent {
            at: Duration::from_millis(20 * (index as u64 + 1)),
            codec,
            sequence: 65_500_u16.wrapping_add(packets.len() as u16),
            timestamp: timestamp(index),
            mode: *mode,
            payload,
        });
    }
    packets
}

/// One frame that came out.
pub struct Played {
    pub frame: Frame,
    pub kind: Kind,
    pub mode: Option<Mode>,
}

/// Carries the packets over the network into a jitter buffer, and pulls it every 20 ms until one
/// second after the last packet was sent.
pub fn played(
    packets: &[Sent],
    network: Network,
    settings: JitterSettings,
    seed: u64,
) -> (Vec<Played>, JitterStats) {
    let mut random = Random(seed);
    let mut arrivals = Vec::new();
    for packet in packets {
        let copies = if random.uniform() < network.duplicates {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let mut delay_ms = network.delay_ms + network.jitter_ms * random.gaussian();
            if network.spread_ms > 0.0 {
                delay_ms += network.spread_ms * random.uniform();
            }
            let at = packet.at + Duration::from_secs_f64(delay_ms.max(0.0) / 1000.0);
            if random.uniform() >= network.loss {
                arrivals.push((at, packet));
            }
        }
    }
    arrivals.sort_by_key(|(at, _)| *at);
    let mut buffer = JitterBuffer::new(settings).expect("settings in range");
    let phase = Duration::from_micros(random.next() % 20_000);
    let end = packets.last().map_or(Duration::ZERO, |packet| packet.at) + Duration::from_secs(1);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut now = phase;
    let mut out = Vec::new();
    while now < end {
        while let Some((at, packet)) = arrivals.next_if(|(at, _)| *at <= now) {
            buffer.push(
                at,
                &Packet {
                    codec: packet.codec,
                    sequence: packet.sequence,
                    timestamp: packet.timestamp,
                    mode: packet.mode,
                    payload: &packet.payload,
                },
            );
        }
        let pulled = buffer.pull(now);
        out.push(Played {
            frame: *pulled.frame,
            kind: pulled.kind,
            mode: pulled.mode,
        });
        now += Duration::from_millis(20);
    }
    (out, buffer.stats())
}

/// Cuts samples into frames; what is left over goes.
pub fn frames(samples: &[i16]) -> Vec<Frame> {
    samples.as_chunks::<FRAME_SAMPLES>().0.to_vec()
}
