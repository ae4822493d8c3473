//! The whole product as people have it: real apps in real windows, with microphones and loudspeakers
//! of a private sound daemon, driven by WebDriver, on a screen that nobody sees. Pictures of every
//! page and state are kept in `target/screens`.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "so does a test fail"
)]
#![cfg(target_os = "linux")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../src-tauri/sound/tests/pulse/mod.rs"]
mod pulse;
#[path = "../reconnect/relay.rs"]
#[allow(dead_code, reason = "each test program uses its part")]
mod relay;

mod company;
mod desk;
mod devices;
mod disks;
mod first_hour;
mod inbound;
mod key_ring;
mod leaving;
mod links;
mod local;
mod names;
mod organization;
mod outage;
mod page_dies;
mod pages;
mod phone;
mod recordings;
mod room;
mod slow;
mod story;
mod tones;
#[path = "../../src-tauri/media/tests/common/waits.rs"]
mod waits;
mod window;
