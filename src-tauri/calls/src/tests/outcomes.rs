//! What came of a call (L5), in progress, just over, and long ago.

use super::world::*;
use crate::CallsSettings;
use media::LeadSignal;
use wire::*;

fn recording(status: RecordingStatus) -> CallRecording {
    CallRecording {
        status,
        date_started: Timestamp(1),
        duration_ms: 10,
        bytes: 10,
        gaps: Vec::new(),
    }
}

fn note(text: &str) -> CallPatch {
    CallPatch {
        outcome_id: None,
        note: Some(text.into()),
    }
}

/// An outcome of the organization's.
async fn outcome(world: &World) -> OutcomeId {
    let id = OutcomeId::from_suffix("demo").unwrap();
    let request = OutcomeRequest {
        name: "Demo booked".into(),
    };
    let acme = organization("acme");
    let made = world.database.create_outcome(&acme, id.clone(), &request);
    made.await.unwrap();
    id
}

async fn hang_up(world: &World, call: &CallId) {
    let riley = caller("riley", "acme");
    world.calls.hang_up(&riley, call).await.unwrap();
}

#[tokio::test]
async fn l5_what_the_rep_says_during_a_call_outlives_what_happens_to_it() {
    let world = World::new().await;
    let (riley, chosen) = (caller("riley", "acme"), outcome(&world).await);
    let call = world.answered().await;
    let patch = CallPatch {
        outcome_id: Some(Some(chosen.clone())),
        note: Some("Wants a demo".into()),
    };
    let said = world.calls.annotate(&riley, false, &call, patch).await;
    assert_eq!(said.unwrap().status, CallStatus::InProgress);
    world.calls.set_held(&riley, &call, true).await.unwrap();
    world.line_says(LeadSignal::HungUp).await;
    let told = world
        .changed("morgan", &call, |call| call.status.is_over())
        .await;
    for seen in [told, world.calls.get(&riley, &call).await.unwrap()] {
        assert_eq!(seen.outcome_id.as_ref(), Some(&chosen));
        assert_eq!(seen.disposition.as_deref(), Some("Demo booked"));
        assert_eq!(seen.note, "Wants a demo");
    }
}

#[tokio::test]
async fn l5_neither_the_note_nor_the_recording_of_a_past_call_is_written_over() {
    let world = World::new().await;
    let (riley, acme) = (caller("riley", "acme"), organization("acme"));
    let call = world.answered().await;
    hang_up(&world, &call).await;
    let both = async |calls: &crate::Calls, text: &str, status| {
        let stands = recording(status);
        let (said, recorded) = tokio::join!(
            calls.annotate(&riley, false, &call, note(text)),
            calls.recording_changed(&acme, &call, &stands),
        );
        (said.unwrap(), recorded.unwrap())
    };
    // It ended just now: the owner has it.
    both(&world.calls, "First", RecordingStatus::Stored).await;
    let kept = world.kept(&call).await.unwrap();
    assert_eq!(kept.note, "First", "kept when it is answered");
    world.calls.stop().await;
    // And for the next service it is one of long ago: the store has it.
    let next = World::on(CallsSettings::default(), world.database.clone()).await;
    for round in 0..8 {
        let text = format!("Round {round}");
        let status = if round % 2 == 0 {
            RecordingStatus::Deleted
        } else {
            RecordingStatus::Stored
        };
        both(&next.calls, &text, status).await;
        let kept = next.kept(&call).await.unwrap();
        assert_eq!(kept.note, text);
        assert_eq!(kept.recording.unwrap().status, status);
    }
    next.changed("sam", &call, |call| call.note == "Round 7")
        .await;
}

#[tokio::test]
async fn l5_only_the_rep_and_those_who_manage_say_what_came_of_a_call() {
    let world = World::new().await;
    let call = world.answered().await;
    for is_over in [false, true] {
        for (name, of, manages, refused) in [
            ("riley", "acme", false, None),
            ("casey", "acme", true, None),
            ("casey", "acme", false, Some(Code::PermissionRequired)),
            ("other", "elsewhere", true, Some(Code::NotFound)),
        ] {
            let by = caller(name, of);
            let text = format!("{name} {is_over}");
            let said = world.calls.annotate(&by, manages, &call, note(&text)).await;
            assert_eq!(said.err().map(|body| body.error.code), refused, "{text}");
        }
        if !is_over {
            hang_up(&world, &call).await;
        }
    }
    assert_eq!(world.kept(&call).await.unwrap().note, "casey true");
}

#[tokio::test]
async fn l5_an_outcome_that_the_organization_does_not_have_changes_nothing() {
    let world = World::new().await;
    let call = world.answered().await;
    let patch = CallPatch {
        outcome_id: Some(Some(OutcomeId::from_suffix("none").unwrap())),
        note: Some("Not kept".into()),
    };
    let riley = caller("riley", "acme");
    let said = world.calls.annotate(&riley, false, &call, patch).await;
    assert_eq!(code(said), Code::NotFound);
    assert_eq!(world.calls.get(&riley, &call).await.unwrap().note, "");
}
