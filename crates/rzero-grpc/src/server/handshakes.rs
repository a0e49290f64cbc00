//! TLS handshakes under way.
//!
//! A handshake takes milliseconds, unless its peer takes its time. There is room for so many; after
//! a restart, when all clients come at once, the rest wait. When somebody waits, a handshake that
//! has taken a second already is given up: peers that dribble do not keep others out.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// How long a handshake may take while others wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// The handshakes of a server.
#[derive(Debug)]
pub(super) struct Handshakes {
    turns: Semaphore,
    oldest_first: Mutex<VecDeque<Running>>,
}

#[derive(Debug)]
struct Running {
    since: Instant,
    give_up: Arc<Notify>,
}

/// A handshake under way.
#[derive(Debug)]
pub(super) struct Handshake<'a> {
    all: &'a Handshakes,
    give_up: Arc<Notify>,
    _turn: Option<SemaphorePermit<'a>>,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Self {
        Self {
            turns: Semaphore::new(most.clamp(1, Semaphore::MAX_PERMITS)),
            oldest_first: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Running>> {
        self.oldest_first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one when there is room.
    ///
    /// # Cancel safety
    /// Dropping the future begins nothing.
    pub(super) async fn begin(&self) -> Handshake<'_> {
        let turn = loop {
            let oldest = self.lock().front().map(|running| running.since);
            let until = oldest.unwrap_or_else(Instant::now) + PATIENCE;
            match timeout_at(until, self.turns.acquire()).await {
                // It is never closed.
                Ok(turn) => break turn.ok(),
                Err(_) => self.give_up_oldest(Instant::now()),
            }
        };
        let give_up = Arc::<Notify>::default();
        self.lock().push_back(Running {
            since: Instant::now(),
            give_up: Arc::clone(&give_up),
        });
        Handshake {
            all: self,
            give_up,
            _turn: turn,
        }
    }

    fn give_up_oldest(&self, now: Instant) {
        let mut all = self.lock();
        if all
            .front()
            .is_some_and(|oldest| oldest.since + PATIENCE <= now)
            && let Some(oldest) = all.pop_front()
        {
            oldest.give_up.notify_one();
        }
    }
}

impl Handshake<'_> {
    /// Resolves when this handshake has to make room.
    ///
    /// # Cancel safety
    /// Safe: a notice that was not taken is given to the next call.
    pub(super) async fn given_up(&self) {
        self.give_up.notified().await;
    }
}

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        all.retain(|running| !Arc::ptr_eq(&running.give_up, &self.give_up));
    }
}

#[cfg(test)]
mod tests {
    use tokio::select;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn handshake_that_dribbles_makes_room() {
        let all = Handshakes::new(1);
        let began = Instant::now();
        let slow = all.begin().await;
        let dribble = async {
            slow.given_up().await;
            drop(slow);
            std::future::pending::<()>().await;
        };
        select! {
            () = dribble => {}
            _next = all.begin() => {}
        }
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn quick_handshakes_are_waited_for() {
        let all = Arc::new(Handshakes::new(2));
        let mut peers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let all = Arc::clone(&all);
            peers.spawn(async move {
                let handshake = all.begin().await;
                let work = tokio::time::sleep(Duration::from_millis(100));
                select! {
                    () = work => true,
                    () = handshake.given_up() => false,
                }
            });
        }
        while let Some(through) = peers.join_next().await {
            assert!(through.unwrap());
        }
        assert!(all.lock().is_empty());
    }
}
