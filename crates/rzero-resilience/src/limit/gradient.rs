//! How many calls at once a server carries well, found out from how long they take.
//!
//! When more calls run than the server has room for, they queue and take longer. So the recent
//! round-trip time is compared with the usual one, as in Netflix's gradient limits (a relative of
//! TCP Vegas): `limit' = limit × gradient + queue`, where the gradient is
//! `tolerance × long / short`, within 0.5 and 1, and `queue` is room for growth. The new limit is
//! approached by a part at a time.
//!
//! One thing is different. An average of all recent times rises in an overload that lasts, and the
//! limit with it, without end. Here the usual time is what calls take while there is room. It
//! rises while less than half of the limit is in use, and falls at any time. A server that has no
//! room for as long as the average spans gets some: for a few windows the limit is halved, and what
//! calls take then is the usual time from there on. So calls that became slow for good do not keep
//! the limit low.

use std::time::Duration;

use serde::Deserialize;

/// Windows for which the limit is halved to see what calls take with room.
const PROBE_WINDOWS: u32 = 5;

/// Settings of an adaptive limit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GradientConfig {
    /// Limit to begin with. Default 64.
    pub initial: u32,
    /// Lowest limit; 1 or more. Default 8.
    pub min: u32,
    /// Highest limit. Default 4096.
    pub max: u32,
    /// How much longer than usual calls may take before the limit falls; 1 or more. Default 1.5.
    pub tolerance: f64,
    /// Calls beyond the estimate that are let in to see whether there is room; 1 or more. The
    /// square root of the limit when that is more. Default 4.
    pub queue: u32,
    /// Share of the way to the new limit that is made in one window, above 0 up to 1.
    /// Default 0.2.
    pub smoothing: f64,
    /// Time that one recent round-trip time is averaged over, 1 ms or more. Default 100 ms.
    pub window: Duration,
    /// Calls that a window needs before it counts, 1 to 10,000; it stays open until it has them.
    /// Default 10.
    pub window_calls_min: u32,
    /// Windows that the usual round-trip time is averaged over, and after as many without room
    /// the limit is halved for 5 of them; 20 or more. Default 600.
    pub long_windows: u32,
}

impl Default for GradientConfig {
    fn default() -> Self {
        Self {
            initial: 64,
            min: 8,
            max: 4096,
            tolerance: 1.5,
            queue: 4,
            smoothing: 0.2,
            window: Duration::from_millis(100),
            window_calls_min: 10,
            long_windows: 600,
        }
    }
}

impl GradientConfig {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// A text that names the field and what to write.
    pub fn validate(&self) -> Result<(), String> {
        if self.min == 0 || self.min > self.max {
            let (min, max) = (self.min, self.max);
            return Err(format!("min: {min} is not within 1 and max ({max})"));
        }
        if !(self.min..=self.max).contains(&self.initial) {
            return Err(format!(
                "initial: {} is not within min and max",
                self.initial
            ));
        }
        if !(1.0..=100.0).contains(&self.tolerance) {
            return Err(format!(
                "tolerance: {} is not within 1 and 100",
                self.tolerance
            ));
        }
        if self.queue == 0 {
            return Err("queue: is 0, the limit could never grow; write 1 or more".to_owned());
        }
        if !(self.smoothing > 0.0 && self.smoothing <= 1.0) {
            return Err(format!(
                "smoothing: {} is not above 0 up to 1",
                self.smoothing
            ));
        }
        if self.window < Duration::from_millis(1) {
            return Err(format!("window: {:?} is below 1 ms", self.window));
        }
        if !(1..=10_000).contains(&self.window_calls_min) {
            return Err(format!(
                "window_calls_min: {} is not within 1 and 10000",
                self.window_calls_min
            ));
        }
        if self.long_windows < 20 {
            return Err(format!("long_windows: {} is below 20", self.long_windows));
        }
        Ok(())
    }
}

/// The estimate: windows in, limit out. No clock, no lock.
#[derive(Clone, Debug)]
pub struct Gradient {
    config: GradientConfig,
    limit: f64,
    /// The usual round-trip time in seconds; 0 while there is none.
    long: f64,
    /// Windows without room, one after the other.
    pressed: u32,
    /// Windows for which the limit is still halved.
    probing: u32,
}

