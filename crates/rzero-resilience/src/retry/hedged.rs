//! The driver for hedged work.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;

use rzero_core::{Error, shield};
use tokio::time::{Instant, timeout_at};

use super::run::repeat;
use super::{Attempt, Attempts, Hedge, Policy, Side, Target, Work};

type Racer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Does `work` by `attempt` as [`run`](super::run) does, and when the first answer is slow once
/// more beside it, on another node, which is for `attempt` to see to. The first success wins. Only
/// idempotent work is hedged, see [`Hedge`].
///
/// The hedge has the number 1, so it is not retried and nothing below it is. The loser is dropped,
/// unless `may_cancel`, which is told who lost, says no, by a [`CancelCap`](super::CancelCap) for
/// example: then it is left to finish as a [shielded](shield) section.
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
    mut work: Work,
    may_cancel: impl FnOnce(Side) -> bool,
    attempt: F,
) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<T, Error>> + Send + 'static,
{
    let begun = Instant::now();
    target.begin(begun);
    if work.p50.is_zero() {
        work.p50 = target.p50(begun);
    }
    let delay = hedge.delay(&Attempts::new(&work, 0), &target.latency, begun);
    let race = Race {
        policy: *policy,
        target: Arc::clone(target),
        over: Arc::default(),
        attempt,
    };
    let result = match delay.and_then(|delay| begun.checked_add(delay)) {
        None => race.alone(work).await,
        Some(slow) => race.run(work, slow, may_cancel).await,
    };
    if result.is_ok() {
        target.succeeded(begun, Instant::now());
    }
    result
}

struct Race<F> {
    policy: Policy,
    target: Arc<Target>,
    /// Somebody won: the other side tries no more.
    over: Arc<AtomicBool>,
    attempt: F,
}

impl<F> Race<F> {
    /// The first side without a second, and without a box.
    async fn alone<T, Fut>(mut self, work: Work) -> Result<T, Error>
    where
        F: FnMut(Attempt) -> Fut,
        Fut: Future<Output = Result<T, Error>>,
    {
        let (budget, attempt) = (&self.target.budget, &mut self.attempt);
        repeat(&self.policy, budget, work, Side::First, &self.over, attempt).await
    }

    /// The first side, and from `slow` on the second beside it.
    async fn run<T, Fut>(
        self,
        work: Work,
        slow: Instant,
        may_cancel: impl FnOnce(Side) -> bool,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut first = self.racer(work, Side::First);
        if let Ok(result) = timeout_at(slow, &mut first).await {
            return result;
        }
        if !self.target.try_hedge(work.deadline, Instant::now()) {
            return first.await;
        }
        let mut second = self.racer(Work { attempt: 1, ..work }, Side::Hedge);
        let (result, running) = both(&mut first, &mut second).await?;
        self.over.store(true, Relaxed);
        match running {
            Some(side) if may_cancel(side) => {}
            Some(Side::First) => self.leave(first).await,
            Some(Side::Hedge) => self.leave(second).await,
            None => {}
        }
        Ok(result)
    }

    fn racer<T, Fut>(&self, work: Work, side: Side) -> Racer<T>
    where
        T: Send + 'static,
        F: FnMut(Attempt) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let (policy, target) = (self.policy, Arc::clone(&self.target));
        let (over, mut attempt) = (Arc::clone(&self.over), self.attempt.clone());
        Box::pin(
            async move { repeat(&policy, &target.budget, work, side, &over, &mut attempt).await },
        )
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

/// The first success of the two, with the side that still runs; or the error of the first one when
/// both fail.
async fn both<T>(first: &mut Racer<T>, second: &mut Racer<T>) -> Result<(T, Option<Side>), Error> {
    let (mut failed, mut second_failed) = (None, false);
    poll_fn(move |cx| {
        if failed.is_none() {
            match first.as_mut().poll(cx) {
                Poll::Ready(Ok(done)) => {
                    let running = (!second_failed).then_some(Side::Hedge);
                    return Poll::Ready(Ok((done, running)));
                }
                Poll::Ready(Err(error)) => failed = Some(error),
                Poll::Pending => {}
            }
        }
        if !second_failed {
            match second.as_mut().poll(cx) {
                Poll::Ready(Ok(done)) => {
                    let running = failed.is_none().then_some(Side::First);
                    return Poll::Ready(Ok((done, running)));
                }
                Poll::Ready(Err(_)) => second_failed = true,
                Poll::Pending => {}
            }
        }
        match failed.take_if(|_| second_failed) {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Pending,
        }
    })
    .await
}
