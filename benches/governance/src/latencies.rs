//! Latencies of a run, all kept.

use std::time::Duration;

/// Latencies, of which there are some ten thousand at most.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    /// The latency in milliseconds that `share` of the calls did not exceed; `None` without calls.
    pub(crate) fn quantile_ms(&mut self, share: f64) -> Option<f64> {
        self.0.sort_unstable();
        let last = self.0.len().checked_sub(1)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length"
        )]
        let place = ((self.0.len() as f64 * share).ceil() as usize).saturating_sub(1);
        Some(self.0[place.min(last)].as_secs_f64() * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn quantiles_are_exact() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile_ms(0.5), None);
        (1..=100)
            .rev()
            .for_each(|ms| latencies.add(Duration::from_millis(ms)));
        for (share, want) in [(0.0, 1.0), (0.5, 50.0), (0.99, 99.0), (1.0, 100.0)] {
            assert_eq!(latencies.quantile_ms(share), Some(want));
        }
    }
}
