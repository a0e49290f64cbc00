//! Success rates that are far below those of the peers.

use super::OutlierConfig;
use crate::stats::Counts;

/// The nodes whose success rate is below mean - `rate_deviations` x standard deviation, and
/// `rate_gap` below the mean. The deviation is that of the whole population: one bad node of five
/// is then 2 deviations away; by the estimate for samples it could never be 1.9.
#[expect(clippy::cast_precision_loss, reason = "counts of calls")]
pub(super) fn outliers(counts: &[Option<Counts>], config: &OutlierConfig) -> Vec<usize> {
    let rates: Vec<(usize, f64)> = (counts.iter().enumerate())
        .filter_map(|(at, counts)| Some((at, (*counts)?)))
        .filter(|(_, counts)| counts.calls >= config.rate_calls.max(1))
        .map(|(at, c)| (at, 1.0 - (c.failed + c.missing) as f64 / c.calls as f64))
        .collect();
    if config.rate_nodes == 0 || config.rate_calls == 0 || rates.len() < config.rate_nodes {
        return Vec::new();
    }
    let n = rates.len() as f64;
    let mean = rates.iter().map(|(_, rate)| rate).sum::<f64>() / n;
    let variance = (rates.iter())
        .map(|(_, rate)| (rate - mean).powi(2))
        .sum::<f64>()
        / n;
    let limit = (mean - config.rate_deviations * variance.sqrt()).min(mean - config.rate_gap);
    (rates.into_iter())
        .filter(|(_, rate)| *rate < limit)
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(calls: u64, failed: u64) -> Option<Counts> {
        Some(Counts {
            calls,
            failed,
            missing: 0,
        })
    }

    #[test]
    fn one_bad_node_of_five_is_found() {
        let config = OutlierConfig::default();
        let mut counts = vec![node(100, 0), node(200, 1), node(100, 1), node(100, 0)];
        assert!(outliers(&counts, &config).is_empty(), "too few nodes");
        counts.push(node(99, 50));
        assert!(outliers(&counts, &config).is_empty(), "too few calls");
        counts.push(node(100, 30));
        assert_eq!(outliers(&counts, &config), [5]);
    }

    #[test]
    fn missing_method_counts_here() {
        let mut counts = vec![node(100, 0); 4];
        counts.push(Some(Counts {
            calls: 100,
            failed: 0,
            missing: 80,
        }));
        assert_eq!(outliers(&counts, &OutlierConfig::default()), [4]);
    }

    #[test]
    fn one_failure_among_perfect_nodes_is_none() {
        let mut counts = vec![node(100, 0); 4];
        counts.push(node(100, 1));
        let config = OutlierConfig::default();
        assert!(outliers(&counts, &config).is_empty());
        let strict = OutlierConfig {
            rate_gap: 0.0,
            ..config
        };
        assert_eq!(outliers(&counts, &strict), [4], "by deviations alone");
    }

    #[test]
    fn nodes_that_are_out_are_not_compared() {
        let mut counts = vec![node(100, 0); 5];
        counts.extend([None, node(100, 50)]);
        assert_eq!(outliers(&counts, &OutlierConfig::default()), [6]);
    }
}
