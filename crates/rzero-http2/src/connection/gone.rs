//! What is remembered of streams that are gone.

use std::collections::VecDeque;

/// How many resets of our own are remembered. A peer's frames for a stream may still be under way
/// when it is reset here; they are nobody's fault.
const RESETS_MAX: usize = 256;

/// How many gaps in the peer's stream numbers are remembered.
const GAPS_MAX: usize = 16;

/// What is remembered of streams that are gone.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// Streams that were reset here, oldest first.
    resets: VecDeque<u32>,
    /// The highest number that fell out of `resets`: below it nobody knows.
    forgotten: u32,
    /// Numbers that the peer left out, oldest first: first and last of each gap.
    gaps: VecDeque<(u32, u32)>,
}

impl Gone {
    pub(super) fn remember_reset(&mut self, id: u32) {
        if self.resets.len() == RESETS_MAX
            && let Some(oldest) = self.resets.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest);
        }
        self.resets.push_back(id);
    }

    /// Whether a frame for this stream may have been under way when the stream was reset here.
    pub(super) fn may_be_late(&self, id: u32) -> bool {
        id <= self.forgotten || self.resets.contains(&id)
    }

    pub(super) fn remember_gap(&mut self, first: u32, last: u32) {
        if self.gaps.len() == GAPS_MAX {
            self.gaps.pop_front();
        }
        self.gaps.push_back((first, last));
    }

    /// Whether the peer is known to have left the number out.
    pub(super) fn was_left_out(&self, id: u32) -> bool {
        let mut gaps = self.gaps.iter();
        gaps.any(|(first, last)| (*first..=*last).contains(&id))
    }

    /// Gives memory back; what was remembered counts as forgotten.
    pub(super) fn shrink(&mut self) {
        let newest = self.resets.iter().copied().max();
        self.forgotten = self.forgotten.max(newest.unwrap_or(0));
        self.resets = VecDeque::new();
        self.gaps.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_resets_are_forgotten_leniently() {
        let mut gone = Gone::default();
        for id in (1..1000).step_by(2) {
            gone.remember_reset(id);
        }
        assert!(gone.may_be_late(1) && gone.may_be_late(999));
        assert!(
            !gone.may_be_late(998),
            "known to be none of the recent ones"
        );
        assert_eq!(gone.resets.len(), RESETS_MAX);
    }
}
