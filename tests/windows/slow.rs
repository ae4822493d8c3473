//! A story whose sound did not come fails, unless the machine was too slow for it.

use std::future::Future;
use std::panic::resume_unwind;

use tokio::task::{LocalSet, spawn_local};

use crate::waits::Waits;

/// What carries sound: the apps, the sound daemon, and what speaks and listens beside it. The service is
/// in this process.
const PROGRAMS: &[&str] = &["call-coaching", "pulseaudio", "pacat", "parec"];

/// From now on.
pub fn waits() -> Waits {
    Waits::of(PROGRAMS)
}

/// Carried out of a story by [`give_up`].
struct TooSlow(String);

/// Ends a story: it failed, unless the machine was too slow to judge.
pub fn give_up(why: &str, waits: &Waits) -> ! {
    match waits.too_slow() {
        Some(slow) => resume_unwind(Box::new(TooSlow(format!("{why}; {slow}")))),
        None => panic!("{why}"),
    }
}

/// Runs a story. If this machine turns out to be too slow for its sound, that is said, and nothing is
/// judged.
pub async fn judged(story: impl Future<Output = ()> + 'static) {
    let local = LocalSet::new();
    let ended = local.run_until(async { spawn_local(story).await }).await;
    let Err(error) = ended else {
        return;
    };
    match error.into_panic().downcast::<TooSlow>() {
        Ok(slow) => println!("too slow to judge: {}", slow.0),
        Err(failed) => resume_unwind(failed),
    }
}
