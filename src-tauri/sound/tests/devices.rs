//! The sound card against a private PulseAudio daemon: what goes in at a microphone and comes out of a
//! loudspeaker, by tones, while devices come and go.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should say so"
)]

mod call;
mod pulse;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use call::{AMPLITUDE, Call, PLAYED_HZ, SPAN, SPOKEN_HZ};
use client::audio::{Loudspeaker, Microphone};
use mix::{FRAME_SAMPLES, Frame, SILENCE};
use pulse::{PATIENCE, Pulse, amplitude_of, tone, until};
use sound::{Choice, Event, Processing, SoundCard};
use tokio::sync::broadcast;

const RAW: Processing = Processing {
    echo_cancellation: false,
    noise_suppression: false,
    gain_control: false,
};

/// Which daemon the program talks to is said in the environment, which all tests of this process
/// share: they run one after the other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn card_on(pulse: &Pulse) -> SoundCard {
    // SAFETY: `alone` keeps the other tests of this process out, and nothing of this one runs yet.
    #[expect(
        unsafe_code,
        reason = "where the daemon is, is said in the environment"
    )]
    unsafe {
        std::env::set_var("PULSE_SERVER", pulse.server());
    }
    let card = SoundCard::start().expect("a thread");
    card.processing(RAW);
    card
}

fn source(name: &str) -> String {
    format!("pulseaudio:{name}_source")
}

fn sink(name: &str) -> String {
    format!("pulseaudio:{name}")
}

fn wait_for(events: &mut broadcast::Receiver<Event>, what: &str, is_it: impl Fn(&Event) -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let come = async {
        loop {
            match events.recv().await {
                Ok(event) if is_it(&event) => break true,
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => break false,
            }
        }
    };
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, come).await });
    assert_eq!(found, Ok(true), "{what}: not within {PATIENCE:?}");
}

fn is_played(samples: &[i16]) -> bool {
    samples
        .last_chunk::<SPAN>()
        .is_some_and(|span| amplitude_of(PLAYED_HZ, span) > 0.7 * AMPLITUDE)
}

/// Waits until this loudspeaker plays the call's tone.
fn plays_the_tone(pulse: &Pulse, loudspeaker: &str) {
    let recording = pulse.record_from(loudspeaker);
    recording.wait_for(&format!("{loudspeaker} plays the tone"), is_played);
}

#[test]
fn devices_are_listed_by_lasting_ids_and_by_name() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a", "spk_b"]);
    let seen = || {
        let card = card_on(&pulse);
        until("both are there", || card.devices().microphones.len() == 2);
        card.devices()
    };
    let devices = seen();
    let microphone = &devices.microphones[0];
    assert_eq!(microphone.id, source("mic_a"));
    assert_eq!(microphone.name, "Microphone mic_a");
    assert!(microphone.is_default);
    let second = devices.loudspeakers.iter().find(|d| d.id == sink("spk_b"));
    let second = second.expect("it is listed");
    assert_eq!(second.name, "Loudspeaker spk_b");
    assert!(!second.is_default);
    assert_eq!(seen(), devices, "another run sees the same");
}

#[test]
fn m4_the_microphone_is_open_only_while_it_is_needed() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    let call = Call::start(&card);
    plays_the_tone(&pulse, "spk_a");
    assert_eq!(pulse.captures("mic_a"), 0, "nobody opened it");
    let player = pulse.play_into("mic_a", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.open(true);
    call.hears_the_tone();
    assert_eq!(pulse.captures("mic_a"), 1);
    call.open(false);
    until("it is closed", || pulse.captures("mic_a") == 0);
    call.forget();
    card.meter(true);
    wait_for(
        &mut events,
        "the meter shows the tone",
        |event| matches!(event, Event::Level { dbov } if (-20..-10).contains(dbov)),
    );
    assert_eq!(pulse.captures("mic_a"), 1);
    assert!(call.frames().is_empty(), "a meter captures nothing");
    // From the meter to the call it is the same device: nothing of before may be read.
    let opened = Instant::now();
    call.open(true);
    call.hears_the_tone();
    let frame = Duration::from_millis(20);
    assert!(call.frames().iter().all(|(end, _)| *end >= opened + frame));
    call.open(false);
    card.meter(false);
    until("it is closed", || pulse.captures("mic_a") == 0);
    drop(player);
}

