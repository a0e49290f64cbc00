//! A sample is noise; their average is a signal.

use std::time::Duration;

use super::INTERVAL;

/// What stays of the old value after one interval.
const BETA: f64 = 0.95;

/// An exponential average that starts at 0: nine tenths of a lasting change show after 11 s.
///
/// Old values fade with time and not with samples, so that late samples, which are what an
/// overloaded process takes, do not slow it down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Smoothed(f64);

impl Smoothed {
    /// Adds a sample taken over `elapsed` and gives the new average, rounded.
    pub fn add(&mut self, permille: u32, elapsed: Duration) -> u32 {
        let keep = BETA.powf(elapsed.as_secs_f64() / INTERVAL.as_secs_f64());
        self.0 = self.0 * keep + f64::from(permille.min(1000)) * (1.0 - keep);
        self.value()
    }

    /// The average, rounded.
    #[must_use]
    pub fn value(&self) -> u32 {
        super::sampler::whole(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_to_900_takes_11_seconds() {
        let mut cpu = Smoothed::default();
        let samples = (1..).find(|_| cpu.add(1000, INTERVAL) >= 900);
        assert_eq!(samples, Some(45));
    }

    #[test]
    fn one_late_sample_weighs_as_much_as_those_it_replaces() {
        let (mut late, mut regular) = (Smoothed::default(), Smoothed::default());
        (0..8).for_each(|_| {
            regular.add(600, INTERVAL);
        });
        assert_eq!(late.add(600, INTERVAL * 8), regular.value());
    }
}
