//! Rule M3 from microphone to playout: what was captured in a narrower mode is never in a frame that
//! is labelled wider, whatever the network does; and what was captured on Barge is not lost.
#![allow(clippy::expect_used, reason = "a test that cannot go on should say so")]

use crate::network;

use std::time::Duration;

use mix::{FRAME_SAMPLES, Frame, Mode, SILENCE};
use network::{Network, Played, Sent, played, sent, sent_by};
use proptest::prelude::*;
use voice::{Codec, EncoderSettings, JitterBuffer, JitterSettings, Kind, Packet, rms};

const WHISPER_HZ: f64 = 3_000.0;
const BARGE_HZ: f64 = 500.0;

/// A tone that goes on from frame to frame.
fn tone(hz: f64, amplitude: f64, index: usize) -> Frame {
    std::array::from_fn(|n| {
        let at = (index * FRAME_SAMPLES + n) as f64 / 48_000.0;
        (amplitude * (std::f64::consts::TAU * hz * at).sin()) as i16
    })
}

/// The amplitude of one frequency in a frame, between Hann-shaped edges.
fn amplitude_of(hz: f64, frame: &Frame) -> f64 {
    let (mut re, mut im, mut window) = (0.0, 0.0, 0.0);
    for (n, &sample) in frame.iter().enumerate() {
        let weight = (std::f64::consts::PI * n as f64 / FRAME_SAMPLES as f64)
            .sin()
            .powi(2);
        let phase = std::f64::consts::TAU * hz * n as f64 / 48_000.0;
        re += weight * f64::from(sample) * phase.cos();
        im += weight * f64::from(sample) * phase.sin();
        window += weight;
    }
    2.0 * re.hypot(im) / window
}

/// Frames captured along a timeline of modes, each mode with its own sound.
fn captured(
    timeline: &[(Mode, usize)],
    sound: impl Fn(Mode, usize) -> Frame,
) -> Vec<(Frame, Mode)> {
    let modes = timeline
        .iter()
        .flat_map(|&(mode, frames)| std::iter::repeat_n(mode, frames));
    modes
        .enumerate()
        .map(|(index, mode)| (sound(mode, index), mode))
        .collect()
}

fn loud_unless_barging(mode: Mode, index: usize) -> Frame {
    match mode {
        Mode::Barge => SILENCE,
        Mode::Whisper => tone(WHISPER_HZ, 20_000.0, index),
        Mode::Listen => tone(1_700.0, 20_000.0, index),
    }
}

fn settings() -> EncoderSettings {
    EncoderSettings {
        complexity: 5,
        ..EncoderSettings::default()
    }
}

fn labelled(out: &[Played], mode: Mode) -> impl Iterator<Item = &Played> {
    out.iter().filter(move |played| played.mode == Some(mode))
}

fn modes() -> impl Strategy<Value = Vec<(Mode, usize)>> {
    let mode = prop_oneof![
        1 => Just(Mode::Listen),
        3 => Just(Mode::Whisper),
        3 => Just(Mode::Barge)
    ];
    prop::collection::vec((mode, 1..12_usize), 2..12)
}

fn codecs() -> impl Strategy<Value = Codec> {
    prop_oneof![
        Just(Codec::Opus),
        Just(Codec::Pcma),
        Just(Codec::Pcmu),
        Just(Codec::ComfortNoise),
    ]
}

