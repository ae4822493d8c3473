//! A trunk over IPv6: its signalling and its sound.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};

use media::LeadSignal::Answered;
use tokio::time::timeout;
use trunk::{TelephonySettings, TrunkSettings, Trunks};
use wire::CallId;

use super::desk::{Desk, PATIENCE, trunk_at};
use super::uas::{Rtp, Uas, sound_at};

const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);
const HEARD: f32 = 2_000.0;

/// A desk with a trunk at this port, which listens.
async fn listening(port: u16, rtp_bind: IpAddr, rtp_port_min: u16) -> (Desk, SocketAddr) {
    let free = UdpSocket::bind((HERE, 0)).unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let settings = TelephonySettings {
        trunks: vec![TrunkSettings {
            host: HERE.to_string(),
            listen: Some(listen),
            ..trunk_at(port)
        }],
        rtp_bind,
        rtp_port_min,
        rtp_port_max: rtp_port_min + 99,
        ..TelephonySettings::default()
    };
    let (trunks, incoming) = Trunks::start(settings).await.unwrap();
    (Desk { trunks, incoming }, listen)
}

fn has_ipv6() -> bool {
    UdpSocket::bind((HERE, 0)).is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_called_and_heard_over_ipv6() {
    if !has_ipv6() {
        return println!("skipped: this machine has no IPv6");
    }
    for (rtp_bind, first) in [(HERE, 19_400), (Ipv6Addr::UNSPECIFIED.into(), 19_500)] {
        let mut uas = Uas::at((HERE, 0).into()).await;
        let echo = Rtp::echo_at(HERE).await;
        let (desk, _) = listening(uas.port, rtp_bind, first).await;
        let mut call = desk.dial();
        let invite = uas.take("INVITE").await;
        assert!(invite.uri().contains("@[::1]:"), "{}", invite.text);
        assert!(invite.contact().contains("@[::1]:"), "{}", invite.text);
        assert!(invite.header("Via").contains("[::1]:"), "{}", invite.text);
        assert!(
            invite.body().contains("c=IN IP6 ::1\r\n"),
            "{}",
            invite.text
        );
        uas.reply(&invite, "200 OK", "a", "", &sound_at(HERE, echo.port))
            .await;
        uas.take("ACK").await;
        call.expect(&[Answered]).await;
        call.worker.say(700.0);
        call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
            .await;
        call.leg.hang_up();
        let bye = uas.take("BYE").await;
        uas.reply(&bye, "200 OK", "", "", "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_calls_and_is_heard_over_ipv6() {
    if !has_ipv6() {
        return println!("skipped: this machine has no IPv6");
    }
    let mut caller = Uas::at((HERE, 0).into()).await;
    let echo = Rtp::echo_at(HERE).await;
    let (mut desk, at) = listening(caller.port, HERE, 19_600).await;
    caller.invite(at, "", &sound_at(HERE, echo.port)).await;
    let incoming = timeout(PATIENCE, desk.incoming.recv()).await;
    let incoming = incoming.expect("a call in time").unwrap();
    incoming.wait_as(CallId::parse("acti_1").unwrap());
    let mut call = desk.receive("acti_1");
    caller.take("180").await;
    call.leg.pick_up();
    let answer = caller.take("200").await;
    assert!(
        answer.body().contains("c=IN IP6 ::1\r\n"),
        "{}",
        answer.text
    );
    caller.caller_request(&answer, "ACK", 1, "").await;
    call.attach();
    call.worker.say(700.0);
    call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
        .await;
    call.leg.hang_up();
    let bye = caller.take("BYE").await;
    caller.reply(&bye, "200 OK", "", "", "").await;
    call.over().await;
}
