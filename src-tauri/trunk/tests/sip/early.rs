//! Requests within a call that no one has answered yet (RFC 3311).

use std::net::SocketAddr;

use media::LeadSignal::{Answered, EarlyMedia, Ringing};
use tokio::time::timeout;
use trunk::TrunkSettings;
use wire::CallId;

use super::desk::{Desk, HERE, PATIENCE, free_port, trunk_at};
use super::uas::{Message, Rtp, Uas, sound};

const HEARD: f32 = 2_000.0;
const SILENT: f32 = 100.0;

/// The last response to this request.
async fn said(uas: &mut Uas, cseq: &str) -> Message {
    let what = format!("an answer to {cseq}");
    let is_last = |message: &Message| {
        message.header("CSeq") == cseq && !message.kind().starts_with('1') && is_response(message)
    };
    uas.take_where(&what, is_last).await
}

fn is_response(message: &Message) -> bool {
    message.text.starts_with("SIP/2.0 ")
}

#[tokio::test(flavor = "multi_thread")]
async fn early_media_may_move_and_stays_where_it_moved() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    let first = Rtp::tone(700.0, invite.media_port()).await;
    let second = Rtp::tone(1_900.0, invite.media_port()).await;
    let reliable = "Require: 100rel\r\nRSeq: 1\r\n";
    uas.reply(
        &invite,
        "183 Session Progress",
        "a",
        reliable,
        &sound(first.port),
    )
    .await;
    let prack = uas.take("PRACK").await;
    uas.reply(&prack, "200 OK", "", "", "").await;
    call.expect(&[Ringing, EarlyMedia]).await;
    call.until("the first is heard", |call| call.hears(700.0) > HEARD)
        .await;
    uas.request_with(&invite, "a", "UPDATE", 1, &sound(second.port))
        .await;
    let answer = said(&mut uas, "1 UPDATE").await;
    assert_eq!(answer.kind(), "200");
    assert_eq!(answer.media_port(), invite.media_port());
    assert!(!answer.contact().is_empty(), "{}", answer.text);
    let moved =
        |call: &mut super::desk::Call| call.hears(1_900.0) > HEARD && call.hears(700.0) < SILENT;
    call.until("the second is heard", moved).await;
    // The answer says again what was agreed on first, as it may.
    uas.reply(&invite, "200 OK", "a", "", &sound(first.port))
        .await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    let before = call.worker.packets();
    call.until("half a second more", |call| {
        call.worker.packets() > before + 25
    })
    .await;
    assert!(moved(&mut call), "it went back to where it was");
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    uas.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_requests_before_their_answer_do_no_harm() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "180 Ringing", "a", "", "").await;
    call.expect(&[Ringing]).await;
    for (cseq, method, body, status) in [
        // Our own offer stands.
        (1, "UPDATE", sound(9), "491"),
        (2, "UPDATE", String::new(), "200"),
        (3, "INFO", String::new(), "405"),
        (4, "OPTIONS", String::new(), "200"),
        (5, "REFER", String::new(), "405"),
    ] {
        uas.request_with(&invite, "a", method, cseq, &body).await;
        let answer = said(&mut uas, &format!("{cseq} {method}")).await;
        assert_eq!(answer.kind(), status, "{method}");
        let allowed = answer.header("Allow");
        assert_eq!(allowed.contains("UPDATE"), status == "405", "{allowed}");
    }
    // A request of a call that there is not.
    let elsewhere = Message {
        text: invite.text.replace("tag=", "tag=x"),
        from: invite.from,
    };
    uas.request(&elsewhere, "a", "UPDATE", 6).await;
    assert_eq!(said(&mut uas, "6 UPDATE").await.kind(), "481");
    uas.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    uas.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unsupported_requests_before_our_answer_do_no_harm() {
    let mut caller = Uas::start().await;
    let at = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        listen: Some(at),
        ..trunk_at(caller.port)
    };
    let mut desk = Desk::with(vec![trunk]).await;
    caller.invite(at, "", &sound(9)).await;
    let incoming = timeout(PATIENCE, desk.incoming.recv()).await;
    let incoming = incoming.expect("a call in time").unwrap();
    incoming.wait_as(CallId::parse("acti_1").unwrap());
    let mut call = desk.receive("acti_1");
    let ringing = caller.take("180").await;
    for (cseq, method, body, status) in [
        // Theirs stands.
        (2, "UPDATE", sound(9), "500"),
        (3, "UPDATE", String::new(), "200"),
        (4, "INFO", String::new(), "405"),
    ] {
        caller.caller_request(&ringing, method, cseq, &body).await;
        let answer = said(&mut caller, &format!("{cseq} {method}")).await;
        assert_eq!(answer.kind(), status, "{method}");
        assert_eq!(answer.header("Retry-After").is_empty(), status != "500");
    }
    call.leg.pick_up();
    let answer = said(&mut caller, "1 INVITE").await;
    assert_eq!(answer.kind(), "200");
    caller.caller_request(&answer, "ACK", 1, "").await;
    call.leg.hang_up();
    let bye = caller.take("BYE").await;
    caller.reply(&bye, "200 OK", "", "", "").await;
    call.over().await;
}
