//! What a telephone sends: G.711 in packets of any length, pauses with comfort noise, other codecs in
//! the middle of a call.

use super::phone::*;
use super::*;
use crate::{G711Encoder, Law};

#[test]
fn a_clean_stream_keeps_its_tone_and_its_level() {
    for law in [Law::A, Law::Mu] {
        let mut phone = Phone::new();
        phone.speak(law, 100, 20, narrow_tone(1_000.0, 9_000.0));
        let heard = play(&phone.sent, 101, ms(7), at_once);
        assert!(heard.kinds[3..].iter().all(|kind| *kind == Kind::Decoded));
        let steady = heard.frames(10..90);
        let amplitude = amplitude_of(1_000.0, steady);
        assert!((8_800.0..9_200.0).contains(&amplitude), "{amplitude:.0}");
        let rest = rms(steady).powi(2) - amplitude * amplitude / 2.0;
        let rest_db = 10.0 * (rest / rms(steady).powi(2)).log10();
        assert!(
            rest_db < -33.0,
            "{law:?}: {rest_db:.1} dB of something else"
        );
        let stats = heard.stats;
        assert_eq!((stats.received, stats.lost, stats.concealed), (100, 0, 0));
    }
}

#[test]
fn a_phone_is_heard_within_depth_plus_a_frame_plus_resampling() {
    // Silence, and a tone from 800 ms on: when it arrives, and when it is heard.
    for phase_ms in [0, 3, 9, 14, 19] {
        for duration_ms in [10, 20, 30] {
            let mut phone = Phone::new();
            let onset = 800;
            let tone = narrow_tone(1_000.0, 9_000.0);
            phone.speak(Law::Mu, 1_200 / duration_ms, duration_ms, |n| {
                if n < onset * 8 { 0 } else { tone(n) }
            });
            let heard = play(&phone.sent, 60, ms(phase_ms), at_once);
            let first = heard.wave.iter().position(|sample| sample.abs() > 2_000);
            let heard_ms = first.expect("a tone") as f64 / 48.0 + phase_ms as f64;
            // A sample waits for as long as a packet lasts before it is sent.
            let delay_ms = heard_ms - (onset + duration_ms) as f64;
            let most = f64::from(heard.stats.depth_ms) + 1.5 + 20.0;
            assert!(
                delay_ms <= most,
                "{delay_ms:.1} of at most {most:.1} ms, {duration_ms} ms packets at {phase_ms}"
            );
        }
    }
}

#[test]
fn packets_of_any_length_are_played_without_a_seam() {
    for duration_ms in [10, 20, 30, 40, 60, 120] {
        let mut phone = Phone::new();
        let packets = 1_800 / duration_ms;
        phone.speak(Law::A, packets, duration_ms, narrow_tone(440.0, 9_000.0));
        let heard = play(&phone.sent, 89, ms(4), at_once);
        let start = heard.kinds.iter().position(|kind| *kind != Kind::Idle);
        let start = start.expect("sound comes out");
        assert!(
            heard.kinds[start..]
                .iter()
                .all(|kind| *kind == Kind::Decoded),
            "{duration_ms} ms: {:?}",
            heard.kinds
        );
        assert!(
            steepest(&heard.wave) < 1.2 * slope(440.0, 9_000.0),
            "{duration_ms} ms"
        );
        let stats = heard.stats;
        assert_eq!((stats.lost, stats.late, stats.refused), (0, 0, 0));
    }
}

