//! Drawing an index in proportion to weights, in constant time.

use crate::random::{Dice, scale};

/// Vose's alias table: a column is drawn evenly, then either the column itself or its alias.
#[derive(Debug)]
pub(crate) enum Sampler {
    /// All weights are equal: no table needed.
    Even(u32),
    /// Per column: the threshold (of 2^32) below which the column itself is taken, and the alias.
    Table(Box<[(u32, u32)]>),
}

impl Sampler {
    /// A sampler of `weights`, which are not empty and above 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probability times 2^32 saturates into the threshold; indices fit u32"
    )]
    pub(crate) fn new(weights: &[u32]) -> Self {
        let n = weights.len();
        if weights.windows(2).all(|pair| pair[0] == pair[1]) {
            return Self::Even(n as u32);
        }
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let mut mass: Vec<f64> = weights
            .iter()
            .map(|&w| f64::from(w) * n as f64 / total)
            .collect();
        let mut table: Vec<(u32, u32)> = (0..n as u32).map(|i| (u32::MAX, i)).collect();
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| mass[i] < 1.0);
        while let (Some(&few), Some(&many)) = (small.last(), large.last()) {
            small.pop();
            table[few] = ((mass[few] * 4_294_967_296.0) as u32, many as u32);
            mass[many] -= 1.0 - mass[few];
            if mass[many] < 1.0 {
                large.pop();
                small.push(many);
            }
        }
        Self::Table(table.into())
    }

    /// One index, in proportion to its weight.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the table has no more than 2^32 columns, and the low half is meant"
    )]
    pub(crate) fn draw(&self, dice: &mut Dice) -> usize {
        match self {
            Self::Even(n) => dice.below(*n) as usize,
            Self::Table(table) => {
                let random = dice.next();
                let column = scale(random, table.len() as u32) as usize;
                let (threshold, alias) = table[column];
                // The low half is independent of the column, which came from the high half.
                if random as u32 <= threshold {
                    column
                } else {
                    alias as usize
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Randomness;

    #[test]
    fn draws_follow_the_weights() {
        let weights = [1, 5, 100, 7, 0x1000_0000, 1];
        for weights in [&weights[..4], &[3, 3, 3], &[1, 1_000]] {
            let sampler = Sampler::new(weights);
            let total: u32 = weights.iter().sum();
            let mut seen = vec![0_u32; weights.len()];
            let random = Randomness::seeded(3);
            for _ in 0..200_000 {
                seen[sampler.draw(&mut random.dice())] += 1;
            }
            for (&weight, &n) in weights.iter().zip(&seen) {
                let want = 200_000.0 * f64::from(weight) / f64::from(total);
                let off = (f64::from(n) - want).abs();
                assert!(off <= 5.0 * want.sqrt() + 1.0, "{weights:?} {seen:?}");
            }
        }
    }
}
