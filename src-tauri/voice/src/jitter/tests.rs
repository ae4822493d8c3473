mod phone;
mod telephone;

use super::types::narrowest;
use super::*;
use crate::{Encoder, EncoderSettings, MAX_PACKET_BYTES, rms, speech};

fn encoded(frames: impl Iterator<Item = Frame>) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(&EncoderSettings::default()).expect("defaults");
    let mut out = [0; MAX_PACKET_BYTES];
    frames
        .map(|frame| {
            let len = encoder.encode(&frame, &mut out).expect("room enough");
            out[..len].to_vec()
        })
        .collect()
}

fn tone(index: usize) -> Frame {
    std::array::from_fn(|n| {
        let at = (index * FRAME_SAMPLES + n) as f64 / 48_000.0;
        (9_000.0 * (std::f64::consts::TAU * 440.0 * at).sin()) as i16
    })
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn buffer() -> JitterBuffer {
    JitterBuffer::new(JitterSettings::default()).expect("defaults")
}

/// A stream that starts just before its numbers wrap.
struct Stream {
    payloads: Vec<Vec<u8>>,
    mode: Option<Mode>,
}

impl Stream {
    /// A loud tone.
    fn new(count: usize) -> Self {
        Self {
            payloads: encoded((0..count).map(tone)),
            mode: Some(Mode::Barge),
        }
    }

    /// A voice, since Opus sends no copies of a tone.
    fn of_speech(count: usize) -> Self {
        let speech = speech::synthesized(5, count as u32 / 50 + 1);
        let (frames, _) = speech.as_chunks::<FRAME_SAMPLES>();
        Self {
            payloads: encoded(frames.iter().take(count).copied()),
            mode: Some(Mode::Barge),
        }
    }

    fn packet(&self, index: usize) -> Packet<'_> {
        Packet {
            codec: Codec::Opus,
            sequence: 65_530_u16.wrapping_add(index as u16),
            timestamp: (u32::MAX - 4_000).wrapping_add(index as u32 * 960),
            mode: self.mode,
            payload: &self.payloads[index],
        }
    }
}

/// Pushes packet `index` at its time for each tick, as `present` allows, and pulls 5 ms later.
fn run(buffer: &mut JitterBuffer, stream: &Stream, present: impl Fn(usize) -> bool) -> Vec<Kind> {
    (0..stream.payloads.len())
        .map(|index| {
            let now = ms(20 * index as u64);
            if present(index) {
                buffer.push(now, &stream.packet(index));
            }
            buffer.pull(now + ms(5)).kind
        })
        .collect()
}

#[test]
fn numbers_that_wrap_are_played_in_order() {
    let stream = Stream::new(60);
    let mut buffer = buffer();
    let kinds = run(&mut buffer, &stream, |_| true);
    assert!(
        kinds[2..].iter().all(|&kind| kind == Kind::Decoded),
        "{kinds:?}"
    );
    let stats = buffer.stats();
    assert_eq!((stats.received, stats.lost, stats.concealed), (60, 0, 0));
}

#[test]
fn on_a_steady_network_each_sample_is_played_as_it_was_decoded() {
    // Two seconds that begin quietly, a pause of as much, and the same again, wherever the ticks fall
    // between the packets.
    let speech = speech::synthesized(5, 2);
    let (frames, _) = speech.as_chunks::<FRAME_SAMPLES>();
    let quiet = [SILENCE; 10];
    let stream = Stream {
        payloads: encoded(quiet.iter().chain(&frames[..90]).copied()),
        mode: None,
    };
    let mut decoder = crate::Decoder::new().expect("libopus");
    let mut decoded = Vec::new();
    for payload in &stream.payloads {
        let mut frame = SILENCE;
        decoder.decode(payload, &mut frame).expect("Opus");
        decoded.extend(frame);
    }
    for phase in 0..20 {
        let mut buffer = buffer();
        let mut bursts = [Vec::new(), Vec::new()];
        for tick in 0..400_usize {
            let now = ms(20 * tick as u64);
            if tick % 200 < 100 {
                let mut packet = stream.packet(tick % 200);
                packet.sequence = 65_500_u16.wrapping_add((tick / 200 * 100 + tick % 200) as u16);
                packet.timestamp = 3_000_000_000 + (tick * FRAME_SAMPLES) as u32;
                buffer.push(now, &packet);
            }
            let pulled = buffer.pull(now + ms(phase));
            if pulled.kind == Kind::Decoded {
                bursts[tick / 200].extend(*pulled.frame);
            }
        }
        for (burst, played) in bursts.iter().enumerate() {
            assert_eq!(played.len(), decoded.len(), "{phase} ms, burst {burst}");
            // It glides in for 5 ms.
            let mut pairs = played.iter().zip(&decoded).skip(240);
            let differs = pairs.position(|(a, b)| a != b);
            assert_eq!(differs, None, "{phase} ms, burst {burst}");
        }
    }
}

