//! A lead calls in over a trunk: from the INVITE to the rep's loudspeaker, and what the service says of
//! its trunks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "so does a test fail"
)]

/// What the SIP end of the tests is told.
mod desk {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    pub const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    pub const PATIENCE: Duration = Duration::from_secs(25);
    /// Riley's own number in the demonstration.
    pub const REP_PHONE: &str = "+15550004";
    pub const LEAD_PHONE: &str = "+4930123456";
}
#[path = "../../src-tauri/trunk/tests/common/tone.rs"]
mod tone;
#[path = "../../src-tauri/trunk/tests/sip/uas.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod uas;

use std::net::SocketAddr;
use std::time::Duration;

use client::View;
use demo::actor::{Actor, in_time};
use demo::phone::free_port;
use desk::{HERE, LEAD_PHONE};
use service::{Config, Hooks, Running, TelephonySettings, TrunkSettings};
use tone::strength;
use uas::{Message, Rtp, Uas, sound};
use wire::{Call, CallStatus, Direction};

const TONE_HZ: f32 = 700.0;

/// A service whose trunk is this SIP end, and where it listens.
async fn service_beyond(caller: &Uas, data: &std::path::Path) -> (Running, SocketAddr) {
    let listen = SocketAddr::from((HERE, free_port().unwrap()));
    let trunk = TrunkSettings {
        name: "main".into(),
        host: HERE.to_string(),
        port: Some(caller.port),
        listen: Some(listen),
        options_s: 0,
        ..TrunkSettings::default()
    };
    let config = Config {
        listen: (HERE, 0).into(),
        demo: true,
        demo_password: Some("demo-password".into()),
        workers: 1,
        data: data.to_owned(),
        telephony: TelephonySettings {
            trunks: vec![trunk],
            ..TelephonySettings::default()
        },
        ..Config::default()
    };
    let service = service::start(config, Hooks::default()).await.unwrap();
    (service, listen)
}

/// The call that rings with somebody, once one does that is not this one.
async fn rings(rep: &Actor, other: Option<&Call>) -> Call {
    let other = other.map(|call| call.id.clone());
    let ringing = move |view: &View| {
        let mut calls = view.calls.values();
        calls.any(|call| call.status == CallStatus::Ringing && Some(&call.id) != other.as_ref())
    };
    in_time("a call that rings", rep.session.wait_until(ringing))
        .await
        .unwrap()
        .unwrap();
    let view = rep.session.view();
    let mut calls = view.calls.values();
    calls
        .find(|call| call.status == CallStatus::Ringing)
        .unwrap()
        .clone()
}

async fn answer_of(caller: &mut Uas) -> Message {
    let is_answer =
        |message: &Message| message.kind() == "200" && message.header("CSeq").ends_with("INVITE");
    let answer = caller.take_where("an answer", is_answer).await;
    caller.caller_request(&answer, "ACK", 1, "").await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_a_lead_who_calls_over_a_trunk_rings_is_answered_heard_and_known_the_next_time() {
    let data = tempfile::tempdir().unwrap();
    let mut caller = Uas::start().await;
    let (service, listen) = service_beyond(&caller, data.path()).await;
    let server = format!("http://{}", service.http_addr);

    // Nobody would hear it ring.
    let invite = caller.invite(listen, "", &sound(40_000)).await;
    let refused = caller.take("480").await;
    let to = refused.header("To").to_owned();
    caller.within_invite(&invite, "ACK", &to).await;

    let rep = Actor::sign_in(&server, "riley").await.unwrap();
    let voice = Rtp::echo().await;
    caller.invite(listen, "", &sound(voice.port)).await;
    caller.take("180").await;
    let call = rings(&rep, None).await;
    assert_eq!(call.direction, Direction::Inbound);
    assert_eq!(call.remote_phone, LEAD_PHONE);
    assert_eq!(call.lead.display_name, LEAD_PHONE, "a new lead");
    rep.session
        .answer(call.id.clone(), rep.devices())
        .await
        .unwrap();
    let answer = answer_of(&mut caller).await;
    rep.connected().await.unwrap();
    // The phone sends back what it hears: what the rep says comes back to them.
    let tone = |at: usize| {
        let angle = at as f64 * f64::from(TONE_HZ) * std::f64::consts::TAU / 48_000.0;
        (angle.sin() * 8_000.0) as i16
    };
    rep.mouth
        .say(&(0..20 * 48_000).map(tone).collect::<Vec<_>>());
    let heard = async {
        loop {
            let newest = rep.heard.newest(24_000);
            if strength(&newest, TONE_HZ) > 2_000.0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    in_time("the phone hears and is heard", heard)
        .await
        .unwrap();

    let page = reqwest::get(format!("{server}/metrics")).await.unwrap();
    let page = page.text().await.unwrap();
    assert!(
        page.contains("call_coaching_trunk_up{trunk=\"main\"} 1"),
        "{page}"
    );
    assert!(
        page.contains("call_coaching_trunk_legs{trunk=\"main\"} 1"),
        "{page}"
    );

    // The lead hangs up (J5), and calls again.
    caller.caller_request(&answer, "BYE", 2, "").await;
    let over = rep.session.wait_until(|view| view.my_call.is_none());
    in_time("the end of the call", over).await.unwrap().unwrap();
    let invite = caller.invite(listen, "", &sound(voice.port)).await;
    let again = rings(&rep, Some(&call)).await;
    assert_eq!(again.lead.id, call.lead.id, "the same lead");
    // The rep declines: the caller is told.
    rep.session.decline_call(again.id).await.unwrap();
    let declined = caller.take("603").await;
    let to = declined.header("To").to_owned();
    caller.within_invite(&invite, "ACK", &to).await;
    drop(rep);
    service.stop().await;
}
