//! A program under measurement: a process of ours that ends when its guard is dropped.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::BenchError;

/// How long a program may take to end by itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// A running process. It is ended on drop, on whatever way the measurement ends.
#[derive(Debug)]
pub struct Program {
    child: Child,
}

impl Program {
    /// Starts it without input; its output is what `command` says.
    pub fn start(command: &mut Command) -> Result<Self, BenchError> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(BenchError::system(format!("start {name}")))?;
        Ok(Self { child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its output, once, when it is piped.
    pub fn take_stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for it to end by itself; whether it did, and well.
    pub fn ends_well(&mut self, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        while self.runs() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        matches!(self.child.try_wait(), Ok(Some(status)) if status.success())
    }

    pub fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let until = Instant::now() + STOP_TIMEOUT;
        while self.runs() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