#[test]
fn devices_of_other_rates_and_channels_play_and_capture() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &[]);
    pulse.add_loudspeaker_with("spk_c", 44_100, 2);
    pulse.add_loudspeaker_with("spk_d", 96_000, 6);
    let card = card_on(&pulse);
    let call = Call::start(&card);
    for name in ["spk_c", "spk_d"] {
        card.choose(Choice {
            loudspeaker: Some(sink(name)),
            ..Choice::default()
        });
        plays_the_tone(&pulse, name);
    }
    until("the one before is closed", || pulse.playbacks("spk_c") == 0);
    drop(call);
    until("none is open", || pulse.playbacks("spk_d") == 0);
}

#[test]
fn a_lost_loudspeaker_is_replaced_and_comes_back() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a", "spk_b"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    card.choose(Choice {
        loudspeaker: Some(sink("spk_b")),
        ..Choice::default()
    });
    let call = Call::start(&card);
    plays_the_tone(&pulse, "spk_b");
    pulse.remove("spk_b");
    wait_for(
        &mut events,
        "the loss is said",
        |event| matches!(event, Event::LoudspeakerTrouble(Some(why)) if why.contains("Loudspeaker spk_a")),
    );
    plays_the_tone(&pulse, "spk_a");
    assert!(card.trouble().loudspeaker.is_some());
    pulse.add_loudspeaker("spk_b");
    wait_for(&mut events, "the return is said", |event| {
        *event == Event::LoudspeakerTrouble(None)
    });
    plays_the_tone(&pulse, "spk_b");
    until("the other is closed", || pulse.playbacks("spk_a") == 0);
    drop(call);
}

