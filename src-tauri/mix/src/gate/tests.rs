use std::time::Duration;

use super::{DRAIN, Gate, UNSTAMPED_WAIT};
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
    for stamp in [None, Some(Listen), Some(Whisper), Some(Barge)] {
        assert_eq!(gate.reach(ms(0), stamp), Listen);
    }
}

#[test]
fn m3_a_stamped_frame_reaches_the_narrower_of_stamp_and_grant() {
    for grant in [Listen, Whisper, Barge] {
        for stamp in [Listen, Whisper, Barge] {
            let (mut gate, now) = settled(grant);
            assert_eq!(gate.reach(now, Some(stamp)), grant.min(stamp));
        }
    }
}

#[test]
fn m3_a_late_whisper_never_reaches_the_lead() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    assert_eq!(gate.reach(now + ms(500), Some(Whisper)), Whisper);
    assert_eq!(gate.reach(now + ms(500), Some(Barge)), Barge);
}

#[test]
fn m5_a_stamped_frame_never_waits_for_a_widening() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    assert_eq!(gate.reach(now, Some(Barge)), Barge);
}

#[test]
fn m3_narrowing_loses_no_barge_still_in_the_jitter_buffer() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    assert_eq!(gate.grant(), Whisper);
    assert_eq!(gate.reach(now + DRAIN - ms(1), Some(Barge)), Barge);
    assert_eq!(gate.reach(now + DRAIN, Some(Barge)), Whisper);
}

#[test]
fn m3_the_first_narrow_frame_ends_the_drain() {
    let (mut gate, now) = settled(Barge);
    assert_eq!(gate.reach(now, Some(Barge)), Barge);
    gate.ask(now, Whisper);
    assert_eq!(gate.reach(now + ms(20), Some(Barge)), Barge);
    assert_eq!(gate.reach(now + ms(40), Some(Whisper)), Whisper);
    assert_eq!(gate.reach(now + ms(60), Some(Barge)), Whisper);
}

#[test]
fn m3_a_whisper_before_a_fast_change_does_not_end_the_drain() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    gate.ask(now + ms(100), Whisper);
    // In the buffer: whispered, barged, whispered.
    assert_eq!(gate.reach(now + ms(120), Some(Whisper)), Whisper);
    assert_eq!(gate.reach(now + ms(140), Some(Barge)), Barge);
    assert_eq!(gate.reach(now + ms(160), Some(Whisper)), Whisper);
}

#[test]
fn m3_a_whisper_before_a_late_grant_does_not_end_the_drain() {
    let (mut gate, now) = settled(Whisper);
    gate.ask(now, Barge);
    // The client learns of its grant late, barges for a moment only, and narrows.
    gate.ask(now + ms(3_000), Whisper);
    assert_eq!(gate.reach(now + ms(3_020), Some(Whisper)), Whisper);
    assert_eq!(gate.reach(now + ms(3_040), Some(Barge)), Barge);
}

#[test]
fn m3_a_widening_during_a_drain_loses_nothing_of_either_barge() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.ask(now + ms(100), Barge);
    gate.ask(now + ms(200), Listen);
    for (at, stamp) in [(220, Barge), (240, Whisper), (260, Barge), (280, Listen)] {
        assert_eq!(gate.reach(now + ms(at), Some(stamp)), stamp, "at {at}");
    }
    assert_eq!(gate.reach(now + ms(200) + DRAIN, Some(Barge)), Listen);
}

#[test]
fn a2_a_revocation_holds_at_once_and_ends_a_drain() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    assert_eq!(
        (gate.grant(), gate.reach(now, Some(Barge))),
        (Listen, Listen)
    );

    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.revoke(now + ms(20), Listen);
    assert_eq!(gate.reach(now + ms(20), Some(Barge)), Listen);
    assert_eq!(gate.reach(now + ms(20), Some(Whisper)), Listen);
}

#[test]
fn a2_a_new_grant_does_not_bring_back_revoked_speech() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    gate.ask(now + ms(100), Barge);
    assert_eq!(gate.grant(), Barge);
    assert_eq!(gate.reach(now + DRAIN - ms(1), Some(Barge)), Listen);
    assert_eq!(gate.reach(now + DRAIN, Some(Barge)), Barge);
}

#[test]
fn a2_a_second_milder_revocation_does_not_widen_the_first() {
    let (mut gate, now) = settled(Barge);
    gate.revoke(now, Listen);
    gate.revoke(now + ms(10), Whisper);
    gate.ask(now + ms(20), Barge);
    assert_eq!(gate.reach(now + ms(30), Some(Barge)), Listen);
}

#[test]
fn a2_a_revocation_of_nothing_leaves_the_drain() {
    let (mut gate, now) = settled(Barge);
    gate.ask(now, Whisper);
    gate.revoke(now, Barge);
    assert_eq!(gate.reach(now, Some(Barge)), Barge);
}

#[test]
fn m3_without_stamps_a_widening_waits_and_a_narrowing_does_not() {
    let (mut gate, now) = settled(Whisper);
    assert_eq!(gate.reach(now, None), Whisper);
    gate.ask(now, Barge);
    assert_eq!(gate.reach(now + UNSTAMPED_WAIT - ms(1), None), Whisper);
    assert_eq!(gate.reach(now + UNSTAMPED_WAIT, None), Barge);
    gate.ask(now + ms(400), Listen);
    assert_eq!(gate.reach(now + ms(400), None), Listen);
}

#[test]
fn m3_without_stamps_fast_changes_stay_at_the_narrowest() {
    let mut gate = Gate::new();
    gate.ask(ms(0), Whisper);
    gate.ask(ms(100), Barge);
    gate.ask(ms(200), Whisper);
    gate.ask(ms(250), Barge);
    assert_eq!(
        gate.reach(ms(549), None),
        Listen,
        "two widenings that overlap count as one"
    );
    assert_eq!(gate.reach(ms(550), None), Barge);
}
