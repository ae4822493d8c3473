//! A recording of a monitor that knows when each sample came.

use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::desk::Desk;
use crate::pulse::{RATE_HZ, amplitude_of};

/// A tone is looked for in windows this long, one a millisecond.
const WINDOW: usize = 480;
const STEP: usize = 48;
/// A tone is there when it is this loud, of 32,767: 12 dB below what is said.
const THERE: f64 = 1_000.0;
/// And it is a new one when it was not there for this long.
const APART: usize = 9_600;
/// Samples of a sound daemon come in bunches. The earliest for its number within this time says when
/// they were due.
const NEAR: usize = 48_000;

/// Between two looks for a tone.
const LOOK: Duration = Duration::from_millis(1_200);

#[derive(Default)]
struct Track {
    samples: Vec<i16>,
    /// How many samples there were, when.
    came: Vec<(usize, Instant)>,
}

/// Records what goes through a sink of the desk, until it is dropped.
pub struct Tap {
    program: Child,
    heard: Arc<Mutex<Track>>,
}

impl Tap {
    /// Both loudspeakers and microphones of the desk are sinks.
    pub fn on(desk: &Desk, sink: &str) -> Self {
        let mut program = desk
            .pulse
            .command("parec")
            .args([
                "--raw",
                "--latency-msec=5",
                "--format=s16le",
                "--channels=1",
            ])
            .arg(format!("--rate={RATE_HZ}"))
            .arg(format!("--device={sink}.monitor"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("parec runs; Debian has it in pulseaudio-utils");
        let mut pipe = program.stdout.take().expect("it was asked for");
        let heard = Arc::new(Mutex::new(Track::default()));
        let writer = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut chunk = [0; 4_096];
            let mut odd = None;
            while let Ok(length @ 1..) = pipe.read(&mut chunk) {
                let now = Instant::now();
                let mut heard = writer.lock().unwrap_or_else(PoisonError::into_inner);
                for byte in chunk.get(..length).unwrap_or_default() {
                    match odd.take() {
                        Some(low) => heard.samples.push(i16::from_le_bytes([low, *byte])),
                        None => odd = Some(*byte),
                    }
                }
                let count = heard.samples.len();
                heard.came.push((count, now));
            }
        });
        Self { program, heard }
    }

    /// When a tone began, each time that it did.
    pub fn onsets(&self, hz: f64) -> Vec<Instant> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let mut quiet_for = 0;
        let mut onsets = Vec::new();
        for (number, window) in heard.samples.windows(WINDOW).step_by(STEP).enumerate() {
            if amplitude_of(hz, window) <= THERE {
                quiet_for += STEP;
                continue;
            }
            if quiet_for >= APART {
                onsets.push(heard.when(number * STEP + WINDOW / 2));
            }
            quiet_for = 0;
        }
        onsets.into_iter().flatten().collect()
    }

    /// The first beginning of a tone after a moment; waits for it.
    pub async fn first_onset_after(&self, hz: f64, since: Instant) -> Instant {
        let deadline = Instant::now() + crate::window::PATIENCE;
        loop {
            // What looks for it must not take the processor from what is measured.
            tokio::time::sleep(LOOK).await;
            if let Some(found) = self.onsets(hz).into_iter().find(|onset| *onset > since) {
                return found;
            }
            assert!(Instant::now() < deadline, "{hz} Hz is not heard");
        }
    }
}

impl Track {
    /// When a sample was due to come.
    fn when(&self, index: usize) -> Option<Instant> {
        let near = self
            .came
            .iter()
            .filter(|(count, _)| count.abs_diff(index) < NEAR);
        near.filter_map(|(count, at)| {
            let span =
                |samples: usize| Duration::from_secs_f64(samples as f64 / f64::from(RATE_HZ));
            if *count >= index {
                at.checked_sub(span(count - index))
            } else {
                at.checked_add(span(index - count))
            }
        })
        .min()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// A moment of the page's clock (`Date.now()`) on ours.
pub fn from_page_clock(epoch_ms: f64) -> Instant {
    let (now, instant) = (SystemTime::now(), Instant::now());
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH);
    let ago = since_epoch.expect("it is after 1970").as_secs_f64() - epoch_ms / 1_000.0;
    let ago = Duration::from_secs_f64(ago.max(0.0));
    instant.checked_sub(ago).unwrap_or(instant)
}
