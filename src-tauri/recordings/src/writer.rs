//! The one thread that writes every recording.
//!
//! It empties each ring every 50 ms and writes the pages that are full, half a second each: what is lost
//! when the process is killed is less than a second. Each second it has the disk take what is written.

use super::spool::{Spool, Whole};
use super::tap::{Control, drain};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use wire::{CallId, OrganizationId, Timestamp};

const DRAIN: Duration = Duration::from_millis(50);
const SYNC: Duration = Duration::from_secs(1);

/// A recording that is to be written.
pub struct Opened {
    pub organization: OrganizationId,
    pub call: CallId,
    pub control: Arc<Control>,
    pub ring: rtrb::Consumer<u8>,
    pub progress: watch::Sender<Progress>,
}

/// How far a recording is.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// When it began; none before.
    pub started_at: Option<Timestamp>,
    /// Bytes in the file that stay as they are.
    pub written: u64,
    /// How it ended.
    pub end: Option<End>,
}

/// How writing a recording ended.
#[derive(Debug, Clone)]
pub enum End {
    Whole(Whole),
    Failed,
}

struct Written {
    opened: Opened,
    spool: Option<Spool>,
    has_failed: bool,
}

/// Writes until nobody opens any more, and what is open is done.
pub fn run(folder: &std::path::Path, opened: &Receiver<Opened>) {
    let mut all: Vec<Written> = Vec::new();
    let mut synced = Instant::now();
    let mut is_open = true;
    while is_open || !all.is_empty() {
        let next = if all.is_empty() {
            opened.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            opened.recv_timeout(DRAIN)
        };
        match next {
            Ok(opened) => all.push(Written {
                opened,
                spool: None,
                has_failed: false,
            }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                is_open = false;
                std::thread::sleep(DRAIN);
            }
        }
        let is_due = synced.elapsed() >= SYNC;
        if is_due {
            synced = Instant::now();
        }
        all.retain_mut(|one| one.step(folder, is_due));
    }
}

impl Written {
    /// Writes what came; whether there is more to come.
    fn step(&mut self, folder: &std::path::Path, is_due: bool) -> bool {
        // Looked at before the ring is emptied, so that what came last is written too.
        let is_over = self.opened.ring.is_abandoned();
        if let Err(error) = self.write(folder, is_due) {
            tracing::error!(call_id = %self.opened.call, %error, "the recording cannot be written");
            self.fail();
        }
        if is_over {
            self.finish();
        }
        !is_over
    }

    fn write(&mut self, folder: &std::path::Path, is_due: bool) -> io::Result<()> {
        let Self {
            opened,
            spool,
            has_failed,
        } = self;
        let mut result = Ok(());
        drain(&mut opened.ring, |taken| {
            if *has_failed || result.is_err() {
                return;
            }
            if spool.is_none() {
                let at = opened.control.started_at();
                match Spool::create(folder, &opened.organization, &opened.call, at) {
                    Ok(new) => {
                        *spool = Some(new);
                        opened.progress.send_modify(|now| now.started_at = Some(at));
                    }
                    Err(error) => result = Err(error),
                }
            }
            if let Some(spool) = spool {
                spool.take(&taken);
            }
        });
        result?;
        let Some(spool) = spool else {
            return Ok(());
        };
        spool.write()?;
        if is_due {
            spool.sync()?;
        }
        let written = spool.written();
        opened.progress.send_if_modified(|now| {
            let is_news = now.written != written;
            now.written = written;
            is_news
        });
        Ok(())
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.spool = None;
        let at = self.opened.control.started_at();
        self.opened.progress.send_modify(|now| {
            now.started_at = Some(at);
            now.end = Some(End::Failed);
        });
    }

    fn finish(&mut self) {
        let Some(spool) = self.spool.take() else {
            return;
        };
        match spool.finish() {
            Ok(whole) => self
                .opened
                .progress
                .send_modify(|now| now.end = Some(End::Whole(whole))),
            Err(error) => {
                tracing::error!(call_id = %self.opened.call, %error, "the recording cannot be ended");
                self.fail();
            }
        }
    }
}

/// Starts the thread.
///
/// # Errors
/// When the system gives no further thread.
pub fn start(folder: PathBuf, opened: Receiver<Opened>) -> io::Result<()> {
    std::thread::Builder::new()
        .name("recordings".into())
        .spawn(move || run(&folder, &opened))?;
    Ok(())
}
