//! A microphone that cannot be had is said, tried again, and said to be well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use client::audio::{Discard, Microphone};
use client::{ClientError, Devices, Voice, VoiceSettings};
use mix::{Frame, Mode};
use tokio::sync::watch;

/// A microphone that another program has until it is let go.
struct Taken(Arc<AtomicBool>);

impl Microphone for Taken {
    fn open(&mut self, _now: Instant) -> Result<(), ClientError> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ClientError::Audio("another program has it".into()));
        }
        Ok(())
    }

    fn close(&mut self) {}

    fn read(&mut self, _now: Instant, _frame: &mut Frame) -> Option<Instant> {
        None
    }
}

async fn until(trouble: &mut watch::Receiver<Option<String>>, is_said: bool) -> Option<String> {
    let waiting = trouble.wait_for(|trouble| trouble.is_some() == is_said);
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    waited.expect("it is said in time").unwrap().clone()
}

#[tokio::test]
async fn a_microphone_that_cannot_be_had_is_said_and_tried_again() {
    let taken = Arc::new(AtomicBool::new(true));
    let devices = Devices::new(Taken(Arc::clone(&taken)), Discard::default());
    let voice = Voice::start(devices, &VoiceSettings::default()).unwrap();
    let mut trouble = voice.trouble();
    assert_eq!(
        *trouble.borrow(),
        None,
        "nothing is wrong before it is wanted"
    );
    voice.set_stamp(Mode::Barge);
    voice.set_microphone_open(true);
    let said = until(&mut trouble, true).await.unwrap();
    assert!(said.contains("another program has it"), "{said}");
    taken.store(false, Ordering::Relaxed);
    until(&mut trouble, false).await;

    // And a microphone that nobody wants troubles nobody.
    taken.store(true, Ordering::Relaxed);
    voice.set_microphone_open(false);
    voice.set_microphone_open(true);
    until(&mut trouble, true).await;
    voice.set_microphone_open(false);
    until(&mut trouble, false).await;
    voice.stop().await;
}
