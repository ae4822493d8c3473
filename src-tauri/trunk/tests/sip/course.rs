//! How calls go: answered, refused, given up, changed, and by whom they end.

use media::LeadSignal::{
    Answered, Busy, Declined, EarlyMedia, Failed, HungUp, NoAnswer, Ringing, Unreachable,
};
use trunk::TrunkSettings;

use super::desk::{Desk, LEAD_PHONE, REP_PHONE, free_port, trunk_at};
use super::scenario::{PCMU, SOUND, Scenario, Sdp, challenge};
use super::sipp::Sipp;

/// A tone that is surely heard; what is said has an amplitude of 8000.
const HEARD: f32 = 2_000.0;
/// And one that surely is not.
const SILENT: f32 = 100.0;

fn rings() -> Scenario {
    Scenario::invited()
        .reply("100 Trying", "", None)
        .reply("180 Ringing", "", None)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_phone_hears_and_is_heard_until_the_rep_hangs_up() {
    let sipp = Sipp::callee(&rings().answer().ended());
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.expect(&[Ringing, Answered]).await;
    call.worker.say(700.0);
    // The callee sends back what it hears.
    call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
        .await;
    call.leg.hang_up();
    let messages = sipp.done().await;
    assert!(
        messages.contains(&format!("INVITE sip:{LEAD_PHONE}@")),
        "{messages}"
    );
    assert!(
        messages.contains(&format!("From: <sip:{REP_PHONE}@")),
        "{messages}"
    );
    assert!(messages.contains(&format!("P-Asserted-Identity: <sip:{REP_PHONE}@")));
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_hangs_up_ends_the_call() {
    let ends = rings().answer().pause(300).request("BYE", 2, "", None);
    let sipp = Sipp::callee(&ends);
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.expect(&[Ringing, Answered, HungUp]).await;
    sipp.done().await;
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_media_is_heard_and_nothing_is_sent_back() {
    let early = Scenario::invited()
        .reply("183 Session Progress", "", Some(&SOUND))
        .pause(2_500)
        .answer()
        .ended();
    let sipp = Sipp::callee(&early);
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.worker.say(700.0);
    call.expect(&[Ringing, EarlyMedia]).await;
    call.until("packets come back before the answer", |call| {
        call.worker.packets() > 50
    })
    .await;
    assert!(
        call.hears(700.0) < SILENT,
        "what the rep says is not sent yet"
    );
    call.expect(&[Answered]).await;
    call.until("the tone comes back", |call| call.hears(700.0) > HEARD)
        .await;
    call.leg.hang_up();
    sipp.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_a_phone_is_told() {
    for (status, signal) in [
        ("486 Busy Here", Busy),
        ("480 Temporarily Unavailable", NoAnswer),
        ("603 Decline", Declined),
        ("404 Not Found", Unreachable),
        ("500 Server Internal Error", Failed),
    ] {
        let sipp = Sipp::callee(&rings().reply(status, "", None).expect("ACK"));
        let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
        let mut call = desk.dial();
        call.expect(&[Ringing, signal]).await;
        sipp.done().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rep_who_hangs_up_while_it_rings_cancels() {
    let sipp = Sipp::callee(&rings().cancelled());
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.expect(&[Ringing]).await;
    call.leg.hang_up();
    sipp.done().await;
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_asks_who_we_are_is_told() {
    let scenario = Scenario::invited()
        .reply("401 Unauthorized", &challenge("WWW-Authenticate"), None)
        .expect("ACK")
        .invited_with("Authorization")
        .answer()
        .ended();
    let sipp = Sipp::callee(&scenario);
    let trunk = TrunkSettings {
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..trunk_at(sipp.port)
    };
    let desk = Desk::with(vec![trunk]).await;
    let mut call = desk.dial();
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    let messages = sipp.done().await;
    assert!(!messages.contains("trunk-password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reliable_provisional_response_is_acknowledged() {
    let reliable = Scenario::invited()
        .reply(
            "183 Session Progress",
            "Require: 100rel\nRSeq: 1\n",
            Some(&SOUND),
        )
        .expect("PRACK")
        .reply_within("200 OK", "[last_CSeq:]")
        .pause(300);
    // The last request was the PRACK.
    let answer = reliable.reply_to_invite("200 OK", Some(&SOUND));
    let sipp = Sipp::callee(&answer.expect("ACK").ended());
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.expect(&[Ringing, EarlyMedia]).await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    sipp.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_may_hold_change_its_codec_and_renew() {
    let hold = Sdp {
        direction: "sendonly",
        version: 2,
        ..SOUND
    };
    let other = Sdp {
        codecs: PCMU,
        version: 3,
        ..SOUND
    };
    let scenario = rings()
        .answer()
        .pause(1_500)
        .request("INVITE", 2, "", Some(&hold))
        .acknowledge(2)
        .pause(1_500)
        .request("INVITE", 3, "", Some(&other))
        .acknowledge(3)
        .pause(500)
        .request("UPDATE", 4, "", None)
        .ended();
    let sipp = Sipp::callee(&scenario);
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.worker.say(700.0);
    call.expect(&[Ringing, Answered]).await;
    call.until("heard", |call| call.hears(700.0) > HEARD).await;
    call.until("held: nothing is sent", |call| call.hears(700.0) < SILENT)
        .await;
    call.until("heard again, in the other codec", |call| {
        call.hears(700.0) > HEARD
    })
    .await;
    call.until("renewed", |_| {
        sipp.received(&["SIP/2.0 200", "CSeq: 4 UPDATE"]) > 0
    })
    .await;
    call.leg.hang_up();
    let messages = sipp.done().await;
    assert!(
        messages.contains("a=recvonly"),
        "our answer to a hold: {messages}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_lead_does_not_hear_the_rep_and_sees_sendonly() {
    let scenario = rings()
        .answer()
        .expect("INVITE")
        .reply_within_sdp("recvonly")
        .expect("ACK")
        .expect("INVITE")
        .reply_within_sdp("sendrecv")
        .expect("ACK")
        .ended();
    let sipp = Sipp::callee(&scenario);
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.worker.say(700.0);
    call.expect(&[Ringing, Answered]).await;
    call.until("heard", |call| call.hears(700.0) > HEARD).await;
    call.leg.set_held(true);
    call.until("held", |call| call.hears(700.0) < SILENT).await;
    call.until("told", |_| {
        sipp.received(&["INVITE sip:", "a=sendonly"]) > 0
    })
    .await;
    call.leg.set_held(false);
    call.until("heard again", |call| call.hears(700.0) > HEARD)
        .await;
    call.until("done", |_| sipp.received(&["ACK sip:"]) == 3)
        .await;
    call.leg.hang_up();
    sipp.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_trunk_is_tried_when_one_is_down_or_refuses() {
    let refuses = Scenario::invited().reply("503 Service Unavailable", "", None);
    let refusing = Sipp::callee(&refuses.expect("ACK"));
    let answering = Sipp::callee(&rings().answer().ended());
    let away = TrunkSettings {
        response_timeout_ms: 600,
        ..trunk_at(free_port())
    };
    let trunks = vec![away, trunk_at(refusing.port), trunk_at(answering.port)];
    let desk = Desk::with(trunks).await;
    let mut call = desk.dial();
    call.expect(&[Ringing, Answered]).await;
    call.leg.hang_up();
    refusing.done().await;
    answering.done().await;
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_trunk_is_reported_within_seconds() {
    let away = TrunkSettings {
        response_timeout_ms: 600,
        ..trunk_at(free_port())
    };
    let desk = Desk::with(vec![away]).await;
    let began = std::time::Instant::now();
    let mut call = desk.dial();
    call.expect(&[Failed]).await;
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_without_a_trunk_fails_at_once() {
    let other = TrunkSettings {
        numbers: vec!["+15559999".into()],
        ..trunk_at(free_port())
    };
    let desk = Desk::with(vec![other]).await;
    let mut call = desk.dial();
    call.expect(&[Failed]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_over_tcp_does_the_same() {
    let port = free_port();
    let scenario = rings().answer().ended();
    let sipp = Sipp::start(&scenario.xml(), port, &["-t", "t1"]);
    let trunk = TrunkSettings {
        transport: trunk::Transport::Tcp,
        ..trunk_at(port)
    };
    let desk = Desk::with(vec![trunk]).await;
    let mut call = desk.dial();
    call.expect(&[Ringing, Answered]).await;
    call.worker.say(700.0);
    call.until("heard", |call| call.hears(700.0) > HEARD).await;
    call.leg.hang_up();
    sipp.done().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_of_redirections_ends_and_is_told() {
    let elsewhere = "Contact: <sip:elsewhere@[local_ip]:[local_port]>\n";
    // Each INVITE is a call of its own to sipp.
    let one = Scenario::invited()
        .reply("302 Moved Temporarily", elsewhere, None)
        .expect("ACK");
    let sipp = Sipp::start(&one.xml(), free_port(), &["-m", "4"]);
    let desk = Desk::with(vec![trunk_at(sipp.port)]).await;
    let mut call = desk.dial();
    call.expect(&[Failed]).await;
    sipp.done().await;
}