#[test]
fn on_a_steady_network_packets_of_any_length_are_soon_played_as_they_were_decoded() {
    // A tone that rises is the same at no two places. From 82 to 94 Hz, a period of it is longer than the
    // rest that 30 ms may leave, which would be taken out.
    let rising = |n: usize| {
        let at = n as f64 / 8_000.0;
        (9_000.0 * (std::f64::consts::TAU * (82.0 + 2.0 * at) * at).sin()) as i16
    };
    let heard = |duration_ms: usize, phase_ms: u64| {
        let mut phone = Phone::new();
        phone.speak(Law::A, 3_000 / duration_ms, duration_ms, rising);
        play(&phone.sent, 150, ms(phase_ms), at_once)
    };
    let whole = heard(20, 4).wave;
    for duration_ms in [10, 20, 30, 40, 60, 120] {
        for phase_ms in 0..20 {
            let heard = heard(duration_ms, phase_ms);
            let last = heard.frames(90..140);
            assert!(
                whole.windows(last.len()).any(|wave| wave == last),
                "packets of {duration_ms} ms are still scaled, {phase_ms} ms before each tick"
            );
        }
    }
}

#[test]
fn what_is_lost_is_made_up_without_a_click() {
    for duration_ms in [10, 20, 30, 60] {
        let mut phone = Phone::new();
        let packets = 12_000 / duration_ms;
        phone.speak(Law::A, packets, duration_ms, narrow_tone(210.0, 9_000.0));
        // One in twenty, never at the same place of the tone.
        let kept = |index: usize| (index % 20 != 11 || index < 20).then_some(Duration::ZERO);
        let heard = play(&phone.sent, 590, ms(4), kept);
        let stats = heard.stats;
        assert!(stats.lost as usize >= packets / 20 - 2, "{stats:?}");
        assert!(heard.kinds.contains(&Kind::Concealed));
        assert!(!heard.kinds.contains(&Kind::Recovered));
        let steady = heard.frames(10..590);
        let energy = rms(steady) / (9_000.0 / 2_f64.sqrt());
        assert!((0.9..1.05).contains(&energy), "{duration_ms}: {energy:.2}");
        let click = steepest(steady) / slope(210.0, 9_000.0);
        assert!(click < 1.8, "{duration_ms} ms: {click:.2}");
        assert_eq!(
            stats.depth_ms,
            JitterSettings::default().depth_min_ms,
            "nothing is waited for that is never sent"
        );
    }
}

#[test]
fn what_is_known_to_be_lost_takes_its_own_time_and_no_more() {
    for duration_ms in [10, 20, 30, 60] {
        let mut phone = Phone::new();
        let packets = 1_800 / duration_ms;
        phone.speak(Law::A, packets, duration_ms, narrow_tone(210.0, 9_000.0));
        let settings = JitterSettings {
            depth_min_ms: 100,
            ..JitterSettings::default()
        };
        let heard = |kept: &dyn Fn(usize) -> bool| {
            let buffer = JitterBuffer::new(settings).expect("in range");
            let delay = |index| kept(index).then_some(Duration::ZERO);
            play_through(buffer, &phone.sent, 80, ms(4), delay)
        };
        let (whole, gapped) = (heard(&|_| true), heard(&|index| index != packets / 2));
        assert_eq!(gapped.stats.lost, 1);
        let start = whole.kinds.iter().position(|kind| *kind != Kind::Idle);
        let start = start.expect("sound comes out");
        assert!(!gapped.kinds[start..].contains(&Kind::Idle));
        assert_ne!(whole.wave, gapped.wave);
        assert!(
            whole.frames(70..80) == gapped.frames(70..80),
            "{duration_ms} ms"
        );
    }
}

#[test]
fn a_phone_that_falls_silent_fades_out_and_is_idle() {
    let mut phone = Phone::new();
    phone.speak(Law::Mu, 40, 20, narrow_tone(210.0, 9_000.0));
    let heard = play(&phone.sent, 60, ms(4), at_once);
    let concealed = heard.kinds.iter().filter(|kind| **kind == Kind::Concealed);
    assert!((5..=6).contains(&concealed.count()), "{:?}", heard.kinds);
    assert_eq!(heard.kinds.last(), Some(&Kind::Idle));
    let levels: Vec<f64> = (40..46).map(|n| rms(heard.frames(n..n + 1))).collect();
    assert!(levels[5] < levels[0] / 2.0, "it fades: {levels:.0?}");
    assert_eq!(heard.stats.lost, 0);
}

