//! Whether the peer is alive, and how long a connection may live: pure decisions.

use std::time::Duration;

use tokio::time::Instant;

/// Pings without anything else from the peer between them before they become rare. Peers count
/// such pings and end the connection at the third (grpc-go: `too_many_pings`).
const QUIET_PINGS_MAX: u32 = 2;
/// Between rare pings: a little more than the five minutes that grpc-go servers demand.
const RARE: Duration = Duration::from_secs(310);

/// Finds peers that do not answer any more.
///
/// A peer that was silent for `interval` is pinged; one that stays silent for `timeout` after it
/// is dead. Any byte is a sign of life.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Option<Duration>,
    timeout: Duration,
    heard: Instant,
    pinged: Option<Instant>,
    quiet_pings: u32,
    /// Whether the peer ends connections that ping it too often.
    is_careful: bool,
}

/// What the time asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing yet.
    Fine,
    /// A ping.
    Ping,
    /// An end: the peer does not answer.
    Dead,
}

impl Keepalive {
    /// `interval` `None` never pings. `is_careful` keeps the limits that servers set.
    pub(crate) fn new(
        interval: Option<Duration>,
        timeout: Duration,
        is_careful: bool,
        now: Instant,
    ) -> Self {
        Self {
            interval,
            timeout,
            heard: now,
            pinged: None,
            quiet_pings: 0,
            is_careful,
        }
    }

    /// Bytes came; `is_call` when they were of a call, not an answer to a ping.
    pub(crate) fn heard(&mut self, now: Instant, is_call: bool) {
        self.heard = now;
        self.pinged = None;
        if is_call {
            self.quiet_pings = 0;
        }
    }

    /// When [`check`](Self::check) has to be asked next.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.pinged {
            Some(at) => Some(at + self.timeout),
            None => self.interval.map(|interval| {
                let rare = self.is_careful && self.quiet_pings >= QUIET_PINGS_MAX;
                self.heard + if rare { interval.max(RARE) } else { interval }
            }),
        }
    }

    /// What has to be done now.
    pub(crate) fn check(&mut self, now: Instant) -> Life {
        if self.due().is_none_or(|due| now < due) {
            return Life::Fine;
        }
        if self.pinged.is_some() {
            return Life::Dead;
        }
        self.pinged = Some(now);
        self.quiet_pings = self.quiet_pings.saturating_add(1);
        Life::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);
    const TIMEOUT: Duration = Duration::from_secs(5);

    #[test]
    fn silent_peer_is_pinged_and_then_dead() {
        let start = Instant::now();
        let mut life = Keepalive::new(Some(INTERVAL), TIMEOUT, true, start);
        assert_eq!(life.check(start + INTERVAL / 2), Life::Fine);
        assert_eq!(life.check(start + INTERVAL), Life::Ping);
        assert_eq!(life.check(start + INTERVAL), Life::Fine);
        assert_eq!(life.check(start + INTERVAL + TIMEOUT), Life::Dead);
    }

    #[test]
    fn any_byte_is_a_sign_of_life() {
        let start = Instant::now();
        let mut life = Keepalive::new(Some(INTERVAL), TIMEOUT, true, start);
        assert_eq!(life.check(start + INTERVAL), Life::Ping);
        life.heard(start + INTERVAL, false);
        assert_eq!(life.check(start + INTERVAL + TIMEOUT), Life::Fine);
        assert_eq!(life.due(), Some(start + 2 * INTERVAL));
    }

    #[test]
    fn third_ping_without_a_call_waits_for_five_minutes() {
        let mut now = Instant::now();
        let mut life = Keepalive::new(Some(INTERVAL), TIMEOUT, true, now);
        for _ in 0..2 {
            now += INTERVAL;
            assert_eq!(life.check(now), Life::Ping);
            life.heard(now, false);
        }
        assert_eq!(life.due(), Some(now + RARE));
        life.heard(now, true);
        assert_eq!(life.due(), Some(now + INTERVAL));
    }

    #[test]
    fn without_an_interval_nobody_is_pinged() {
        let now = Instant::now();
        let mut life = Keepalive::new(None, TIMEOUT, false, now);
        assert_eq!(life.due(), None);
        assert_eq!(life.check(now + 100 * INTERVAL), Life::Fine);
    }
}
