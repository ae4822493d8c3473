//! Whether this machine could carry sound at all: how long the threads that carry it waited for a core.
//!
//! A thread that waits sends, captures and plays late, whatever it does. Then nothing can be said of what
//! was heard. It knows nothing of this workspace, so that every test of it can take it in by `#[path]`.
#![allow(
    dead_code,
    reason = "each test that takes this in uses another part of it"
)]

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

/// Sound skips when a thread waits for a core in more than a tenth of the time.
const WAITED_MAX: f64 = 0.1;

/// How long each thread had waited for a core by some moment, as the kernel counts it.
pub struct Waits {
    programs: &'static [&'static str],
    at: Instant,
    waited: HashMap<String, Duration>,
}

impl Waits {
    /// From now on: those of this process, and of all programs of these names.
    pub fn of(programs: &'static [&'static str]) -> Self {
        Self {
            programs,
            at: Instant::now(),
            waited: waited(programs),
        }
    }

    /// Which thread has waited for so long since then that nothing can be judged, if any.
    pub fn too_slow(&self) -> Option<String> {
        let passed = self.at.elapsed();
        let since = |(thread, now): (String, Duration)| {
            let before = self.waited.get(&thread)?;
            Some((now.checked_sub(*before)?, thread))
        };
        let (longest, thread) = waited(self.programs).into_iter().filter_map(since).max()?;
        let is_slow = longest.as_secs_f64() > WAITED_MAX * passed.as_secs_f64();
        is_slow.then(|| format!("{thread} waited {longest:.1?} of {passed:.1?} for a core"))
    }
}

fn waited(programs: &[&str]) -> HashMap<String, Duration> {
    let own = std::process::id().to_string();
    let named = |process: &String| {
        let name = fs::read_to_string(format!("/proc/{process}/comm"));
        *process == own || name.is_ok_and(|name| programs.contains(&name.trim_end()))
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(named)
        .flat_map(|process| {
            let threads = fs::read_dir(format!("/proc/{process}/task"));
            threads.into_iter().flatten().flatten()
        })
        .filter_map(|thread| {
            // Time on a core, time of waiting for one, and how often (proc_pid_schedstat(5)).
            let counts = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let waited_ns = counts.split(' ').nth(1)?.parse().ok()?;
            let name = fs::read_to_string(thread.path().join("comm")).ok()?;
            let thread = format!("{} of {}", name.trim_end(), thread.path().display());
            Some((thread, Duration::from_nanos(waited_ns)))
        })
        .collect()
}
