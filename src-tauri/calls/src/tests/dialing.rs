//! Calling any number (L4).

use super::world::*;
use crate::CallsSettings;
use std::sync::atomic::Ordering::SeqCst;
use wire::*;

#[tokio::test]
async fn l4_a_number_that_a_lead_has_calls_that_lead() {
    let world = World::new().await;
    for written in ["(212) 555-0100", "+1 212.555.0100", "2125550100"] {
        let call = world.dial(written).await.unwrap();
        assert_eq!(call.lead.display_name, "Globex", "{written}");
        assert_eq!(call.contact_id, ContactId::from_suffix("hank").ok());
        assert_eq!(call.remote_phone, "+12125550100");
        let riley = caller("riley", "acme");
        world.calls.hang_up(&riley, &call.id).await.unwrap();
    }
    assert!(world.directory.called.lock().unwrap().is_empty());
    let dialled = world.line.dialled.lock().unwrap();
    assert!(
        dialled
            .iter()
            .all(|(dial, _)| dial.remote_phone == "+12125550100")
    );
}

#[tokio::test]
async fn l4_an_unknown_number_becomes_a_lead_by_its_national_name_once_the_call_is_placed() {
    let settings = CallsSettings {
        calls_per_organization_max: 1,
        ..CallsSettings::default()
    };
    let world = World::with(settings).await;
    let call = world.dial("212 555 0199").await.unwrap();
    assert_eq!(call.lead.display_name, "(212) 555-0199");
    assert_eq!(call.remote_phone, "+12125550199");
    let made = vec![("+12125550199".to_owned(), "(212) 555-0199".to_owned())];
    assert_eq!(*world.directory.called.lock().unwrap(), made);
    // A call that isn't placed leaves no lead behind.
    for refused in ["212 555 0198", "911", "900 234 5678", "Globex"] {
        world.dial(refused).await.expect_err(refused);
    }
    assert_eq!(*world.directory.called.lock().unwrap(), made);
}

#[tokio::test]
async fn l4_an_organization_has_so_many_calls_at_once_and_no_more() {
    let settings = CallsSettings {
        calls_per_organization_max: 2,
        ..CallsSettings::default()
    };
    let world = World::with(settings).await;
    let first = world.place().await.id;
    world.place().await;
    let refused = world.try_place().await.unwrap_err().error;
    assert_eq!(refused.code, Code::Unavailable);
    assert!(refused.message.contains("Your organization"), "{refused:?}");
    let riley = caller("riley", "acme");
    world.calls.hang_up(&riley, &first).await.unwrap();
    world.place().await;
}

#[tokio::test]
async fn l4_a_call_needs_credit_to_start_and_goes_on_without() {
    let world = World::new().await;
    let call = world.answered().await;
    world.directory.is_poor.store(true, SeqCst);
    assert_eq!(code(world.try_place().await), Code::InsufficientBalance);
    let refused = world.dial("212 555 0199").await;
    assert_eq!(code(refused), Code::InsufficientBalance);
    assert!(world.directory.called.lock().unwrap().is_empty());
    let riley = caller("riley", "acme");
    let held = world.calls.set_held(&riley, &call, true).await.unwrap();
    assert_eq!(held.status, CallStatus::InProgress);
}

#[tokio::test]
async fn l4_numbers_that_may_not_be_called_are_refused_and_what_is_no_number_is_invalid() {
    let world = World::new().await;
    for (number, refused) in [
        ("911", Code::NumberRefused),
        ("112", Code::NumberRefused),
        ("+44 20 7946 0958", Code::NumberRefused),
        ("1-900-234-5678", Code::NumberRefused),
        ("", Code::InvalidRequest),
        ("555-0100", Code::InvalidRequest),
        ("javascript:alert(1)", Code::InvalidRequest),
    ] {
        assert_eq!(code(world.dial(number).await), refused, "{number}");
    }
    let request = PlaceCallRequest {
        local_phone_id: PhoneNumberId::from_suffix("main").unwrap(),
        lead_id: None,
        contact_id: ContactId::from_suffix("hank").ok(),
        remote_phone: Some("212 555 0100".into()),
    };
    let refused = world.calls.place(&caller("riley", "acme"), &request).await;
    assert_eq!(code(refused), Code::InvalidRequest);
    assert!(world.line.dialled.lock().unwrap().is_empty());
}

#[tokio::test]
async fn l4_a_number_is_looked_up_before_it_is_called() {
    let world = World::new().await;
    let riley = caller("riley", "acme");
    let look_up = async |text: &str| world.calls.look_up(&riley, text).await;
    let known = look_up("2125550100").await.unwrap();
    assert_eq!(known.display_number, "(212) 555-0100");
    assert_eq!(known.lead.unwrap().display_name, "Globex");
    assert_eq!(
        (known.country.as_deref(), known.refusal),
        (Some("US"), None)
    );
    let abroad = look_up("+44 20 7946 0958").await.unwrap();
    assert_eq!((abroad.country.as_deref(), abroad.lead), (Some("GB"), None));
    assert!(abroad.refusal.unwrap().contains("aren't allowed"));
    let emergency = look_up("9-1-1").await.unwrap();
    assert_eq!(emergency.number, "911");
    assert!(emergency.refusal.unwrap().contains("emergency"));
    assert_eq!(code(look_up("Globex").await), Code::InvalidRequest);
}
