//! One call of 100: the rep and the simulated lead talk all the time, 98 coaches listen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mix::Frame;
use serde_json::json;
use voice::EncoderSettings;

use crate::cpu::{CpuShare, CpuWatch};
use crate::error::BenchError;
use crate::figure::{Figure, rounded};
use crate::load::{Load, LoadReport};
use crate::mouth::{self, Ear, Mouth, Words};
use crate::peer::{Offer, Part, certificate};
use crate::quantile::percentile;
use crate::service::{Service, member};
use crate::speech;

/// Everyone, including rep and lead (J2).
pub const PARTIES: usize = 100;
/// The listeners.
pub const COACHES: usize = PARTIES - 2;
/// Everyone who gets packets from the service: all but the simulated lead, who lives in it.
pub const RECEIVERS: usize = PARTIES - 1;
/// Coaches who decode what they hear; the others count.
const SAMPLED: usize = 4;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
/// From connected to measured: jitter buffers settle.
const WARM_UP: Duration = Duration::from_secs(3);
/// The length of what the rep says over and over.
const SPEECH_S: u32 = 20;
/// How many of the spoken pieces must be found for the delay to mean something.
const FOUND_PERCENT_MIN: usize = 80;

pub struct Call100 {
    /// The service's processor time.
    pub cpu: CpuShare,
    /// Whether packets carried copies of the frame before them.
    pub fec: bool,
    pub figures: Vec<Figure>,
}

