//! Leads on telephones behind a SIP trunk: how quickly their calls are set up, and what they cost.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;
use voice::EncoderSettings;

use crate::api::User;
use crate::cpu::CpuWatch;
use crate::error::BenchError;
use crate::figure::{Figure, rounded};
use crate::ramp::{Lead, Ramp, Shape, Window};
use crate::service::{Service, Setting, member};
use crate::sipp::{Seen, Sipp};

/// Simultaneous calls, each with its own rep: a person has only one.
const CALLS: usize = 1_000;
/// Two hundred are placed each second.
const EVERY: Duration = Duration::from_millis(5);
/// From the last call placed to the last answered; less than a lead waits for a rep without sound.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// How often what `sipp` noted is read.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How long they are watched once all are answered.
const STAND: Duration = Duration::from_secs(2);
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Rep and lead, on one media worker.
const PHONES: Shape = Shape {
    name: "phones_per_core",
    coaches: 0,
    step: 16,
    calls_max: 256,
    lead: Lead::Phone,
    workers: 1,
};
/// How many calls of both kinds are compared.
const COMPARED: usize = 32;
/// The fewest packets a second that everyone must get.
const PACKETS_PER_S_MIN: f64 = 49.0;

/// A thousand calls, two hundred a second, to a `sipp` that answers them.
pub fn set_up(encoding: &EncoderSettings, cores: usize) -> Result<Vec<Figure>, BenchError> {
    let sipp = Sipp::start(CALLS)?;
    let setting = Setting {
        trunk_port: Some(sipp.port),
        ..Setting::default()
    };
    let service = Service::start_set(CALLS, encoding, setting)?;
    let api = &service.api;
    // The cost of recording belongs to another figure.
    api.stop_recording(&api.sign_in("admin@demo.example")?)?;
    let reps: Vec<User> = (1..=CALLS)
        .map(|number| api.sign_in(&member(number)))
        .collect::<Result<_, _>>()?;
    let first = reps
        .first()
        .ok_or_else(|| BenchError::Unexpected("there are no reps".into()))?;
    let dialling = api.dialling(first)?;

    let watch = CpuWatch::start(service.pid())?;
    let own = CpuWatch::start(std::process::id())?;
    let began_s = epoch_s();
    let placed = api.place_all(&reps, &dialling, EVERY);
    let seen = answered(&sipp, placed.calls.len())?;
    let (cpu, own) = (watch.share()?, own.share()?);
    let stood = api.metrics()?.get("calls").unwrap_or(0.0) as usize;
    let standing = CpuWatch::start(service.pid())?;
    std::thread::sleep(STAND);
    let standing = standing.share()?;

    for (at, call) in &placed.calls {
        if let Some(rep) = reps.get(*at) {
            api.hang_up(rep, call)?;
        }
    }
    let failed = CALLS.saturating_sub(stood.min(seen.answered));
    if failed > 0 {
        let refusal = placed.refusal.map(|error| error.to_string());
        return Err(BenchError::Unexpected(format!(
            "of {CALLS} calls over a trunk {} were placed, {} reached it, {} were answered there and \
             {stood} stood; the first refusal: {refusal:?}",
            placed.calls.len(),
            seen.invited,
            seen.answered,
        )));
    }
    sipp.ended_well(END_TIMEOUT)?;
    let took_s = seen.last_answered_s - began_s;
    let asked_s = placed.asked_in.as_secs_f64();
    let settings = json!({
        "calls": CALLS, "failed": failed, "placed": "over HTTP, each by a rep of its own who is signed in",
        "wanted_per_s": 1.0 / EVERY.as_secs_f64(), "asked_in_s": rounded(asked_s),
        "callee": "sipp, which rings and answers at once, over UDP on loopback; it makes no sound, so it is asked whether it is there",
        "no_client_is_connected": true, "recorded": false, "cores": cores,
        "load_and_sipp_share_the_cores": true,
    });
    let with = |more: serde_json::Value| {
        let mut all = settings.clone();
        if let (Some(all), serde_json::Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    Ok(vec![
        Figure {
            name: "sip_calls_per_s",
            value: CALLS as f64 / took_s,
            unit: "calls a second",
            settings: with(json!({
                "from": "the first request", "to": "sipp has the last ACK",
                "load_core_percent": rounded(own.core_percent),
            })),
        },
        Figure {
            name: "sip_last_answered_ms",
            value: 1000.0 * (took_s - asked_s).max(0.0),
            unit: "ms",
            settings: with(json!({
                "from": "the last request", "to": "sipp has the last ACK",
                "slowest_from_invite_to_ack_ms": rounded(1000.0 * seen.slowest_s),
            })),
        },
        Figure {
            name: "sip_set_up_cpu_ms",
            value: 10.0 * cpu.core_percent * cpu.window_s / CALLS as f64,
            unit: "ms of a core, a call",
            settings: with(json!({
                "of_the_service": "HTTP, store, SIP, and the ticks of calls that stand meanwhile",
                "core_percent_meanwhile": rounded(cpu.core_percent),
                "core_percent_while_all_stand": rounded(standing.core_percent),
            })),
        },
    ])
}

/// How many calls hold on one worker, and what one costs compared with a simulated lead.
pub fn density(encoding: &EncoderSettings, cores: usize) -> Result<Vec<Figure>, BenchError> {
    let simulated = Measured::of(
        Shape {
            lead: Lead::Simulated,
            ..PHONES
        },
        encoding,
    )?;
    let phones = Measured::of(PHONES, encoding)?;
    let settings = json!({
        "parties": "a rep over WebRTC and a lead on a telephone", "talking": "both, all the time",
        "codec": "G.711 A-law, plain RTP on loopback", "recorded": true, "workers": PHONES.workers,
        "bitrate_bps": encoding.bitrate_bps, "complexity": encoding.complexity, "fec": phones.compared.fec,
        "cores": cores, "load_shares_the_cores": true,
    });
    let with = |more: serde_json::Value| {
        let mut all = settings.clone();
        if let (Some(all), serde_json::Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let percent = |window: Option<Window>| {
        window.map_or_else(String::new, |window| rounded(window.service.core_percent))
    };
    let own = phones.compared.service.core_percent;
    let theirs = simulated.compared.service.core_percent;
    Ok(vec![
        Figure {
            name: PHONES.name,
            value: phones.held as f64,
            unit: "calls",
            settings: with(json!({
                "not_held": "a tick over 20 ms late, or skipped, in two windows in a row",
                "tried_at_most": PHONES.calls_max, "service_core_percent": percent(phones.last_held),
                "with_simulated_leads": simulated.held,
                "with_simulated_leads_core_percent": percent(simulated.last_held),
            })),
        },
        Figure {
            name: "phone_call_core_percent",
            value: own / COMPARED as f64,
            unit: "% of one core, a call",
            settings: with(json!({
                "calls": COMPARED, "service_core_percent": rounded(own),
                "load_core_percent": rounded(phones.compared.load.core_percent),
                "late_ticks": phones.compared.late,
                "phones_missed_packets": phones.compared.phones.map(|traffic| traffic.missing),
            })),
        },
        Figure {
            name: "phone_cpu_ratio",
            value: own / theirs,
            unit: "times a simulated lead's",
            settings: with(json!({
                "calls": COMPARED, "with_simulated_leads_core_percent": rounded(theirs),
            })),
        },
    ])
}

struct Measured {
    compared: Window,
    held: usize,
    last_held: Option<Window>,
}

impl Measured {
    fn of(shape: Shape, encoding: &EncoderSettings) -> Result<Self, BenchError> {
        let mut ramp = Ramp::start(shape, encoding)?;
        let compared = ramp.hold(COMPARED)?;
        check(&compared, shape.lead)?;
        let (held, last_held) = ramp.most()?;
        Ok(Self {
            compared,
            held,
            last_held,
        })
    }
}

/// Whether all calls had sound both ways.
fn check(window: &Window, lead: Lead) -> Result<(), BenchError> {
    let wanted = PACKETS_PER_S_MIN * window.service.window_s;
    let phones = window.phones.unwrap_or_default();
    let is_sound = match lead {
        Lead::Simulated => true,
        Lead::Phone => {
            phones.phones == COMPARED
                && phones.received_min as f64 >= wanted
                && phones.sent as f64 >= wanted * COMPARED as f64
        }
    };
    if is_sound && window.received_min as f64 >= wanted {
        return Ok(());
    }
    Err(BenchError::Unexpected(format!(
        "in {:.1} s of {COMPARED} calls a rep's client got {} packets, and of the telephones {phones:?}",
        window.service.window_s, window.received_min
    )))
}

/// Waits until this many calls were answered, or gives up. Returns what `sipp` saw.
fn answered(sipp: &Sipp, calls: usize) -> Result<Seen, BenchError> {
    let until = Instant::now() + ANSWER_TIMEOUT;
    loop {
        let seen = sipp.seen()?;
        if seen.answered >= calls || Instant::now() > until {
            return Ok(seen);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The clock that `sipp` logs.
fn epoch_s() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
