//! Many calls in a row leave nothing behind.

use std::time::{Duration, Instant};

use media::LeadSignal::{Answered, Busy, HungUp, Lost, Ringing};
use tokio::runtime::Handle;

use super::desk::{Desk, trunk_at};
use super::uas::{Uas, sound};

/// The call whose phone vanishes.
const VANISHES: u32 = 52;

/// Takes calls, and does with each what its turn is, until the test ends.
async fn callee(mut uas: Uas) {
    let mut turn: u32 = 0;
    let mut waiting = std::collections::HashMap::new();
    while let Some(message) = uas.any(Duration::from_secs(600)).await {
        let call = message.header("Call-ID").to_owned();
        match message.kind() {
            "INVITE" if waiting.contains_key(&call) => {}
            "INVITE" => {
                let tag = format!("tag{turn}");
                uas.reply(&message, "180 Ringing", &tag, "", "").await;
                match turn % 4 {
                    0 | 1 => {
                        let body = sound(9);
                        uas.reply(&message, "200 OK", &tag, "", &body).await;
                    }
                    2 => uas.reply(&message, "486 Busy Here", &tag, "", "").await,
                    // It is cancelled.
                    _ => {}
                }
                waiting.insert(call, (message, tag, turn));
                turn += 1;
            }
            "ACK" => {
                if let Some((invite, tag, turn)) = waiting.get(&call).cloned()
                    && turn % 4 == 1
                {
                    uas.request(&invite, &tag, "BYE", 1).await;
                }
            }
            "CANCEL" => {
                uas.reply(&message, "200 OK", "", "", "").await;
                if let Some((invite, tag, _)) = waiting.get(&call) {
                    let status = "487 Request Terminated";
                    uas.reply(invite, status, tag, "", "").await;
                }
            }
            "BYE"
                if waiting
                    .get(&call)
                    .is_some_and(|(.., turn)| *turn == VANISHES) => {}
            "BYE" => uas.reply(&message, "200 OK", "", "", "").await,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_ending_every_way_leave_no_dialog_port_or_task() {
    let uas = Uas::start().await;
    let port = uas.port;
    let callee = tokio::spawn(callee(uas));
    let desk = Desk::with(vec![trunk_at(port)]).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    for turn in 0..=VANISHES {
        let mut call = desk.dial();
        match turn % 4 {
            _ if turn == VANISHES => call.expect(&[Ringing, Answered, Lost]).await,
            0 => {
                call.expect(&[Ringing, Answered]).await;
                call.leg.hang_up();
            }
            1 => call.expect(&[Ringing, Answered, HungUp]).await,
            2 => call.expect(&[Ringing, Busy]).await,
            _ => {
                call.expect(&[Ringing]).await;
                call.leg.hang_up();
            }
        }
        call.over().await;
    }
    let ended = Instant::now();
    desk.settled().await;
    println!("settled after {:?}", ended.elapsed());
    let deadline = Instant::now() + Duration::from_secs(10);
    // The trunk serves its socket in a task of its own, which may have begun after the count.
    while tasks() > before + 1 {
        let left = tasks() - before;
        assert!(Instant::now() < deadline, "{left} tasks are left");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    callee.abort();
}
