//! The service's counters, from its page in Prometheus' text format (version 0.0.4).

use std::collections::BTreeMap;

/// Counters and gauges without labels, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads a page; what has labels, and what is no number, is passed over.
    pub fn parse(page: &str) -> Self {
        let samples = page
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let mut fields = line.split_ascii_whitespace();
                let name = fields.next().filter(|name| !name.contains('{'))?;
                let value: f64 = fields.next()?.parse().ok()?;
                Some((name.to_owned(), value))
            });
        Self(samples.collect())
    }

    /// The value of `call_coaching_{name}`; `None` when the page does not have it.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(&format!("call_coaching_{name}")).copied()
    }

    /// How much a counter grew since an earlier page; `None` when one of both lacks it.
    pub fn since(&self, earlier: &Self, name: &str) -> Option<f64> {
        Some(self.get(name)? - earlier.get(name)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# HELP call_coaching_ticks_total Mixing ticks.\n\
        # TYPE call_coaching_ticks_total counter\n\
        call_coaching_ticks_total 1200\n\
        call_coaching_media_stage_seconds{stage=\"tick\",quantile=\"0.5\"} 0.000512\n\
        call_coaching_uptime_seconds 7.5 1700000000\n\
        call_coaching_ready yes\n";

    #[test]
    fn counters_are_read_despite_timestamps_and_labels() {
        let metrics = Metrics::parse(PAGE);
        assert_eq!(metrics.get("ticks_total"), Some(1200.0));
        assert_eq!(metrics.get("uptime_seconds"), Some(7.5));
        assert_eq!(metrics.get("ready"), None);
        assert_eq!(metrics.get("media_stage_seconds"), None);
    }

    #[test]
    fn growth_needs_both_pages() {
        let earlier = Metrics::parse(PAGE);
        let later =
            Metrics::parse("call_coaching_ticks_total 1250\ncall_coaching_encodes_total 3\n");
        assert_eq!(later.since(&earlier, "ticks_total"), Some(50.0));
        assert_eq!(later.since(&earlier, "encodes_total"), None);
    }
}
