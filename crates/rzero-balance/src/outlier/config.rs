//! When a node is ejected, and for how long.

use std::time::Duration;

use serde::Deserialize;

use crate::stats::{STREAK_MAX, Streak, TIMEOUTS_MAX};

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(86_400);

/// When a node is ejected, and for how long. Every trigger is off when its number is 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutlierConfig {
    /// Whether nodes are ejected at all. Default true; when false, those that are out come back.
    pub enabled: bool,
    /// Failures in a row, without an answer in between. Default 5, at most 254.
    pub consecutive: u32,
    /// Timeouts in a row, without an answer in between, while at most half of the lane's nodes
    /// are as silent. Default 2, at most 126.
    pub timeouts: u32,
    /// Calls in an interval from which the share of failures is judged. Default 50.
    pub share_calls: u64,
    /// The share of failures. Default 0.85, above 0 to 1.
    pub share: f64,
    /// Nodes that are needed to compare success rates. Default 5.
    pub rate_nodes: usize,
    /// Calls in an interval that each of them needs. Default 100.
    pub rate_calls: u64,
    /// How many standard deviations below the mean a success rate is an outlier. Default 1.9.
    pub rate_deviations: f64,
    /// How far below the mean it has to be as well, so that one failure in a thousand among
    /// perfect nodes is none. Default 0.05, 0 to 1.
    pub rate_gap: f64,
    /// Length of an interval. Default 10 s, 100 ms to 1 day, as every time here.
    pub interval: Duration,
    /// Length of the first ejection; the n-th takes n times as long. Default 30 s.
    pub ejection: Duration,
    /// Length of the longest. Default 300 s, at least `ejection`.
    pub ejection_max: Duration,
    /// Ejections are longer or shorter by up to this part, so that clients do not come back
    /// together. Default 0.1, 0 to 0.5.
    pub jitter: f64,
    /// Largest part of a lane's nodes that is out; one node always may, of three or more.
    /// Default 0.3, 0 to 1.
    pub ejected_max: f64,
    /// Part of a lane's nodes that has to be ready and in: below it ejection is suspended and all
    /// ready nodes take calls. Default 0.5, 0 to 1.
    pub panic_below: f64,
    /// Time after which a probe without a verdict is asked for again. Default 5 s.
    pub probe_timeout: Duration,
}

impl Default for OutlierConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            consecutive: 5,
            timeouts: 2,
            share_calls: 50,
            share: 0.85,
            rate_nodes: 5,
            rate_calls: 100,
            rate_deviations: 1.9,
            rate_gap: 0.05,
            interval: Duration::from_secs(10),
            ejection: Duration::from_secs(30),
            ejection_max: Duration::from_secs(300),
            jitter: 0.1,
            ejected_max: 0.3,
            panic_below: 0.5,
            probe_timeout: Duration::from_secs(5),
        }
    }
}

impl OutlierConfig {
    /// Whether a call that [ended](crate::NodeStats::finish) with `streak` is a reason to
    /// [look](super::Outliers::tick) at once. True once for each full number of failures, so that
    /// a lane that fails as a whole does not cause a look for every call.
    #[must_use]
    #[inline]
    pub fn wants_look(&self, streak: Streak) -> bool {
        let full = |count: u32, max: u32, limit: u32| {
            // At the end of its scale a count stands still.
            count > 0 && count < max && limit > 0 && count.is_multiple_of(limit)
        };
        self.enabled
            && (full(streak.failures, STREAK_MAX, self.consecutive)
                || full(streak.timeouts, TIMEOUTS_MAX, self.timeouts))
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The name of the key that is out of range, and the range.
    pub fn validate(&self) -> Result<(), String> {
        let number = |key, value: f64, low: f64, high: f64| {
            let ok = (low..=high).contains(&value);
            ok.then_some(())
                .ok_or_else(|| format!("{key} {value} is out of range, write {low} to {high}"))
        };
        let time = |key, value: Duration, low: Duration| {
            let ok = (low..=LONG).contains(&value);
            ok.then_some(())
                .ok_or_else(|| format!("{key} {value:?} is out of range, write {low:?} to 1 day"))
        };
        let (row, silent) = (f64::from(STREAK_MAX - 1), f64::from(TIMEOUTS_MAX - 1));
        number("consecutive", f64::from(self.consecutive), 0.0, row)?;
        number("timeouts", f64::from(self.timeouts), 0.0, silent)?;
        number("share", self.share, 0.01, 1.0)?;
        number("rate_deviations", self.rate_deviations, 0.1, 10.0)?;
        number("rate_gap", self.rate_gap, 0.0, 1.0)?;
        number("jitter", self.jitter, 0.0, 0.5)?;
        number("ejected_max", self.ejected_max, 0.0, 1.0)?;
        number("panic_below", self.panic_below, 0.0, 1.0)?;
        time("interval", self.interval, SHORT)?;
        time("ejection", self.ejection, SHORT)?;
        time("ejection_max", self.ejection_max, self.ejection)?;
        time("probe_timeout", self.probe_timeout, SHORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_the_key_and_the_range() {
        let good = OutlierConfig::default();
        assert_eq!(good.validate(), Ok(()));
        let row = OutlierConfig {
            consecutive: 300,
            ..good.clone()
        };
        let want = "consecutive 300 is out of range, write 0 to 254";
        assert_eq!(row.validate(), Err(want.to_owned()));
        let short = OutlierConfig {
            ejection_max: Duration::from_secs(1),
            ..good.clone()
        };
        let want = "ejection_max 1s is out of range, write 30s to 1 day";
        assert_eq!(short.validate(), Err(want.to_owned()));
        let share = OutlierConfig {
            share: f64::NAN,
            ..good
        };
        assert!(share.validate().is_err());
    }

    #[test]
    fn what_is_not_written_keeps_its_default() {
        let config: OutlierConfig = serde_json::from_str(r#"{"consecutive": 7}"#).unwrap();
        let want = OutlierConfig {
            consecutive: 7,
            ..OutlierConfig::default()
        };
        assert_eq!(config, want);
        let unknown = serde_json::from_str::<OutlierConfig>(r#"{"consecutiv": 7}"#);
        assert!(unknown.unwrap_err().to_string().contains("consecutiv"));
    }
}
