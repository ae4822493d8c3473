//! Measures the service on this machine, and Janus beside it.
//!
//! The service runs as a process of its own and is measured from outside: its processor time by the
//! kernel, its ticks by its own counters, what it delivers by its clients. `bench` knows nothing of how
//! the service works, and contains no figures: what could not be measured is left out, and the exit
//! code says so.
//!
//! ```text
//! bench ── HTTP ──▶ service            one process, watched by /proc
//!   └ load: str0m clients ── DTLS-SRTP ──▶ its media workers
//!   └ callee: telephones ◀── SIP, RTP ── its trunk
//! bench ── Unix socket, RTP ──▶ janus  one process, watched the same way
//! ```

mod api;
mod batch;
mod call100;
mod callee;
mod cpu;
mod criterion;
mod error;
mod figure;
mod import;
mod janus;
mod load;
mod metrics;
mod mouth;
mod peer;
mod phones;
mod program;
mod quantile;
mod ramp;
mod service;
mod sipp;
mod speech;
mod switch;
mod tally;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;
use voice::EncoderSettings;

use crate::error::BenchError;
use crate::figure::{Figure, rounded};

/// A part that can be measured on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PartName {
    /// One call of 100.
    Call100,
    /// One call of 100, compared with Janus.
    Janus,
    /// How many calls of three one machine can hold.
    Calls3,
    /// How many calls of 100 one machine can hold.
    Calls100,
    /// The time from a click on a mode to its effect.
    Switch,
    /// Leads on telephones, behind a SIP trunk.
    Phones,
    /// An import of 100,000 leads.
    Import,
}

/// Measures the service on this machine. Prints a table and writes the same figures to a file.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Flags {
    /// Measure only these parts, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<PartName>,
    /// Write the figures to this file, as JSON [default: bench.json in the target folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How long to watch one call of 100, and Janus, in seconds.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(5..=120))]
    window_s: u64,
    /// The bit rate of each compared encoder, in bits per second.
    #[arg(long, default_value_t = 32_000, value_parser = clap::value_parser!(u32).range(6_000..=128_000))]
    bitrate_bps: u32,
    /// The complexity of each compared encoder.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=10))]
    complexity: u8,
    /// The packet loss that each encoder prepares for at all times. With 0 there's no FEC, since none is
    /// lost here.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=20))]
    expected_loss_percent: u8,
}

impl Flags {
    fn wants(&self, part: PartName) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn encoding(&self) -> EncoderSettings {
        EncoderSettings {
            bitrate_bps: self.bitrate_bps,
            complexity: self.complexity,
            fec: self.expected_loss_percent > 0,
            expected_loss_percent: self.expected_loss_percent,
        }
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    let mut figures = Vec::new();
    let failures = measure(&flags, &mut figures);
    let target = target_folder();
    say(&criterion::table(&criterion::estimates(&target)));
    say(&figure::table(&figures));
    let out = flags.out.unwrap_or_else(|| target.join("bench.json"));
    let mut code = ExitCode::SUCCESS;
    for failure in failures
        .into_iter()
        .chain(figure::write_json(&figures, &out).err())
    {
        say(&format!("not measured: {failure}"));
        code = ExitCode::FAILURE;
    }
    say(&format!("written to {}", out.display()));
    code
}

/// Measures part by part. A part that fails leaves the others their turn.
fn measure(flags: &Flags, figures: &mut Vec<Figure>) -> Vec<BenchError> {
    raise_file_limit();
    let encoding = flags.encoding();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failures = Vec::new();
    let mut take = |result: Result<Vec<Figure>, BenchError>| match result {
        Ok(measured) => figures.extend(measured),
        Err(error) => failures.push(error),
    };
    if flags.wants(PartName::Call100) || flags.wants(PartName::Janus) {
        take(one_call_and_peer(flags, &encoding, cores));
    }
    for (part, shape) in [
        (PartName::Calls3, ramp::CALLS_OF_3),
        (PartName::Calls100, ramp::CALLS_OF_100),
    ] {
        if flags.wants(part) {
            say(&format!("adding calls of {}…", shape.coaches + 2));
            take(ramp::run(&shape, &encoding, cores).map(|figure| vec![figure]));
        }
    }
    if flags.wants(PartName::Switch) {
        say("switching modes…");
        take(switch::run(&encoding, cores).map(|figure| vec![figure]));
    }
    if flags.wants(PartName::Phones) {
        say("a thousand calls over a trunk…");
        take(phones::set_up(&encoding, cores));
        say("adding calls with telephones…");
        take(phones::density(&encoding, cores));
    }
    if flags.wants(PartName::Import) {
        say("importing 100,000 leads…");
        take(import::run(&encoding, cores));
    }
    failures
}

fn one_call_and_peer(
    flags: &Flags,
    encoding: &EncoderSettings,
    cores: usize,
) -> Result<Vec<Figure>, BenchError> {
    let window = Duration::from_secs(flags.window_s);
    let theirs = if flags.wants(PartName::Janus) {
        say("100 people in a Janus room…");
        let theirs = janus::run(call100::PARTIES, encoding, window)?;
        let percent = rounded(theirs.cpu.core_percent);
        say(&format!("  it takes {percent} % of one core"));
        Some(theirs)
    } else {
        None
    };
    say("one call of 100…");
    let ours = call100::run(encoding, window, cores)?;
    let mut figures = ours.figures;
    if let Some(theirs) = theirs {
        let ours_each = ours.cpu.core_percent / call100::RECEIVERS as f64;
        let theirs_each = theirs.cpu.core_percent / call100::PARTIES as f64;
        figures.push(Figure {
            name: "janus_cpu_ratio",
            value: theirs_each / ours_each,
            unit: "times ours, a listener",
            settings: json!({
                "peer": "Janus AudioBridge, plain RTP, not encrypted", "parties": call100::PARTIES, "talking": 2,
                "bitrate_bps": encoding.bitrate_bps, "complexity": encoding.complexity, "fec": ours.fec,
                "expected_loss_percent": encoding.expected_loss_percent, "window_s": rounded(theirs.cpu.window_s),
                "cores": cores, "janus_core_percent": rounded(theirs.cpu.core_percent),
                "ours_core_percent": rounded(ours.cpu.core_percent),
                "janus_packets_per_s_at_least": rounded(theirs.packets_per_s_min),
                "janus_packets_missing": theirs.packets_missing, "janus_heard_dbov": rounded(theirs.heard_dbov),
                "janus_heard_bps": theirs.heard_bps.round(),
            }),
        });
    }
    Ok(figures)
}

/// Every client of the load has a socket.
fn raise_file_limit() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // If it is refused, a part that needs more will fail and say so.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

/// The folder that holds this program's build: `target`, unless cargo was told otherwise.
fn target_folder() -> PathBuf {
    let this = std::env::current_exe().ok();
    this.as_deref()
        .and_then(Path::parent)
        .and_then(Path::parent)
        .map_or_else(|| "target".into(), Path::to_owned)
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // No one may be left to read it.
    let _ = writeln!(out, "{}", text.trim_end());
}
