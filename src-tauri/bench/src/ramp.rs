//! How many calls hold: adds calls until ticks are late.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use str0m::config::DtlsCert;
use voice::EncoderSettings;
use wire::CallId;

use crate::api::{Dialling, User};
use crate::callee::{Callee, PhoneTraffic};
use crate::cpu::{CpuShare, CpuWatch};
use crate::error::BenchError;
use crate::figure::{Figure, rounded};
use crate::load::Load;
use crate::mouth::{Mouth, Words};
use crate::peer::{Offer, Part, certificate};
use crate::service::{Service, Setting, member};
use crate::speech;

/// How long each number of calls is watched.
const WINDOW: Duration = Duration::from_secs(5);
/// From connected to watched, for the handshakes to be over.
const SETTLE: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// After this many windows in a row with a late tick, the calls do not hold: a single one may be the
/// fault of the machine.
const TRIES: usize = 2;

/// A kind of call.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub name: &'static str,
    /// Coaches in each call, besides rep and lead.
    pub coaches: usize,
    /// Calls added at a time, before the last step is halved.
    pub step: usize,
    /// The most calls to try.
    pub calls_max: usize,
    pub lead: Lead,
    /// Media worker threads of the service; 0 for one per core.
    pub workers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lead {
    /// Simulated leads, who live in the service.
    Simulated,
    /// Telephones behind a trunk, in G.711 A-law.
    Phone,
}

/// Rep, lead and one coach.
pub const CALLS_OF_3: Shape = Shape {
    name: "calls3_max",
    coaches: 1,
    step: 16,
    calls_max: 192,
    lead: Lead::Simulated,
    workers: 0,
};
/// Rep, lead and 98 coaches.
pub const CALLS_OF_100: Shape = Shape {
    name: "calls100_max",
    coaches: crate::call100::COACHES,
    step: 4,
    calls_max: 32,
    lead: Lead::Simulated,
    workers: 0,
};

/// Finds how many calls hold.
pub fn run(shape: &Shape, encoding: &EncoderSettings, cores: usize) -> Result<Figure, BenchError> {
    let mut ramp = Ramp::start(*shape, encoding)?;
    let (held, last_held) = ramp.most()?;
    let (service, load) = last_held.map_or((0.0, 0.0), |window| {
        (window.service.core_percent, window.load.core_percent)
    });
    let fec = last_held.is_some_and(|window| window.fec);
    Ok(Figure {
        name: shape.name,
        value: held as f64,
        unit: "calls",
        settings: json!({
            "parties": shape.coaches + 2, "talking": "rep and simulated lead of each, all the time",
            "bitrate_bps": encoding.bitrate_bps, "complexity": encoding.complexity, "fec": fec,
            "window_s": WINDOW.as_secs(), "not_held": format!("a tick over 20 ms late in {TRIES} windows in a row"),
            "tried_at_most": shape.calls_max, "cores": cores, "load_shares_the_cores": true,
            "service_core_percent": rounded(service), "load_core_percent": rounded(load),
        }),
    })
}

/// The highest number up to `max` that holds, found in steps and then by halves. If one number holds,
/// so do all lower ones.
fn search(
    step: usize,
    max: usize,
    mut holds: impl FnMut(usize) -> Result<bool, BenchError>,
) -> Result<usize, BenchError> {
    let mut held = 0;
    let mut failed = loop {
        let next = (held + step).min(max);
        if !holds(next)? {
            break next;
        }
        held = next;
        if held == max {
            return Ok(held);
        }
    };
    while failed - held > 1 {
        let middle = held.midpoint(failed);
        if holds(middle)? {
            held = middle;
        } else {
            failed = middle;
        }
    }
    Ok(held)
}

/// What was measured while the calls were watched.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Late or skipped ticks.
    pub late: f64,
    /// The service's processor time.
    pub service: CpuShare,
    /// The load's, telephones included.
    pub load: CpuShare,
    /// Whether packets carried copies of the frame before them.
    pub fec: bool,
    /// The fewest packets received by one client.
    pub received_min: u64,
    /// What the leads' telephones sent and received, if leads have telephones.
    pub phones: Option<PhoneTraffic>,
}

struct Open {
    call: CallId,
    rep: User,
}

/// A varying number of calls of a shape.
pub struct Ramp {
    shape: Shape,
    service: Service,
    callee: Option<Callee>,
    load: Load,
    certificate: DtlsCert,
    users: Vec<User>,
    dialling: Dialling,
    words: Arc<[Arc<[u8]>]>,
    open: Vec<Open>,
}

