use super::*;
use crate::rms;
use mix::{FRAME_SAMPLES, SILENCE};

const LAWS: [Law; 2] = [Law::A, Law::Mu];

#[test]
fn every_code_survives_the_way_there_and_back() {
    for law in LAWS {
        for code in 0..=u8::MAX {
            let sample = law.decode(code);
            let again = law.encode(sample);
            if (law, code) == (Law::Mu, 0x7F) {
                // µ-law has two zeros; there is one among samples, and it is the positive one.
                assert_eq!((sample, again), (0, 0xFF));
            } else {
                assert_eq!(again, code, "{law:?} {code:#04x} {sample}");
            }
        }
    }
}

#[test]
fn every_sample_gets_the_nearest_code() {
    for law in LAWS {
        let mut levels: Vec<i32> = (0..=u8::MAX).map(|code| law.decode(code).into()).collect();
        levels.sort_unstable();
        levels.dedup();
        assert_eq!(levels.len(), if law == Law::A { 256 } else { 255 });
        for sample in i16::MIN..=i16::MAX {
            let coded = i32::from(law.decode(law.encode(sample)));
            let error = coded.abs_diff(sample.into());
            let above = levels.partition_point(|&level| level < i32::from(sample));
            let nearest = [above.checked_sub(1), Some(above)]
                .into_iter()
                .flatten()
                .filter_map(|at| levels.get(at))
                .map(|level| level.abs_diff(sample.into()))
                .min();
            // Between two segments the standard decides at the end of the finer one, so that a sample
            // there may be off by a quarter of a step more than it could be.
            let step = coded.unsigned_abs() / 16 + 16;
            assert!(
                Some(error) <= nearest.map(|nearest| nearest + step / 4),
                "{law:?} {sample} became {coded}"
            );
        }
    }
}

#[test]
fn a_louder_sample_never_gets_a_quieter_code() {
    for law in LAWS {
        let coded: Vec<i16> = (i16::MIN..=i16::MAX)
            .map(|sample| law.decode(law.encode(sample)))
            .collect();
        assert!(coded.is_sorted(), "{law:?}");
    }
}

#[test]
fn the_ends_and_the_middle_have_the_codes_of_the_standard() {
    for (law, sample, code, decoded) in [
        (Law::A, 0, 0xD5, 8),
        (Law::A, -1, 0x55, -8),
        (Law::A, i16::MAX, 0xAA, 32_256),
        (Law::A, i16::MIN, 0x2A, -32_256),
        (Law::Mu, 0, 0xFF, 0),
        (Law::Mu, -1, 0x7F, 0),
        (Law::Mu, i16::MAX, 0x80, 32_124),
        (Law::Mu, i16::MIN, 0x00, -32_124),
        (Law::A, 1_000, 0xFA, 1_008),
        (Law::Mu, 1_000, 0xCE, 988),
    ] {
        assert_eq!(law.encode(sample), code, "{law:?} {sample}");
        assert_eq!(law.decode(code), decoded, "{law:?} {code:#04x}");
    }
}

#[test]
fn the_digital_milliwatt_is_a_tone_at_its_level() {
    // G.711 tables 5 and 6: a tone of 1 kHz at 0 dBm0, which is 6.15 dB (A) and 6.18 dB (µ) below a
    // square wave at full scale.
    for (law, half, level_db) in [
        (Law::A, [0x34, 0x21, 0x21, 0x34], -6.15),
        (Law::Mu, [0x1E, 0x0B, 0x0B, 0x1E], -6.18),
    ] {
        let period: Vec<i16> = [0, 0x80]
            .iter()
            .flat_map(|sign| half.map(|code: u8| law.decode(code ^ sign)))
            .collect();
        let measured_db = 20.0 * (rms(&period) / 32_768.0).log10();
        assert!(
            (measured_db - level_db).abs() < 0.05,
            "{law:?} {measured_db:.3}"
        );
        assert!(period[..4].iter().all(|&sample| sample < 0), "{period:?}");
        assert!(period[4..].iter().all(|&sample| sample > 0), "{period:?}");
    }
}

fn tone(hz: f64, amplitude: f64, rate_hz: f64, n: usize) -> i16 {
    (amplitude * (std::f64::consts::TAU * hz * n as f64 / rate_hz).sin()).round() as i16
}

#[test]
fn a_tone_has_at_least_37_db_over_its_noise() {
    for law in LAWS {
        // Quieter tones fall where the steps are coarser; G.712 asks for 33 dB there.
        for (level_db, least_db) in [(-10.0, 37.0), (-20.0, 33.0), (-30.0, 33.0)] {
            let amplitude = 32_768.0 * 2_f64.sqrt() * 10_f64.powf(level_db / 20.0);
            let (mut signal, mut noise) = (0.0, 0.0);
            for n in 0..8_000 {
                let sample = tone(1_020.0, amplitude, 8_000.0, n);
                let error = f64::from(law.decode(law.encode(sample))) - f64::from(sample);
                signal += f64::from(sample).powi(2);
                noise += error * error;
            }
            let snr_db = 10.0 * (signal / noise).log10();
            eprintln!("{law:?} at {level_db} dBov: {snr_db:.1} dB");
            assert!(snr_db >= least_db, "{law:?} at {level_db}: {snr_db:.1} dB");
        }
    }
}

#[test]
fn a_frame_becomes_a_packet_of_the_same_tone() {
    for law in LAWS {
        let mut encoder = G711Encoder::new(law).expect("a known pair of rates");
        let mut heard = Vec::new();
        for index in 0..50 {
            let frame: Frame = std::array::from_fn(|n| {
                tone(1_000.0, 9_000.0, 48_000.0, index * FRAME_SAMPLES + n)
            });
            heard.extend(encoder.encode(&frame).map(|byte| law.decode(byte)));
        }
        assert_eq!(heard.len(), 8_000);
        let level = rms(&heard[800..]) * 2_f64.sqrt();
        assert!((8_800.0..9_200.0).contains(&level), "{law:?} {level:.0}");
        // 1.5 ms later; a period is eight samples, so the phase tells.
        let at = |n: usize| f64::from(heard[n]) / 9_000.0;
        let expected = |n: usize| (std::f64::consts::TAU * (n as f64 - 12.0) / 8.0).sin();
        assert!((800..900).all(|n| (at(n) - expected(n)).abs() < 0.1));
    }
}

#[test]
fn a_reset_encoder_has_nothing_of_the_past() {
    let mut encoder = G711Encoder::new(Law::Mu).expect("a known pair of rates");
    encoder.encode(&[20_000; FRAME_SAMPLES]);
    encoder.reset();
    assert_eq!(encoder.encode(&SILENCE), [0xFF; G711_PACKET_BYTES]);
    encoder.encode(&[20_000; FRAME_SAMPLES]);
    encoder.set_law(Law::A);
    assert_eq!(encoder.law(), Law::A);
    assert_ne!(encoder.encode(&SILENCE), [0xD5; G711_PACKET_BYTES]);
}
