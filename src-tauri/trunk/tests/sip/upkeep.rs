//! What goes on while no one calls: OPTIONS and REGISTER.

use std::time::{Duration, Instant};

use media::LeadSignal::Answered;
use tokio::time::timeout;
use trunk::{TrunkSettings, TrunkStatus};

use super::desk::{Desk, PATIENCE, trunk_at};
use super::uas::{Message, Uas, sound};

/// Waits until the first trunk does so.
async fn until(desk: &Desk, what: &str, holds: impl Fn(&TrunkStatus) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(&desk.trunks.status()[0]) {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_is_known_to_be_down_and_to_be_back() {
    let mut uas = Uas::start().await;
    let port = uas.port;
    let trunk = TrunkSettings {
        options_s: 1,
        ..trunk_at(port)
    };
    let desk = Desk::with(vec![trunk]).await;
    for _ in 0..2 {
        let options = uas.take("OPTIONS").await;
        uas.reply(&options, "200 OK", "a", "", "").await;
    }
    assert!(desk.trunks.status()[0].is_up);
    drop(uas);
    until(&desk, "down", |trunk| !trunk.is_up).await;
    let mut uas = Uas::at(([127, 0, 0, 1], port).into()).await;
    // Whatever it says, it is there.
    let options = uas.take("OPTIONS").await;
    uas.reply(&options, "404 Not Found", "a", "", "").await;
    until(&desk, "up", |trunk| trunk.is_up).await;
}

fn expires(register: &Message) -> &str {
    register.header("Expires")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_kept_until_the_end() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![registrar(uas.port)]).await;
    let first = uas.take("REGISTER").await;
    assert_eq!(desk.trunks.status()[0].is_registered, Some(false));
    assert_eq!(expires(&first), "300");
    let challenge = "WWW-Authenticate: Digest realm=\"trunk.example\", nonce=\"n\", \
         algorithm=MD5, qop=\"auth\"\r\n";
    uas.reply(&first, "401 Unauthorized", "a", challenge, "")
        .await;
    let second = uas.take("REGISTER").await;
    assert!(
        second
            .header("Authorization")
            .contains("username=\"account\"")
    );
    let grant = |register: &Message| {
        let contact = register.header("Contact").trim_end_matches(";expires=300");
        format!("Contact: {contact};expires=4\r\nExpires: 4\r\n")
    };
    uas.reply(&second, "200 OK", "a", &grant(&second), "").await;
    let granted = Instant::now();
    until(&desk, "registered", |trunk| {
        trunk.is_registered == Some(true)
    })
    .await;
    let again = uas.take("REGISTER").await;
    let after = granted.elapsed();
    assert!(after < Duration::from_secs(4), "again after {after:?}");
    uas.reply(&again, "200 OK", "a", &grant(&again), "").await;
    let trunks = desk.trunks.clone();
    let stopping = tokio::spawn(async move { trunks.stop().await });
    let last = uas
        .take_where("a good-bye", |register| expires(register) == "0")
        .await;
    assert_eq!(last.kind(), "REGISTER");
    assert!(!stopping.is_finished(), "it did not wait for the registrar");
    uas.reply(&last, "200 OK", "a", "", "").await;
    let heard = Instant::now();
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
    let after = heard.elapsed();
    assert!(
        after < Duration::from_millis(700),
        "stopped {after:?} later"
    );
}

/// A trunk that wants to know where we are.
fn registrar(port: u16) -> TrunkSettings {
    TrunkSettings {
        register: true,
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..trunk_at(port)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_registrars_delay_a_stop_by_one_second_in_all() {
    let mut registrars = Vec::new();
    for _ in 0..4 {
        registrars.push(Uas::start().await);
    }
    let trunks = registrars.iter().map(|uas| registrar(uas.port));
    let desk = Desk::with(trunks.collect()).await;
    for uas in &mut registrars {
        let register = uas.take("REGISTER").await;
        let lines = format!("Contact: {};expires=300\r\n", register.header("Contact"));
        uas.reply(&register, "200 OK", "a", &lines, "").await;
    }
    until(&desk, "registered", |trunk| {
        trunk.is_registered == Some(true)
    })
    .await;
    let begun = Instant::now();
    timeout(PATIENCE, desk.trunks.stop()).await.unwrap();
    let took = begun.elapsed();
    println!("stopped after {took:?}");
    assert!(took < Duration::from_millis(1_900), "{took:?}");
    for uas in &mut registrars {
        uas.take_where("a good-bye", |register| expires(register) == "0")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_trunk_ends_its_calls_first() {
    let mut uas = Uas::start().await;
    let desk = Desk::with(vec![trunk_at(uas.port)]).await;
    let mut call = desk.dial();
    let invite = uas.take("INVITE").await;
    uas.reply(&invite, "200 OK", "a", "", &sound(9)).await;
    uas.take("ACK").await;
    call.expect(&[Answered]).await;
    call.leg.hang_up();
    let trunks = desk.trunks.clone();
    let stopping = tokio::spawn(async move { trunks.stop().await });
    let bye = uas.take("BYE").await;
    assert!(!stopping.is_finished(), "it did not wait for the call");
    uas.reply(&bye, "200 OK", "", "", "").await;
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
}