/// Runs the call for a window of `window`.
pub fn run(
    encoding: &EncoderSettings,
    window: Duration,
    cores: usize,
) -> Result<Call100, BenchError> {
    let service = Service::start(COACHES, encoding)?;
    let api = &service.api;
    let certificate = certificate()?;
    let load = Load::start();
    let said: Arc<[Frame]> = speech::speech(0, SPEECH_S).into();

    let rep = api.sign_in("riley@demo.example")?;
    let call = api.place(&rep, &api.dialling(&rep)?)?;
    // The rep's client encodes as clients do; that is not the service's cost.
    let mouth = Mouth::new(Words::live(Arc::clone(&said), &EncoderSettings::default())?);
    let offer = Offer::new(&certificate, Part::Talks(Box::new(mouth)))?;
    let answer = api.connect(&rep, &call, &offer.sdp)?;
    load.add(0, offer.accept(&answer)?)?;
    api.answered(&rep, &call)?;
    for number in 0..COACHES {
        let coach = api.sign_in(&member(number + 1))?;
        api.join(&coach, &call)?;
        let part = if number < SAMPLED {
            // 7 ms apart: no two people's clocks tick together.
            let phase = Duration::from_millis(7) * u32::try_from(number).unwrap_or(0);
            Part::Hears(Box::new(Ear::new(Instant::now() + phase)?))
        } else {
            Part::Counts
        };
        let offer = Offer::new(&certificate, part)?;
        let answer = api.connect(&coach, &call, &offer.sdp)?;
        load.add(0, offer.accept(&answer)?)?;
    }
    load.connected(CONNECT_TIMEOUT)?;
    std::thread::sleep(WARM_UP);

    load.restart()?;
    let before = api.metrics()?;
    let watch = CpuWatch::start(service.pid())?;
    let own = CpuWatch::start(std::process::id())?;
    std::thread::sleep(window);
    let (cpu, own) = (watch.share()?, own.share()?);
    let after = api.metrics()?;
    let report = load.report()?;

    let grew = |name: &str| {
        after
            .since(&before, name)
            .ok_or_else(|| BenchError::Unexpected(format!("no counter {name}")))
    };
    let (ticks, encodes, late) = (
        grew("ticks_total")?,
        grew("encodes_total")?,
        grew("ticks_late_total")?,
    );
    let skipped = grew("ticks_skipped_total")?;
    let lost_by_service = grew("packets_lost_total")?;
    let fec_share = grew("encodes_with_fec_total")? / encodes;
    let fec = fec_share > 0.0;
    check(&report, ticks, cpu.window_s)?;
    let delays = Delays::of(&said, &report)?;

    let settings = json!({
        "parties": PARTIES, "talking": "rep and simulated lead, all the time",
        "speech": speech::source(), "bitrate_bps": encoding.bitrate_bps, "complexity": encoding.complexity,
        "fec": fec, "packets_with_fec_percent": rounded(100.0 * fec_share),
        "expected_loss_percent": encoding.expected_loss_percent,
        "transport": "DTLS-SRTP over UDP on loopback", "window_s": rounded(cpu.window_s), "cores": cores,
        "load_core_percent": rounded(own.core_percent),
    });
    let with = |more: serde_json::Value| {
        let mut all = settings.clone();
        if let (Some(all), serde_json::Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        all
    };
    let delay_settings = with(json!({
        "from": "capture of a sample at the rep", "to": "the same sample leaves a coach's jitter buffer",
        "listeners": report.heard.len(), "pieces_of_1_s_found": delays.ms.len(),
        "pieces_searched": delays.searched, "frames_fetched_late": report.late_frames,
    }));
    let figure = |name, value, unit, settings| Figure {
        name,
        value,
        unit,
        settings,
    };
    let figures = vec![
        figure(
            "call100_core_percent",
            cpu.core_percent,
            "% of one core",
            settings.clone(),
        ),
        figure(
            "call100_encodes_per_tick",
            encodes / ticks,
            "encodes",
            with(json!({"ticks": ticks as u64})),
        ),
        figure(
            "call100_late_ticks",
            late + skipped,
            "ticks",
            with(json!({"ticks": ticks as u64, "of_them_skipped": skipped as u64})),
        ),
        figure(
            "call100_lost_packets",
            report.missing as f64 + lost_by_service,
            "packets",
            with(
                json!({"received_by_clients": report.received, "lost_on_the_way_to_the_service": lost_by_service as u64}),
            ),
        ),
        figure(
            "mouth_to_ear_p50_ms",
            delays.percentile(50.0)?,
            "ms",
            delay_settings.clone(),
        ),
        figure(
            "mouth_to_ear_p99_ms",
            delays.percentile(99.0)?,
            "ms",
            delay_settings,
        ),
    ];
    api.hang_up(&rep, &call)?;
    Ok(Call100 { cpu, fec, figures })
}

/// Whether the call was as it should be: everyone got 50 packets a second.
fn check(report: &LoadReport, ticks: f64, window_s: f64) -> Result<(), BenchError> {
    let wanted = 49.0 * window_s;
    if report.peers != RECEIVERS || (report.received_min as f64) < wanted || ticks < wanted {
        return Err(BenchError::Unexpected(format!(
            "in {window_s:.1} s, {} clients got at least {} packets in {ticks} ticks",
            report.peers, report.received_min
        )));
    }
    Ok(())
}

struct Delays {
    ms: Vec<f64>,
    searched: usize,
}

impl Delays {
    fn of(said: &[Frame], report: &LoadReport) -> Result<Self, BenchError> {
        let from = report
            .said_from
            .ok_or_else(|| BenchError::Unexpected("nobody spoke".into()))?;
        let mut all = Self {
            ms: Vec::new(),
            searched: 0,
        };
        for track in &report.heard {
            let (ms, searched) = mouth::delays_ms(said, from, track, demo::trace::place_s);
            all.ms.extend(ms);
            all.searched += searched;
        }
        if all.searched == 0 || all.ms.len() * 100 < all.searched * FOUND_PERCENT_MIN {
            return Err(BenchError::Unexpected(format!(
                "the rep was found in {} of {} seconds of what coaches heard",
                all.ms.len(),
                all.searched
            )));
        }
        Ok(all)
    }

    fn percentile(&self, percent: f64) -> Result<f64, BenchError> {
        percentile(&self.ms, percent)
            .ok_or_else(|| BenchError::Unexpected("nothing was heard".into()))
    }
}
