//! The driver for retries.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use rzero_core::{Ambient, Class, Error, Fixed, scope};
use tokio::time::{Instant, sleep, timeout_at};

use super::deadline::FLOOR;
use super::{Attempt, Attempts, Budget, Failure, Policy, Side, Verdict, Work, seed};

static NO_TIME: Fixed = Fixed::new(Class::DeadlineExceeded, "no time is left for the work");
static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed before the work was done",
);

/// Does `work` by `attempt`, and tries again as `policy` and `budget` allow.
///
/// Each attempt has its own time, the attempt timeout of the policy or what is left, whichever is
/// shorter; with less than 1 ms left none begins. It runs in the context of the call with that deadline and its number, so calls that it
/// makes carry both, and tasks that it spawns by [`rzero_core::spawn`] end with it.
///
/// # Errors
/// That of the last attempt, also when the budget is empty.
///
/// # Cancel safety
/// Dropping the future drops the attempt that runs. An extra attempt that was not begun goes back
/// to the budget.
pub async fn run<T, F, Fut>(
    policy: &Policy,
    budget: &Budget,
    work: Work,
    mut attempt: F,
) -> Result<T, Error>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    budget.deposit(Instant::now());
    let over = AtomicBool::new(false);
    repeat(policy, budget, work, Side::First, &over, &mut attempt).await
}

/// The same without the deposit of a first attempt. Nothing is tried again once it is `over`.
pub(super) async fn repeat<T, F, Fut>(
    policy: &Policy,
    budget: &Budget,
    work: Work,
    side: Side,
    over: &AtomicBool,
    attempt: &mut F,
) -> Result<T, Error>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let ambient = Ambient::current();
    let mut attempts = Attempts::new(&work, seed());
    let mut before = 0_u8;
    loop {
        let limit = policy
            .attempt_timeout
            .and_then(|t| Instant::now().checked_add(t));
        let this = Attempt {
            number: attempts.number(),
            side,
            before,
            deadline: match (limit, work.deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        };
        let error = match once(&ambient, this, attempt).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let mut failure = Failure::new(&error, Instant::now());
        (failure.deadline, failure.p50) = (work.deadline, work.p50);
        match attempts.next(policy, budget, &failure) {
            _ if over.load(Relaxed) => return Err(error),
            Verdict::RePick { extra } => extra.spend(),
            Verdict::Retry { after, extra } => {
                tracing::debug!(number = attempts.number(), ?after, %error, "will be tried again");
                sleep(after).await;
                extra.spend();
            }
            Verdict::GiveUp(reason) => {
                tracing::debug!(reason = reason.as_str(), attempts = before + 1, %error, "gave up");
                return Err(error);
            }
        }
        before = before.saturating_add(1);
    }
}

/// One attempt in its own context and time.
async fn once<T, F, Fut>(ambient: &Ambient, this: Attempt, attempt: &mut F) -> Result<T, Error>
where
    F: FnMut(Attempt) -> Fut,
    Fut: Future<Output = Result<T, Error>>,
{
    let now = Instant::now();
    if this
        .deadline
        .is_some_and(|at| at.saturating_duration_since(now) < FLOOR)
    {
        return Err(Error::fixed(&NO_TIME));
    }
    let mut context = ambient.clone();
    context.attempt = context.attempt.max(this.number);
    context.deadline = match (context.deadline, this.deadline) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let work = scope(context, async { attempt(this).await });
    match this.deadline {
        Some(at) => timeout_at(at, work)
            .await
            .unwrap_or_else(|_| Err(Error::fixed(&LATE))),
        None => work.await,
    }
}
