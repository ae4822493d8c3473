//! A person of the demonstration: a session, a microphone that speaks on cue, and an ear.

use crate::DemoError;
use crate::tape::Track;
use client::audio::{Loudspeaker, Microphone};
use client::{ClientError, Devices, MediaStatus, Session, Settings};
use mix::{FRAME_MS, Frame, SILENCE};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use voice::level_dbov;
use wire::UserId;

const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// How long anything of the demonstration may take that is not speech.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One person who takes part with a client of their own.
pub struct Actor {
    /// The given name, by which the tables call them.
    pub name: &'static str,
    pub user_id: UserId,
    pub session: Session,
    pub mouth: Mouth,
    /// What came out of their loudspeaker.
    pub heard: Track,
}

impl Actor {
    /// Signs in with the demonstration's password and waits until events come.
    ///
    /// # Errors
    /// [`DemoError`] when the service refuses or does not answer.
    pub async fn sign_in(server: &str, name: &'static str) -> Result<Self, DemoError> {
        let session = Session::start(Settings::new(server))?;
        let user_id = session
            .sign_in(&format!("{name}@demo.example"), "demo-password")
            .await?;
        let online = session
            .wait_until(|view| view.connection == client::Connection::Online && view.me.is_some());
        in_time("a client to come online", online).await??;
        Ok(Self {
            name,
            user_id,
            session,
            mouth: Mouth::default(),
            heard: Track::default(),
        })
    }

    /// The devices through which this person speaks and hears.
    #[must_use]
    pub fn devices(&self) -> Devices {
        let microphone = CuedMicrophone {
            mouth: self.mouth.clone(),
            next: None,
        };
        Devices::new(
            microphone,
            Ear {
                heard: self.heard.clone(),
                next: None,
            },
        )
    }

    /// Waits until sound flows.
    ///
    /// # Errors
    /// [`DemoError::TimedOut`].
    pub async fn connected(&self) -> Result<(), DemoError> {
        let connected = self
            .session
            .wait_until(|view| view.media == MediaStatus::Connected);
        in_time("the sound of a client", connected).await??;
        Ok(())
    }
}

/// Waits for something, but not forever.
///
/// # Errors
/// [`DemoError::TimedOut`] with these words.
pub async fn in_time<T>(
    what: &'static str,
    future: impl Future<Output = T>,
) -> Result<T, DemoError> {
    tokio::time::timeout(PATIENCE, future)
        .await
        .map_err(|_| DemoError::TimedOut(what))
}

/// What a person is about to say, and how loud they speak.
#[derive(Debug, Clone, Default)]
pub struct Mouth(Arc<Mutex<Speech>>);

#[derive(Debug, Default)]
struct Speech {
    pending: VecDeque<i16>,
    captured_frames: u64,
    level_dbov: i8,
}

impl Mouth {
    /// Says this next. With a closed microphone it is said to no one, and not kept for later.
    pub fn say(&self, samples: &[i16]) {
        self.lock().pending.extend(samples);
    }

    pub fn hush(&self) {
        self.lock().pending.clear();
    }

    /// Whether something is still to be said.
    #[must_use]
    pub fn speaking(&self) -> bool {
        !self.lock().pending.is_empty()
    }

    /// Frames that an open microphone captured so far: none as long as a coach listens (M4).
    #[must_use]
    pub fn captured_frames(&self) -> u64 {
        self.lock().captured_frames
    }

    /// The level of the newest captured frame, in dBov.
    #[must_use]
    pub fn level_dbov(&self) -> i8 {
        let speech = self.lock();
        if speech.captured_frames == 0 {
            -127
        } else {
            speech.level_dbov
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Speech> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct CuedMicrophone {
    mouth: Mouth,
    next: Option<Instant>,
}

impl Microphone for CuedMicrophone {
    fn open(&mut self, now: Instant) -> Result<(), ClientError> {
        self.next = Some(now + FRAME);
        Ok(())
    }

    fn close(&mut self) {
        self.next = None;
        self.mouth.lock().level_dbov = -127;
    }

    fn read(&mut self, now: Instant, frame: &mut Frame) -> Option<Instant> {
        let end = self.next.filter(|end| *end <= now)?;
        self.next = Some(end + FRAME);
        let mut speech = self.mouth.lock();
        *frame = SILENCE;
        let count = frame.len().min(speech.pending.len());
        for (sample, said) in frame.iter_mut().zip(speech.pending.drain(..count)) {
            *sample = said;
        }
        speech.captured_frames += 1;
        speech.level_dbov = level_dbov(frame);
        Some(end)
    }
}

struct Ear {
    heard: Track,
    next: Option<Instant>,
}

impl Loudspeaker for Ear {
    fn wants(&mut self, now: Instant) -> bool {
        let next = *self.next.get_or_insert(now);
        let wants = next <= now;
        if wants {
            self.next = Some(next + FRAME);
        }
        wants
    }

    fn play(&mut self, frame: &Frame) {
        self.heard.extend(frame);
    }
}
