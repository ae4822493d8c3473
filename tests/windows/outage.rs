//! What people see and can do while the network is away, in the windows of a rep and of a manager.

use std::time::{Duration, Instant};

use wire::{CallQuery, HangupCause, route};

use crate::desk::Desk;
use crate::relay::{SoundRelay, WireRelay};
use crate::room::quiet_desk;
use crate::story::{Stage, call, desk_for_three};
use crate::window::Window;

/// The service gives a rep up after 30 s, and what is asked takes its time too.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(24);

/// Riley on a call with Globex that Morgan coaches; Riley's connections can be cut.
struct Scene {
    stage: Stage,
    sound: SoundRelay,
    wire: WireRelay,
    riley: Window,
    morgan: Window,
    _desk: Desk,
}

impl Scene {
    async fn set() -> Self {
        let desk = desk_for_three();
        let sound = SoundRelay::bind().await;
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Stage::start(folder, |config| {
            config.media_port_base = sound.service.port();
            config.media_advertise = Some(sound.address.ip());
        })
        .await;
        let wire = WireRelay::to(stage.service.http_addr).await;
        let riley = Stage::window_at(&wire.url, &desk, "riley", "default").await;
        let morgan = stage.window(&desk, "morgan", "second").await;
        call(&riley, "Globex").await;
        riley.sees("call-bar", "data-status", "in-progress").await;
        morgan.click("nav-team").await;
        morgan.click("team-listen-riley").await;
        morgan.sees("coaching-bar", "data-connected", "true").await;
        riley.sees("call-coach-morgan", "data-mode", "listen").await;
        Self {
            stage,
            sound,
            wire,
            riley,
            morgan,
            _desk: desk,
        }
    }

    /// Who or what ended the call.
    async fn hangup_cause(&self) -> Option<HangupCause> {
        let api = self.stage.api_of("riley").await;
        let calls = api.list(&route::LIST_CALLS, &CallQuery::default()).await;
        let calls = calls.expect("calls");
        calls.first().expect("the call").hangup_cause
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hang_up_in_an_outage_is_carried_out_when_the_network_is_back() {
    let _place = quiet_desk().await;
    let scene = Scene::set().await;
    let (riley, morgan) = (&scene.riley, &scene.morgan);
    scene.wire.silence();
    let silent_since = Instant::now();
    // It can be pressed again, as the page sees itself: it has 5 s for that. In the end the bar goes
    // although nobody answers.
    let again = riley
        .script_until_done(
            "const find = (id) => document.querySelector(`[data-testid=${id}]`);
             const look = () => {
               const bar = find('call-bar');
               if (bar?.dataset.status !== 'ending') return setTimeout(look, 20);
               const again = find('call-hangup');
               again.click();
               done(again.disabled ? 'disabled' : 'can be pressed');
             };
             find('call-hangup').click();
             look();",
        )
        .await;
    assert_eq!(again, "can be pressed");
    riley.gone("call-bar").await;
    riley.reads("toast", "We'll end the call").await;
    let took = silent_since.elapsed();
    scene.wire.mend();
    // After half a minute without anything of the rep's, the service gives them up.
    if took < GIVEN_UP_AFTER {
        morgan.gone("coaching-bar").await;
        assert_eq!(scene.hangup_cause().await, Some(HangupCause::Rep));
    } else {
        println!("too slow to judge: the page took {took:?} to say that the call will be ended");
    }
    riley.shot("outage-hung-up").await;
    // And the next call can be made, once the connection is back.
    riley.gone("banner-connection").await;
    call(riley, "Initech").await;
    riley.click("call-hangup").await;
    riley.gone("call-bar").await;
    scene.stage.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_is_told_to_everyone_while_it_lasts_and_afterwards() {
    let _place = quiet_desk().await;
    let scene = Scene::set().await;
    let (riley, morgan) = (&scene.riley, &scene.morgan);
    // Morgan's sound came second: only Riley's is lost.
    assert_eq!(scene.sound.clients(), 2, "everyone's sound is relayed");
    scene.sound.cut_all_but(1);
    scene.wire.silence();
    // Half a minute later more is known: pictures of a slow machine may show that.
    morgan.reads("coaching-rep", "Lost connection").await;
    riley.reads("call-away", "trying to get you back").await;
    riley.gone("call-recording").await;
    tokio::join!(morgan.shots("coaching-rep-lost"), riley.shots("outage"));
    riley.reads("call-away", "probably ended").await;
    riley.reads("call-status", "Disconnected").await;
    riley.shots("outage-long").await;
    morgan.gone("coaching-bar").await;
    morgan.reads("toast", "lost their connection").await;
    morgan.sees("toast", "data-stays", "true").await;
    scene.sound.mend();
    scene.wire.mend();
    riley.gone("call-bar").await;
    riley
        .reads("toast", "You were disconnected for too long")
        .await;
    riley.sees("toast", "data-stays", "true").await;
    riley.shots("outage-over").await;
    assert_eq!(scene.hangup_cause().await, Some(HangupCause::RepLost));
    scene.stage.stop().await;
}