#[test]
fn g711_out_of_order_and_twice_is_played_once_and_in_order() {
    let mut phone = Phone::new();
    phone.speak(Law::Mu, 200, 20, narrow_tone(440.0, 9_000.0));
    let twice: Vec<Sent> = phone
        .sent
        .iter()
        .flat_map(|p| [p.clone(), p.clone()])
        .collect();
    // Every third packet comes 30 ms late, so after the next one.
    let late = |index: usize| {
        Some(if (index / 2).is_multiple_of(3) {
            ms(30)
        } else {
            ms(0)
        })
    };
    let heard = play(&twice, 200, ms(4), late);
    let stats = heard.stats;
    assert!(stats.received >= 198 && stats.late <= 4, "{stats:?}");
    let steady = heard.frames(50..200);
    assert!(steepest(steady) < 1.3 * slope(440.0, 9_000.0));
    assert!(heard.kinds[50..].iter().all(|kind| *kind == Kind::Decoded));
}

#[test]
fn a_change_of_codec_does_not_click() {
    let (hz, amplitude) = (440.0, 9_000.0);
    let mut opus = encoded((0..200).map(tone)).into_iter();
    let mut g711 = G711Encoder::new(Law::Mu).expect("a known pair of rates");
    let mut phone = Phone::new();
    for index in 0..200_usize {
        let packet = opus.next().expect("one for each frame");
        let narrow = g711.encode(&tone(index)).to_vec();
        match index {
            0..50 | 150.. => phone.send(Codec::Opus, packet, 20),
            50..100 => phone.send(Codec::Pcmu, narrow, 20),
            _ => {
                g711.set_law(Law::A);
                // What was coded before the law changed.
                let codec = if index == 100 {
                    Codec::Pcmu
                } else {
                    Codec::Pcma
                };
                phone.send(codec, narrow, 20);
            }
        }
    }
    let heard = play(&phone.sent, 200, ms(4), at_once);
    assert!(heard.kinds[2..].iter().all(|kind| *kind == Kind::Decoded));
    let click = steepest(heard.frames(5..200)) / slope(hz, amplitude);
    assert!(click < 1.5, "{click:.2}");
    for frame in 5..200 {
        let level = rms(heard.frames(frame..frame + 1)) * 2_f64.sqrt();
        assert!(level > 0.6 * amplitude, "frame {frame}: {level:.0}");
    }
    assert_eq!((heard.stats.lost, heard.stats.concealed), (0, 0));
}

#[test]
fn a_codec_may_change_where_a_packet_is_lost() {
    let opus = encoded((0..100).map(tone));
    let mut phone = Phone::new();
    phone.speak(Law::A, 50, 20, narrow_tone(440.0, 9_000.0));
    for packet in opus.iter().take(50) {
        phone.send(Codec::Opus, packet.clone(), 20);
    }
    phone.speak(Law::Mu, 50, 20, narrow_tone(440.0, 9_000.0));
    let kept = |index: usize| (![49, 50, 99, 100].contains(&index)).then_some(Duration::ZERO);
    let heard = play(&phone.sent, 150, ms(4), kept);
    assert_eq!(heard.stats.lost, 4);
    let click = steepest(heard.frames(5..150)) / slope(440.0, 9_000.0);
    assert!(click < 1.8, "{click:.2}");
}

