//! One connection at a time, made when it is needed and replaced when it fails.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::backoff::pause;
use crate::config::Settings;
use crate::connect::{Conn, open};
use crate::failure::Failure;

/// Makes a connection and shares it. Many who need it at once share one attempt, which goes on when
/// they leave: a connection that takes longer than the patience of each of them is made all the
/// same. After a failure everybody is refused at once until it is time for the next attempt.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Arc<Shared>,
    /// The attempt under way, which ends with us.
    attempt: Mutex<Option<AbortHandle>>,
}

#[derive(Debug)]
struct Shared {
    settings: Arc<Settings>,
    state: watch::Sender<State>,
    failures: AtomicU32,
    made: AtomicU64,
}

#[derive(Debug)]
enum State {
    /// Nobody asked yet, or the last connection failed.
    Idle,
    Connecting,
    Up(Live),
    /// The last attempt failed; the next one may begin at `until`.
    Down {
        failure: Failure,
        until: Instant,
    },
}

/// A connection that worked when it was made.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) conn: Conn,
    pub(crate) silence: Arc<Silence>,
    /// Which one it is.
    number: u64,
}

impl Link {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            shared: Arc::new(Shared {
                settings,
                state: watch::Sender::new(State::Idle),
                failures: AtomicU32::new(0),
                made: AtomicU64::new(0),
            }),
            attempt: Mutex::new(None),
        }
    }

    /// The connection; waits for it when one is being made.
    pub(crate) async fn get(&self) -> Result<Live, Failure> {
        if let State::Up(live) = &*self.shared.state.borrow() {
            return Ok(live.clone());
        }
        let mut states = self.shared.state.subscribe();
        loop {
            self.begin();
            match &*states.borrow_and_update() {
                State::Up(live) => return Ok(live.clone()),
                State::Down { failure, .. } => return Err(failure.clone()),
                State::Idle | State::Connecting => {}
            }
            if states.changed().await.is_err() {
                return Err(Failure::NotConnected("it was closed".to_owned()));
            }
        }
    }

    /// Reports that a connection failed.
    pub(crate) fn failed(&self, live: &Live) {
        self.shared.state.send_if_modified(|state| {
            let same = matches!(state, State::Up(up) if up.number == live.number);
            if same {
                *state = State::Idle;
            }
            same
        });
    }

    /// Begins an attempt if it is time for one.
    fn begin(&self) {
        let now = Instant::now();
        let begun = self.shared.state.send_if_modified(|state| {
            let due = match state {
                State::Idle => true,
                State::Down { until, .. } => *until <= now,
                State::Connecting | State::Up(_) => false,
            };
            if due {
                *state = State::Connecting;
            }
            due
        });
        if begun {
            let attempt = tokio::spawn(connect(Attempt(Arc::clone(&self.shared))));
            let mut slot = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
            *slot = Some(attempt.abort_handle());
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        let slot = self
            .attempt
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(attempt) = slot {
            attempt.abort();
        }
    }
}

/// An attempt; one that is cut short leaves the way free for the next.
struct Attempt(Arc<Shared>);

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.state.send_if_modified(|state| {
            let cut = matches!(state, State::Connecting);
            if cut {
                *state = State::Idle;
            }
            cut
        });
    }
}

async fn connect(attempt: Attempt) {
    let shared = &attempt.0;
    let (name, config) = (&shared.settings.name, &shared.settings.config);
    let next = match open(&shared.settings).await {
        Ok(conn) => {
            if shared.failures.swap(0, Ordering::Relaxed) > 0 {
                tracing::info!(redis = %name, "connected again");
            }
            State::Up(Live {
                conn,
                silence: Arc::new(Silence::new(Instant::now())),
                number: shared.made.fetch_add(1, Ordering::Relaxed),
            })
        }
        Err(failure) => {
            let failures = shared.failures.fetch_add(1, Ordering::Relaxed) + 1;
            if failures == 1 {
                tracing::warn!(redis = %name, ?failure, "cannot connect; trying on");
            }
            State::Down {
                failure: failure.of_connecting(),
                until: Instant::now() + pause(failures, config.reconnect_max),
            }
        }
    };
    shared.state.send_replace(next);
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Live").field(&self.number).finish()
    }
}

/// For how long a connection has not answered, from the question that was first left open.
///
/// A network that loses everything tells nobody: without this, a dead connection would be used
/// until the kernel gives it up, after a quarter of an hour.
#[derive(Debug)]
pub(crate) struct Silence {
    epoch: Instant,
    /// Microseconds from the epoch, and one; 0 when the last question was answered.
    since: AtomicU64,
}

impl Silence {
    fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            since: AtomicU64::new(0),
        }
    }

    pub(crate) fn broken(&self) {
        // Most answers end no silence: then the line stays shared among the cores.
        if self.since.load(Ordering::Relaxed) != 0 {
            self.since.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that what was asked at `asked` is not answered `now`. Tells whether nothing was for as
    /// long as `patience`.
    pub(crate) fn lasts(&self, asked: Instant, now: Instant, patience: Duration) -> bool {
        let micros = |at: Instant| {
            let passed = at.saturating_duration_since(self.epoch).as_micros();
            u64::try_from(passed).unwrap_or(u64::MAX - 1) + 1
        };
        let order = Ordering::Relaxed;
        let first = match self.since.compare_exchange(0, micros(asked), order, order) {
            Ok(_) => micros(asked),
            Err(earlier) => earlier,
        };
        u128::from(micros(now).saturating_sub(first)) >= patience.as_micros()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn silence_counts_from_the_first_open_question() {
        let start = Instant::now();
        let silence = Silence::new(start);
        let at = |ms: u32| start + ms * MS;
        assert!(!silence.lasts(at(0), at(50), 100 * MS));
        assert!(!silence.lasts(at(40), at(90), 100 * MS));
        assert!(silence.lasts(at(60), at(110), 100 * MS));
        silence.broken();
        assert!(!silence.lasts(at(100), at(150), 100 * MS));
        assert!(silence.lasts(at(100), at(200), 100 * MS));
    }

    #[tokio::test]
    async fn attempts_are_shared_and_refused_until_the_next() {
        // A port that nobody listens on.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let config = crate::RedisConfig {
            addresses: vec![address],
            reconnect_max: Duration::from_secs(60),
            ..crate::RedisConfig::default()
        };
        let settings = Arc::new(Settings::check("main", &config).unwrap());
        let link = Link::new(settings);
        let (one, other) = tokio::join!(link.get(), link.get());
        assert!(matches!(one, Err(Failure::NotConnected(_))), "{one:?}");
        assert!(matches!(other, Err(Failure::NotConnected(_))), "{other:?}");
        assert_eq!(link.shared.failures.load(Ordering::Relaxed), 1);
        assert!(link.get().await.is_err());
        assert_eq!(link.shared.failures.load(Ordering::Relaxed), 1);
    }
}
