//! The numbers of shedding, pure: measurements in, limits out.

use rzero_core::Priority;

/// Buckets of the window in a second.
const BUCKETS_PER_SECOND: f64 = 10.0;

/// Response time in µs that is assumed while nothing has been measured.
pub const MIN_RT_WITHOUT_DATA: f64 = 1_000_000.0;

/// Calls that the server can usefully have in flight: the most that passed in one bucket of
/// 100 ms, as a rate, times the best mean response time in µs. At least 1.
///
/// ```
/// use rzero_resilience::shed::formula::limit;
/// assert_eq!(limit(200, 3500.0), 7.0);
/// assert_eq!(limit(500, 120.0), 1.0); // 0.6
/// ```
#[must_use]
pub fn limit(max_pass: u32, min_rt_us: f64) -> f64 {
    passing(max_pass, min_rt_us).max(1.0)
}

/// Calls that pass in a time, at the rate of the best bucket; by Little's law also those that are
/// inside when each stays for that time.
#[must_use]
pub fn passing(max_pass: u32, time_us: f64) -> f64 {
    f64::from(max_pass.max(1)) * BUCKETS_PER_SECOND * time_us / 1e6
}

/// What is left of the limit when CPU use, per mille, is over the threshold: all of it at the
/// threshold, falling to a tenth.
///
/// ```
/// use rzero_resilience::shed::formula::factor;
/// assert_eq!(factor(950, 900), 0.5);
/// assert_eq!(factor(400, 900), 1.0);
/// assert_eq!(factor(1000, 900), 0.1);
/// ```
#[must_use]
pub fn factor(cpu: u32, threshold: u32) -> f64 {
    let left = f64::from(1000_u32.saturating_sub(cpu));
    let room = f64::from(1000_u32.saturating_sub(threshold).max(1));
    (left / room).clamp(0.1, 1.0)
}

/// The CPU threshold of a priority, where `normal` is that of ordinary calls: critical ones are
/// shed from halfway to 1000, sheddable ones from the same distance below.
///
/// ```
/// use rzero_core::Priority;
/// use rzero_resilience::shed::formula::threshold;
/// assert_eq!(threshold(900, Priority::Critical), 950);
/// assert_eq!(threshold(900, Priority::Sheddable), 850);
/// ```
#[must_use]
pub fn threshold(normal: u32, priority: Priority) -> u32 {
    let normal = normal.min(1000);
    let step = (1000 - normal) / 2;
    match priority {
        Priority::Critical => (normal + 1000) / 2,
        Priority::Normal => normal,
        Priority::Sheddable => normal.saturating_sub(step),
    }
}

/// The CPU use at which an overload that began at `threshold` has ended, when many calls are still
/// refused: a twentieth less.
#[must_use]
pub fn lasting(threshold: u32) -> u32 {
    threshold - threshold / 20
}

/// The part of a limit that a priority may use: ordinary calls all of it, sheddable ones a tenth
/// less and critical ones a tenth more, by at least one call.
///
/// CPU thresholds alone order the priorities only when the CPU is the signal; this does it for all
/// of them, because ordinary calls keep a loaded server at the limit: above what is left for
/// sheddable ones, below what critical ones may use.
#[must_use]
pub fn share(limit: f64, priority: Priority) -> f64 {
    match priority {
        Priority::Critical => (limit * 1.1).max(limit + 1.0),
        Priority::Normal => limit,
        Priority::Sheddable => (limit * 0.9).min(limit - 1.0).max(0.0),
    }
}

/// The average of calls in flight after one more observation: nine parts of what it was.
#[must_use]
pub fn average(old: f64, inflight: f64) -> f64 {
    old * 0.9 + inflight * 0.1
}
