//! What a trunk may answer: who are you, twice yes, nothing any more.

use std::time::{Duration, Instant};

use media::LeadSignal::{self, Answered, EarlyMedia, Failed, HungUp, Lost, Ringing};
use sha2::{Digest, Sha256};
use trunk::TrunkSettings;

use super::changes::{Answer, answered};
use super::desk::{Desk, trunk_at};
use super::uas::{Message, Rtp, Uas, sound};

const HEARD: f32 = 2_000.0;
const SILENT: f32 = 100.0;

fn account(port: u16) -> TrunkSettings {
    TrunkSettings {
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..trunk_at(port)
    }
}

/// Refuses an INVITE, and takes the ACK.
async fn refuse(uas: &mut Uas, invite: &Message, status: &str, lines: &str) {
    uas.reply(invite, status, "no", lines, "").await;
    uas.take("ACK").await;
}

/// Takes the end of a call.
async fn ended(uas: &mut Uas) {
    let bye = uas.take("BYE").await;
    uas.reply(&bye, "200 OK", "", "", "").await;
}

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"trunk.example\", \
     nonce=\"84f1c1ae6cbe5ua9c8e88dfa3ecm3459\", algorithm=SHA-256, qop=\"auth\"\r\n";

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A parameter of a digest.
fn parameter(credentials: &str, name: &str) -> String {
    let parameters = credentials.trim_start_matches("Digest ").split(',');
    let own = parameters.filter_map(|parameter| parameter.trim().split_once('='));
    let mut own = own.filter(|(own, _)| own.eq_ignore_ascii_case(name));
    let value = own.next().map(|(_, value)| value.trim_matches('"'));
    value.unwrap_or_default().to_owned()
}

