use std::f64::consts::TAU;
use std::time::Duration;

use mix::Mode::{Barge, Listen, Whisper};
use mix::{FRAME_SAMPLES, Frame, Role, SILENCE};
use voice::{Codec, Encoder, EncoderSettings, MAX_PACKET_BYTES, Packet};

use super::{Track, captured_in};

const BARGE_HZ: f64 = 150.0;
const WHISPER_HZ: f64 = 700.0;
const BEFORE: usize = 200;
const WHISPERED: usize = 3;
const AFTER: usize = 25;

#[test]
fn m3_a_packet_counts_as_the_narrowest_that_it_can_be() {
    for (stamp, declared, expected) in [
        (None, None, Whisper),
        (None, Some(Whisper), Whisper),
        (None, Some(Barge), Barge),
        (Some(Barge), None, Barge),
        (Some(Listen), None, Listen),
        (Some(Barge), Some(Whisper), Whisper),
        (Some(Whisper), Some(Barge), Whisper),
        (Some(Barge), Some(Barge), Barge),
    ] {
        assert_eq!(
            captured_in(stamp, declared),
            expected,
            "{stamp:?} {declared:?}"
        );
    }
}

/// A voice of so many Hz: a tone with its harmonics, which swells and fades as syllables do.
fn voice(frame: usize, hz: f64) -> Frame {
    let mut out = SILENCE;
    for (at, sample) in out.iter_mut().enumerate() {
        let time = (frame * FRAME_SAMPLES + at) as f64 / 48_000.0;
        let swell = 0.7 + 0.3 * (TAU * 4.0 * time).sin();
        let wave: f64 = (1..=3)
            .map(|n| (TAU * hz * f64::from(n) * time).sin() / f64::from(n * n))
            .sum();
        *sample = (wave * swell * 6_000.0) as i16;
    }
    out
}

/// How strong a tone is in these samples: the amplitude of its sine.
fn strength(samples: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = TAU * hz * at as f64 / 48_000.0;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    re.hypot(im) * 2.0 / samples.len() as f64
}

/// A barge, a whisper of which every packet is lost, and a barge again, from a client that does not
/// reset its encoder. Returns how loud the whisper is at most in what goes to the lead, and how many
/// frames were recovered after it.
fn whisper_at_the_lead(role: Role) -> (f64, u64) {
    let start = Duration::from_secs(60);
    let mut track = Track::default();
    track.gate.ask(Duration::ZERO, Barge);
    let mut encoder = Encoder::new(&EncoderSettings::default()).unwrap();
    let mut loudest = 0.0_f64;
    let mut recovered_before = 0;
    for frame in 0..BEFORE + WHISPERED + AFTER {
        let now = start + Duration::from_millis(20) * frame as u32;
        let whispered = (BEFORE..BEFORE + WHISPERED).contains(&frame);
        if frame == BEFORE {
            recovered_before = track.buffer().unwrap().stats().recovered;
            assert!(recovered_before > 0, "copies are waited for");
            track.gate.ask(now, Whisper);
        }
        if frame == BEFORE + WHISPERED {
            track.gate.ask(now, Barge);
        }
        let (hz, mode) = if whispered {
            (WHISPER_HZ, Whisper)
        } else {
            (BARGE_HZ, Barge)
        };
        let mut out = [0; MAX_PACKET_BYTES];
        let len = encoder.encode(&voice(frame, hz), &mut out).unwrap();
        // The loss before it has taught the buffer to wait for copies.
        let lost = whispered || frame < BEFORE && frame % 8 == 7;
        if !lost {
            let packet = Packet {
                codec: Codec::Opus,
                sequence: frame as u16,
                timestamp: (frame * FRAME_SAMPLES) as u32,
                mode: Some(mode),
                payload: &out[..len],
            };
            track.push(now, frame as u64, 1, &packet);
        }
        let pulled = track.pull(now + Duration::from_millis(10), role, false);
        if let Some((Barge, heard)) = pulled
            && frame >= BEFORE
        {
            loudest = loudest.max(strength(heard, WHISPER_HZ));
        }
    }
    let recovered = track.buffer().unwrap().stats().recovered;
    (loudest, recovered - recovered_before)
}

#[test]
fn m3_a_lost_whisper_is_not_recovered_from_a_barged_packet() {
    // A rep's lost frames are recovered, so this is what the copy holds.
    let (copied, recovered) = whisper_at_the_lead(Role::Rep);
    assert_eq!(recovered, 1);
    let (leaked, recovered) = whisper_at_the_lead(Role::Coach);
    assert_eq!(recovered, 0);
    assert!(leaked < copied / 2.0, "{leaked:.0} of {copied:.0}");
}
