//! How speech sounds after encoder, network and jitter buffer: PESQ-WB of recorded human speech with
//! the settings that are shipped, and PESQ-NB of the same through a telephone. The network is simulated and seeded; each score is printed.
//!
//! Needs what `make test` installs: the recordings of Debian's `asterisk-core-sounds-en-g722` and a
//! Python with `tests/requirements.txt`, found at `PESQ_PYTHON` or in `target/venv`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

use crate::network;
use crate::recorded;

use std::path::Path;
use std::time::Duration;

use mix::{FRAME_SAMPLES, Frame, Mode};
use network::{Network, Random, Sent, frames, played, sent, sent_g711};
use recorded::{Band, pesq, piece, write};
use voice::{
    Codec, Encoder, EncoderSettings, JitterSettings, JitterStats, Kind, Law, MAX_PACKET_BYTES,
    ReportedLoss, packet_has_lbrr,
};

/// Prompts and where to start in them, in seconds; eight seconds are taken from each.
const PIECES: [(&str, usize); 6] = [
    ("demo-instruct", 2),
    ("demo-instruct", 30),
    ("demo-congrats", 1),
    ("demo-moreinfo", 1),
    ("basic-pbx-ivr-main", 3),
    ("demo-echotest", 2),
];
/// Where the seeds of the networks start; a failure names this and the piece.
const SEED: u64 = 20_240_611;
const SEEDS: u64 = 3;
/// Opus looks ahead by 6.5 ms.
const LOOKAHEAD_SAMPLES: usize = 312;
/// To 8 kHz and back: 1.5 ms each.
const RESAMPLING_SAMPLES: usize = 144;

/// Who speaks, and so what is sent and how much of it there is to hear.
#[derive(Clone, Copy)]
enum Speaker {
    Client,
    Telephone(Law),
}

impl Speaker {
    fn band(self) -> Band {
        match self {
            Self::Client => Band::Wide,
            Self::Telephone(_) => Band::Narrow,
        }
    }

    fn sent(self, speech: &[i16]) -> Vec<Sent> {
        let frames = frames(speech).into_iter();
        match self {
            Self::Client => {
                let captured: Vec<_> = frames.map(|frame| (frame, Mode::Barge)).collect();
                sent(&captured, &EncoderSettings::default())
            }
            Self::Telephone(law) => {
                let captured: Vec<_> = frames.map(|frame| (frame, None)).collect();
                sent_g711(&captured, law)
            }
        }
    }

    fn delay_samples(self) -> usize {
        match self {
            Self::Client => LOOKAHEAD_SAMPLES,
            Self::Telephone(_) => RESAMPLING_SAMPLES,
        }
    }
}

/// The mean PESQ over pieces and seeds.
fn score(name: &str, speaker: Speaker, network: Network, seeds: u64) -> f64 {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let band = speaker.band();
    let mut pairs = Vec::new();
    let mut runs = Vec::new();
    for (index, (prompt, from_seconds)) in PIECES.into_iter().enumerate() {
        let speech = piece(prompt, from_seconds);
        let packets = speaker.sent(&speech);
        let reference = folder.join(format!("{name}-{index}.s16"));
        write(band, &reference, &speech);
        for round in 0..seeds {
            let seed = SEED + 100 * index as u64 + round;
            let (out, stats) = played(&packets, network, JitterSettings::default(), seed);
            let start = out
                .iter()
                .position(|played| played.kind != Kind::Idle)
                .expect("speech comes out");
            let heard: Vec<i16> = out
                .iter()
                .skip(start)
                .flat_map(|played| played.frame)
                .skip(speaker.delay_samples())
                .take(speech.len())
                .collect();
            let degraded = folder.join(format!("{name}-{index}-{round}.s16"));
            write(band, &degraded, &heard);
            pairs.push((reference.clone(), degraded));
            runs.push((prompt, seed, stats));
        }
    }
    let scores = pesq(band, &pairs);
    for ((prompt, seed, stats), score) in runs.iter().zip(&scores) {
        eprintln!("{name}: {score:.2}  {prompt} seed {seed}  {stats:?}");
    }
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    eprintln!(
        "{name}: mean PESQ {band:?} {mean:.3} over {} runs",
        scores.len()
    );
    mean
}

#[test]
fn speech_is_clear_on_a_clean_network() {
    let network = Network {
        delay_ms: 20.0,
        ..Network::default()
    };
    assert!(score("clean", Speaker::Client, network, 1) >= 3.8);
}

#[test]
fn speech_is_clear_with_12_ms_of_jitter() {
    let network = Network {
        delay_ms: 60.0,
        jitter_ms: 12.0,
        ..Network::default()
    };
    assert!(score("jitter", Speaker::Client, network, SEEDS) >= 3.6);
}