#[test]
fn a_pause_is_filled_with_noise_at_the_announced_level() {
    let voice = narrow_tone(440.0, 9_000.0);
    let mut phone = Phone::new();
    // This one is at its peak when it is cut off.
    phone.speak(Law::A, 50, 20, narrow_tone(440.25, 9_000.0));
    // The second says how loud the pause is from then on.
    phone.pause(50, 1_000);
    phone.pause(60, 1_000);
    phone.speak(Law::A, 50, 20, &voice);
    for phase_ms in [1, 8, 15] {
        let heard = play(&phone.sent, 200, ms(phase_ms), at_once);
        let stats = heard.stats;
        assert_eq!((stats.lost, stats.concealed, stats.late), (0, 0, 0));
        // That a pause is told of sooner than a packet of sound is no jitter.
        assert_eq!(stats.depth_ms, JitterSettings::default().depth_min_ms);
        assert!(heard.kinds[3..].iter().all(|kind| *kind == Kind::Decoded));
        for (frames, level_db) in [(55..98, -50.0), (105..148, -60.0)] {
            let heard_db = 20.0 * (rms(heard.frames(frames)) / 32_768.0).log10();
            assert!((heard_db - level_db).abs() < 1.5, "{heard_db:.1} dB");
        }
        assert!(amplitude_of(440.0, heard.frames(160..195)) > 8_500.0);
        // The second voice begins at a zero of its wave.
        let click = steepest(&heard.wave) / slope(440.0, 9_000.0);
        assert!(click < 1.5, "{click:.2}");
        let again = play(&phone.sent, 200, ms(phase_ms), at_once);
        assert_eq!(again.wave, heard.wave, "the noise is the same in each run");
    }
}

#[test]
fn keys_between_packets_of_sound_are_neither_loss_nor_sound() {
    let voice = narrow_tone(400.0, 9_000.0);
    // A key for 160 ms, whose packets all have its first timestamp: the voice stops for it, or not.
    for stops in [true, false] {
        let mut phone = Phone::new();
        phone.speak(Law::A, 50, 20, &voice);
        let key_began = phone.samples;
        for _ in 0..8 {
            let now = phone.samples;
            phone.samples = key_began;
            phone.pause(127, 0);
            phone.samples = now;
            if let Some(key) = phone.sent.last_mut() {
                key.at = Duration::from_micros((now as u64 + 960) * 125 / 6);
            }
            if stops {
                phone.samples += FRAME_SAMPLES;
            } else {
                phone.speak(Law::A, 1, 20, &voice);
            }
        }
        phone.speak(Law::A, 50, 20, &voice);
        let heard = play(&phone.sent, 108, ms(4), at_once);
        let stats = heard.stats;
        assert_eq!((stats.lost, stats.concealed, stats.late), (0, 0, 0));
        let (during, after) = (heard.frames(54..58), heard.frames(65..105));
        assert_eq!(rms(during) < 50.0, stops, "{:.0}", rms(during));
        assert!(amplitude_of(400.0, after) > 8_500.0);
        if !stops {
            let click = steepest(heard.frames(5..105)) / slope(400.0, 9_000.0);
            assert!(click < 1.2, "{click:.2}");
        }
    }
}

#[test]
fn comfort_noise_ends_two_seconds_after_the_last_packet() {
    let mut phone = Phone::new();
    phone.speak(Law::Mu, 10, 20, narrow_tone(440.0, 9_000.0));
    phone.pause(45, 6_000);
    phone.speak(Law::Mu, 20, 20, narrow_tone(440.0, 9_000.0));
    let heard = play(&phone.sent, 330, ms(4), at_once);
    let noisy = heard.kinds[12..]
        .iter()
        .position(|kind| *kind == Kind::Idle);
    let noisy = noisy.expect("the noise ends");
    assert!((97..=102).contains(&noisy), "{noisy} frames");
    assert!(heard.kinds[120..308].iter().all(|kind| *kind == Kind::Idle));
    assert!(heard.kinds[314..].iter().all(|kind| *kind == Kind::Decoded));
    assert_eq!((heard.stats.lost, heard.stats.concealed), (0, 0));
}

