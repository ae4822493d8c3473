//! Calls that come in: who they are from, how they are taken, refused and given up.

use std::net::SocketAddr;
use std::time::Duration;

use media::LeadSignal::{Failed, HungUp};
use tokio::time::timeout;
use trunk::{Incoming, TrunkSettings};
use wire::CallId;

use super::desk::{Call, Desk, HERE, LEAD_PHONE, PATIENCE, REP_PHONE, free_port, trunk_at};
use super::uas::{Message, Rtp, Uas, sound};

const HEARD: f32 = 2_000.0;

/// A desk that is called by the trunk at this port, and where it listens.
async fn listening(port: u16) -> (Desk, SocketAddr) {
    let listen = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        listen: Some(listen),
        ..trunk_at(port)
    };
    (Desk::with(vec![trunk]).await, listen)
}

async fn incoming(desk: &mut Desk) -> Incoming {
    let incoming = timeout(PATIENCE, desk.incoming.recv()).await;
    incoming.expect("a call in time").expect("trunks")
}

/// Lets who calls wait, and takes them in.
async fn taken_in(desk: &mut Desk) -> Call {
    let incoming = incoming(desk).await;
    incoming.wait_as(CallId::parse("acti_1").unwrap());
    desk.receive("acti_1")
}

/// Takes a refusal.
async fn refused(caller: &mut Uas, invite: &Message, status: &str) {
    let response = caller.take(status).await;
    assert!(response.header("CSeq").ends_with("INVITE"));
    caller
        .within_invite(invite, "ACK", response.header("To"))
        .await;
}

