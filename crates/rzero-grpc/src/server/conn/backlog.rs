//! Answers that a peer does not take.

/// What is expected of an answer before one was seen, in bytes.
const TYPICAL_BYTES: usize = 16 << 10;

/// Decides whether a peer that takes its answers slowly gets more of them. Pure: it is told what
/// waits and what was taken.
#[derive(Debug)]
pub(super) struct Backlog {
    bytes_max: usize,
    /// What the larger ones of the last answers held.
    typical: usize,
    /// A peer that once did not keep up is trusted again when it has taken so much in all.
    trusted_from: u64,
}

impl Backlog {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            typical: TYPICAL_BYTES,
            trusted_from: 0,
        }
    }

    /// Whether the peer takes so little of its answers that no more calls begin. `waiting` bytes
    /// wait, `running` handlers are about to add theirs, and the peer has `taken` so many bytes.
    ///
    /// What running handlers will add counts only after the peer has failed to keep up: those of
    /// a quick peer may be many and slow.
    pub(super) const fn is_clogged(&mut self, waiting: usize, running: usize, taken: u64) -> bool {
        if waiting > self.bytes_max {
            self.trusted_from = taken.saturating_add(self.bytes_max as u64);
            return true;
        }
        let expected = if taken < self.trusted_from {
            running.saturating_mul(self.typical)
        } else {
            0
        };
        waiting.saturating_add(expected) > self.bytes_max
    }

    /// Learns from an answer; whether there is room for it. Handlers that ran when the peer
    /// stopped taking add theirs, but not without end.
    pub(super) fn takes(&mut self, waiting: usize, answer: usize) -> bool {
        self.typical = answer.max(self.typical - self.typical / 16);
        waiting <= self.bytes_max || waiting + answer <= 2 * self.bytes_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_peer_may_have_any_number_of_calls() {
        let mut backlog = Backlog::new(1 << 20);
        assert!(backlog.takes(0, 256 << 10));
        assert!(!backlog.is_clogged(0, 10_000, 0));
        assert!(!backlog.is_clogged(1 << 20, 10_000, 0));
    }

    #[test]
    fn slow_peer_gets_as_many_calls_as_their_answers_have_room() {
        let mut backlog = Backlog::new(1 << 20);
        assert!(backlog.takes(0, 256 << 10));
        assert!(backlog.is_clogged((1 << 20) + 1, 0, 1000));
        assert!(backlog.is_clogged(0, 5, 1000));
        assert!(!backlog.is_clogged(0, 3, 1000));
        // It took what waited, and as much again.
        assert!(!backlog.is_clogged(0, 5, 1000 + (1 << 20)));
    }

    #[test]
    fn answers_of_handlers_that_ran_already_have_a_bound() {
        let mut backlog = Backlog::new(1 << 20);
        assert!(
            backlog.takes(1 << 20, 64 << 20),
            "one may be larger than all"
        );
        assert!(backlog.takes(3 << 19, 1 << 19));
        assert!(!backlog.takes(3 << 19, (1 << 19) + 1));
    }

    #[test]
    fn large_answers_are_forgotten() {
        let mut backlog = Backlog::new(1 << 20);
        assert!(backlog.takes(0, 1 << 20));
        for _ in 0..100 {
            assert!(backlog.takes(0, 10));
        }
        assert!(backlog.is_clogged(1 << 21, 0, 0));
        assert!(!backlog.is_clogged(0, 50, 0));
    }
}
