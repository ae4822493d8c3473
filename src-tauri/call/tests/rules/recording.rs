//! What a call knows of its recording (R1).

use crate::world::{MORGAN, REP, World, user};
use call::{Input, Output, recorded};
use wire::{CallRecording, Code, RecordingStatus, Timestamp};

fn recording(status: RecordingStatus) -> CallRecording {
    CallRecording {
        status,
        date_started: Timestamp(1_000_500),
        duration_ms: 0,
        bytes: 0,
        gaps: Vec::new(),
    }
}

fn pause(by: u32, paused: bool) -> Input {
    Input::SetRecordingPaused {
        user: user(by),
        paused,
    }
}

#[test]
fn r1_only_the_rep_pauses_and_resumes_the_recording() {
    let mut world = World::answered();
    let refused = world.give(pause(REP, true)).unwrap_err();
    assert_eq!(refused.code, Code::NotFound, "there is none yet");
    let told = world.ok(Input::Recording(recording(RecordingStatus::Recording)));
    assert_eq!(told, [Output::CallChanged]);
    let refused = world.give(pause(MORGAN, true)).unwrap_err();
    assert_eq!(refused.code, Code::PermissionRequired);
    for paused in [true, false] {
        let told = world.ok(pause(REP, paused));
        assert_eq!(
            told,
            [Output::SetRecordingPaused(paused), Output::CallChanged]
        );
        // Once more changes nothing.
        assert_eq!(world.ok(pause(REP, paused)), []);
    }
    world.ok(Input::Recording(recording(RecordingStatus::Failed)));
    let refused = world.give(pause(REP, true)).unwrap_err();
    assert_eq!(refused.code, Code::NotFound);
    world.ok(Input::HangUp { user: user(REP) });
    let refused = world.give(pause(REP, true)).unwrap_err();
    assert_eq!(refused.code, Code::CallEnded);
}

#[test]
fn r1_a_paused_recording_stays_paused_whatever_the_writer_says() {
    let mut world = World::answered();
    world.ok(Input::Recording(recording(RecordingStatus::Recording)));
    world.ok(pause(REP, true));
    let told = world.ok(Input::Recording(recording(RecordingStatus::Recording)));
    assert_eq!(told, []);
    let status = world.machine.record().recording.unwrap().status;
    assert_eq!(status, RecordingStatus::Paused);
}

#[test]
fn r3_a_recording_has_an_address_only_while_it_is_stored() {
    let mut call = World::answered().machine.record();
    for (status, has_address) in [
        (RecordingStatus::Recording, false),
        (RecordingStatus::Stored, true),
        (RecordingStatus::Deleted, false),
    ] {
        recorded(&mut call, recording(status));
        assert_eq!(call.recording_url.is_some(), has_address, "{status:?}");
    }
}