impl Gradient {
    /// An estimate that has seen nothing.
    ///
    /// # Errors
    /// What [`GradientConfig::validate`] says.
    pub fn new(config: GradientConfig) -> Result<Self, String> {
        config.validate()?;
        Ok(Self {
            limit: f64::from(config.initial),
            config,
            long: 0.0,
            pressed: 0,
            probing: 0,
        })
    }

    /// Takes in a window in which calls took `rtt` on average and at most `inflight_max` ran at
    /// once; tells the new limit.
    pub fn observe(&mut self, rtt: Duration, inflight_max: u32) -> u32 {
        // Below a nanosecond there is nothing to compare.
        let short = rtt.as_secs_f64().max(1e-9);
        if self.probing > 0 {
            self.probing -= 1;
            if self.probing == 0 {
                self.long = short;
            }
            return self.limit();
        }
        // A server that is not asked for more than half of what it may do proves nothing.
        let has_room = f64::from(inflight_max) * 2.0 < self.limit;
        self.learn_usual(short, has_room);
        if has_room {
            self.pressed = 0;
            return self.limit();
        }
        self.pressed += 1;
        if self.pressed == self.config.long_windows {
            (self.pressed, self.probing) = (0, PROBE_WINDOWS);
            return self.limit();
        }
        let config = &self.config;
        let gradient = (config.tolerance * self.long / short).clamp(0.5, 1.0);
        let queue = f64::from(config.queue).max(self.limit.sqrt());
        let target = self.limit * gradient + queue;
        let next = self.limit + (target - self.limit) * config.smoothing;
        self.limit = next.clamp(f64::from(config.min), f64::from(config.max));
        self.limit()
    }

    /// Moves the usual time towards a recent one.
    fn learn_usual(&mut self, short: f64, has_room: bool) {
        if self.long == 0.0 {
            self.long = short;
        } else if has_room || short < self.long {
            let weight = 2.0 / (f64::from(self.config.long_windows) + 1.0);
            self.long += (short - self.long) * weight;
        }
        // What was learned when there never was any room is far too long; it falls faster.
        if self.long > 2.0 * short {
            self.long *= 0.95;
        }
    }

