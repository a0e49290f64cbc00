//! Latencies, to three per cent.

/// Parts of each power of two.
const PARTS: usize = 32;
/// From 2^5 ns, below which every nanosecond has its own place, to 2^36 ns, about a minute.
const POWERS: usize = 32;

/// Counts latencies in buckets that grow with the latency.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; PARTS * POWERS],
        }
    }

    pub(crate) fn add(&mut self, nanos: u64) {
        let place = place(nanos).min(self.counts.len() - 1);
        self.counts[place] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().map(|n| u64::from(*n)).sum()
    }

    /// The latency in microseconds that `share` of the calls did not exceed.
    pub(crate) fn quantile_us(&self, share: f64) -> f64 {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return middle(place) / 1000.0;
            }
        }
        0.0
    }
}

fn place(nanos: u64) -> usize {
    let power = nanos.checked_ilog2().unwrap_or(0) as usize;
    if power < 5 {
        return nanos as usize;
    }
    (power - 4) * PARTS + ((nanos >> (power - 5)) as usize - PARTS)
}

fn middle(place: usize) -> f64 {
    if place < PARTS {
        return place as f64;
    }
    let (power, part) = (place / PARTS + 4, place % PARTS);
    (PARTS + part) as f64 * 2f64.powi(power as i32 - 5) * (1.0 + 0.5 / (PARTS + part) as f64)
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn quantiles_are_right_to_three_per_cent() {
        let mut histogram = Histogram::new();
        for micros in 1..=10_000_u64 {
            histogram.add(micros * 1000);
        }
        for (share, want) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.001, 10.0)] {
            let got = histogram.quantile_us(share);
            assert!((got / want - 1.0_f64).abs() < 0.035, "{share}: {got}");
        }
    }
}
