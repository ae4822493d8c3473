//! What came of a call (L5).

use crate::world::{REP, World, user};
use call::{Annotation, Input, Output, annotate};
use wire::{Code, Outcome, OutcomeId};

fn chosen(name: &str) -> Annotation {
    let outcome = Outcome {
        id: OutcomeId::from_suffix("1").unwrap(),
        name: name.into(),
    };
    Annotation {
        outcome: Some(Some(outcome)),
        note: None,
    }
}

fn noted(note: &str) -> Annotation {
    Annotation {
        outcome: None,
        note: Some(note.into()),
    }
}

#[test]
fn l5_a_call_in_progress_takes_an_outcome_and_a_note_and_keeps_them_to_its_end() {
    let mut world = World::answered();
    for annotation in [chosen("Connected"), noted("Call back on Monday")] {
        let told = world.ok(Input::Annotate(annotation.clone()));
        assert_eq!(told, [Output::CallChanged]);
        // Once more changes nothing.
        assert_eq!(world.ok(Input::Annotate(annotation)), []);
    }
    world.ok(Input::SetHeld {
        user: user(REP),
        held: true,
    });
    world.ok(Input::HangUp { user: user(REP) });
    let record = world.machine.record();
    assert_eq!(record.disposition.as_deref(), Some("Connected"));
    assert_eq!(record.note, "Call back on Monday");
    let refused = world.give(Input::Annotate(noted("Later"))).unwrap_err();
    assert_eq!(
        refused.code,
        Code::CallEnded,
        "it's no longer the machine's"
    );
}

#[test]
fn l5_what_is_not_named_stays_as_it_is() {
    let mut call = World::answered().machine.record();
    annotate(&mut call, chosen("Connected"));
    annotate(&mut call, noted("Call back"));
    assert_eq!(call.disposition.as_deref(), Some("Connected"));
    annotate(&mut call, Annotation::default());
    assert_eq!(call.note, "Call back");
    let nothing = Annotation {
        outcome: Some(None),
        note: None,
    };
    annotate(&mut call, nothing);
    assert_eq!((call.outcome_id, call.disposition), (None, None));
    assert_eq!(call.note, "Call back");
}
