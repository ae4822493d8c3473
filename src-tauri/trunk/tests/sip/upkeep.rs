//! What goes on while nobody calls: OPTIONS and REGISTER.

use std::time::{Duration, Instant};

use trunk::{TrunkSettings, TrunkStatus};

use super::desk::{Desk, PATIENCE, trunk_at};
use super::uas::{Message, Uas};

/// Waits until the first trunk does so.
async fn until(desk: &Desk, what: &str, holds: impl Fn(&TrunkStatus) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(&desk.trunks.status()[0]) {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_gone_is_known_to_be_and_known_when_it_is_back() {
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
async fn a_trunk_that_wants_to_know_where_we_are_is_told_until_the_end() {
    let mut uas = Uas::start().await;
    let trunk = TrunkSettings {
        register: true,
        username: Some("account".into()),
        password: Some("trunk-password".into()),
        ..trunk_at(uas.port)
    };
    let desk = Desk::with(vec![trunk]).await;
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
    desk.trunks.stop();
    let last = uas
        .take_where("a good-bye", |register| expires(register) == "0")
        .await;
    assert_eq!(last.kind(), "REGISTER");
}