/// What the digest must be (RFC 7616 §3.4.1).
fn digest(credentials: &str, method: &str, password: &str) -> String {
    let of = |name| parameter(credentials, name);
    let secret = hash(&format!("{}:{}:{password}", of("username"), of("realm")));
    let what = hash(&format!("{method}:{}", of("uri")));
    hash(&format!(
        "{secret}:{}:{}:{}:{}:{what}",
        of("nonce"),
        of("nc"),
        of("cnonce"),
        of("qop")
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_asks_with_sha_256_is_told_who_we_are() {
    let mut uas = Uas::start().await;
    let echo = Rtp::echo().await;
    let desk = Desk::with(vec![account(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    refuse(
        &mut uas,
        &invite,
        "407 Proxy Authentication Required",
        CHALLENGE,
    )
    .await;
    let invite = uas.take("INVITE").await;
    let credentials = invite.header("Proxy-Authorization");
    assert_eq!(parameter(credentials, "username"), "account");
    assert_eq!(parameter(credentials, "algorithm"), "SHA-256");
    assert_eq!(parameter(credentials, "qop"), "auth");
    assert_eq!(parameter(credentials, "uri"), invite.uri());
    let right = digest(credentials, "INVITE", "trunk-password");
    assert_eq!(parameter(credentials, "response"), right);
    assert!(invite.header("CSeq").starts_with('2'), "{}", invite.text);
    uas.reply(&invite, "200 OK", "a", "", &sound(echo.port))
        .await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    ended(&mut uas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_fails_and_is_not_repeated() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![account(uas.port)]).await;
    let mut call = desk.dial();
    for _ in 0..2 {
        let invite = uas.take("INVITE").await;
        refuse(
            &mut uas,
            &invite,
            "407 Proxy Authentication Required",
            CHALLENGE,
        )
        .await;
    }
    call.expect(&[Failed]).await;
    // A third would be there at once.
    let more = uas.any(Duration::from_secs(1)).await;
    assert!(more.is_none(), "{more:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_rejected_as_too_short_is_retried_once() {
    let mut uas = Uas::start().await;
    let echo = Rtp::echo().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    assert_eq!(invite.header("Session-Expires"), "1800");
    let status = "422 Session Interval Too Small";
    refuse(&mut uas, &invite, status, "Min-SE: 3600\r\n").await;
    let invite = uas.take("INVITE").await;
    assert_eq!(invite.header("Session-Expires"), "3600");
    // RFC 4028 §7.3.
    assert_eq!(invite.header("Min-SE"), "3600");
    let agreed = "Require: timer\r\nSession-Expires: 3600;refresher=uas\r\n";
    uas.reply(&invite, "200 OK", "a", agreed, &sound(echo.port))
        .await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    ended(&mut uas).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_phones_that_answer_only_one_is_kept() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    let first = Rtp::tone(700.0, invite.media_port()).await;
    let second = Rtp::tone(1_900.0, invite.media_port()).await;
    uas.reply(&invite, "180 Ringing", "first", "", "").await;
    uas.reply(&invite, "180 Ringing", "second", "", "").await;
    uas.reply(&invite, "200 OK", "first", "", &sound(first.port))
        .await;
    let ack = uas.take("ACK").await;
    assert_eq!(ack.tag("To"), "first");
    uas.reply(&invite, "200 OK", "second", "", &sound(second.port))
        .await;
    let is_second = |kind: &'static str| {
        move |message: &Message| message.kind() == kind && message.tag("To") == "second"
    };
    uas.take_where("an ACK for the second", is_second("ACK"))
        .await;
    let bye = uas
        .take_where("a BYE for the second", is_second("BYE"))
        .await;
    uas.reply(&bye, "200 OK", "", "", "").await;
    call.expect(&[Ringing, Answered]).await;
    // Until the first has said a word, sound of the second may pass for it.
    call.until("the first is heard alone", |call| {
        call.hears(700.0) > HEARD && call.hears(1_900.0) < SILENT
    })
    .await;
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    assert_eq!(bye.tag("To"), "first");
    uas.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_played_by_the_later_of_two_networks_is_heard() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    let first = Rtp::tone(700.0, invite.media_port()).await;
    let second = Rtp::tone(1_900.0, invite.media_port()).await;
    let status = "183 Session Progress";
    uas.reply(&invite, status, "first", "", &sound(first.port))
        .await;
    call.expect(&[Ringing, EarlyMedia]).await;
    call.until("the first is heard", |call| call.hears(700.0) > HEARD)
        .await;
    uas.reply(&invite, status, "second", "", &sound(second.port))
        .await;
    call.until("the second is heard", |call| {
        call.hears(1_900.0) > HEARD && call.hears(700.0) < SILENT
    })
    .await;
    uas.reply(&invite, "200 OK", "second", "", &sound(second.port))
        .await;
    let ack = uas.take("ACK").await;
    assert_eq!(ack.tag("To"), "second");
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    let bye = uas.take("BYE").await;
    assert_eq!(bye.tag("To"), "second");
    uas.reply(&bye, "200 OK", "", "", "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_it_is_told_when_a_phone_is_heard_no_more_and_again() {
    let Answer {
        mut uas,
        desk,
        mut call,
        echo,
        ..
    } = answered("").await;
    // It falls silent, says that it is there when it is asked, and the next time says nothing.
    drop(echo);
    let options = uas.take("OPTIONS").await;
    uas.reply(&options, "200 OK", "a", "", "").await;
    call.expect(&[Lost]).await;
    let [
        LeadSignal::Unheard { ms_ago: first },
        LeadSignal::Heard,
        LeadSignal::Unheard { ms_ago: second },
    ] = call.heard[..]
    else {
        panic!("{:?}", call.heard);
    };
    assert!(first >= 4_500 && second >= 4_500, "{first}, {second}");
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vanished_phone_is_reported_within_ten_seconds() {
    let Answer {
        mut uas,
        desk,
        mut call,
        echo,
        ..
    } = answered("").await;
    drop(echo);
    let vanished = Instant::now();
    call.expect(&[Lost]).await;
    let took = vanished.elapsed();
    println!("told after {took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
    // It was asked first, and then told.
    uas.take("OPTIONS").await;
    uas.take("BYE").await;
    drop(call);
    desk.freed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_phone_that_answers_a_probe_stays() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    for _ in 0..2 {
        let probe = uas.take("OPTIONS").await;
        // A phone may not even know what that is.
        uas.reply(&probe, "501 Not Implemented", "", "", "").await;
    }
    call.leg.hang_up();
    ended(&mut uas).await;
    assert!(!uas.seen.iter().any(|message| message.kind() == "CANCEL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_who_hangs_up_while_answering_is_reported_as_both() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    for at in 0..20 {
        let mut call = desk.dial();
        let invite = uas.take("INVITE").await;
        let tag = format!("tag{at}");
        uas.reply(&invite, "200 OK", &tag, "", &sound(9)).await;
        uas.take("ACK").await;
        uas.request(&invite, &tag, "BYE", 1).await;
        call.expect(&[Answered, HungUp]).await;
        uas.take_where("an end", |message| message.header("CSeq") == "1 BYE")
            .await;
    }
    desk.freed().await;
}
