//! Windows for what the peer sends (RFC 9113 section 6.9).

use std::num::NonZeroU32;

use super::config::{PROTOCOL_WINDOW_BYTES, WINDOW_BYTES_MAX};

/// The most that a stream's window is made on purpose, in bytes: a setting may add as much again
/// without going above the protocol's limit.
pub(super) const TARGET_BYTES_MAX: u32 = 1 << 30;

/// Bytes as windows count them.
pub(super) fn wide(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// An increment that is known to be positive and not above the largest window.
fn increment(bytes: i64) -> Option<NonZeroU32> {
    u32::try_from(bytes).ok().and_then(NonZeroU32::new)
}

/// What the peer may send on the connection. It is returned on receipt.
#[derive(Debug)]
pub(super) struct ConnectionWindow {
    window: i64,
    target: i64,
}

impl ConnectionWindow {
    /// The window, and the update that makes it as large as wanted.
    pub(super) fn new(target: u32) -> (Self, Option<NonZeroU32>) {
        let target = target.clamp(PROTOCOL_WINDOW_BYTES, WINDOW_BYTES_MAX);
        let window = Self {
            window: i64::from(target),
            target: i64::from(target),
        };
        (window, NonZeroU32::new(target - PROTOCOL_WINDOW_BYTES))
    }

    /// Takes bytes off, if there is room for them.
    #[must_use]
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let left = self.window - wide(bytes);
        if left < 0 {
            return false;
        }
        self.window = left;
        true
    }

    /// The update that is due: when half is used.
    #[inline]
    pub(super) fn update(&mut self) -> Option<NonZeroU32> {
        let used = self.target - self.window;
        if used * 2 < self.target {
            return None;
        }
        self.window = self.target;
        increment(used)
    }
}

/// What the peer may send on a stream. It is returned on consumption.
///
/// `window + unconsumed + released == target + ahead` at all times.
#[derive(Debug)]
pub(super) struct StreamWindow {
    /// What the peer may send now; below 0 after a setting that lowered it.
    window: i64,
    /// What the peer may send when the shell holds nothing.
    target: i64,
    /// Received, and held by the shell.
    unconsumed: i64,
    /// Consumed, and not yet told to the peer.
    released: i64,
    /// Told to the peer beyond the target: the next bytes that are consumed are not returned.
    ahead: i64,
}

impl StreamWindow {
    pub(super) const fn new(target: i64) -> Self {
        Self {
            window: target,
            target,
            unconsumed: 0,
            released: 0,
            ahead: 0,
        }
    }

    pub(super) const fn unconsumed(&self) -> i64 {
        self.unconsumed
    }

    /// Takes a frame's bytes off, if there is room for them. `held` of them go to the shell, the
    /// rest is padding.
    #[must_use]
    #[inline]
    pub(super) fn take(&mut self, bytes: usize, held: usize) -> bool {
        let left = self.window - wide(bytes);
        if bytes > 0 && left < 0 {
            return false;
        }
        self.window = left;
        self.unconsumed += wide(bytes);
        self.consume(bytes - held);
        true
    }

    /// Gives bytes back that the shell held. Gives how many it held.
    #[inline]
    pub(super) fn consume(&mut self, bytes: usize) -> i64 {
        let bytes = wide(bytes).min(self.unconsumed);
        self.unconsumed -= bytes;
        let repaid = bytes.min(self.ahead);
        self.ahead -= repaid;
        self.released += bytes - repaid;
        bytes
    }

    /// The update that is due: when half the window can be returned, or when the peer waits and
    /// more is returned than held.
    #[inline]
    pub(super) fn update(&mut self) -> Option<NonZeroU32> {
        let is_due = self.released * 2 >= self.target
            || (self.window <= 0 && self.released >= self.unconsumed);
        if self.released == 0 || !is_due {
            return None;
        }
        let released = std::mem::take(&mut self.released);
        self.window += released;
        increment(released)
    }

