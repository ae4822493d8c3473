//! The processor time of a process, from `/proc/PID/stat` (proc(5)).

use std::time::{Duration, Instant};

use crate::error::BenchError;

/// Processor time of a process between two moments.
#[derive(Debug)]
pub struct CpuWatch {
    pid: u32,
    started: Instant,
    spent_at_start: Duration,
}

/// What a process took of one core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuShare {
    /// Percent of one core, user and system together.
    pub core_percent: f64,
    /// Over how long, in seconds.
    pub window_s: f64,
}

impl CpuWatch {
    /// Starts to watch a process, all its threads.
    pub fn start(pid: u32) -> Result<Self, BenchError> {
        Ok(Self {
            pid,
            started: Instant::now(),
            spent_at_start: spent(pid)?,
        })
    }

    /// What it took since.
    pub fn share(&self) -> Result<CpuShare, BenchError> {
        let window_s = self.started.elapsed().as_secs_f64();
        let spent = spent(self.pid)?.saturating_sub(self.spent_at_start);
        Ok(CpuShare {
            core_percent: 100.0 * spent.as_secs_f64() / window_s,
            window_s,
        })
    }
}

fn spent(pid: u32) -> Result<Duration, BenchError> {
    let path = format!("/proc/{pid}/stat");
    let text =
        std::fs::read_to_string(&path).map_err(BenchError::system(format!("read {path}")))?;
    parse_spent(&text).ok_or_else(|| BenchError::Unexpected(format!("{path} is not as in proc(5)")))
}

/// User and system time of the fields `utime` and `stime`, which count hundredths of a second
/// (`USER_HZ` is 100 on every Linux there is a binary for).
fn parse_spent(stat: &str) -> Option<Duration> {
    // The second field is the name in brackets, and may hold anything, brackets and blanks too.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    // What follows the name starts with field 3; utime is 14 and stime 15.
    let utime: u64 = fields.nth(14 - 3)?.parse().ok()?;
    let stime: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis(10 * utime.checked_add(stime)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_are_fields_14_and_15_whatever_the_name_holds() {
        let rest = "S 1 2 3 0 -1 4194304 100 0 0 0 250 75 9 9 20 0 7 0 192492 3133440 414";
        for name in ["service", "a b", "x) 1 2 (y", ""] {
            assert_eq!(
                parse_spent(&format!("4242 ({name}) {rest}")),
                Some(Duration::from_millis(3250))
            );
        }
    }

    #[test]
    fn what_is_not_such_a_file_gives_nothing() {
        assert_eq!(parse_spent(""), None);
        assert_eq!(parse_spent("1 (a) S 1 2 3"), None);
        assert_eq!(parse_spent("1 (a) S 1 2 3 0 -1 4 1 0 0 0 x 75"), None);
    }

    #[test]
    fn a_process_that_works_is_seen_to_work() {
        let watch = CpuWatch::start(std::process::id()).unwrap();
        let until = Instant::now() + Duration::from_millis(200);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        assert!(watch.share().unwrap().core_percent > 1.0);
    }
}
