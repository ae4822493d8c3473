//! M6: what the rep's loudspeaker plays does not come back to the lead through the rep's microphone,
//! and the rep is still heard who speaks over it. Each figure is printed.
//!
//! Needs what `quality.rs` needs.
#![allow(clippy::expect_used, reason = "a test that cannot go on should say so")]

use crate::recorded;

use std::path::Path;

use mix::{FRAME_SAMPLES, Frame, SAMPLE_RATE_HZ, SILENCE};
use recorded::{Band, pesq, piece, write};
use voice::{
    Decoder, Encoder, EncoderSettings, MAX_PACKET_BYTES, Processing, VoiceProcessor, rms, speech,
};

/// From the loudspeaker to the microphone.
const ECHO_DB: f64 = -15.0;
const ECHO_DELAY_MS: usize = 60;
const SECOND: usize = SAMPLE_RATE_HZ as usize;
/// What the coach whispers.
const WHISPERED: [(&str, usize); 2] = [("demo-instruct", 2), ("demo-moreinfo", 1)];
/// What the rep says over it.
const SAID: [(&str, usize); 3] = [
    ("demo-congrats", 1),
    ("basic-pbx-ivr-main", 3),
    ("demo-instruct", 30),
];

fn processings() -> [(&'static str, Processing); 2] {
    let all = Processing::default();
    let without_gain = Processing {
        gain_control: false,
        ..all
    };
    [("all", all), ("without gain", without_gain)]
}

/// A room's noise, 70 dB below overload, the same for the same seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * 36.0
    }
}

/// What the lead hears of the rep, whose loudspeaker plays `played` while the rep says `said`: through
/// the room, the rep's processing and Opus, in the order of the real path.
fn heard_by_lead(played: &[i16], said: &[i16], processing: Processing) -> Vec<i16> {
    let mut processor = VoiceProcessor::new(processing);
    let mut encoder = Encoder::new(&EncoderSettings::default()).expect("defaults");
    let mut decoder = Decoder::new().expect("libopus");
    let mut noise = Noise(0x5EED);
    let gain = 10_f64.powf(ECHO_DB / 20.0);
    let delay = ECHO_DELAY_MS * SECOND / 1000;
    let mut heard = Vec::new();
    for start in (0..played.len() / FRAME_SAMPLES).map(|n| n * FRAME_SAMPLES) {
        let mut captured = SILENCE;
        for (at, sample) in (start..).zip(&mut captured) {
            let echo = at.checked_sub(delay).and_then(|at| played.get(at));
            let echo = f64::from(echo.copied().unwrap_or(0)) * gain;
            let own = f64::from(said.get(at).copied().unwrap_or(0));
            *sample = (echo + own + noise.next()).round() as i16;
        }
        // As in the client: what is captured is processed, and then the next frame is played.
        processor.capture(&mut captured);
        let frame: &Frame = played[start..].first_chunk().expect("whole frames");
        processor.render(frame);
        let mut packet = [0; MAX_PACKET_BYTES];
        let length = encoder.encode(&captured, &mut packet).expect("room enough");
        let mut out = SILENCE;
        decoder
            .decode(&packet[..length], &mut out)
            .expect("just encoded");
        heard.extend(out);
    }
    heard
}

fn db(samples: &[i16], reference: &[i16]) -> f64 {
    20.0 * (rms(samples).max(0.1) / rms(reference)).log10()
}

/// Ten seconds of a whisper: recorded, and synthesized.
fn whispers() -> Vec<(String, Vec<i16>)> {
    let mut whispers: Vec<_> = WHISPERED
        .into_iter()
        .map(|(name, from)| {
            let mut samples = piece(name, from);
            let more = samples[..2 * SECOND].to_vec();
            samples.extend(more);
            (format!("{name} from {from} s"), samples)
        })
        .collect();
    for seed in [6, 7] {
        let samples = speech::synthesized(seed, 10);
        whispers.push((format!("synthesized, seed {seed}"), samples));
    }
    whispers
}

#[test]
fn m6_a_whisper_does_not_come_back_to_the_lead() {
    for (name, whisper) in whispers() {
        for (what, processing) in processings() {
            let heard = heard_by_lead(&whisper, &[], processing);
            let echo_db = db(&heard[SECOND..], &whisper[SECOND..]);
            let first_db = db(&heard[..SECOND], &whisper[..SECOND]);
            eprintln!("{name}, {what}: echo {echo_db:.1} dB (first second {first_db:.1} dB)");
            assert!(echo_db <= -35.0, "{name}, {what}: {echo_db:.1} dB");
        }
        let off = Processing {
            echo_cancellation: false,
            ..Processing::default()
        };
        let heard = heard_by_lead(&whisper, &[], off);
        let echo_db = db(&heard[SECOND..], &whisper[SECOND..]);
        assert!(echo_db > -25.0, "without it there is an echo: {echo_db:.1}");
    }
}

/// How long the canceller has heard the room before the rep begins to speak.
const LEAD_IN: usize = 5 * SECOND;

/// The mean PESQ-WB of what the rep says, while the loudspeaker plays a whisper or nothing.
fn score_of_rep(name: &str, processing: Processing, whispered: bool) -> f64 {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut pairs = Vec::new();
    for (index, (prompt, from)) in SAID.into_iter().enumerate() {
        let (whisper, start) = WHISPERED[index % WHISPERED.len()];
        let whisper = piece(whisper, start);
        let said = piece(prompt, from);
        let mut played = whisper[whisper.len() - LEAD_IN..].to_vec();
        played.extend(whisper.iter().map(|s| if whispered { *s } else { 0 }));
        let mut spoken = vec![0; LEAD_IN];
        spoken.extend(&said);
        let heard = heard_by_lead(&played, &spoken, processing);
        let paths = ["said", "heard"].map(|which| folder.join(format!("{name}-{index}-{which}")));
        write(Band::Wide, &paths[0], &said);
        write(Band::Wide, &paths[1], &heard[LEAD_IN..]);
        let [said, heard] = paths;
        pairs.push((said, heard));
    }
    let scores = pesq(Band::Wide, &pairs);
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    eprintln!("{name}: PESQ-WB {mean:.2} of {scores:.2?}");
    mean
}

#[test]
fn the_rep_is_heard_who_speaks_over_a_whisper() {
    let all = Processing::default();
    let none = Processing {
        echo_cancellation: false,
        noise_suppression: false,
        gain_control: false,
    };
    // Over a whisper WebRTC's suppression takes much of the rep's own voice too: it keeps the
    // whisper from the lead first.
    score_of_rep("over a whisper", all, true);
    score_of_rep("over a whisper, not processed", none, true);
    score_of_rep("alone, not processed", none, false);
    let alone = score_of_rep("alone", all, false);
    assert!(alone >= 3.0, "{alone:.2}");
}