#[test]
fn duplicates_count_once_and_late_packets_are_dropped() {
    let stream = Stream::new(30);
    let mut buffer = buffer();
    run(&mut buffer, &stream, |_| true);
    buffer.push(ms(600), &stream.packet(3));
    buffer.push(ms(600), &stream.packet(29));
    buffer.push(ms(600), &stream.packet(29));
    let stats = buffer.stats();
    assert_eq!(stats.received, 30);
    assert!((1..=3).contains(&stats.late), "{stats:?}");
}

#[test]
fn packets_out_of_order_are_put_in_order() {
    let stream = Stream::new(40);
    let mut buffer = buffer();
    let mut kinds = Vec::new();
    for pair in 0..20 {
        let now = ms(40 * pair + 20);
        buffer.push(now, &stream.packet(2 * pair as usize + 1));
        buffer.push(now, &stream.packet(2 * pair as usize));
        kinds.push(buffer.pull(now + ms(12)).kind);
        kinds.push(buffer.pull(now + ms(32)).kind);
    }
    let stats = buffer.stats();
    assert_eq!((stats.received, stats.late), (40, 0), "{stats:?}");
    let decoded = kinds.iter().filter(|&&kind| kind == Kind::Decoded).count();
    assert!(decoded >= 36, "{kinds:?}");
}

#[test]
fn a_lost_packet_is_recovered_once_loss_is_seen() {
    let stream = Stream::of_speech(120);
    let mut buffer = buffer();
    let before = buffer.stats().depth_ms;
    let kinds = run(&mut buffer, &stream, |index| index % 12 != 11);
    let stats = buffer.stats();
    assert!(stats.recovered >= 7, "{stats:?} {kinds:?}");
    assert!(stats.lost >= 9 && stats.concealed <= 3, "{stats:?}");
    assert_eq!(stats.depth_ms, before + 20, "FEC waits one frame more");
}

#[test]
fn it_waits_for_fec_only_while_packets_are_lost() {
    let stream = Stream::new(400);
    let mut buffer = buffer();
    run(&mut buffer, &stream, |index| index != 30);
    assert_eq!(
        buffer.stats().depth_ms,
        JitterSettings::default().depth_min_ms
    );
}

#[test]
fn a_depth_that_packets_only_suggest_waits_for_quiet() {
    let tones = (0..100).map(tone);
    let stream = Stream {
        payloads: encoded(tones.chain([SILENCE; 50])),
        mode: Some(Mode::Barge),
    };
    // Every other packet takes 8 ms longer. At 12 ms all are there, but the next may come later still.
    let mut buffer = buffer();
    let mut depths = Vec::new();
    for index in 0..150 {
        let sent = ms(20 * index as u64);
        buffer.push(sent + ms(8 * (index as u64 % 2)), &stream.packet(index));
        buffer.pull(sent + ms(12));
        depths.push((buffer.depth() + FRAME) / SAMPLES_PER_MS);
    }
    assert!(buffer.stats().depth_ms > 13, "{:?}", buffer.stats());
    assert_eq!((depths[99], depths[149]), (12, 32));
}

