//! How much a receiver reports to lose, and so what its sender prepares for.

use std::time::Duration;

/// Reports are averaged over this long. The usual interval between them is 1 to 5 s (RFC 3550 §6.2).
const AVERAGED_OVER: Duration = Duration::from_secs(5);
/// More than this, and copies are worth their bits; less than that, and they no longer are.
const ON: f32 = 0.01;
const OFF: f32 = 0.0025;
/// What was reported is believed for so long without another report.
const KEPT: Duration = Duration::from_secs(30);

/// What one receiver reports to lose.
///
/// Loss above 1 % counts; it counts until the average is below a quarter of that, so that a network at
/// the edge does not switch copies on and off. A single lost packet in one short report changes
/// nothing.
///
/// Time comes from any clock that does not run backwards.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReportedLoss {
    average: f32,
    counts: bool,
    reported_at: Option<Duration>,
}

impl ReportedLoss {
    /// The receiver reported that it lost this part of the packets, 0 to 1, since its last report
    /// (RFC 3550 §6.4.1).
    pub fn report(&mut self, now: Duration, lost_fraction: f32) {
        if !lost_fraction.is_finite() {
            return;
        }
        let weight = self.reported_at.map_or(1.0, |before| {
            let apart = now.saturating_sub(before);
            (apart.as_secs_f32() / AVERAGED_OVER.as_secs_f32()).min(1.0)
        });
        self.reported_at = Some(now);
        self.average += (lost_fraction.clamp(0.0, 1.0) - self.average) * weight;
        if self.average > ON {
            self.counts = true;
        } else if self.average < OFF {
            self.counts = false;
        }
    }

    /// The loss to prepare for, in percent: 0 while as good as nothing is lost.
    #[must_use]
    pub fn expected_percent(&self, now: Duration) -> u8 {
        let is_known = self
            .reported_at
            .is_some_and(|at| now.saturating_sub(at) <= KEPT);
        if !self.counts || !is_known {
            return 0;
        }
        // Above 0 and at most 100.
        (self.average * 100.0).ceil().clamp(1.0, 100.0) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_expected_while_nobody_loses() {
        let mut loss = ReportedLoss::default();
        assert_eq!(loss.expected_percent(seconds(0)), 0);
        for at in 0..60 {
            loss.report(seconds(at), 0.0);
            assert_eq!(loss.expected_percent(seconds(at)), 0);
        }
        // One packet of the fifty in a report of one second.
        loss.report(seconds(60), 0.02);
        assert_eq!(loss.expected_percent(seconds(60)), 0);
    }

    #[test]
    fn steady_loss_counts_within_a_few_reports() {
        for (interval_s, lost, reports_max) in [(1, 0.02, 5), (1, 0.05, 2), (5, 0.015, 1)] {
            let mut loss = ReportedLoss::default();
            loss.report(seconds(0), 0.0);
            let reports = (1..100).find(|at| {
                let now = seconds(at * interval_s);
                loss.report(now, lost);
                loss.expected_percent(now) > 0
            });
            let reports = reports.expect("it counts");
            assert!(reports <= reports_max, "{lost}: {reports}");
        }
        let mut loss = ReportedLoss::default();
        for at in 0..60 {
            loss.report(seconds(at), 0.1);
        }
        assert_eq!(loss.expected_percent(seconds(60)), 10);
    }

    #[test]
    fn loss_around_the_threshold_does_not_switch_to_and_fro() {
        let mut loss = ReportedLoss::default();
        let mut switches = 0;
        let mut before = 0;
        for at in 0..600 {
            // Half a percent, as one lost packet in every fourth report.
            loss.report(seconds(at), if at % 4 == 0 { 0.02 } else { 0.0 });
            let now = loss.expected_percent(seconds(at)).min(1);
            switches += u32::from(now != before);
            before = now;
        }
        assert!(switches <= 1, "{switches}");
    }

    #[test]
    fn it_is_over_when_nothing_is_lost_for_a_while_or_nothing_is_said() {
        let mut loss = ReportedLoss::default();
        loss.report(seconds(0), 0.05);
        assert_eq!(loss.expected_percent(seconds(0)), 5);
        // Over by itself when the reports stop.
        assert_eq!(loss.expected_percent(seconds(30)), 5);
        assert_eq!(loss.expected_percent(seconds(31)), 0);
        let over = (1..60).find(|at| {
            loss.report(seconds(*at), 0.0);
            loss.expected_percent(seconds(*at)) == 0
        });
        assert!((5..=20).contains(&over.unwrap_or(0)), "{over:?}");
    }

    #[test]
    fn absurd_reports_stay_within_bounds() {
        let mut loss = ReportedLoss::default();
        for lost in [f32::NAN, f32::INFINITY, -5.0, 7.0, f32::NEG_INFINITY] {
            loss.report(seconds(1), lost);
            assert!(loss.expected_percent(seconds(1)) <= 100);
        }
        // A clock that seems to run backwards.
        loss.report(seconds(0), 1.0);
        assert!(loss.expected_percent(seconds(0)) <= 100);
    }
}
