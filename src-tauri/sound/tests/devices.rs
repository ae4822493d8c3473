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
use sound::{Choice, Event, Fault, Processing, SoundCard};
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
        |event| matches!(event, Event::LoudspeakerTrouble(Some(why)) if why.message.contains("Loudspeaker spk_a")),
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
        |event| matches!(event, Event::MicrophoneTrouble(Some(why)) if why.message.contains("Microphone mic_a")),
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

const OTHER_HZ: f64 = 1500.0;

fn has_of(call: &Call, frequency_hz: f64) -> bool {
    let samples: Vec<i16> = call.frames().iter().flat_map(|(_, frame)| *frame).collect();
    let mut spans = samples.chunks_exact(FRAME_SAMPLES);
    spans.any(|span| amplitude_of(frequency_hz, span) > 0.3 * AMPLITUDE)
}

#[test]
fn a_chosen_microphone_stays_when_the_default_moves_away_from_it() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a"]);
    let card = card_on(&pulse);
    card.choose(Choice {
        microphone: Some(source("mic_a")),
        ..Choice::default()
    });
    let call = Call::start(&card);
    call.open(true);
    let chosen = pulse.play_into("mic_a", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    let other = pulse.play_into("mic_b", &tone(OTHER_HZ, AMPLITUDE, 60.0));
    call.hears_the_tone();
    pulse.set_default_microphone("mic_b");
    until("the chosen one is captured from", || {
        pulse.captures("mic_a") == 1 && pulse.captures("mic_b") == 0
    });
    call.forget();
    call.hears_the_tone();
    // From now on nothing of the other is heard, wherever the default goes.
    call.forget();
    for default in ["mic_a", "mic_b", "mic_a", "mic_b"] {
        pulse.set_default_microphone(default);
        assert_eq!(pulse.captures("mic_b"), 0, "the default is {default}");
    }
    call.hears_the_tone();
    assert!(!has_of(&call, OTHER_HZ), "the other microphone is heard");
    assert_eq!(card.trouble(), sound::Trouble::default());
    drop((chosen, other));
}

#[test]
fn a_chosen_loudspeaker_stays_when_the_default_moves_away_from_it() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a", "spk_b"]);
    let card = card_on(&pulse);
    card.choose(Choice {
        loudspeaker: Some(sink("spk_a")),
        ..Choice::default()
    });
    let call = Call::start(&card);
    plays_the_tone(&pulse, "spk_a");
    pulse.set_default_loudspeaker("spk_b");
    until("the chosen one plays", || {
        pulse.playbacks("spk_a") == 1 && pulse.playbacks("spk_b") == 0
    });
    plays_the_tone(&pulse, "spk_a");
    for default in ["spk_a", "spk_b"] {
        pulse.set_default_loudspeaker(default);
        assert_eq!(pulse.playbacks("spk_b"), 0, "the default is {default}");
    }
    assert_eq!(card.trouble(), sound::Trouble::default());
    drop(call);
}

#[test]
fn a_microphone_that_is_replaced_in_the_sound_settings_is_said() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    let call = Call::start(&card);
    for chosen in [None, Some(source("mic_a"))] {
        let is_chosen = chosen.is_some();
        card.choose(Choice {
            microphone: chosen,
            ..Choice::default()
        });
        call.open(true);
        until("it is captured from", || pulse.captures("mic_a") == 1);
        // What was chosen is put back once: who moves it again means it.
        until("it is on the other", || {
            pulse.move_captures("mic_a", "mic_b");
            card.trouble().microphone.is_some()
        });
        let fault = card.trouble().microphone.expect("it is said");
        assert!(!fault.is_silent, "{fault:?}");
        let wanted = "switched Call Coaching to Microphone mic_b. To use Microphone mic_a,";
        assert!(fault.message.contains(wanted), "{}", fault.message);
        assert_eq!(pulse.captures("mic_b"), 1, "chosen: {is_chosen}");
        pulse.move_captures("mic_b", "mic_a");
        wait_for(&mut events, "it is said to be well", |event| {
            *event == Event::MicrophoneTrouble(None)
        });
        call.open(false);
        until("it is closed", || pulse.captures("mic_a") == 0);
    }
}