#[test]
fn concealment_fades_and_ends_in_idle() {
    let stream = Stream::new(40);
    let mut buffer = buffer();
    run(&mut buffer, &stream, |_| true);
    let mut levels = Vec::new();
    for tick in 40..60 {
        let pulled = buffer.pull(ms(20 * tick + 5));
        levels.push((pulled.kind, rms(pulled.frame)));
    }
    let concealed = levels
        .iter()
        .filter(|(kind, _)| *kind == Kind::Concealed)
        .count();
    // Five frames' worth, which may lie across six when the depth is no whole number of frames.
    assert!((5..=6).contains(&concealed), "{concealed}");
    assert!(
        levels
            .iter()
            .all(|&(kind, level)| kind != Kind::Idle || level <= 0.0)
    );
    assert_eq!(levels.last().map(|l| l.0), Some(Kind::Idle));
    assert!(levels[4].1 < levels[0].1 / 2.0, "it fades: {levels:?}");
}

#[test]
fn a_pause_is_idle_and_not_loss() {
    let stream = Stream::new(80);
    let mut buffer = buffer();
    let mut kinds = Vec::new();
    for tick in 0..200_usize {
        let now = ms(20 * tick as u64);
        // Forty packets, two seconds of nothing, forty packets with the next numbers.
        let index = match tick {
            0..40 => Some(tick),
            140..180 => Some(tick - 100),
            _ => None,
        };
        if let Some(index) = index {
            let mut packet = stream.packet(index);
            packet.timestamp = (tick * FRAME_SAMPLES) as u32;
            buffer.push(now, &packet);
        }
        kinds.push(buffer.pull(now + ms(5)).kind);
    }
    assert_eq!(buffer.stats().lost, 0);
    assert!(kinds[50..140].iter().all(|&kind| kind == Kind::Idle));
    assert!(
        kinds[142..179].iter().all(|&kind| kind == Kind::Decoded),
        "{kinds:?}"
    );
}

#[test]
fn a_restarted_sender_is_followed_and_a_stray_packet_is_not() {
    let stream = Stream::new(60);
    let mut buffer = buffer();
    for tick in 0..60_u64 {
        let now = ms(20 * tick);
        let mut packet = stream.packet(tick as usize);
        if tick == 15 {
            packet.sequence = packet.sequence.wrapping_add(20_000);
        } else if tick >= 30 {
            packet.sequence = packet.sequence.wrapping_add(30_000);
            packet.timestamp = packet.timestamp.wrapping_sub(1 << 30);
        }
        buffer.push(now, &packet);
        let kind = buffer.pull(now + ms(5)).kind;
        if tick > 34 {
            assert_eq!(kind, Kind::Decoded, "tick {tick}");
        }
    }
    let stats = buffer.stats();
    assert_eq!(
        stats.refused, 2,
        "the stray one and the first of the new start"
    );
}

#[test]
fn what_is_not_opus_is_refused() {
    let mut buffer = buffer();
    let long = [0x78_u8; MAX_PACKET_BYTES + 1];
    for payload in [&[][..], &long, &[0xFF, 0xFF, 0xFF]] {
        buffer.push(
            ms(0),
            &Packet {
                codec: Codec::Opus,
                sequence: 1,
                timestamp: 0,
                mode: None,
                payload,
            },
        );
    }
    assert_eq!(buffer.stats().refused, 3);
    assert_eq!(buffer.pull(ms(100)).kind, Kind::Idle);
}

#[test]
fn a_stall_ends_with_a_bounded_delay() {
    let stream = Stream::new(200);
    let mut buffer = buffer();
    let mut arrived = 0;
    for tick in 0..200_usize {
        let now = ms(20 * tick as u64);
        // One second in which nothing comes; then all of it at once.
        if !(50..100).contains(&tick) {
            for index in arrived..=tick {
                buffer.push(now, &stream.packet(index));
            }
            arrived = tick + 1;
        }
        let kind = buffer.pull(now + ms(5)).kind;
        if tick > 101 {
            assert_eq!(kind, Kind::Decoded, "tick {tick}");
        }
    }
    assert!(buffer.stats().lost >= 35, "{:?}", buffer.stats());
    // What is left after the last packet is at most the greatest depth.
    let left = (200..240)
        .filter(|tick| buffer.pull(ms(20 * tick + 5)).kind == Kind::Decoded)
        .count();
    assert!(left <= 12, "{left} frames behind");
}

