//! Counting what a peer may not do without end.

use std::time::{Duration, Instant};

use super::error::ConnectionError;
use super::limits::{Limits, Rate};

/// Window updates of at least so many bytes are no idle frames.
const LARGE_UPDATE_BYTES: u32 = 1024;

/// DATA of at least so many bytes is progress: the prefix of a gRPC message.
const PROGRESS_BYTES: usize = 5;

/// What DATA sent to the peer earns it: one, and one for each so many bytes.
const BYTES_PER_CREDIT: usize = 128;

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    const fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            tokens: rate.burst,
            filled: now,
        }
    }

    /// Takes a token, if there is one.
    fn take(&mut self, now: Instant) -> bool {
        if self.tokens == 0 {
            self.refill(now);
        }
        let left = self.tokens.checked_sub(1);
        self.tokens = left.unwrap_or(0);
        left.is_some()
    }

    fn refill(&mut self, now: Instant) {
        let per_second = u128::from(self.rate.per_second);
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = elapsed.as_micros() * per_second / 1_000_000;
        if earned == 0 {
            return;
        }
        // A bucket that was not empty for a long time holds no more than its burst either.
        self.earn(u32::try_from(earned).unwrap_or(u32::MAX));
        self.filled = now;
    }

    #[inline]
    fn earn(&mut self, tokens: u32) {
        self.tokens = self.tokens.saturating_add(tokens).min(self.rate.burst);
    }
}

/// The counters of one connection.
#[derive(Debug)]
pub(super) struct Abuse {
    resets: Bucket,
    idle_frames: Bucket,
    small_data: Bucket,
    settings: Bucket,
    young: Duration,
    begun: Instant,
    now: Instant,
}

impl Abuse {
    pub(super) const fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            resets: Bucket::new(limits.resets, now),
            idle_frames: Bucket::new(limits.idle_frames, now),
            small_data: Bucket::new(limits.small_data, now),
            settings: Bucket::new(limits.settings, now),
            young: Duration::from_millis(limits.young_millis as u64),
            begun: now,
            now,
        }
    }

    /// Sets the time. It does not run backwards.
    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// The connection's age: what a stream remembers of its birth.
    pub(super) fn age(&self) -> Duration {
        self.now.saturating_duration_since(self.begun)
    }

    /// The peer reset a stream that was born at this age of the connection.
    pub(super) fn peer_reset(&mut self, born: Duration) -> Result<(), ConnectionError> {
        if self.age().saturating_sub(born) >= self.young {
            return Ok(());
        }
        self.provoked_reset()
    }

    /// The peer made this end reset a stream.
    pub(super) fn provoked_reset(&mut self) -> Result<(), ConnectionError> {
        granted(
            self.resets.take(self.now),
            "too many streams were reset (limits.resets)",
        )
    }

    /// A stream ended as it should.
    #[inline]
    pub(super) fn stream_done(&mut self) {
        self.resets.earn(1);
    }

    /// A frame that brings nothing.
    pub(super) fn idle_frame(&mut self) -> Result<(), ConnectionError> {
        granted(
            self.idle_frames.take(self.now),
            "too many frames that bring nothing (limits.idle_frames)",
        )
    }

    pub(super) fn window_update(&mut self, increment: u32) -> Result<(), ConnectionError> {
        if increment >= LARGE_UPDATE_BYTES {
            return Ok(());
        }
        self.idle_frame()
    }

    /// A header block of the peer.
    #[inline]
    pub(super) fn headers_received(&mut self) {
        self.idle_frames.earn(1);
    }

    /// A DATA frame of the peer.
    #[inline]
    pub(super) fn data_received(&mut self, bytes: usize, end: bool) -> Result<(), ConnectionError> {
        if end || bytes >= PROGRESS_BYTES {
            self.idle_frames.earn(1);
            return Ok(());
        }
        if bytes == 0 {
            return self.idle_frame();
        }
        granted(
            self.small_data.take(self.now),
            "too many tiny DATA frames (limits.small_data)",
        )
    }

    /// A DATA frame to the peer.
    #[inline]
    pub(super) fn data_sent(&mut self, bytes: usize) {
        if bytes >= PROGRESS_BYTES {
            let credits = 1 + bytes / BYTES_PER_CREDIT;
            self.idle_frames
                .earn(u32::try_from(credits).unwrap_or(u32::MAX));
        }
    }

    pub(super) fn settings(&mut self) -> Result<(), ConnectionError> {
        granted(
            self.settings.take(self.now),
            "too many SETTINGS frames (limits.settings)",
        )
    }
}

fn granted(is_granted: bool, rule: &'static str) -> Result<(), ConnectionError> {
    is_granted.then_some(()).ok_or(ConnectionError::calm(rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "only a point to count from")]
    fn bucket_gives_its_burst_then_its_rate() {
        let start = Instant::now();
        let rate = Rate {
            burst: 3,
            per_second: 10,
        };
        let mut bucket = Bucket::new(rate, start);
        let granted = |bucket: &mut Bucket, at: u64| {
            (0..100)
                .take_while(|_| bucket.take(start + Duration::from_millis(at)))
                .count()
        };
        assert_eq!(granted(&mut bucket, 0), 3);
        assert_eq!(granted(&mut bucket, 99), 0);
        assert_eq!(granted(&mut bucket, 100), 1);
        assert_eq!(granted(&mut bucket, 350), 2);
        assert_eq!(granted(&mut bucket, 60_000), 3);
        bucket.earn(7);
        assert_eq!(granted(&mut bucket, 60_000), 3);
    }
}
