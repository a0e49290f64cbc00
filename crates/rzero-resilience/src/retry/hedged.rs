//! The driver for hedged work.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll};

use rzero_core::{Error, shield};
use tokio::time::{Instant, timeout_at};

use super::run::repeat;
use super::{Attempt, Attempts, Hedge, Policy, Target, Work};

type Racer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Which of the two attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    First,
    Second,
}

/// Does `work` by `attempt` as [`run`](super::run) does, and when the first answer is slow once
/// more beside it: the first success wins. Only idempotent work is hedged, see [`Hedge`].
///
/// The second attempt has the number 1, so it is not retried and nothing below it is. The loser is
/// dropped, unless `may_cancel` says no, by a [`CancelCap`](super::CancelCap) for example: then it
/// is left to finish as a [shielded](shield) section. `may_cancel` is told the number that the
/// loser began with: 0 is the first, 1 the second.
///
/// # Errors
/// That of the first attempt when none succeeds.
///
/// # Cancel safety
/// Dropping the future drops the attempts that run.
pub async fn hedged<T, F, Fut>(
    policy: &Policy,
    hedge: &Hedge,
    target: &Arc<Target>,
    work: Work,
    may_cancel: impl FnOnce(u8) -> bool,
    attempt: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<T, Error>> + Send + 'static,
{
    let begun = Instant::now();
    target.begin(begun);
    let delay = hedge.delay(&Attempts::new(&work, 0), &target.latency, begun);
    let result = match delay.and_then(|delay| begun.checked_add(delay)) {
        None => {
            let (mut attempt, over) = (attempt, AtomicBool::new(false));
            repeat(policy, &target.budget, work, &over, &mut attempt).await
        }
        Some(slow) => {
            let race = Race {
                policy: *policy,
                target: Arc::clone(target),
                over: Arc::default(),
                attempt,
            };
            race.run(work, slow, may_cancel).await
        }
    };
    if result.is_ok() {
        target.succeeded(begun, Instant::now());
    }
    result
}

struct Race<F> {
    policy: Policy,
    target: Arc<Target>,
    over: Arc<AtomicBool>,
    attempt: F,
}

impl<F> Race<F> {
    async fn run<T, Fut>(
        self,
        work: Work,
        slow: Instant,
        may_cancel: impl FnOnce(u8) -> bool,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut first = self.racer(work);
        if let Ok(result) = timeout_at(slow, &mut first).await {
            return result;
        }
        if !self.target.try_hedge(work.deadline, Instant::now()) {
            return first.await;
        }
        let mut second = self.racer(Work { attempt: 1, ..work });
        let (winner, result) = both(&mut first, &mut second).await?;
        self.over.store(true, Relaxed);
        let (loser, number) = match winner {
            Lane::First => (second, 1),
            Lane::Second => (first, 0),
        };
        if !may_cancel(number) {
            self.leave(loser).await;
        }
        Ok(result)
    }

    fn racer<T, Fut>(&self, work: Work) -> Racer<T>
    where
        T: Send + 'static,
        F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (policy, target) = (self.policy, Arc::clone(&self.target));
        let (over, mut attempt) = (Arc::clone(&self.over), self.attempt.clone());
        Box::pin(async move { repeat(&policy, &target.budget, work, &over, &mut attempt).await })
    }

    /// Hands the loser to a task that the server's drain waits for.
    async fn leave<T: Send + 'static>(&self, loser: Racer<T>) {
        let left = self.target.leave();
        let mut task = pin!(shield(async move {
            // Nobody wants its answer.
            let _ = loser.await;
            drop(left);
        }));
        // The first poll begins the task, and dropping the rest does not stop it.
        poll_fn(|cx| {
            let _ = task.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }
}

/// The first success of the two, or the error of the first one when both fail.
async fn both<T>(first: &mut Racer<T>, second: &mut Racer<T>) -> Result<(Lane, T), Error> {
    let (mut failed, mut second_failed) = (None, false);
    poll_fn(move |cx| {
        if failed.is_none() {
            match poll(first, cx) {
                Poll::Ready(Ok(done)) => return Poll::Ready(Ok((Lane::First, done))),
                Poll::Ready(Err(error)) => failed = Some(error),
                Poll::Pending => {}
            }
        }
        if !second_failed {
            match poll(second, cx) {
                Poll::Ready(Ok(done)) => return Poll::Ready(Ok((Lane::Second, done))),
                Poll::Ready(Err(_)) => second_failed = true,
                Poll::Pending => {}
            }
        }
        match (second_failed, failed.take()) {
            (true, Some(error)) => Poll::Ready(Err(error)),
            (_, kept) => {
                failed = kept;
                Poll::Pending
            }
        }
    })
    .await
}

fn poll<T>(racer: &mut Racer<T>, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
    racer.as_mut().poll(cx)
}
