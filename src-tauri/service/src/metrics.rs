//! Counters of HTTP, and the page of all metrics in Prometheus' text format (version 0.0.4).
//!
//! Labels hold routes, statuses and stages only: nothing of any user or organization.

use crate::hub::HubCounts;
use calls::SaveCounts;
use media::{MediaMetrics, Stage};
use recordings::RecordingCounts;
use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use trunk::TrunkStatus;

/// What HTTP counts.
#[derive(Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<Request, Served>>,
    sign_ins: AtomicU64,
    sign_ins_refused: AtomicU64,
}

/// A kind of request: method, route as it is declared, and status.
type Request = (&'static str, String, u16);

#[derive(Default, Clone, Copy)]
struct Served {
    count: u64,
    sum: Duration,
}

/// What the page shows besides HTTP's own counters.
pub struct Gauges {
    /// The hub's.
    pub hub: HubCounts,
    /// The media workers'.
    pub media: MediaMetrics,
    /// Calls that are not over.
    pub calls: u64,
    /// What became of changes on calls that were to be kept.
    pub saves: SaveCounts,
    /// Lines of the audit log that were lost.
    pub audit_lost: u64,
    /// What became of recordings.
    pub recordings: RecordingCounts,
    /// The trunks to the telephone network.
    pub trunks: Vec<TrunkStatus>,
    /// Whether the last readiness check was good.
    pub ready: bool,
    /// Since the start.
    pub uptime: Duration,
}

impl Metrics {
    /// Counts a request. The route is the declared one, never the path that was asked for.
    pub fn request(&self, method: &axum::http::Method, route: &str, status: u16, took: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            _ => "other",
        };
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let served = requests
            .entry((method, route.to_owned(), status))
            .or_default();
        served.count += 1;
        served.sum += took;
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.values().map(|served| served.count).sum()
    }

    /// Counts a try to sign in.
    pub fn sign_in(&self, good: bool) {
        let counter = if good {
            &self.sign_ins
        } else {
            &self.sign_ins_refused
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The page.
    #[must_use]
    pub fn page(&self, gauges: &Gauges) -> String {
        let mut page = Page(String::with_capacity(8 * 1024));
        page.one(
            "ready",
            "gauge",
            "Whether the service is ready.",
            u64::from(gauges.ready),
        );
        page.one(
            "uptime_seconds",
            "gauge",
            "Since the start.",
            gauges.uptime.as_secs(),
        );
        let requests = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        page.head(
            "http_requests_total",
            "counter",
            "Requests by route and status.",
        );
        for ((method, route, status), served) in &requests {
            let status = status.to_string();
            let labels = [("method", *method), ("route", route), ("status", &status)];
            page.sample("http_requests_total", &labels, served.count);
        }
        page.head(
            "http_request_seconds_total",
            "counter",
            "How long requests took.",
        );
        for ((method, route, status), served) in &requests {
            let status = status.to_string();
            let labels = [("method", *method), ("route", route), ("status", &status)];
            let seconds = format!("{:.6}", served.sum.as_secs_f64());
            page.sample("http_request_seconds_total", &labels, seconds);
        }
        let signed_in = self.sign_ins.load(Ordering::Relaxed);
        let refused = self.sign_ins_refused.load(Ordering::Relaxed);
        page.one("sign_ins_total", "counter", "Sign-ins.", signed_in);
        page.one(
            "sign_ins_refused_total",
            "counter",
            "Sign-ins refused.",
            refused,
        );
        page.hub(&gauges.hub);
        page.one("calls", "gauge", "Calls in progress.", gauges.calls);
        let help = "Failed attempts to save a change to a call.";
        page.one(
            "call_saves_failed_total",
            "counter",
            help,
            gauges.saves.failed,
        );
        let help = "Changes to calls that couldn't be saved.";
        page.one("call_saves_lost_total", "counter", help, gauges.saves.lost);
        let help = "Audit entries that couldn't be saved.";
        page.one("audit_lost_total", "counter", help, gauges.audit_lost);
        page.recordings(&gauges.recordings);
        page.media(&gauges.media);
        page.trunks(&gauges.trunks);
        page.0
    }
}

struct Page(String);

impl Page {
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let label = |(name, value): &(&str, &str)| format!("{name}=\"{}\"", escaped(value));
        let labels: Vec<String> = labels.iter().map(label).collect();
        let labels = match labels.join(",") {
            none if none.is_empty() => none,
            some => format!("{{{some}}}"),
        };
        let _ = writeln!(self.0, "call_coaching_{name}{labels} {value}");
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP call_coaching_{name} {help}");
        let _ = writeln!(self.0, "# TYPE call_coaching_{name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.sample(name, &[], value);
    }

    fn hub(&mut self, hub: &HubCounts) {
        self.one("sockets", "gauge", "Open WebSockets.", hub.sockets);
        self.one("streams", "gauge", "Event streams held.", hub.streams);
        self.one(
            "events_total",
            "counter",
            "Events sent to streams.",
            hub.events,
        );
        let help = "WebSockets closed because their client didn't read.";
        self.one("sockets_slow_total", "counter", help, hub.slow);
    }

    fn recordings(&mut self, counts: &RecordingCounts) {
        let help = "Recordings in progress or waiting to be stored.";
        self.one("recordings", "gauge", help, counts.open);
        let help = "Recordings stored.";
        self.one("recordings_stored_total", "counter", help, counts.stored);
        let help = "Recordings that couldn't be stored.";
        self.one("recordings_failed_total", "counter", help, counts.failed);
        let help = "Packets of recordings lost to a slow disk.";
        self.one(
            "recording_overflows_total",
            "counter",
            help,
            counts.overflows,
        );
    }

    /// Nothing where leads are simulated.
    fn trunks(&mut self, trunks: &[TrunkStatus]) {
        if trunks.is_empty() {
            return;
        }
        type Value = fn(&TrunkStatus) -> u64;
        let gauges: [(&str, &str, Value); 4] = [
            (
                "trunk_up",
                "Whether the trunk answered the last time it was asked.",
                |trunk| u64::from(trunk.is_up),
            ),
            (
                "trunk_registered",
                "Whether we're registered with the trunk; 1 also where no registration is needed.",
                |trunk| u64::from(trunk.is_registered != Some(false)),
            ),
            ("trunk_legs", "Phones on the trunk now.", |trunk| {
                trunk.legs.into()
            }),
            (
                "trunk_dialogs",
                "SIP dialogs and transactions held for the trunk.",
                |trunk| trunk.dialogs as u64,
            ),
        ];
        for (name, help, value) in gauges {
            self.head(name, "gauge", help);
            for trunk in trunks {
                self.sample(name, &[("trunk", &trunk.name)], value(trunk));
            }
        }
    }

    fn media(&mut self, media: &MediaMetrics) {
        self.one("media_calls", "gauge", "Calls with media.", media.calls);
        self.one("legs", "gauge", "Parties in calls.", media.legs);
        self.one(
            "connections",
            "gauge",
            "WebRTC connections.",
            media.connections,
        );
        for (name, help, value) in [
            (
                "ticks",
                "Mixing ticks: one for each call and 20 ms.",
                media.ticks,
            ),
            (
                "ticks_late",
                "Ticks that finished over 20 ms late.",
                media.ticks_late,
            ),
            ("ticks_skipped", "Ticks skipped.", media.ticks_skipped),
            ("encodes", "Mixes encoded.", media.encodes),
            (
                "encodes_missed",
                "Mixes that couldn't be encoded.",
                media.encodes_missed,
            ),
            (
                "encodes_with_fec",
                "Encoded mixes whose packet carries a copy of the previous frame.",
                media.encodes_lbrr,
            ),
            (
                "decodes",
                "Frames taken from a jitter buffer.",
                media.decodes,
            ),
            (
                "packets_lost",
                "Packets from clients that didn't arrive in time.",
                media.lost,
            ),
            (
                "packets_recovered",
                "Lost packets recovered by FEC: from the copy in the next one.",
                media.recovered,
            ),
            ("frames_concealed", "Frames concealed.", media.concealed),
            ("packets_late", "Packets that arrived too late.", media.late),
            (
                "packets_refused",
                "Packets from clients that weren't Opus.",
                media.refused,
            ),
            ("datagrams_in", "Datagrams received.", media.packets_in),
            ("datagrams_out", "Datagrams sent.", media.packets_out),
            (
                "rtp_in",
                "Authenticated RTP packets from clients.",
                media.rtp_in,
            ),
            ("rtp_out", "RTP packets to clients.", media.rtp_out),
            (
                "datagrams_unknown",
                "Datagrams from unknown senders.",
                media.dropped_unknown,
            ),
            (
                "datagrams_malformed",
                "Malformed datagrams.",
                media.dropped_malformed,
            ),
            (
                "datagrams_unsent",
                "Datagrams the kernel didn't accept.",
                media.send_failed,
            ),
            (
                "levels_dropped",
                "Level events dropped because no one read them in time.",
                media.levels_dropped,
            ),
            (
                "media_panics",
                "Connections closed after a panic.",
                media.panics,
            ),
        ] {
            self.one(&format!("{name}_total"), "counter", help, value);
        }
        self.head("media_stage_seconds", "summary", "Cost of a tick's stages.");
        for stage in Stage::ALL {
            let spread = media.stage(stage);
            let stage = ("stage", stage.name());
            let name = "media_stage_seconds";
            for (quantile, us) in [("0.5", spread.p50), ("0.99", spread.p99), ("1", spread.max)] {
                self.sample(name, &[stage, ("quantile", quantile)], seconds(us));
            }
            let sum = seconds(spread.sum);
            self.sample("media_stage_seconds_sum", &[stage], sum);
            self.sample("media_stage_seconds_count", &[stage], spread.count);
        }
    }
}

/// A label's value as the text format wants it: a name from the settings may hold anything.
fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

/// Microseconds as seconds, without a rounding error.
fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_escaped_whatever_a_trunk_is_called() {
        let mut page = Page(String::new());
        page.trunks(&[TrunkStatus {
            name: "north \"1\"\\\nevil 1".into(),
            is_up: true,
            is_registered: None,
            legs: 0,
            dialogs: 0,
        }]);
        let line = r#"call_coaching_trunk_up{trunk="north \"1\"\\\nevil 1"} 1"#;
        assert!(page.0.lines().any(|have| have == line), "{}", page.0);
        // Nothing in it begins a line of its own.
        let ours = |line: &str| line.starts_with("call_coaching_") || line.starts_with("# ");
        assert!(page.0.lines().all(ours), "{}", page.0);
    }
}