#[test]
fn a_microphone_that_is_muted_in_the_sound_settings_is_said_to_be_silent() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut microphone = card.microphone();
    let is_muted = |trouble: Option<String>| trouble.is_some_and(|why| why.contains("is muted"));
    pulse.mute_microphone("mic_a", true);
    until("the card says it", || {
        card.trouble()
            .microphone
            .is_some_and(|fault| fault.is_silent)
    });
    assert_eq!(microphone.trouble(), None, "a closed one troubles nobody");
    microphone.open(Instant::now()).expect("the card answers");
    until("the microphone says it", || is_muted(microphone.trouble()));
    pulse.mute_microphone("mic_a", false);
    until("it is well again", || microphone.trouble().is_none());
    until("the stream is there", || pulse.captures("mic_a") == 1);
    pulse.mute_captures("mic_a", true);
    until("a muted stream is said", || is_muted(microphone.trouble()));
    pulse.mute_captures("mic_a", false);
    until("it is well again", || microphone.trouble().is_none());
}

#[test]
fn a_microphone_that_gives_nothing_more_is_said_and_its_level_falls() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    let call = Call::start(&card);
    call.open(true);
    let player = pulse.play_into("mic_a", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    let is_loud = |event: &Event| matches!(event, Event::Level { dbov } if *dbov > -20);
    let is_silence = |event: &Event| matches!(event, Event::Level { dbov: -127 });
    wait_for(&mut events, "the level shows the tone", is_loud);
    pulse.suspend_microphone("mic_a", true);
    wait_for(&mut events, "the level falls", is_silence);
    wait_for(
        &mut events,
        "it is said",
        |event| matches!(event, Event::MicrophoneTrouble(Some(fault)) if fault.is_silent),
    );
    pulse.suspend_microphone("mic_a", false);
    wait_for(&mut events, "it is said to be well", |event| {
        *event == Event::MicrophoneTrouble(None)
    });
    call.forget();
    call.hears_the_tone();
    // And a level is none once the microphone is closed.
    call.open(false);
    wait_for(&mut events, "the level falls", is_silence);
    drop(player);
}

#[test]
fn a_microphone_that_never_gives_anything_is_said() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a"], &["spk_a"]);
    pulse.suspend_microphone("mic_a", true);
    let card = card_on(&pulse);
    let mut events = card.events();
    let call = Call::start(&card);
    call.open(true);
    wait_for(
        &mut events,
        "it is said",
        |event| matches!(event, Event::MicrophoneTrouble(Some(fault)) if fault.is_silent),
    );
}

#[test]
fn microphones_of_the_same_name_are_told_apart_by_where_they_are_plugged_in() {
    let _alone = alone();
    let pulse = Pulse::start(&[], &["spk_a"]);
    for (name, port) in [("mic_a", "2"), ("mic_b", "1.4")] {
        let path = format!("pci-0000:00:14.0-usb-0:{port}:1.0");
        pulse.add_microphone_at(name, "Headset", &path);
    }
    let card = card_on(&pulse);
    until("both are there", || card.devices().microphones.len() == 2);
    let devices = card.devices().microphones;
    let name_of = |id: &str| {
        let device = devices.iter().find(|device| device.id == source(id));
        device.map(|device| device.name.clone())
    };
    assert_eq!(name_of("mic_a").as_deref(), Some("Headset (USB port 2)"));
    assert_eq!(name_of("mic_b").as_deref(), Some("Headset (USB port 1.4)"));
}

#[test]
fn m4_all_microphones_are_metered_at_once_but_never_during_a_call() {
    let _alone = alone();
    let pulse = Pulse::start(&["mic_a", "mic_b"], &["spk_a"]);
    let card = card_on(&pulse);
    let mut events = card.events();
    let player = pulse.play_into("mic_b", &tone(SPOKEN_HZ, AMPLITUDE, 60.0));
    card.meter_all(true);
    let level = |levels: &[(String, i8)], name: &str| {
        let of = levels.iter().find(|(id, _)| *id == source(name));
        of.map(|(_, dbov)| *dbov)
    };
    wait_for(&mut events, "one is loud and the other is not", |event| {
        matches!(event, Event::AllLevels(levels)
            if level(levels, "mic_b").is_some_and(|dbov| (-20..-10).contains(&dbov))
                && level(levels, "mic_a").is_some_and(|dbov| dbov < -60))
    });
    // A coach who listens needs no microphone, and has none open.
    let call = Call::start(&card);
    let captures = || pulse.captures("mic_a") + pulse.captures("mic_b");
    until("all are closed", || captures() == 0);
    call.open(true);
    until("the call's is open", || captures() == 1);
    drop(call);
    until("all are open again", || captures() == 2);
    card.meter_all(false);
    until("all are closed", || captures() == 0);
    drop(player);
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
    let silent = |message: &str| {
        Some(Fault {
            message: message.to_owned(),
            is_silent: true,
        })
    };
    assert_eq!(trouble.microphone, silent("No microphone found."));
    assert_eq!(trouble.loudspeaker, silent("No speaker found."));
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
