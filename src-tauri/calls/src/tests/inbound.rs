//! Calls that come in over a trunk.

use super::world::*;
use crate::CallsSettings;
use call::Limits;
use media::LeadSignal;
use wire::*;

const OWN: &str = "+15550004";
const WHO: &str = "+15559999";

fn waiting() -> CallId {
    CallId::from_suffix("waiting").unwrap()
}

impl World {
    async fn calls_in(&self, of: Option<&str>, number: &str) -> Result<Call, ErrorBody> {
        let of = of.map(organization);
        self.calls
            .receive_from_trunk(waiting(), of.as_ref(), number, Some(WHO))
            .await
    }

    fn hung_up(&self) -> Vec<CallId> {
        self.line.hung_up.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn j1_a_call_over_a_trunk_rings_and_cannot_be_joined() {
    let world = World::new().await;
    let call = world.calls_in(None, OWN).await.unwrap();
    assert_eq!(call.id, waiting());
    assert_eq!(
        (call.direction, call.status),
        (Direction::Inbound, CallStatus::Ringing)
    );
    assert_eq!(
        (call.local_phone.as_str(), call.remote_phone.as_str()),
        (OWN, WHO)
    );
    assert_eq!(call.lead.display_name, WHO);
    assert_eq!(
        call.joinability.code,
        Some(Code::OwnCall),
        "as its rep sees it"
    );
    {
        let received = world.line.dialled.lock().unwrap();
        let (dial, _) = received.last().unwrap();
        assert_eq!(dial.call, waiting(), "the trunk knows it by that");
        assert_eq!(dial.organization, organization("acme"));
    }
    for name in ["riley", "morgan"] {
        let rings = |call: &Call| call.status == CallStatus::Ringing;
        world.changed(name, &waiting(), rings).await;
    }
    assert_eq!(
        code(world.join("morgan", &waiting()).await),
        Code::InboundCall
    );

    let riley = caller("riley", "acme");
    let taken = world.calls.answer(&riley, &waiting()).await.unwrap();
    assert_eq!(taken.status, CallStatus::InProgress);
    let again = world.calls.answer(&riley, &waiting()).await;
    assert_eq!(code(again), Code::Conflict, "answered once");
    assert_eq!(
        code(world.join("morgan", &waiting()).await),
        Code::InboundCall
    );
    world.line_says(LeadSignal::HungUp).await;
    let over = |call: &Call| call.status == CallStatus::Completed;
    world.changed("riley", &waiting(), over).await;
}

#[tokio::test]
async fn who_withholds_their_number_rings_without_one() {
    let world = World::new().await;
    let calls = &world.calls;
    let call = calls.receive_from_trunk(waiting(), None, OWN, None).await;
    let call = call.unwrap();
    assert_eq!(call.remote_phone, "");
    assert_eq!(call.lead.display_name, "Withheld number");
    assert_eq!(call.contact_id, None);
}

#[tokio::test]
async fn a_number_that_rings_with_nobody_says_why_and_makes_no_lead() {
    let world = World::new().await;
    for (of, number, wanted) in [
        (None, "+15550009", Code::NotFound),
        // Another organization's trunk does not reach this number (A3).
        (Some("elsewhere"), OWN, Code::NotFound),
        (None, "+15550001", Code::Conflict),
        (None, "+15550002", Code::Conflict),
    ] {
        let refused = world.calls_in(of, number).await;
        assert_eq!(code(refused), wanted, "{of:?} {number}");
    }
    world
        .directory
        .offline
        .lock()
        .unwrap()
        .insert(user("riley"));
    assert_eq!(code(world.calls_in(None, OWN).await), Code::UserOffline);
    world.directory.offline.lock().unwrap().clear();
    world.set("riley", None);
    assert_eq!(code(world.calls_in(None, OWN).await), Code::UserOffline);

    assert!(world.directory.callers.lock().unwrap().is_empty());
    assert!(world.line.dialled.lock().unwrap().is_empty());
    assert_eq!(world.calls.active_count(), 0);

    world.set("riley", Some(authority(false, false)));
    world.calls_in(Some("acme"), OWN).await.unwrap();
    assert_eq!(world.calls.active_count(), 1);
}

#[tokio::test]
async fn j5_a_declined_or_unanswered_trunk_call_is_hung_up() {
    let world = World::new().await;
    world.calls_in(None, OWN).await.unwrap();
    let riley = caller("riley", "acme");
    world.calls.hang_up(&riley, &waiting()).await.unwrap();
    let over = |call: &Call| call.status == CallStatus::Cancel;
    world.changed("riley", &waiting(), over).await;
    assert_eq!(world.hung_up(), [waiting()]);

    let settings = CallsSettings {
        limits: Limits {
            ring_ms: 50,
            ..Limits::default()
        },
        ..CallsSettings::default()
    };
    let world = World::with(settings).await;
    world.calls_in(None, OWN).await.unwrap();
    let over = |call: &Call| call.hangup_cause == Some(HangupCause::NoAnswer);
    world.changed("riley", &waiting(), over).await;
    world.calls.stop().await;
    assert_eq!(world.hung_up(), [waiting()]);
}