/// Acknowledges an answer.
async fn acknowledged(caller: &mut Uas, body: &str) -> Message {
    let answer = caller
        .take_where("an answer", |message| {
            message.kind() == "200" && message.header("CSeq").ends_with("INVITE")
        })
        .await;
    caller.caller_request(&answer, "ACK", 1, body).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_calls_waits_is_taken_and_sent_away() {
    let mut caller = Uas::start().await;
    let echo = Rtp::echo().await;
    let (mut desk, at) = listening(caller.port).await;
    let timer = "Supported: timer\r\nSession-Expires: 1800;refresher=uac\r\n";
    caller.invite(at, timer, &sound(echo.port)).await;
    let incoming = incoming(&mut desk).await;
    assert_eq!(incoming.local_phone, REP_PHONE);
    assert_eq!(incoming.remote_phone.as_deref(), Some(LEAD_PHONE));
    assert_eq!(incoming.organization, None);
    incoming.wait_as(CallId::parse("acti_1").unwrap());
    let mut call = desk.receive("acti_1");
    caller.take("180").await;
    call.leg.pick_up();
    let answer = acknowledged(&mut caller, "").await;
    assert_eq!(answer.header("Session-Expires"), "1800;refresher=uac");
    assert_eq!(answer.header("Require"), "timer");
    call.attach();
    call.worker.say(700.0);
    call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
        .await;
    call.leg.hang_up();
    let bye = caller.take("BYE").await;
    assert_eq!(bye.tag("To"), "caller");
    caller.reply(&bye, "200 OK", "", "", "").await;
    call.over().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_called_hangs_up() {
    let mut caller = Uas::start().await;
    let echo = Rtp::echo().await;
    let (mut desk, at) = listening(caller.port).await;
    caller.invite(at, "", &sound(echo.port)).await;
    let mut call = taken_in(&mut desk).await;
    caller.take("180").await;
    call.leg.pick_up();
    let answer = acknowledged(&mut caller, "").await;
    call.attach();
    caller.caller_request(&answer, "BYE", 2, "").await;
    call.expect(&[HungUp]).await;
    caller
        .take_where("an end", |message| message.header("CSeq") == "2 BYE")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_calls_without_an_offer_is_offered_ours() {
    let mut caller = Uas::start().await;
    let echo = Rtp::echo().await;
    let (mut desk, at) = listening(caller.port).await;
    caller.invite(at, "", "").await;
    let mut call = taken_in(&mut desk).await;
    caller.take("180").await;
    call.leg.pick_up();
    let answer = acknowledged(&mut caller, &sound(echo.port)).await;
    assert!(answer.body().contains("m=audio"), "{}", answer.text);
    call.attach();
    call.worker.say(700.0);
    call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
        .await;
    call.leg.hang_up();
    let bye = caller.take("BYE").await;
    caller.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_without_a_common_codec_is_rejected() {
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    let unknown = sound(9)
        .replace("RTP/AVP 8 101", "RTP/AVP 18")
        .replace("PCMA", "G729");
    let invite = caller.invite(at, "", &unknown).await;
    let mut call = taken_in(&mut desk).await;
    caller.take("180").await;
    call.leg.pick_up();
    refused(&mut caller, &invite, "488").await;
    call.expect(&[Failed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_lead_who_gives_up_is_reported() {
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    let invite = caller.invite(at, "", &sound(9)).await;
    let mut call = taken_in(&mut desk).await;
    caller.take("180").await;
    let to = invite.header("To").to_owned();
    caller.within_invite(&invite, "CANCEL", &to).await;
    refused(&mut caller, &invite, "487").await;
    call.expect(&[HungUp]).await;
    let done = caller
        .seen
        .iter()
        .find(|message| message.kind() == "200" && message.header("CSeq").ends_with("CANCEL"));
    if done.is_none() {
        caller
            .take_where("200 for CANCEL", |message| {
                message.header("CSeq").ends_with("CANCEL")
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rep_who_does_not_want_the_call_declines_it() {
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    let invite = caller.invite(at, "", &sound(9)).await;
    let mut call = taken_in(&mut desk).await;
    caller.take("180").await;
    call.leg.hang_up();
    refused(&mut caller, &invite, "603").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_no_one_is_rejected_as_the_service_says() {
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    for code in [404, 480, 603] {
        let invite = caller.invite(at, "", &sound(9)).await;
        incoming(&mut desk).await.refuse(code);
        refused(&mut caller, &invite, &code.to_string()).await;
    }
    // No one takes it.
    let invite = caller.invite(at, "", &sound(9)).await;
    drop(incoming(&mut desk).await);
    refused(&mut caller, &invite, "480").await;
    // It waits, and the service gives it up.
    let invite = caller.invite(at, "", &sound(9)).await;
    let call = CallId::parse("acti_2").unwrap();
    incoming(&mut desk).await.wait_as(call.clone());
    desk.trunks.forget(&call, 486);
    refused(&mut caller, &invite, "486").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_withholds_their_number_is_anonymous() {
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    let asserted = format!("P-Asserted-Identity: <sip:{LEAD_PHONE}@{HERE}>\r\n");
    let anonymous = "From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=caller\r\n";
    for (lines, remote_phone) in [
        (format!("{anonymous}{asserted}Privacy: id\r\n"), None),
        (anonymous.to_owned(), None),
        (format!("{anonymous}{asserted}"), Some(LEAD_PHONE)),
    ] {
        let invite = caller.invite(at, &lines, &sound(9)).await;
        let incoming = incoming(&mut desk).await;
        assert_eq!(incoming.remote_phone.as_deref(), remote_phone, "{lines}");
        incoming.refuse(480);
        refused(&mut caller, &invite, "480").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_no_word_of_us() {
    let mut stranger = Uas::at(SocketAddr::from(([127, 0, 0, 2], 0))).await;
    let mut caller = Uas::start().await;
    let (mut desk, at) = listening(caller.port).await;
    let invite = stranger.invite(at, "", &sound(9)).await;
    let options = invite.text.replace("INVITE", "OPTIONS");
    stranger.send(&options, at).await;
    // Whoever is known is answered all the same, so that the stranger was passed over by then.
    let invite = caller.invite(at, "", &sound(9)).await;
    incoming(&mut desk).await.refuse(480);
    refused(&mut caller, &invite, "480").await;
    let said = stranger.any(Duration::from_millis(500)).await;
    assert!(said.is_none(), "{said:?}");
    assert!(desk.incoming.try_recv().is_err(), "no call of a stranger's");
}
