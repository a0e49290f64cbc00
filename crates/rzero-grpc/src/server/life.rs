//! How long a served connection lives: pure decisions.

use std::time::Duration;

use tokio::time::Instant;

use crate::engine::{Keepalive, Life};
use crate::options::ServerOptions;

/// How long a peer may take to answer the first step of a GOAWAY.
const ANNOUNCE: Duration = Duration::from_secs(1);
/// How long a connection that has said its last words waits for the peer to close.
const LINGER: Duration = Duration::from_secs(1);
/// Between two looks at calls that hang on their peer.
const SWEEP: Duration = Duration::from_millis(250);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It takes calls.
    Serving,
    /// The peer was asked to leave; calls that are on their way still count.
    Announced { until: Instant },
    /// No more calls are taken; those that run end, by `until` if there is one.
    Final { until: Option<Instant> },
    /// All was said; the peer may read it and close.
    Lingering { until: Instant },
}

/// What the time asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// The handshake or a header block takes too long.
    TooSlow,
    /// A ping.
    Ping,
    /// The peer does not answer.
    Dead,
    /// The first step of a GOAWAY.
    Announce(&'static str),
    /// The second.
    Final,
    /// The end, whatever runs.
    Close,
    /// A look at calls that hang on their peer.
    Sweep,
}

/// The clock of a connection.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) stage: Stage,
    pub(super) keepalive: Keepalive,
    /// When the handshake, or the header block that has begun, has to be whole.
    slow_at: Option<Instant>,
    age_at: Option<Instant>,
    age_grace: Duration,
    /// Set when the connection grew too old: calls then have a grace, not all the time they want.
    is_old: bool,
    idle_timeout: Option<Duration>,
    idle_at: Option<Instant>,
    sweep_at: Option<Instant>,
    patience: Duration,
}

impl Clock {
    /// `jitter` is between -1 and 1.
    pub(super) fn new(options: &ServerOptions, jitter: f64, now: Instant) -> Self {
        let spread = 1.0 + 0.1 * jitter;
        let age = options.connection_age_max.map(|age| age.mul_f64(spread));
        Self {
            stage: Stage::Serving,
            keepalive: Keepalive::new(
                options.keepalive_interval,
                options.keepalive_timeout,
                false,
                now,
            ),
            slow_at: Some(now + options.handshake_timeout),
            age_at: age.and_then(|age| now.checked_add(age)),
            age_grace: options.connection_age_grace,
            is_old: false,
            idle_timeout: options.idle_timeout,
            idle_at: options.idle_timeout.and_then(|idle| now.checked_add(idle)),
            sweep_at: None,
            patience: options.handshake_timeout,
        }
    }

    /// After a batch: what is unfinished, and how many calls there are.
    pub(super) fn batch(&mut self, now: Instant, is_unfinished: bool, calls: usize) {
        match (is_unfinished, self.slow_at) {
            (true, None) => self.slow_at = Some(now + self.patience),
            (false, Some(_)) => self.slow_at = None,
            _ => {}
        }
        match (calls, self.sweep_at) {
            (0, _) => self.sweep_at = None,
            (_, None) => self.sweep_at = Some(now + SWEEP),
            _ => {}
        }
        self.idle_at = match (calls, self.idle_timeout) {
            (0, Some(idle)) => now.checked_add(idle),
            _ => None,
        };
    }

    /// The first step of a GOAWAY was sent.
    pub(super) fn announced(&mut self, now: Instant) {
        self.stage = Stage::Announced {
            until: now + ANNOUNCE,
        };
    }

    /// The second step was sent.
    pub(super) fn finished(&mut self, now: Instant) {
        self.stage = Stage::Final {
            until: self.is_old.then(|| now + self.age_grace),
        };
    }

    /// The last words are written.
    pub(super) fn lingers(&mut self, now: Instant) {
        self.stage = Stage::Lingering {
            until: now + LINGER,
        };
    }