fn networks() -> impl Strategy<Value = Network> {
    (0.0..40.0_f64, 0.0..30.0_f64, 0.0..0.3_f64, 0.0..0.2_f64).prop_map(
        |(delay_ms, jitter_ms, loss, duplicates)| Network {
            delay_ms,
            jitter_ms,
            loss,
            duplicates,
            ..Network::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whispers and what is said while listening are loud, barges are silent: whatever is heard in a
    /// frame labelled Barge has leaked.
    #[test]
    fn m3_no_frame_labelled_barge_holds_a_whisper(
        timeline in modes(),
        network in networks(),
        seed: u64,
    ) {
        let packets = sent(&captured(&timeline, loud_unless_barging), &settings());
        let (out, _) = played(&packets, network, JitterSettings::default(), seed);
        for played in labelled(&out, Mode::Barge) {
            let peak = played.frame.iter().map(|s| s.unsigned_abs()).max();
            prop_assert!(peak <= Some(4), "{peak:?} in a {:?} frame", played.kind);
        }
        prop_assert_eq!(labelled(&out, Mode::Listen).count(), 0);
    }

    /// The same for G.711, and for streams that change their codec, at a switch and elsewhere.
    #[test]
    fn m3_no_frame_labelled_barge_holds_a_whisper_in_any_codec(
        timeline in modes(),
        codecs in prop::collection::vec((codecs(), 1..9_usize), 1..12),
        network in networks(),
        seed: u64,
    ) {
        let frames: Vec<_> = captured(&timeline, loud_unless_barging)
            .into_iter()
            .map(|(frame, mode)| (frame, Some(mode)))
            .collect();
        let spans: Vec<_> = codecs
            .iter()
            .flat_map(|&(codec, frames)| std::iter::repeat_n(codec, frames))
            .collect();
        let packets = sent_by(&frames, |index| spans[index % spans.len()]);
        let (out, _) = played(&packets, network, JitterSettings::default(), seed);
        for played in labelled(&out, Mode::Barge) {
            let peak = played.frame.iter().map(|s| s.unsigned_abs()).max();
            // The nearest that A-law has to silence is 8.
            prop_assert!(peak <= Some(12), "{peak:?} in a {:?} frame", played.kind);
        }
        prop_assert_eq!(labelled(&out, Mode::Listen).count(), 0);
    }

    /// The same with sound in both modes, as the codec's state then differs.
    #[test]
    fn m3_the_tone_of_a_whisper_is_in_no_frame_labelled_barge(
        timeline in modes(),
        network in networks(),
        seed: u64,
    ) {
        let sound = |mode, index| match mode {
            Mode::Barge => tone(BARGE_HZ, 8_000.0, index),
            other => loud_unless_barging(other, index),
        };
        let packets = sent(&captured(&timeline, sound), &settings());
        let (out, _) = played(&packets, network, JitterSettings::default(), seed);
        // The codec's own noise at 3 kHz, beside a tone of 8000 at 500 Hz that starts and stops, is
        // what the same network makes of a barge that never was a whisper.
        let barge_only: Vec<_> = timeline
            .iter()
            .map(|&(mode, frames)| (if mode == Mode::Whisper { Mode::Listen } else { mode }, frames))
            .collect();
        let floor = sent(&captured(&barge_only, sound), &settings());
        let (floor, _) = played(&floor, network, JitterSettings::default(), seed);
        let loudest = |out: &[Played]| {
            labelled(out, Mode::Barge)
                .map(|played| amplitude_of(WHISPER_HZ, &played.frame))
                .fold(0.0, f64::max)
        };
        prop_assert!(
            loudest(&out) < 300.0_f64.max(2.0 * loudest(&floor)),
            "{} over a floor of {}", loudest(&out), loudest(&floor)
        );
    }

    /// Whatever comes, in whatever order, at whatever time: no panic, and one frame a tick.
    #[test]
    fn garbage_is_survived(
        packets in prop::collection::vec(
            (
                any::<u16>(),
                any::<u32>(),
                prop::option::of(0..3_u8),
                prop::collection::vec(any::<u8>(), 0..1400),
                0..400_u64,
                any::<bool>(),
                codecs(),
            ),
            0..120,
        ),
        far in any::<bool>(),
    ) {
        let mut buffer = JitterBuffer::new(JitterSettings::default()).expect("defaults");
        let (mut sequence, mut timestamp, mut now_ms) = (0_u16, 0_u32, 0_u64);
        let count = packets.len() as u64;
        for (random_sequence, random_timestamp, mode, payload, wait_ms, wild, codec) in packets {
            if wild {
                (sequence, timestamp) = (random_sequence, random_timestamp);
            } else {
                sequence = sequence.wrapping_add(random_sequence % 4).wrapping_sub(1);
                timestamp = timestamp.wrapping_add(random_timestamp % 4 * 480);
            }
            now_ms += wait_ms / 4;
            let now = if far { Duration::MAX } else { Duration::from_millis(now_ms) };
            let mode = mode.and_then(Mode::from_byte);
            buffer.push(now, &Packet { codec, sequence, timestamp, mode, payload: &payload });
            buffer.pull(now);
        }
        let stats = buffer.stats();
        prop_assert!(stats.received + stats.late + stats.refused <= count);
        // Comfort noise goes on for two seconds.
        for _ in 0..320 {
            now_ms += 20;
            buffer.pull(Duration::from_millis(now_ms));
        }
        prop_assert_eq!(buffer.pull(Duration::from_millis(now_ms)).kind, Kind::Idle);
    }
}

/// Sends what `send` makes of a course of switches, in which only the barges have sound, over networks
/// of ten seeds: all of it comes out as barge. Of three widenings, each costs the reset of the encoder
/// and no packet.
fn no_barge_is_lost(send: impl Fn(&[(Frame, Mode)]) -> Vec<Sent>) {
    let timeline = [
        (Mode::Whisper, 13),
        (Mode::Barge, 25),
        (Mode::Whisper, 17),
        (Mode::Barge, 9),
        (Mode::Listen, 30),
        (Mode::Barge, 20),
    ];
    let sound = |mode, index| match mode {
        Mode::Barge => tone(BARGE_HZ, 8_000.0, index),
        _ => SILENCE,
    };
    let frames = captured(&timeline, sound);
    let energy = |frame: &Frame| rms(frame).powi(2);
    let spoken: f64 = frames.iter().map(|(frame, _)| energy(frame)).sum();
    let packets = send(&frames);
    let network = Network {
        delay_ms: 10.0,
        ..Network::default()
    };
    for seed in 0..10 {
        let (out, stats) = played(&packets, network, JitterSettings::default(), seed);
        let heard: f64 = labelled(&out, Mode::Barge).map(|p| energy(&p.frame)).sum();
        let share = heard / spoken;
        assert!(
            (0.95..1.08).contains(&share),
            "seed {seed}: {share:.3} {stats:?}"
        );
        assert_eq!(stats.lost, 0, "seed {seed}");
    }
}

#[test]
fn m3_speech_captured_on_barge_is_not_lost_by_the_switch() {
    no_barge_is_lost(|frames| sent(frames, &settings()));
}

#[test]
fn m3_a_gap_between_two_modes_is_filled_in_the_narrower() {
    let timeline = [(Mode::Whisper, 20), (Mode::Barge, 20)];
    let mut packets = sent(&captured(&timeline, loud_unless_barging), &settings());
    // The last three whispers and the first barge are lost.
    packets.drain(17..21);
    let network = Network {
        delay_ms: 10.0,
        ..Network::default()
    };
    let (out, stats) = played(&packets, network, JitterSettings::default(), 1);
    assert_eq!(stats.lost, 4);
    let made_up = |p: &&Played| matches!(p.kind, Kind::Concealed | Kind::Recovered);
    assert!(
        labelled(&out, Mode::Whisper).filter(made_up).count() >= 4,
        "what is missing is made up"
    );
    let first_barge = out
        .iter()
        .position(|played| played.mode == Some(Mode::Barge))
        .expect("the barge comes through");
    assert!(
        out[..first_barge]
            .iter()
            .all(|played| played.mode != Some(Mode::Barge))
    );
    assert!(
        labelled(&out, Mode::Barge).all(|p| p.frame.iter().all(|s| s.unsigned_abs() <= 4)),
        "nothing of the whisper is heard in it"
    );
}

/// A burst at the start makes the buffer deep; while it shrinks again it takes two packets at a time,
/// many of them on the two sides of a change of mode.
#[test]
fn m3_time_scaling_stays_within_one_mode() {
    let mut timeline = Vec::new();
    for _ in 0..150 {
        timeline.extend([(Mode::Barge, 3), (Mode::Whisper, 3)]);
    }
    let mut packets = sent(&captured(&timeline, loud_unless_barging), &settings());
    let first = packets[10].at;
    for packet in &mut packets[..10] {
        packet.at = first;
    }
    let (out, stats) = played(&packets, Network::default(), JitterSettings::default(), 1);
    assert!(stats.depth_ms < 60, "the buffer shrinks: {stats:?}");
    for played in labelled(&out, Mode::Barge) {
        let peak = played.frame.iter().map(|s| s.unsigned_abs()).max();
        assert!(peak <= Some(4), "{peak:?} in a {:?} frame", played.kind);
    }
}

#[test]
fn m3_a_switch_loses_no_g711_speech_captured_on_barge() {
    no_barge_is_lost(|frames| {
        let stamped: Vec<_> = frames
            .iter()
            .map(|(frame, mode)| (*frame, Some(*mode)))
            .collect();
        sent_by(&stamped, |_| Codec::Pcmu)
    });
}
