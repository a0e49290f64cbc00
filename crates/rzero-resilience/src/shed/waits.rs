//! A histogram on a logarithmic scale: four bins for each doubling, from 64 µs to about 3 s.

/// Bins of a histogram.
pub(super) const BINS: usize = 64;

/// The bin of a wait in µs. Bin 0 is everything below 64 µs, the last everything from 3 s.
pub(super) fn bin(wait_us: u64) -> usize {
    if wait_us < 64 {
        return 0;
    }
    let octave = wait_us.ilog2() - 6;
    // The two bits below the highest one.
    let quarter = (wait_us >> (octave + 4)) & 3;
    let bin = 1 + 4 * u64::from(octave) + quarter;
    usize::try_from(bin).map_or(BINS - 1, |bin| bin.min(BINS - 1))
}

/// The first µs above a bin.
pub(super) fn upper(bin: usize) -> u64 {
    match bin.min(BINS - 1).checked_sub(1) {
        None => 64,
        Some(above) => (16 << (above / 4)) * (above as u64 % 4 + 5),
    }
}

/// The upper end in µs of the bin in which the 90th percentile lies; `None` without waits.
pub(super) fn p90(bins: &[u64; BINS]) -> Option<u64> {
    let total: u64 = bins.iter().sum();
    let mut below = 0;
    let at = bins.iter().position(|count| {
        below += count;
        total > 0 && below * 10 >= total * 9
    })?;
    Some(upper(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_lies_below_the_end_of_its_bin() {
        let mut last = 0;
        for wait in (0..3_000_000).step_by(37) {
            let bin = bin(wait);
            assert!(bin >= last, "{wait}: bins grow with the wait");
            assert!(
                wait < upper(bin) && (bin == 0 || wait >= upper(bin - 1)),
                "{wait}: bin {bin}"
            );
            last = bin;
        }
        assert_eq!(bin(u64::MAX), BINS - 1);
    }

    #[test]
    fn p90_is_the_bin_that_nine_of_ten_do_not_pass() {
        let mut bins = [0; BINS];
        assert_eq!(p90(&bins), None);
        bins[0] = 90;
        bins[bin(100_000)] = 10;
        assert_eq!(p90(&bins), Some(64));
        bins[bin(100_000)] = 11;
        assert_eq!(p90(&bins), Some(114_688));
    }
}
