//! The slow start of new and recovered nodes.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

const LONG: Duration = Duration::from_secs(86_400);

/// How a new or recovered node is warmed up: for a while it takes calls as if its weight were
/// smaller, because its caches are cold, its code is not compiled, its pools are empty.
///
/// At age `t` its weight is multiplied by max(`floor`, (t / `window`)^(1 / `aggression`)). Ages are
/// relative to the oldest node of the snapshot: a client that just started spreads evenly.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlowStart {
    /// How long it lasts. Default 30 s, at most 1 day; zero turns it off.
    pub window: Duration,
    /// The part of its weight that a node starts with, above 0 to 1. Default 0.1.
    pub floor: f32,
    /// Form of the rise: 1 is a line (default), more rises faster at first, less more slowly.
    /// 0.1 to 10.
    pub aggression: f32,
}

impl Default for SlowStart {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            floor: 0.1,
            aggression: 1.0,
        }
    }
}

impl SlowStart {
    /// No slow start.
    pub const OFF: Self = Self {
        window: Duration::ZERO,
        floor: 1.0,
        aggression: 1.0,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// The name of the key that is out of range, and the range.
    pub fn validate(&self) -> Result<(), String> {
        if self.window > LONG {
            return Err(format!(
                "window {:?} is out of range, write at most 1 day",
                self.window
            ));
        }
        if !(self.floor > 0.0 && self.floor <= 1.0) {
            return Err(format!(
                "floor {} is out of range, write above 0 to 1",
                self.floor
            ));
        }
        if !(0.1..=10.0).contains(&self.aggression) {
            return Err(format!(
                "aggression {} is out of range, write 0.1 to 10",
                self.aggression
            ));
        }
        Ok(())
    }

    /// The part of its weight that a node has which takes calls since `since`.
    pub(crate) fn warmth(&self, since: Instant, now: Instant) -> f32 {
        let age = now.saturating_duration_since(since);
        if age >= self.window {
            return 1.0;
        }
        let line = age.as_secs_f32() / self.window.as_secs_f32();
        let rise = if self.aggression == 1.0 {
            line
        } else {
            line.powf(self.aggression.recip())
        };
        rise.clamp(self.floor, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warmth_rises_from_the_floor_to_one() {
        let start = Instant::now();
        let at = |config: SlowStart, secs| config.warmth(start, start + Duration::from_secs(secs));
        let line = SlowStart::default();
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-3, "{a} {b}");
        for (secs, want) in [(0, 0.1), (3, 0.1), (15, 0.5), (29, 0.966_7), (30, 1.0)] {
            close(at(line, secs), want);
        }
        let eager = SlowStart {
            aggression: 2.0,
            ..line
        };
        close(at(eager, 15), 0.5_f32.sqrt());
        close(at(SlowStart::OFF, 0), 1.0);
    }

    #[test]
    fn mistakes_name_the_key() {
        let line = SlowStart::default();
        assert_eq!(line.validate(), Ok(()));
        let floor = SlowStart { floor: 0.0, ..line };
        assert!(floor.validate().unwrap_err().starts_with("floor 0 "));
        let lazy = SlowStart {
            aggression: f32::NAN,
            ..line
        };
        assert!(lazy.validate().unwrap_err().starts_with("aggression NaN "));
    }
}