    /// Changes the settings; limit and usual time stay, as far as the new bounds allow.
    ///
    /// # Errors
    /// What [`GradientConfig::validate`] says; nothing is changed then.
    pub fn reconfigure(&mut self, config: GradientConfig) -> Result<(), String> {
        config.validate()?;
        self.limit = self
            .limit
            .clamp(f64::from(config.min), f64::from(config.max));
        self.config = config;
        Ok(())
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> &GradientConfig {
        &self.config
    }

    /// The limit.
    #[must_use]
    pub fn limit(&self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is kept within two u32"
        )]
        let limit = self.limit as u32;
        match self.probing {
            0 => limit,
            _ => (limit / 2).max(self.config.min),
        }
    }

    /// The usual round-trip time; zero before the first window.
    #[must_use]
    pub fn rtt_long(&self) -> Duration {
        Duration::from_secs_f64(self.long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> Gradient {
        Gradient::new(GradientConfig::default()).unwrap()
    }

    const RTT: Duration = Duration::from_millis(10);

    fn feed(gradient: &mut Gradient, windows: u32, rtt: Duration, running: u32) {
        for _ in 0..windows {
            gradient.observe(rtt, running);
        }
    }

    #[test]
    fn one_window_moves_a_fifth_of_the_way() {
        let mut gradient = gradient();
        gradient.observe(RTT, 64);
        // To 64 × 1 + √64, by 0.2 of it.
        assert!((gradient.limit - 65.6).abs() < 1e-9);
        // To 65.6 × (1.5 × 10 / 20) + √65.6.
        gradient.observe(2 * RTT, 64);
        assert!((gradient.limit - 63.940).abs() < 1e-3, "{}", gradient.limit);
    }

    #[test]
    fn limit_grows_to_its_bound_while_calls_take_as_long_as_usual() {
        let mut gradient = gradient();
        for _ in 0..590 {
            let limit = gradient.limit();
            gradient.observe(RTT, limit);
        }
        assert_eq!(gradient.limit(), 4096);
    }

    #[test]
    fn limit_falls_when_calls_take_much_longer() {
        let mut gradient = gradient();
        feed(&mut gradient, 50, RTT, 200);
        let before = gradient.limit();
        feed(&mut gradient, 10, 5 * RTT, 200);
        assert!(
            gradient.limit() < before / 2,
            "{before} {}",
            gradient.limit()
        );
        feed(&mut gradient, 200, 100 * RTT, 200);
        assert!(gradient.limit() >= 8);
    }

    #[test]
    fn an_idle_server_learns_no_limit() {
        let mut gradient = gradient();
        feed(&mut gradient, 100, RTT, 31);
        assert_eq!(gradient.limit(), 64);
    }

    #[test]
    fn usual_time_falls_when_calls_get_quicker() {
        let mut gradient = gradient();
        feed(&mut gradient, 100, 20 * RTT, 100);
        feed(&mut gradient, 100, RTT, 100);
        assert!(gradient.rtt_long() < 3 * RTT, "{:?}", gradient.rtt_long());
    }

    /// `capacity` calls at once take `rtt`; beyond that they queue.
    fn press(gradient: &mut Gradient, windows: u32, capacity: u32, rtt: Duration) -> Vec<u32> {
        let mut limits = Vec::new();
        for _ in 0..windows {
            let running = gradient.limit();
            let queued = f64::from(running) / f64::from(capacity);
            limits.push(gradient.observe(rtt.mul_f64(queued.max(1.0)), running));
        }
        limits
    }

    #[test]
    fn limit_stays_near_the_capacity_however_long_the_overload() {
        let mut gradient = gradient();
        let limits = press(&mut gradient, 20_000, 100, RTT);
        assert!(limits[1_000..].iter().all(|n| (80..220).contains(n)));
    }

    #[test]
    fn calls_that_became_slow_for_good_get_their_limit_back() {
        for factor in [2, 3, 10] {
            let mut gradient = gradient();
            press(&mut gradient, 1_000, 100, RTT);
            press(&mut gradient, 1_000, 100, factor * RTT);
            let limits = press(&mut gradient, 1_000, 100, factor * RTT);
            assert!(limits.iter().all(|n| (80..220).contains(n)), "{limits:?}");
        }
    }

    #[test]
    fn limit_follows_a_capacity_that_shrinks() {
        let mut gradient = gradient();
        press(&mut gradient, 1_000, 400, RTT);
        let limits = press(&mut gradient, 300, 100, RTT);
        assert!(
            limits[100..].iter().all(|n| (50..220).contains(n)),
            "{limits:?}"
        );
    }

    #[test]
    fn a_server_without_room_gets_some_now_and_then() {
        let mut gradient = gradient();
        let limits = press(&mut gradient, 1_220, 100, RTT);
        let halved = limits
            .windows(2)
            .filter(|pair| pair[1] * 2 <= pair[0] + 1)
            .count();
        assert_eq!(halved, 2);
        assert_eq!(limits[599], limits[598] / 2);
        assert_eq!(limits[604], limits[598]);
    }

    #[test]
    fn bad_settings_are_named() {
        let bad = |change: fn(&mut GradientConfig)| {
            let mut config = GradientConfig::default();
            change(&mut config);
            config.validate().unwrap_err()
        };
        assert!(bad(|c| c.min = 0).starts_with("min:"));
        assert!(bad(|c| c.initial = 5000).starts_with("initial:"));
        assert!(bad(|c| c.tolerance = f64::NAN).starts_with("tolerance:"));
        assert!(bad(|c| c.smoothing = 0.0).starts_with("smoothing:"));
        assert!(bad(|c| c.queue = 0).starts_with("queue:"));
        assert!(bad(|c| c.window = Duration::ZERO).starts_with("window:"));
        assert!(bad(|c| c.window_calls_min = 0).starts_with("window_calls_min:"));
        assert!(bad(|c| c.long_windows = 19).starts_with("long_windows:"));
    }
}