    /// The update after which the peer may send at least `bytes`.
    pub(super) fn widen(&mut self, bytes: usize) -> Option<NonZeroU32> {
        let wanted = wide(bytes).min(i64::from(TARGET_BYTES_MAX)) - self.window;
        if wanted <= 0 {
            return None;
        }
        // An update may be no larger than a window; a window below 0 gets the rest later.
        let wanted = wanted.max(self.released).min(i64::from(WINDOW_BYTES_MAX));
        self.window += wanted;
        let returned = wanted.min(self.released);
        self.released -= returned;
        self.ahead += wanted - returned;
        increment(wanted)
    }

    /// The update after which the target is at least `target`.
    pub(super) fn grow(&mut self, target: u32) -> Option<NonZeroU32> {
        let more = i64::from(target.min(TARGET_BYTES_MAX)) - self.target;
        if more <= 0 {
            return None;
        }
        self.target += more;
        let known = more.min(self.ahead);
        self.ahead -= known;
        let told = more - known;
        self.window += told;
        increment(told)
    }

    /// Follows our own setting of the initial window, which the peer has applied by now.
    pub(super) fn shift(&mut self, by: i64) {
        self.window += by;
        self.target += by;
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let Self {
            window,
            target,
            unconsumed,
            released,
            ahead,
        } = *self;
        assert_eq!(window + unconsumed + released, target + ahead, "{self:?}");
        assert!(unconsumed >= 0 && released >= 0 && ahead >= 0, "{self:?}");
        assert!(window <= i64::from(WINDOW_BYTES_MAX), "{self:?}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the peer thinks it may send.
    fn told(sum: &mut i64, increment: Option<NonZeroU32>) {
        *sum += increment.map_or(0, |increment| i64::from(increment.get()));
        assert!(
            *sum <= i64::from(WINDOW_BYTES_MAX),
            "no update overflows a window"
        );
    }

    proptest! {
        #[test]
        fn stream_window_is_what_the_peer_was_told(
            target in 0_i64..1 << 30,
            steps in prop::collection::vec((0_u8..6, 0_usize..100_000), 1..200),
        ) {
            let mut window = StreamWindow::new(target);
            let mut peer = target;
            for (step, bytes) in steps {
                match step {
                    0 | 1 => {
                        let fits = wide(bytes) <= peer || bytes == 0;
                        prop_assert_eq!(window.take(bytes, bytes - bytes / 10), fits);
                        if fits {
                            peer -= wide(bytes);
                        }
                    }
                    2 => {
                        window.consume(bytes);
                        told(&mut peer, window.update());
                    }
                    3 => {
                        let wide_bytes = bytes << 14;
                        told(&mut peer, window.widen(wide_bytes));
                        prop_assert!(peer >= wide(wide_bytes).min(1 << 30));
                    }
                    4 => told(&mut peer, window.grow(u32::try_from(bytes * 20).unwrap())),
                    _ => told(&mut peer, window.update()),
                }
                window.check();
                prop_assert_eq!(window.window, peer);
            }
            // Once all is consumed, no less than half the target is open.
            window.consume(usize::MAX);
            told(&mut peer, window.update());
            prop_assert!(peer * 2 >= window.target);
        }

        #[test]
        fn connection_window_is_never_less_than_half_open(
            target: u32,
            frames in prop::collection::vec(0_usize..40_000, 1..200),
        ) {
            let (mut window, first) = ConnectionWindow::new(target);
            let mut peer = i64::from(PROTOCOL_WINDOW_BYTES);
            told(&mut peer, first);
            for bytes in frames {
                let fits = wide(bytes) <= peer;
                prop_assert_eq!(window.take(bytes), fits);
                if fits {
                    peer -= wide(bytes);
                }
                told(&mut peer, window.update());
                prop_assert_eq!(window.window, peer);
                prop_assert!(peer * 2 >= window.target);
            }
        }
    }
}