    /// When [`check`](Self::check) has to be asked next.
    pub(super) fn due(&self) -> Option<Instant> {
        let stage = match self.stage {
            Stage::Serving => min(self.age_at, self.idle_at),
            Stage::Announced { until } | Stage::Lingering { until } => Some(until),
            Stage::Final { until } => until,
        };
        let alive = min(self.keepalive.due(), self.slow_at);
        min(min(stage, alive), self.sweep_at)
    }

    /// The next thing to do; to be asked until it is nothing.
    pub(super) fn check(&mut self, now: Instant) -> Due {
        let passed = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        match self.stage {
            Stage::Lingering { until } if until <= now => return Due::Close,
            Stage::Lingering { .. } => return Due::Nothing,
            Stage::Announced { until } if until <= now => return Due::Final,
            Stage::Final { until } if passed(until) => return Due::Close,
            Stage::Serving if passed(self.age_at) => {
                self.is_old = true;
                return Due::Announce("max age");
            }
            Stage::Serving if passed(self.idle_at) => return Due::Announce("idle"),
            _ => {}
        }
        if passed(self.slow_at) {
            return Due::TooSlow;
        }
        match self.keepalive.check(now) {
            Life::Ping => return Due::Ping,
            Life::Dead => return Due::Dead,
            Life::Fine => {}
        }
        if passed(self.sweep_at) {
            self.sweep_at = Some(now + SWEEP);
            return Due::Sweep;
        }
        Due::Nothing
    }
}

fn min(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn clock(options: &ServerOptions, now: Instant) -> Clock {
        let mut clock = Clock::new(options, 0.0, now);
        clock.batch(now, false, 0);
        clock
    }

    fn quiet() -> ServerOptions {
        ServerOptions {
            keepalive_interval: None,
            connection_age_max: None,
            ..ServerOptions::default()
        }
    }

    #[test]
    fn slow_handshake_is_ended() {
        let now = Instant::now();
        let mut clock = Clock::new(&quiet(), 0.0, now);
        assert_eq!(clock.check(now + 9 * SECOND), Due::Nothing);
        assert_eq!(clock.check(now + 10 * SECOND), Due::TooSlow);
    }

    #[test]
    fn header_block_has_its_own_time() {
        let now = Instant::now();
        let mut clock = clock(&quiet(), now);
        clock.batch(now + SECOND, true, 0);
        clock.batch(now + 5 * SECOND, true, 0);
        assert_eq!(clock.check(now + 11 * SECOND), Due::TooSlow);
    }

    #[test]
    fn old_connection_is_announced_then_final_then_cut() {
        let now = Instant::now();
        let options = ServerOptions {
            connection_age_max: Some(100 * SECOND),
            ..quiet()
        };
        let mut clock = clock(&options, now);
        let mut at = now + 100 * SECOND;
        assert_eq!(clock.due(), Some(at));
        assert_eq!(clock.check(at), Due::Announce("max age"));
        clock.announced(at);
        assert_eq!(clock.check(at), Due::Nothing);
        at += ANNOUNCE;
        assert_eq!(clock.check(at), Due::Final);
        clock.finished(at);
        assert_eq!(clock.check(at), Due::Nothing);
        assert_eq!(clock.check(at + options.connection_age_grace), Due::Close);
    }

    #[test]
    fn age_is_spread_by_a_tenth() {
        let now = Instant::now();
        let options = ServerOptions {
            connection_age_max: Some(100 * SECOND),
            ..quiet()
        };
        for (jitter, seconds) in [(-1.0, 90), (1.0, 110)] {
            let mut clock = Clock::new(&options, jitter, now);
            clock.batch(now, false, 0);
            assert_eq!(clock.due(), Some(now + seconds * SECOND));
        }
    }

    #[test]
    fn only_a_connection_without_calls_is_idle() {
        let now = Instant::now();
        let options = ServerOptions {
            idle_timeout: Some(5 * SECOND),
            ..quiet()
        };
        let mut clock = clock(&options, now);
        clock.batch(now, false, 1);
        assert_ne!(clock.check(now + 9 * SECOND), Due::Announce("idle"));
        clock.batch(now + 9 * SECOND, false, 0);
        assert_eq!(clock.check(now + 14 * SECOND), Due::Announce("idle"));
    }
}