#[test]
fn a_lost_microphone_is_replaced_and_comes_back() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    card.choose(Choice {
        microphone: Some(source("mic_b")),
        ..Choice::default()
    });
    let call = Call::start(&card);
    call.open(true);
    let player = pulse.play_into("mic_b", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    pulse.remove("mic_b");
    drop(player);
    wait_for(
        &mut events,
        "the loss is said",
        |event| matches!(event, Event::MicrophoneTrouble(Some(why)) if why.contains("Microphone mic_a")),
    );
    call.forget();
    let player = pulse.play_into("mic_a", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    drop(player);
    pulse.add_microphone("mic_b");
    wait_for(&mut events, "the return is said", |event| {
        *event == Event::MicrophoneTrouble(None)
    });
    call.forget();
    let player = pulse.play_into("mic_b", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    until("the other is closed", || pulse.captures("mic_a") == 0);
    drop(player);
    let frames = call.frames();
    let orderly = frames.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    assert!(orderly, "frames go forward in time");
}

#[test]
fn the_default_is_followed_when_it_changes() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a", "spk_b"]);
    let card = card_on(&pulse);
    let call = Call::start(&card);
    call.open(true);
    plays_the_tone(&pulse, "spk_a");
    pulse.set_default_loudspeaker("spk_b");
    pulse.set_default_microphone("mic_b");
    plays_the_tone(&pulse, "spk_b");
    let player = pulse.play_into("mic_b", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    drop(player);
    assert_eq!(card.trouble(), sound::Trouble::default());
}

#[test]
fn the_call_goes_on_while_the_sound_server_is_dead() {
    let _alone = alone();
    let mut pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    let call = Call::start(&card);
    call.open(true);
    plays_the_tone(&pulse, "spk_a");
    pulse.kill();
    wait_for(&mut events, "the loss is said", |event| {
        matches!(event, Event::LoudspeakerTrouble(Some(_)))
    });
    let (played, captured) = (call.played(), call.frames().len());
    until("the call goes on", || {
        call.played() > played + 50 && call.frames().len() > captured + 50
    });
    pulse.run();
    pulse.add_loudspeaker("spk_a");
    pulse.add_microphone("mic_a");
    plays_the_tone(&pulse, "spk_a");
    let player = pulse.play_into("mic_a", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    drop(player);
}

#[test]
fn without_any_device_a_call_goes_on_in_silence_and_says_so() {
    let _alone = alone();
    let pulse = Pulse::start(&[], &[]);
    let card = card_on(&pulse);
    until("it is said", || card.trouble().microphone.is_some());
    let trouble = card.trouble();
    assert_eq!(trouble.microphone.as_deref(), Some("No microphone found."));
    assert_eq!(
        trouble.loudspeaker.as_deref(),
        Some("No loudspeaker found.")
    );
    let call = Call::start(&card);
    call.open(true);
    until("the call goes on", || {
        call.played() > 50 && call.frames().len() > 50
    });
    let quiet = call.frames().iter().all(|(_, frame)| *frame == SILENCE);
    assert!(quiet);
}

#[test]
fn the_test_tone_is_heard_without_a_call_and_within_one() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    let card = card_on(&pulse);
    until("the devices are there", || {
        !card.devices().loudspeakers.is_empty()
    });
    let sounds = |samples: &[i16]| {
        samples
            .last_chunk::<SPAN>()
            .is_some_and(|span| amplitude_of(440.0, span) > 3000.0)
    };
    let recording = pulse.record_from("spk_a");
    card.test_tone();
    recording.wait_for("the tone sounds", sounds);
    until("the loudspeaker is closed", || {
        pulse.playbacks("spk_a") == 0
    });
    let call = Call::start(&card);
    recording.wait_for("the call is heard", is_played);
    card.test_tone();
    recording.wait_for("both are heard", |samples| {
        sounds(samples) && is_played(samples)
    });
    drop(call);
}

/// Prints how long it takes from `play` to `read`, where the microphone captures what the loudspeaker
/// plays, and when the capture is said to have been.
#[test]
fn m3_capture_time_lies_between_playing_and_reading() {
    let _alone = alone();
    let pulse = Pulse::start(&[], &["spk_a"]);
    pulse.pactl(&[
        "load-module",
        "module-remap-source",
        "source_name=loop_source",
        "master=spk_a.monitor",
    ]);
    let card = card_on(&pulse);
    let mut microphone = card.microphone();
    let mut loudspeaker = card.loudspeaker();
    microphone.open(Instant::now()).expect("the card answers");
    let pip: Frame = *tone(PLAYED_HZ, AMPLITUDE, 0.02)
        .first_chunk()
        .expect("a frame");
    let doubt = microphone.uncertainty();
    let (mut said, mut taken) = (Vec::new(), Vec::new());
    let mut played_at = None;
    let mut frames = 0_u32;
    until("twenty pips went round", || {
        let now = Instant::now();
        let mut frame = SILENCE;
        while let Some(end) = microphone.read(now, &mut frame) {
            let loud = frame.iter().rposition(|s| s.unsigned_abs() > 2000);
            if let (Some(at), Some(played)) = (loud, played_at) {
                played_at = None;
                let after = Duration::from_micros((FRAME_SAMPLES - at) as u64 * 1_000_000 / 48_000);
                // Not `now`: a frame may come between that look at the clock and the reading. The
                // half millisecond is what `capture` allows itself (its `LATE`).
                let late = end.saturating_duration_since(Instant::now());
                assert!(late < Duration::from_micros(500), "read {late:?} too early");
                // The last loud sample so far was played after the pip was given.
                assert!(
                    end - after + doubt >= played,
                    "captured after it was played"
                );
                said.push((end - after).saturating_duration_since(played));
                taken.push(now - played);
            }
        }
        while loudspeaker.wants(now) {
            frames += 1;
            if frames.is_multiple_of(25) {
                played_at = Some(now);
                loudspeaker.play(&pip);
            } else {
                loudspeaker.play(&SILENCE);
            }
        }
        said.len() >= 20
    });
    said.sort();
    taken.sort();
    eprintln!("from play to the capture as it is said: {:?}", said[10]);
    eprintln!(
        "from play to read, most of a 20 ms frame included: {:?}",
        taken[10]
    );
}