impl Ramp {
    /// Without calls.
    pub fn start(shape: Shape, encoding: &EncoderSettings) -> Result<Self, BenchError> {
        let members = shape.calls_max.max(shape.coaches) + 1;
        let callee = match shape.lead {
            Lead::Simulated => None,
            Lead::Phone => Some(Callee::start()?),
        };
        let setting = Setting {
            workers: shape.workers,
            trunk_port: callee.as_ref().map(|callee| callee.port),
        };
        let service = Service::start_set(members, encoding, setting)?;
        let first = service.api.sign_in(&member(1))?;
        let dialling = service.api.dialling(&first)?;
        let packets = speech::encode(&speech::speech(0, 20), &EncoderSettings::default())?;
        Ok(Self {
            shape,
            service,
            callee,
            load: Load::start(),
            certificate: certificate()?,
            users: vec![first],
            dialling,
            words: packets.into_iter().map(Arc::from).collect(),
            open: Vec::new(),
        })
    }

    /// The most calls that hold, and what was measured of them.
    pub fn most(&mut self) -> Result<(usize, Option<Window>), BenchError> {
        let mut last_held = None;
        let held = search(self.shape.step, self.shape.calls_max, |calls| {
            let window = self.hold(calls)?;
            if window.late == 0.0 {
                last_held = Some(window);
            }
            Ok(window.late == 0.0)
        })?;
        Ok((held, last_held))
    }

    /// Makes it this many calls, and watches them until a window has no late tick, or for all tries.
    pub fn hold(&mut self, calls: usize) -> Result<Window, BenchError> {
        while self.open.len() > calls {
            self.close_one()?;
        }
        let before = self.open.len();
        while self.open.len() < calls {
            self.open_one()?;
        }
        for open in self.open.iter().skip(before) {
            self.service.api.answered(&open.rep, &open.call)?;
        }
        self.load.connected(CONNECT_TIMEOUT)?;
        std::thread::sleep(SETTLE);
        let mut window = self.watch()?;
        for _ in 1..TRIES {
            if window.late > 0.0 {
                window = self.watch()?;
            }
        }
        Ok(window)
    }

    fn watch(&self) -> Result<Window, BenchError> {
        self.load.restart()?;
        if let Some(callee) = &self.callee {
            callee.restart()?;
        }
        let before = self.service.api.metrics()?;
        let service = CpuWatch::start(self.service.pid())?;
        let load = CpuWatch::start(std::process::id())?;
        std::thread::sleep(WINDOW);
        let (service, load) = (service.share()?, load.share()?);
        let after = self.service.api.metrics()?;
        let grew = |name: &str| {
            after
                .since(&before, name)
                .ok_or_else(|| BenchError::Unexpected(format!("no counter {name}")))
        };
        Ok(Window {
            late: grew("ticks_late_total")? + grew("ticks_skipped_total")?,
            fec: grew("encodes_with_fec_total")? > 0.0,
            service,
            load,
            received_min: self.load.report()?.received_min,
            phones: self.callee.as_ref().map(Callee::traffic).transpose()?,
        })
    }

    /// One call. Each has its own rep, who coaches the others' calls.
    fn open_one(&mut self) -> Result<(), BenchError> {
        let number = self.open.len();
        let rep = self.user(number)?;
        let api = &self.service.api;
        let call = api.place(&rep, &self.dialling)?;
        let mouth = Mouth::new(Words::Ready(Arc::clone(&self.words)));
        let offer = Offer::new(&self.certificate, Part::Talks(Box::new(mouth)))?;
        let answer = api.connect(&rep, &call, &offer.sdp)?;
        self.load.add(number, offer.accept(&answer)?)?;
        if self.shape.coaches > 0 {
            api.answered(&rep, &call)?;
        }
        for coach in 0..self.shape.coaches {
            let coach =
                self.user((number + 1 + coach) % (self.shape.coaches + 1).max(number + 2))?;
            let api = &self.service.api;
            api.join(&coach, &call)?;
            let offer = Offer::new(&self.certificate, Part::Counts)?;
            let answer = api.connect(&coach, &call, &offer.sdp)?;
            self.load.add(number, offer.accept(&answer)?)?;
        }
        self.open.push(Open { call, rep });
        Ok(())
    }

    fn close_one(&mut self) -> Result<(), BenchError> {
        if let Some(open) = self.open.pop() {
            self.load.drop_group(self.open.len())?;
            self.service.api.hang_up(&open.rep, &open.call)?;
        }
        Ok(())
    }

    fn user(&mut self, number: usize) -> Result<User, BenchError> {
        while self.users.len() <= number {
            let next = self.service.api.sign_in(&member(self.users.len() + 1))?;
            self.users.push(next);
        }
        let user = self.users.get(number).cloned();
        user.ok_or_else(|| BenchError::Unexpected("a user who was signed in".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_ends_at_the_highest_number_that_holds() {
        for step in [1, 3, 16] {
            for limit in 0..60 {
                let mut asked = 0;
                let held = search(step, 50, |calls| {
                    asked += 1;
                    Ok(calls <= limit)
                })
                .unwrap();
                assert_eq!(held, limit.min(50), "step {step}");
                assert!(
                    asked <= 50 / step + 6,
                    "step {step} limit {limit}: {asked} windows"
                );
            }
        }
    }
}