#[test]
fn a_clock_jumping_back_does_not_prolong_a_pause() {
    let mut phone = Phone::new();
    phone.pause(45, 60_000);
    phone.speak(Law::Mu, 1, 20, narrow_tone(440.0, 9_000.0));
    let mut buffer = buffer();
    let later = Duration::from_secs(1_000);
    buffer.push(later, &phone.sent[0].packet());
    let noise = (0..50).filter(|tick| buffer.pull(later + ms(20 * tick)).kind != Kind::Idle);
    assert!(noise.count() > 40);
    buffer.push(later + ms(1_000), &phone.sent[1].packet());
    for tick in 0..110 {
        buffer.pull(ms(20 * tick));
    }
    assert_eq!(buffer.pull(ms(2_200)).kind, Kind::Idle);
}

#[test]
fn a_pause_costs_no_depth_and_gains_none_where_clocks_drift() {
    // A phone whose clock is 100 ppm off, with pauses of a second and a half; each phrase begins with
    // a tone. The delay of every onset stays within the depth, a frame and the resampling.
    for drift in [-100.0, 100.0] {
        let scale = 1.0 + drift / 1e6;
        let mut phone = Phone::new();
        let mut onsets = Vec::new();
        for _ in 0..60 {
            onsets.push((phone.samples as f64 / 48.0 + 20.0) * scale);
            phone.speak(Law::A, 25, 20, narrow_tone(1_000.0, 9_000.0));
            phone.pause(70, 1_500);
        }
        for packet in &mut phone.sent {
            packet.at = packet.at.mul_f64(scale);
        }
        let heard = play(&phone.sent, 6_000, ms(4), at_once);
        let stats = heard.stats;
        assert_eq!(
            (stats.lost, stats.concealed, stats.late),
            (0, 0, 0),
            "{drift} {stats:?}"
        );
        for onset in onsets {
            let from = (onset * 48.0) as usize - 480;
            let first = heard.wave[from..].iter().position(|s| s.abs() > 2_000);
            let delay_ms = (from + first.expect("a tone")) as f64 / 48.0 + 4.0 - onset;
            let most = f64::from(stats.depth_ms) + 1.5 + 20.0;
            assert!(delay_ms <= most, "{drift}: {delay_ms:.1} ms at {onset:.0}");
        }
    }
}

#[test]
fn g711_from_a_drifting_clock_is_followed_without_a_gap() {
    let voice = speech::synthesized(5, 10);
    let (frames, _) = voice.as_chunks::<FRAME_SAMPLES>();
    let mut encoder = G711Encoder::new(Law::A).expect("a known pair of rates");
    for scale in [0.9999, 1.0001] {
        let mut phone = Phone::new();
        for index in 0..6_000 {
            let packet = encoder.encode(&frames[index % frames.len()]).to_vec();
            phone.send(Codec::Pcma, packet, 20);
        }
        for packet in &mut phone.sent {
            packet.at = packet.at.mul_f64(scale);
        }
        let heard = play(&phone.sent, 5_980, ms(4), at_once);
        let stats = heard.stats;
        assert_eq!(
            (stats.lost, stats.late, stats.concealed),
            (0, 0, 0),
            "{scale} {stats:?}"
        );
        assert!(heard.kinds[3..].iter().all(|kind| *kind == Kind::Decoded));
    }
}

#[test]
fn what_is_no_g711_and_no_noise_is_refused() {
    let long = [0x55_u8; MAX_PACKET_BYTES + 1];
    for (codec, payload) in [
        (Codec::Pcma, &[][..]),
        (Codec::Pcmu, &[]),
        (Codec::Pcma, &long[..961]),
        (Codec::Pcmu, &long),
        (Codec::ComfortNoise, &[]),
        (Codec::ComfortNoise, &long),
    ] {
        let mut buffer = buffer();
        let packet = Packet {
            codec,
            sequence: 1,
            timestamp: 0,
            mode: None,
            payload,
        };
        buffer.push(ms(0), &packet);
        assert_eq!(buffer.stats().refused, 1, "{codec:?} {}", payload.len());
        assert_eq!(buffer.pull(ms(100)).kind, Kind::Idle);
    }
}
