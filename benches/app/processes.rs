//! An app and its WebKit processes, as the kernel sees them (proc(5)).

use std::fs;
use std::path::Path;
use std::time::Duration;

/// What `/proc/PID/stat` says that is used here. Times are in hundredths of a second: `USER_HZ` is 100
/// on every Linux there is a binary for.
struct Stat {
    parent: u32,
    spent: u64,
    started: u64,
}

/// A running app, by its process.
pub struct App(u32);

impl App {
    /// The one of this build with this profile.
    pub fn of(profile: &str) -> Self {
        let program = Path::new(env!("CARGO_BIN_EXE_call-coaching"));
        let found = processes().into_iter().find(|pid| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut arguments = arguments.split(|byte| *byte == 0);
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)
                && arguments.any(|argument| argument == profile.as_bytes())
        });
        Self(found.unwrap_or_else(|| panic!("no app with the profile {profile} runs")))
    }

    /// How long it runs.
    pub fn age(&self) -> Duration {
        let uptime = fs::read_to_string("/proc/uptime").expect("proc is there");
        let uptime = uptime.split(' ').next().and_then(|text| text.parse().ok());
        let started = stat(self.0).expect("the app runs").started;
        let up = Duration::from_secs_f64(uptime.expect("a number"));
        up.saturating_sub(Duration::from_millis(10 * started))
    }

    /// Processor time so far, of all its processes.
    pub fn spent(&self) -> Duration {
        let all = self.all();
        let hundredths = all.iter().filter_map(|pid| stat(*pid)).map(|it| it.spent);
        Duration::from_millis(10 * hundredths.sum::<u64>())
    }

    /// Memory of all its processes; what several share is counted in parts.
    pub fn memory_mib(&self) -> f64 {
        let all = self.all();
        let kib = all.iter().map(|pid| {
            let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
            kib.unwrap_or_else(|| panic!("no memory of {pid} can be read"))
        });
        kib.sum::<f64>() / 1_024.0
    }

    /// The app's process and all below it.
    fn all(&self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = processes()
            .into_iter()
            .filter_map(|pid| Some((pid, stat(pid)?.parent)))
            .collect();
        let mut all = vec![self.0];
        let mut next = 0;
        while let Some(parent) = all.get(next).copied() {
            all.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent)
                    .map(|(pid, _)| *pid),
            );
            next += 1;
        }
        all
    }
}

fn processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("proc is there").flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in brackets, and may hold anything; what follows starts with field 3.
    let (_, after_name) = text.rsplit_once(')')?;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(4)?).ok()?,
        spent: number(14)? + number(15)?,
        started: number(22)?,
    })
}