#[test]
fn speech_survives_the_loss_of_every_twentieth_packet() {
    let network = Network {
        delay_ms: 20.0,
        loss: 0.05,
        ..Network::default()
    };
    assert!(score("loss", Speaker::Client, network, SEEDS) >= 2.4);
}

#[test]
fn a_telephone_is_clear_on_a_clean_network() {
    let network = Network {
        delay_ms: 20.0,
        ..Network::default()
    };
    for (name, law) in [("phone-a", Law::A), ("phone-mu", Law::Mu)] {
        assert!(score(name, Speaker::Telephone(law), network, 1) >= 3.7);
    }
}

#[test]
fn a_telephone_is_clear_with_12_ms_of_jitter() {
    let network = Network {
        delay_ms: 60.0,
        jitter_ms: 12.0,
        ..Network::default()
    };
    let speaker = Speaker::Telephone(Law::Mu);
    assert!(score("phone-jitter", speaker, network, SEEDS) >= 3.4);
}

#[test]
fn a_telephone_survives_loss() {
    for (name, loss, least) in [("phone-loss-1", 0.01, 3.55), ("phone-loss-5", 0.05, 2.9)] {
        let network = Network {
            delay_ms: 20.0,
            loss,
            ..Network::default()
        };
        let speaker = Speaker::Telephone(Law::A);
        assert!(score(name, speaker, network, SEEDS) >= least);
    }
}

/// What is said before the part that is scored: until then, the first reports are in.
const WARM_UP_FRAMES: usize = 4 * 50;
/// How much longer than the first sound the piece may take to be heard: 30 ms of jitter, the frame that the
/// buffer waits for a copy, and a tick.
const LATER_MAX_SAMPLES: usize = 70 * 48;
/// A client reports every second what it lost.
const REPORT_FRAMES: usize = 50;

/// The encoder of a client's microphone, and that of the service at its default settings.
const CLIENT: EncoderSettings = EncoderSettings {
    bitrate_bps: 32_000,
    complexity: 9,
    fec: true,
    expected_loss_percent: 15,
};
const SERVICE: EncoderSettings = EncoderSettings {
    bitrate_bps: 32_000,
    complexity: 5,
    fec: false,
    expected_loss_percent: 0,
};

/// Encodes frames for a receiver whose network loses packets, and who reports it every second: as a
/// client does for the service, and the service for a client. What is lost is left out. Also how many
/// packets carry a copy.
fn carried(
    frames: impl Iterator<Item = Frame>,
    base: EncoderSettings,
    loss: f64,
    seed: u64,
) -> (Vec<Sent>, usize) {
    let mut random = Random(seed);
    let mut encoder = Encoder::new(&base).expect("in range");
    let mut reported = ReportedLoss::default();
    let mut out = [0; MAX_PACKET_BYTES];
    let (mut packets, mut copies, mut lost) = (Vec::new(), 0, 0_u16);
    for (index, frame) in frames.enumerate() {
        let at = Duration::from_millis(20 * (index as u64 + 1));
        if index > 0 && index % REPORT_FRAMES == 0 {
            let fraction = f32::from(std::mem::take(&mut lost)) / REPORT_FRAMES as f32;
            reported.report(at, fraction);
        }
        let settings = base.against_loss(reported.expected_percent(at));
        encoder.apply(&settings).expect("in range");
        let len = encoder.encode(&frame, &mut out).expect("room enough");
        copies += usize::from(packet_has_lbrr(&out[..len]));
        if random.uniform() < loss {
            lost += 1;
            continue;
        }
        packets.push(Sent {
            at,
            codec: Codec::Opus,
            sequence: index as u16,
            timestamp: index as u32 * FRAME_SAMPLES as u32,
            mode: None,
            payload: out[..len].to_vec(),
        });
    }
    (packets, copies)
}

/// What a listening client hears of a speaking one: encoder, network, the service's jitter buffer and
/// encoder, another network, the other client's jitter buffer.
struct Heard {
    samples: Vec<i16>,
    /// How much longer than the first sound it took, by which the jitter buffers have become deeper.
    later_ms: f64,
    at_service: JitterStats,
    at_listener: JitterStats,
    /// Packets of the service, and those of them that carry a copy.
    packets: usize,
    copies: usize,
}

