//! What either side changes within a call: where it is, what is said, how long it lasts, which keys were
//! pressed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::LeadSignal::Answered;
use trunk::{FarewellNote, TrunkSettings};

use super::desk::{Call, Desk, HERE, free_port, trunk_at};
use super::uas::{Message, Rtp, Uas, sound, with_body};

const HEARD: f32 = 2_000.0;
const SILENT: f32 = 100.0;

/// A call whose phone has just answered.
pub struct Answer {
    pub uas: Uas,
    pub desk: Desk,
    pub call: Call,
    invite: Message,
    pub echo: Rtp,
}

/// Calls a phone that answers with these lines.
pub async fn answered(lines: &str) -> Answer {
    let mut uas = Uas::start().await;
    let echo = Rtp::echo().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "200 OK", "a", lines, &sound(echo.port))
        .await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    call.worker.say(700.0);
    call.until("heard", |call| call.hears(700.0) > HEARD).await;
    Answer {
        uas,
        desk,
        call,
        invite,
        echo,
    }
}

impl Answer {
    /// Sends a request of the phone's, and takes its last response.
    async fn ask(&mut self, method: &str, cseq: u32, rest: &str) -> Message {
        self.uas
            .request_saying(&self.invite, "a", method, cseq, rest)
            .await;
        said(&mut self.uas, &format!("{cseq} {method}")).await
    }

    async fn acknowledge(&mut self, cseq: u32, body: &str) {
        self.uas
            .request_with(&self.invite, "a", "ACK", cseq, body)
            .await;
    }

    /// Takes our next re-INVITE.
    async fn reinvited(&mut self) -> Message {
        self.uas.take("INVITE").await
    }

    /// Answers one.
    async fn accept(&mut self, reinvite: &Message, lines: &str) {
        let body = sound(self.echo.port);
        self.uas.reply(reinvite, "200 OK", "", lines, &body).await;
        self.uas.take("ACK").await;
    }

    /// Waits until no change of ours is under way: only then is one of theirs taken.
    async fn settled(&mut self, cseq: u32) -> Message {
        let offer = with_body(&sound(self.echo.port));
        for cseq in cseq..cseq + 500 {
            let response = self.ask("UPDATE", cseq, &offer).await;
            if response.kind() != "491" {
                return response;
            }
        }
        panic!("a change of ours never ended");
    }

    async fn end(mut self) {
        self.call.leg.hang_up();
        let bye = self.uas.take("BYE").await;
        self.uas.reply(&bye, "200 OK", "", "", "").await;
        drop(self.call);
        self.desk.freed().await;
    }
}

/// The last response to this request.
async fn said(uas: &mut Uas, cseq: &str) -> Message {
    let is_last = |message: &Message| {
        let is_response = message.text.starts_with("SIP/2.0 ");
        is_response && message.header("CSeq") == cseq && !message.kind().starts_with('1')
    };
    uas.take_where(&format!("an answer to {cseq}"), is_last)
        .await
}

