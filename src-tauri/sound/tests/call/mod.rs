//! A call without a network: what the client's voice path does with microphone and loudspeaker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use client::audio::{Loudspeaker, Microphone};
use mix::{FRAME_SAMPLES, Frame, SILENCE};
use sound::SoundCard;

use crate::pulse::{amplitude_of, tone, until};

/// What the tests speak, and what they play.
pub const SPOKEN_HZ: f64 = 700.0;
pub const PLAYED_HZ: f64 = 1000.0;
pub const AMPLITUDE: f64 = 8000.0;
/// A fifth of a second.
pub const SPAN: usize = 9600;

/// A call: reads the microphone while it is open, and plays a tone, as the client's voice path does.
pub struct Call {
    heard: Arc<Mutex<Vec<(Instant, Frame)>>>,
    played: Arc<Mutex<u64>>,
    open: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Call {
    /// Starts it with the microphone closed.
    pub fn start(card: &SoundCard) -> Self {
        let mut microphone = card.microphone();
        let mut loudspeaker = card.loudspeaker();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let played = Arc::new(Mutex::new(0));
        let open = Arc::new(AtomicBool::new(false));
        let over = Arc::new(AtomicBool::new(false));
        let mut call = Self {
            heard: Arc::clone(&heard),
            played: Arc::clone(&played),
            open: Arc::clone(&open),
            over: Arc::clone(&over),
            thread: None,
        };
        let sound = tone(PLAYED_HZ, AMPLITUDE, 1.0);
        let thread = thread::spawn(move || {
            let mut frames = sound.as_chunks::<FRAME_SAMPLES>().0.iter().cycle();
            let mut is_open = false;
            while !over.load(Ordering::Relaxed) {
                let now = Instant::now();
                let wanted = open.load(Ordering::Relaxed);
                if wanted && !is_open {
                    microphone.open(now).expect("the card answers");
                } else if is_open && !wanted {
                    microphone.close();
                }
                is_open = wanted;
                let mut frame = SILENCE;
                while let Some(end) = microphone.read(now, &mut frame) {
                    let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                    heard.push((end, frame));
                }
                while loudspeaker.wants(now) {
                    loudspeaker.play(frames.next().expect("it goes round"));
                    *played.lock().unwrap_or_else(PoisonError::into_inner) += 1;
                }
                thread::sleep(Duration::from_millis(10));
            }
        });
        call.thread = Some(thread);
        call
    }

    /// Opens or closes the microphone.
    pub fn open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// What was captured, and when.
    pub fn frames(&self) -> Vec<(Instant, Frame)> {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was captured.
    pub fn forget(&self) {
        let heard = self.heard.lock();
        heard.unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How many frames were played.
    pub fn played(&self) -> u64 {
        *self.played.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the last fifth of a second is the spoken tone.
    pub fn hears_the_tone(&self) {
        until("the tone is captured", || {
            let samples: Vec<i16> = self.frames().iter().flat_map(|(_, f)| *f).collect();
            samples
                .last_chunk::<SPAN>()
                .is_some_and(|span| amplitude_of(SPOKEN_HZ, span) > 0.7 * AMPLITUDE)
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
