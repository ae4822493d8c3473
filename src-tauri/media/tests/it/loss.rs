//! What the service does about packets that its listeners lose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::common;

use std::time::{Duration, Instant};

use common::peer::Peer;
use common::sound::{silent, unstamped};
use common::{REP, Stage, coach, until};
use mix::Role;

const REP_HZ: f64 = 400.0;
/// A tone that lasts is no speech to Opus, and gets no copies: this one pauses.
const SYLLABLE: Duration = Duration::from_millis(150);

/// Waits until something is so, while someone talks.
async fn until_while_talking(what: &str, who: &Peer, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    until(what, || {
        let syllables = began.elapsed().as_millis() / SYLLABLE.as_millis();
        let talks = syllables.is_multiple_of(2);
        who.say(if talks { unstamped(REP_HZ) } else { silent() });
        is_so()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_carry_copies_once_a_listener_reports_loss_and_not_before() {
    let stage = Stage::new(1).await;
    stage.lead(None).await;
    let rep = stage.join(REP, Role::Rep, silent()).await;
    let listens = stage.join(coach(1), Role::Coach, silent()).await;
    let also_listens = stage.join(coach(2), Role::Coach, silent()).await;
    // Four reports and more.
    let heard = listens.packets() + 250;
    until_while_talking("five seconds are heard", &rep, || listens.packets() > heard).await;
    assert_eq!((listens.copies(), also_listens.copies()), (0, 0));
    assert_eq!(stage.metrics().await.encodes_lbrr, 0);

    listens.loses_every(10);
    until_while_talking("there are copies", &rep, || listens.copies() > 20).await;
    // Both hear the same mix, which is encoded once, for who loses most.
    assert!(also_listens.copies() > 0);
    let now = stage.metrics().await;
    assert!(now.encodes_lbrr >= 20, "{}", now.encodes_lbrr);
    assert!(now.encodes_lbrr <= now.encodes);
    stage.media.stop().await;
}
