use std::time::Duration;

use super::{DRAIN, Gate, IN_FLIGHT_MAX};
use crate::Mode::{self, Barge, Listen, Whisper};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A gate that has been on `mode` for longer than any window.
fn settled(mode: Mode) -> (Gate, Duration) {
    let mut gate = Gate::new();
    gate.ask(ms(0), mode);
    (gate, ms(60_000))
}

#[test]
fn m1_a_coach_joins_in_listen_and_reaches_no_one() {
    let mut gate = Gate::new();
    assert_eq!(gate.grant(), Listen);
    for stamp in [Listen, Whisper, Barge] {
        assert_eq!(gate.reach(ms(0), stamp), Listen);
    }
}

#[test]
fn m3_a_stamped_frame_reaches_the_narrower_of_stamp_and_grant() {
    for grant in [Listen, Whisper, Barge] {
        for stamp in [Listen, Whisper, Barge] {
            let (mut gate, now) = settled(grant);
            assert_eq!(gate.reach(now, stamp), grant.min(stamp));
        }
    }
}

#[test]
fn m3_a_late_whisper_never_reaches_the_lead() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    assert_eq!(gate.reach(now + ms(500), Whisper), Whisper);
    assert_eq!(gate.reach(now + ms(500), Barge), Barge);
}

#[test]
fn m5_a_stamped_frame_never_waits_for_a_widening() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    assert_eq!(gate.reach(now, Barge), Barge);
}

#[test]
fn m3_narrowing_loses_no_barge_still_in_the_jitter_buffer() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    assert_eq!(gate.grant(), Whisper);
    assert_eq!(gate.reach(now + DRAIN - ms(1), Barge), Barge);
    assert_eq!(gate.reach(now + DRAIN, Barge), Whisper);
}

#[test]
fn m3_the_first_narrow_frame_ends_the_drain() {
    let (mut gate, now) = settled(Barge);
    assert_eq!(gate.reach(now, Barge), Barge);
    gate.ask(now, Whisper);
    assert_eq!(gate.reach(now + ms(20), Barge), Barge);
    assert_eq!(gate.reach(now + ms(40), Whisper), Whisper);
    assert_eq!(gate.reach(now + ms(60), Barge), Whisper);
}

#[test]
fn m3_a_whisper_before_a_fast_change_does_not_end_the_drain() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    gate.ask(now + ms(100), Whisper);
    // In the buffer: whispered, barged, whispered.
    assert_eq!(gate.reach(now + ms(120), Whisper), Whisper);
    assert_eq!(gate.reach(now + ms(140), Barge), Barge);
    assert_eq!(gate.reach(now + ms(160), Whisper), Whisper);
}

#[test]
fn m3_a_whisper_before_a_late_grant_does_not_end_the_drain() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    // The client learns of its grant late, barges for a moment only, and narrows.
    gate.ask(now + ms(3_000), Whisper);
    assert_eq!(gate.reach(now + ms(3_020), Whisper), Whisper);
    assert_eq!(gate.reach(now + ms(3_040), Barge), Barge);
}

#[test]
fn m3_a_widening_during_a_drain_loses_nothing_of_either_barge() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.ask(now + ms(100), Barge);
    gate.ask(now + ms(200), Listen);
    for (at, stamp) in [(220, Barge), (240, Whisper), (260, Barge), (280, Listen)] {
        assert_eq!(gate.reach(now + ms(at), stamp), stamp, "at {at}");
    }
    assert_eq!(gate.reach(now + ms(200) + DRAIN, Barge), Listen);
}

#[test]
fn a2_a_revocation_holds_at_once_and_ends_a_drain() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    assert_eq!((gate.grant(), gate.reach(now, Barge)), (Listen, Listen));

    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.revoke(now + ms(20), Listen);
    assert_eq!(gate.reach(now + ms(20), Barge), Listen);
    assert_eq!(gate.reach(now + ms(20), Whisper), Listen);
}

#[test]
fn a2_a_new_grant_does_not_bring_back_revoked_speech() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    gate.ask(now + ms(100), Barge);
    assert_eq!(gate.grant(), Barge);
    assert_eq!(gate.reach(now + DRAIN - ms(1), Barge), Listen);
    assert_eq!(gate.reach(now + DRAIN, Barge), Barge);
}

#[test]
fn a2_a_second_milder_revocation_does_not_widen_the_first() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    gate.revoke(now + ms(10), Whisper);
    gate.ask(now + ms(20), Barge);
    assert_eq!(gate.reach(now + ms(30), Barge), Listen);
}

#[test]
fn a2_a_revocation_of_nothing_leaves_the_drain() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.revoke(now, Barge);
    assert_eq!(gate.reach(now, Barge), Barge);
}

#[test]
fn m3_a_copy_is_trusted_again_only_when_nothing_older_can_come() {
    let mut gate = Gate::new();
    assert!(gate.recovers(ms(0)), "nothing was ever widened");
    gate.ask(ms(0), Barge);
    gate.ask(ms(100), Whisper);
    let until = IN_FLIGHT_MAX;
    assert!(!gate.recovers(until - ms(1)), "narrowing ends nothing");
    assert!(gate.recovers(until));
    gate.ask(until, Barge);
    assert!(!gate.recovers(until + ms(5_000)));
    assert!(gate.recovers(until + IN_FLIGHT_MAX));
}