fn directed(port: u16, direction: &str) -> String {
    sound(port).replace("a=sendrecv", &format!("a={direction}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn later_requests_go_where_the_phone_has_moved() {
    for method in ["INVITE", "UPDATE"] {
        let mut answer = answered("").await;
        let mut moved = Uas::start().await;
        let contact = format!("sip:elsewhere@{}", moved.address());
        let line = format!("Contact: <{contact}>\r\n");
        let rest = line + &with_body(&sound(answer.echo.port));
        let response = answer.ask(method, 1, &rest).await;
        assert_eq!(response.kind(), "200", "{method}");
        if method == "INVITE" {
            answer.acknowledge(1, "").await;
        }
        answer.call.leg.set_held(true);
        let reinvite = moved.take("INVITE").await;
        assert_eq!(reinvite.uri(), contact, "{method}");
        // Its answer moves it once more.
        let mut last = Uas::start().await;
        let contact = format!("sip:further@{}", last.address());
        let line = format!("Contact: <{contact}>\r\n");
        let body = sound(answer.echo.port);
        moved.reply(&reinvite, "200 OK", "", &line, &body).await;
        let ack = last.take("ACK").await;
        assert_eq!(ack.uri(), contact, "{method}");
        assert_eq!(answer.settled(2).await.kind(), "200");
        answer.call.leg.hang_up();
        let bye = last.take("BYE").await;
        assert_eq!(bye.uri(), contact, "{method}");
        last.reply(&bye, "200 OK", "", "", "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_change_moves_no_one() {
    let mut answer = answered("").await;
    let elsewhere = Uas::start().await;
    let line = format!("Contact: <sip:elsewhere@{}>\r\n", elsewhere.address());
    // A codec that no one has.
    let body = sound(9).replace("RTP/AVP 8", "RTP/AVP 3");
    let response = answer.ask("UPDATE", 1, &(line + &with_body(&body))).await;
    assert_eq!(response.kind(), "488");
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_our_offer_comes_with_the_ack() {
    let mut answer = answered("").await;
    let hold = with_body(&directed(answer.echo.port, "inactive"));
    assert_eq!(answer.ask("INVITE", 1, &hold).await.kind(), "200");
    answer.acknowledge(1, "").await;
    answer
        .call
        .until("held: nothing is heard", |call| call.hears(700.0) < SILENT)
        .await;
    let response = answer.ask("INVITE", 2, &with_body("")).await;
    assert!(response.body().contains("a=sendrecv"), "{}", response.text);
    // It comes from another port as well.
    let other = Rtp::echo().await;
    answer.acknowledge(2, &sound(other.port)).await;
    answer
        .call
        .until("heard again", |call| call.hears(700.0) > HEARD)
        .await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_crosses_ours_is_refused_with_491() {
    let mut answer = answered("").await;
    answer.call.leg.set_held(true);
    let reinvite = answer.reinvited().await;
    let offer = with_body(&sound(answer.echo.port));
    for (method, cseq, rest, status) in [
        ("INVITE", 1, &offer, "491"),
        ("INVITE", 2, &with_body(""), "491"),
        ("UPDATE", 3, &offer, "491"),
        // It changes nothing.
        ("UPDATE", 4, &with_body(""), "200"),
    ] {
        let response = answer.ask(method, cseq, rest).await;
        assert_eq!(response.kind(), status, "{cseq} {method}");
    }
    answer.accept(&reinvite, "").await;
    let response = answer.settled(5).await;
    assert_eq!(response.kind(), "200");
    assert!(response.body().contains("a=sendonly"), "{}", response.text);
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_before_the_answer_to_ours_is_refused_with_491() {
    let mut answer = answered("").await;
    let response = answer.ask("INVITE", 1, &with_body("")).await;
    assert_eq!(response.kind(), "200");
    // Our offer in it is open until the ACK; our own change waits as long.
    answer.call.leg.set_held(true);
    let offer = with_body(&sound(answer.echo.port));
    let response = answer.ask("UPDATE", 2, &offer).await;
    assert_eq!(response.kind(), "491");
    let mut seen = answer.uas.seen.iter();
    assert!(
        !seen.any(|message| message.body().contains("a=sendonly")),
        "our re-INVITE did not wait"
    );
    let body = sound(answer.echo.port);
    answer.acknowledge(1, &body).await;
    let reinvite = answer.reinvited().await;
    assert!(reinvite.body().contains("a=sendonly"), "{}", reinvite.text);
    answer.accept(&reinvite, "").await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_refused_with_491_is_sent_again_later() {
    let mut answer = answered("").await;
    answer.call.leg.set_held(true);
    let reinvite = answer.reinvited().await;
    let refused = Instant::now();
    answer
        .uas
        .reply(&reinvite, "491 Request Pending", "", "", "")
        .await;
    answer.uas.take("ACK").await;
    // Meanwhile it's their turn. That ours was refused is known a moment after its ACK.
    let theirs = answer.settled(1).await;
    if refused.elapsed() >= Duration::from_millis(2_100) {
        println!("too slow to judge: ours may have been sent again before theirs came");
        return;
    }
    assert_eq!(theirs.kind(), "200");
    answer.call.leg.set_held(false);
    let again = answer.reinvited().await;
    let waited = refused.elapsed();
    // Who made the Call-ID waits for 2.1 to 4 seconds (RFC 3261 §14.1).
    assert!(waited >= Duration::from_millis(2_100), "{waited:?}");
    assert_ne!(again.header("CSeq"), reinvite.header("CSeq"));
    assert!(again.body().contains("a=sendrecv"), "what's true by then");
    answer.accept(&again, "").await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_put_off_as_long_as_the_phone_asks() {
    let mut answer = answered("").await;
    answer.call.leg.set_held(true);
    let reinvite = answer.reinvited().await;
    let refused = Instant::now();
    let status = "500 Server Internal Error";
    answer
        .uas
        .reply(&reinvite, status, "", "Retry-After: 1 (busy)\r\n", "")
        .await;
    let again = answer.reinvited().await;
    let waited = refused.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    answer.accept(&again, "").await;
    answer.end().await;
}

const TIMER: &str = "Require: timer\r\nSession-Expires: 90;refresher=uas\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn hold_and_unhold_keep_the_session_timer() {
    let mut answer = answered(TIMER).await;
    for (held, lines) in [(true, TIMER), (false, "")] {
        answer.call.leg.set_held(held);
        let reinvite = answer.reinvited().await;
        assert_eq!(reinvite.header("Session-Expires"), "90;refresher=uas");
        assert_eq!(reinvite.header("Min-SE"), "90");
        assert!(reinvite.header("Supported").contains("timer"));
        assert!(reinvite.header("Allow").contains("UPDATE"));
        answer.accept(&reinvite, lines).await;
    }
    // The last answer turned it off (RFC 4028 §7.2).
    answer.call.leg.set_held(true);
    let reinvite = answer.reinvited().await;
    assert_eq!(reinvite.header("Session-Expires"), "");
    answer.accept(&reinvite, "").await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_below_the_minimum_is_refused_with_422() {
    let mut answer = answered(TIMER).await;
    let short = "Supported: timer\r\nSession-Expires: 30;refresher=uac\r\n".to_owned();
    let body = sound(answer.echo.port);
    let with_offer = short.clone() + &with_body(&body);
    let response = answer.ask("INVITE", 1, &with_offer).await;
    assert_eq!(response.kind(), "422");
    assert_eq!(response.header("Min-SE"), "90");
    let response = answer
        .ask("UPDATE", 2, &(short.clone() + &with_body("")))
        .await;
    assert_eq!(response.kind(), "422");
    answer.end().await;

    let mut caller = Uas::start().await;
    let at = SocketAddr::from((HERE, free_port()));
    let trunk = TrunkSettings {
        listen: Some(at),
        ..trunk_at(caller.port)
    };
    let _desk = Desk::with(vec![trunk]).await;
    caller.invite(at, &short, &sound(9)).await;
    let response = said(&mut caller, "1 INVITE").await;
    assert_eq!(response.kind(), "422");
    assert_eq!(response.header("Min-SE"), "90");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_made_ours_is_renewed_one_way_or_the_other() {
    let mut answer = answered(TIMER).await;
    let ours = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n".to_owned();
    let response = answer.ask("UPDATE", 1, &(ours + &with_body(""))).await;
    let agreed = Instant::now();
    assert_eq!(response.kind(), "200");
    assert_eq!(response.header("Session-Expires"), "90;refresher=uas");
    assert_eq!(response.header("Require"), "timer");
    // Half of the interval later: longer than anything else may take.
    let limit = Duration::from_secs(60);
    let update = answer.uas.take_within("UPDATE", limit).await;
    println!("renewed after {:?}", agreed.elapsed());
    assert_eq!(update.header("Session-Expires"), "90;refresher=uac");
    assert_eq!(update.body(), "");
    answer
        .uas
        .reply(&update, "501 Not Implemented", "", "", "")
        .await;
    let reinvite = answer.reinvited().await;
    assert_eq!(reinvite.header("Session-Expires"), "90;refresher=uac");
    let origin = |message: &Message| {
        let line = message.body().lines().find(|line| line.starts_with("o="));
        line.unwrap_or_default().to_owned()
    };
    // Nothing has changed, and that's what it says (RFC 4028 §7.4).
    assert_eq!(origin(&reinvite), origin(&answer.invite));
    let renewed = "Require: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    answer.accept(&reinvite, renewed).await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_info_are_taken_and_other_info_is_refused() {
    let mut answer = answered("").await;
    let info = |kind: &str, body: &str| {
        format!(
            "Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let relay = "application/dtmf-relay";
    for (cseq, rest, status) in [
        (1, info(relay, "Signal=5\r\nDuration=160\r\n"), "200"),
        (2, info("application/dtmf", "#"), "200"),
        (3, info("application/media_control+xml", "<x/>"), "415"),
        (4, info(relay, "Signal=\r\n"), "400"),
        (5, with_body(""), "200"),
    ] {
        let response = answer.ask("INFO", cseq, &rest).await;
        assert_eq!(response.kind(), status, "{rest}");
        assert_eq!(response.header("Accept").contains(relay), status == "415");
    }
    answer
        .call
        .until("both keys are told", |call| call.keys == "5#")
        .await;
    answer.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_without_events_hears_the_reps_keys_as_tones() {
    let mut uas = Uas::start().await;
    let echo = Rtp::echo().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    let body = sound(echo.port)
        .replace(" 101", "")
        .replace("a=rtpmap:101 telephone-event/8000\r\n", "");
    uas.reply(&invite, "200 OK", "a", "", &body).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    // What is sent comes back. Ten keys take more than a second.
    call.leg.send_dtmf("8888888888");
    call.until("its tones are heard", |call| {
        call.hears(852.0) > HEARD && call.hears(1_336.0) > HEARD
    })
    .await;
    assert_eq!(call.keys, "");
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    uas.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_left_behind_is_ended_by_what_was_kept_of_it() {
    let mut uas = Uas::start().await;
    let echo = Rtp::echo().await;
    let trunk = TrunkSettings {
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..trunk_at(uas.port)
    };
    let desk = Desk::with(vec![trunk.clone()]).await;
    let mut notes = desk.trunks.farewells();
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    let route = format!("Record-Route: <sip:{};lr>\r\n", uas.address());
    uas.reply(&invite, "200 OK", "a", &route, &sound(echo.port))
        .await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    let first = notes.recv().await.unwrap();
    let FarewellNote::Owed(owed) = &first else {
        panic!("{first:?}");
    };
    assert!(
        !format!("{first:?}").contains("+1555"),
        "no numbers in logs"
    );
    // It moves, and is to be found there.
    let line = format!("Contact: <sip:moved@{}>\r\n", uas.address());
    let rest = line + &with_body("");
    uas.request_saying(&invite, "a", "UPDATE", 1, &rest).await;
    said(&mut uas, "1 UPDATE").await;
    let FarewellNote::Owed(moved) = notes.recv().await.unwrap() else {
        panic!("it did not move");
    };
    assert_ne!(moved.bye, owed.bye);
    // Another service, after a crash.
    let after = Desk::with(vec![trunk]).await;
    let saying = tokio::spawn({
        let (trunks, moved) = (after.trunks.clone(), moved.clone());
        async move { trunks.say_farewell(&moved).await }
    });
    let bye = uas.take("BYE").await;
    assert_eq!(bye.uri(), format!("sip:moved@{}", uas.address()));
    assert_eq!(bye.tag("To"), "a");
    assert_eq!(bye.header("From"), invite.header("From"));
    assert_eq!(bye.header("Call-ID"), invite.header("Call-ID"));
    assert!(bye.header("Route").contains("lr"), "{}", bye.text);
    // A trunk may ask who says so.
    let challenge = "Proxy-Authenticate: Digest realm=\"trunk.example\", nonce=\"47ebe028\"\r\n";
    let status = "407 Proxy Authentication Required";
    uas.reply(&bye, status, "", challenge, "").await;
    let again = uas.take("BYE").await;
    let credentials = again.header("Proxy-Authorization");
    assert!(credentials.contains("username=\"account\""), "{again:?}");
    assert_ne!(again.header("CSeq"), bye.header("CSeq"));
    assert_eq!(again.uri(), bye.uri());
    uas.reply(&again, "200 OK", "", "", "").await;
    saying.await.unwrap();
    // This one lives, and ends its call itself.
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    uas.reply(&bye, "200 OK", "", "", "").await;
    let last = notes.recv().await.unwrap();
    assert_eq!(last, FarewellNote::Said(moved.call));
}