/// Where in `heard`, which is longer, `said` starts: where the two are most alike.
///
/// The jitter buffers grow deeper while they learn how the network is. PESQ makes up for that delay only if
/// it is given the same words: a piece cut 15 ms too soon, in the middle of two words, loses 0.26 though
/// nothing else is done to it.
fn start_of(said: &[i16], heard: &[i16]) -> usize {
    let likeness = |start: usize| -> f64 {
        let pairs = said.iter().zip(&heard[start..]).step_by(32);
        pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    (0..=heard.len() - said.len())
        .map(|start| (start, likeness(start)))
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .map_or(0, |(start, _)| start)
}

fn whole_path(speech: &[i16], up: Network, down: Network, seed: u64) -> Heard {
    let warm_up = &speech[..WARM_UP_FRAMES * FRAME_SAMPLES];
    let said = [warm_up, speech].concat();
    let settings = JitterSettings::default();
    // What is lost is left out already.
    let lossless = |network: Network| Network {
        loss: 0.0,
        ..network
    };
    let captured = frames(&said).into_iter();
    let (sent, _) = carried(captured, CLIENT, up.loss, seed);
    let (mixed, at_service) = played(&sent, lossless(up), settings, seed);
    let mixed = mixed
        .into_iter()
        .skip_while(|played| played.kind == Kind::Idle)
        .map(|played| played.frame);
    let (packets, copies) = carried(mixed, SERVICE, down.loss, seed + 1);
    let count = packets.len();
    let (heard, at_listener) = played(&packets, lossless(down), settings, seed + 1);
    let heard: Vec<i16> = heard
        .into_iter()
        .skip_while(|played| played.kind == Kind::Idle)
        .flat_map(|played| played.frame)
        .skip(2 * LOOKAHEAD_SAMPLES + warm_up.len())
        .take(speech.len() + LATER_MAX_SAMPLES)
        .collect();
    let start = start_of(speech, &heard);
    Heard {
        samples: heard[start..start + speech.len()].to_vec(),
        later_ms: start as f64 / 48.0,
        at_service,
        at_listener,
        packets: count,
        copies,
    }
}

/// The mean PESQ-WB of the whole path over all pieces.
fn whole_path_score(name: &str, up: Network, down: Network) -> f64 {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut pairs = Vec::new();
    for (index, (prompt, from_seconds)) in PIECES.into_iter().enumerate() {
        let speech = piece(prompt, from_seconds);
        let seed = SEED + 100 * index as u64;
        let heard = whole_path(&speech, up, down, seed);
        let reference = folder.join(format!("{name}-{index}.s16"));
        let degraded = folder.join(format!("{name}-{index}-heard.s16"));
        write(Band::Wide, &reference, &speech);
        write(Band::Wide, &degraded, &heard.samples);
        pairs.push((reference, degraded));
        eprintln!(
            "{name}: {prompt} seed {seed}: {:.1} ms later; {} of {} packets with a copy; at the \
             service {:?}; at the listener {:?}",
            heard.later_ms, heard.copies, heard.packets, heard.at_service, heard.at_listener
        );
        if down.loss > 0.0 {
            assert!(heard.copies * 3 > heard.packets, "copies are sent");
            assert!(heard.at_listener.recovered * 2 > heard.at_listener.lost);
        } else {
            assert_eq!(heard.copies, 0, "nobody loses");
        }
    }
    let scores = pesq(Band::Wide, &pairs);
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    eprintln!("{name}: mean PESQ-WB {mean:.3} of {scores:.2?}");
    mean
}

/// Loss, and how well speech is heard beyond it at least, whether or not packets take up to 30 ms longer.
const LOSSES: [(f64, f64); 3] = [(0.0, 4.0), (0.05, 3.8), (0.1, 3.3)];
const CLEAN: Network = Network {
    delay_ms: 20.0,
    jitter_ms: 0.0,
    spread_ms: 0.0,
    loss: 0.0,
    duplicates: 0.0,
};

/// Scores one way under each loss, without jitter and with some. All of it is measured before it is judged.
fn judge(way: &str, score: impl Fn(&str, Network) -> f64) {
    let mut short = Vec::new();
    for (loss, least) in LOSSES {
        for spread_ms in [0.0, 30.0] {
            let network = Network {
                spread_ms,
                loss,
                ..CLEAN
            };
            let name = format!("{way}-{loss}-{spread_ms}");
            let score = score(&name, network);
            if score < least {
                short.push(format!("{name}: {score:.2}, not {least}"));
            }
        }
    }
    assert!(short.is_empty(), "{short:?}");
}

#[test]
fn speech_is_clear_though_the_way_to_the_service_loses() {
    judge("up", |name, network| whole_path_score(name, network, CLEAN));
}

#[test]
fn speech_is_clear_though_the_way_to_the_listener_loses() {
    judge("down", |name, network| {
        whole_path_score(name, CLEAN, network)
    });
}
