//! The one thread that writes every recording.
//!
//! It empties each ring every 50 ms and writes the pages that are full, half a second each: what is lost
//! when the process is killed is less than a second. Each second it has the disk take what is written.
//!
//! What the disk does not take is tried again each second, also after the call: some seconds of sound wait
//! in memory, and what comes after them is a gap in the recording.

use super::spool::{Spool, Whole};
use super::tap::{Control, drain};
use std::io;
use std::path::{Path, PathBuf};
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
    /// The tick of the first packet, with which the recording begins.
    first_tick: Option<u64>,
    /// Whether the disk did not take the last thing that it was given.
    is_failing: bool,
}

/// Writes until nobody opens any more, and what is open is done.
pub fn run(folder: &Path, opened: &Receiver<Opened>) {
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
                first_tick: None,
                is_failing: false,
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
    /// Writes what came; whether there is more to come, or to be tried again.
    fn step(&mut self, folder: &Path, is_due: bool) -> bool {
        // Looked at before the ring is emptied, so that what came last is written too.
        let is_over = self.opened.ring.is_abandoned();
        let is_tried = is_due || !self.is_failing;
        let mut written = self.write(folder, is_tried, is_due);
        if is_over && is_tried && written.is_ok() {
            match self.finish() {
                Ok(()) => return false,
                Err(error) => written = Err(error),
            }
        }
        match written {
            Err(error) if !self.is_failing => {
                tracing::error!(call_id = %self.opened.call, %error, "could not write the recording");
                self.is_failing = true;
            }
            Ok(()) if self.is_failing && is_tried => {
                tracing::info!(call_id = %self.opened.call, "the recording is being written again");
                self.is_failing = false;
            }
            _ => {}
        }
        if is_over && self.spool.is_none() {
            // There is nothing of it that could still be kept.
            self.fail();
            return false;
        }
        true
    }

    fn write(&mut self, folder: &Path, is_tried: bool, is_due: bool) -> io::Result<()> {
        let Self {
            opened,
            spool,
            first_tick,
            ..
        } = self;
        let mut result = Ok(());
        drain(&mut opened.ring, |taken| {
            let first_tick = *first_tick.get_or_insert(taken.tick);
            if spool.is_none() && is_tried && result.is_ok() {
                let at = opened.control.started_at();
                let (organization, call) = (&opened.organization, &opened.call);
                match Spool::create(folder, organization, call, at, first_tick) {
                    Ok(new) => {
                        *spool = Some(new);
                        opened.progress.send_modify(|now| now.started_at = Some(at));
                    }
                    Err(error) => result = Err(error),
                }
            }
            if let Some(spool) = spool
                && let Err(error) = spool.take(&taken)
            {
                result = Err(error);
            }
        });
        let Some(spool) = spool.as_mut().filter(|_| is_tried) else {
            return result;
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
        if self.first_tick.is_none() {
            // Nobody answered.
            return;
        }
        let at = self.opened.control.started_at();
        self.opened.progress.send_modify(|now| {
            now.started_at = Some(at);
            now.end = Some(End::Failed);
        });
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(spool) = &mut self.spool {
            let whole = spool.finish()?;
            let end = Some(End::Whole(whole));
            self.opened.progress.send_modify(|now| now.end = end);
        } else {
            self.fail();
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::{Tap, tap};
    use media::RecordingTap;
    use wire::RecordingGap;

    /// A recording that has begun, its tap, and what is told of it.
    fn recording() -> (Written, Tap, watch::Receiver<Progress>) {
        let control = Arc::new(Control::new(Arc::default()));
        let (tap, ring) = tap(control.clone());
        control.begin();
        let (progress, told) = watch::channel(Progress::default());
        let written = Written {
            opened: Opened {
                organization: OrganizationId::parse("orga_acme").unwrap(),
                call: CallId::parse("acti_1").unwrap(),
                control,
                ring,
                progress,
            },
            spool: None,
            first_tick: None,
            is_failing: false,
        };
        (written, tap, told)
    }

    fn whole(told: &watch::Receiver<Progress>) -> Whole {
        match &told.borrow().end {
            Some(End::Whole(whole)) => whole.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Some seconds of speech, each with its steps.
    fn talk(written: &mut Written, tap: &mut Tap, folder: &Path, seconds: std::ops::Range<u64>) {
        for second in seconds {
            for tick in second * 50..(second + 1) * 50 {
                tap.packet(tick, &[0xf8; 80]);
            }
            assert!(written.step(folder, true));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn r2_a_recording_goes_on_when_the_disk_takes_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut written, mut tap, told) = recording();
        talk(&mut written, &mut tap, folder.path(), 0..5);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut full = full.unwrap();
        written.spool.as_mut().unwrap().swap_file(&mut full);
        talk(&mut written, &mut tap, folder.path(), 5..65);
        assert!(written.is_failing);
        written.spool.as_mut().unwrap().swap_file(&mut full);
        talk(&mut written, &mut tap, folder.path(), 65..70);
        assert!(!written.is_failing);
        // Full again as the call ends, for a while.
        written.spool.as_mut().unwrap().swap_file(&mut full);
        drop(tap);
        assert!(written.step(folder.path(), false));
        assert!(written.step(folder.path(), true));
        assert!(told.borrow().end.is_none());
        written.spool.as_mut().unwrap().swap_file(&mut full);
        assert!(!written.step(folder.path(), true));
        let whole = whole(&told);
        assert_eq!(whole.duration_ms, crate::ogg::duration_ms(70 * 50));
        assert_eq!(whole.gaps.len(), 1);
        // What came before it was tried again is missing too.
        assert_eq!(whole.gaps[0].to_ms, 66_000);
    }

    #[test]
    fn r3_a_recording_that_could_not_begin_begins_later_with_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        let (mut written, mut tap, told) = recording();
        talk(&mut written, &mut tap, &spool, 0..3);
        assert!(written.is_failing);
        std::fs::create_dir(&spool).unwrap();
        talk(&mut written, &mut tap, &spool, 3..6);
        drop(tap);
        assert!(!written.step(&spool, false));
        let whole = whole(&told);
        assert_eq!(whole.duration_ms, crate::ogg::duration_ms(6 * 50));
        let gap = RecordingGap {
            from_ms: 0,
            to_ms: 3000,
        };
        assert_eq!(whole.gaps, [gap]);
    }

    #[test]
    fn a_recording_of_which_there_is_nothing_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere");
        let (mut written, mut tap, told) = recording();
        talk(&mut written, &mut tap, &nowhere, 0..2);
        drop(tap);
        assert!(!written.step(&nowhere, false));
        assert!(matches!(told.borrow().end, Some(End::Failed)));
    }
}