#[test]
fn drifting_clocks_are_followed_without_a_gap() {
    let speech = Stream::of_speech(500);
    // A sender that is slower or faster by 300 ppm drifts by 36 ms in two minutes.
    for period_us in [19_994, 20_006] {
        let mut buffer = buffer();
        let mut sent = 0_u64;
        for tick in 0..6_000_u64 {
            let now = Duration::from_micros(20_000 * tick + 7_000);
            while sent * period_us <= 20_000 * tick + 7_000 {
                let mut packet = speech.packet(sent as usize % 500);
                packet.sequence = sent as u16;
                packet.timestamp = sent as u32 * 960;
                buffer.push(Duration::from_micros(sent * period_us), &packet);
                sent += 1;
            }
            buffer.pull(now);
        }
        let stats = buffer.stats();
        assert_eq!(
            (stats.lost, stats.late, stats.concealed),
            (0, 0, 0),
            "{period_us} {stats:?}"
        );
        let left = (6_000..6_010)
            .filter(|tick| buffer.pull(ms(20 * tick + 7)).kind == Kind::Decoded)
            .count();
        assert!(left <= 2, "{left} frames behind at {period_us}");
    }
}

#[test]
fn m3_an_unstamped_neighbour_makes_a_filled_gap_listen() {
    assert_eq!(narrowest(None, None), None);
    assert_eq!(narrowest(None, Some(Mode::Barge)), Some(Mode::Listen));
    assert_eq!(narrowest(Some(Mode::Whisper), None), Some(Mode::Listen));
    assert_eq!(
        narrowest(Some(Mode::Barge), Some(Mode::Whisper)),
        Some(Mode::Whisper)
    );
}

#[test]
fn unstamped_packets_stay_unstamped() {
    let stream = Stream {
        mode: None,
        ..Stream::new(30)
    };
    let mut buffer = buffer();
    run(&mut buffer, &stream, |index| index != 20);
    let pulled = buffer.pull(ms(601));
    assert_eq!((pulled.mode, pulled.kind), (None, Kind::Decoded));
    assert!(buffer.stats().lost == 1);
}

#[test]
fn a_new_stream_starts_from_nothing() {
    let stream = Stream::new(30);
    let mut buffer = buffer();
    run(&mut buffer, &stream, |_| true);
    buffer.reset();
    assert_eq!(buffer.pull(ms(600)).kind, Kind::Idle);
    let received = buffer.stats().received;
    buffer.push(ms(620), &stream.packet(0));
    assert_eq!(buffer.stats().received, received + 1);
}

#[test]
fn settings_out_of_range_are_refused() {
    for settings in [
        JitterSettings {
            depth_max_ms: 1001,
            ..JitterSettings::default()
        },
        JitterSettings {
            depth_min_ms: 300,
            ..JitterSettings::default()
        },
        JitterSettings {
            concealed_max: 0,
            ..JitterSettings::default()
        },
    ] {
        assert!(matches!(
            JitterBuffer::new(settings),
            Err(VoiceError::Settings(_))
        ));
    }
}

#[test]
fn m3_a_widening_blanks_the_look_ahead_of_an_encoder_not_reset() {
    // Ten loud frames whispered, then ten barged, through one encoder that is never reset.
    let stream = Stream::new(20);
    let mut buffer = buffer();
    let (mut first_barged, mut loudest_barged) = (None, 0.0_f64);
    for index in 0..20 {
        let now = ms(20 * index as u64);
        let mode = Some(if index < 10 {
            Mode::Whisper
        } else {
            Mode::Barge
        });
        buffer.push(
            now,
            &Packet {
                codec: Codec::Opus,
                mode,
                ..stream.packet(index)
            },
        );
        let pulled = buffer.pull(now + ms(10));
        if pulled.mode == Some(Mode::Barge) {
            first_barged.get_or_insert(*pulled.frame);
            loudest_barged = loudest_barged.max(rms(pulled.frame));
        }
    }
    let frame = first_barged.expect("a barged frame");
    let blank = frame.iter().take_while(|sample| **sample == 0).count();
    assert!(blank >= LOOK_AHEAD, "{blank}");
    assert!(
        loudest_barged > 3_000.0,
        "what was barged is played: {loudest_barged}"
    );
}
