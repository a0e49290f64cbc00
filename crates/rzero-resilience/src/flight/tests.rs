use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rzero_core::{Ambient, Class, Error, Lane, scope};
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::Group;

/// Work that waits to be let go, and how often it began and was dropped.
#[derive(Clone, Default)]
struct Work(Arc<Counts>);

#[derive(Default)]
struct Counts {
    begun: AtomicUsize,
    dropped: AtomicUsize,
    go: Notify,
}

struct OnDrop(Work);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl Work {
    async fn run(self) -> Result<usize, Error> {
        let nth = self.0.begun.fetch_add(1, Ordering::Relaxed);
        let guard = OnDrop(self);
        guard.0.0.go.notified().await;
        Ok(nth)
    }

    fn go(&self) {
        self.0.go.notify_one();
    }

    fn begun(&self) -> usize {
        self.0.begun.load(Ordering::Relaxed)
    }

    fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

type Caller = tokio::task::JoinHandle<Result<Arc<usize>, Error>>;

/// A caller in a task of its own, which has boarded.
async fn caller(group: &Group<u8, usize>, work: &Work, deadline: Option<Instant>) -> Caller {
    let (group, work) = (group.clone(), work.clone());
    let task = tokio::spawn(async move { group.run(1, deadline, move || work.run()).await });
    settle().await;
    task
}

async fn settle() {
    for _ in 0..4 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn callers_of_a_key_share_one_execution() {
    let (group, work) = (Group::new(), Work::default());
    let mut callers = Vec::new();
    for _ in 0..5 {
        callers.push(caller(&group, &work, None).await);
    }
    work.go();
    for caller in callers {
        assert_eq!(*caller.await.unwrap().unwrap(), 0);
    }
    assert_eq!((work.begun(), group.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_after_the_end() {
    let (group, work) = (Group::new(), Work::default());
    for nth in 0..3 {
        let caller = caller(&group, &work, None).await;
        assert_eq!(group.len(), 1);
        work.go();
        assert_eq!(*caller.await.unwrap().unwrap(), nth);
        assert!(group.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn keys_are_worked_on_apart() {
    let group = Group::new();
    let (a, b) = tokio::join!(
        group.run("a", None, || async { Ok("a") }),
        group.run("b", None, || async { Ok("b") }),
    );
    assert_eq!((*a.unwrap(), *b.unwrap()), ("a", "b"));
}

#[tokio::test(start_paused = true)]
async fn the_first_caller_may_leave() {
    let (group, work) = (Group::new(), Work::default());
    let first = caller(&group, &work, None).await;
    let second = caller(&group, &work, None).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    work.go();
    assert_eq!(*second.await.unwrap().unwrap(), 0);
    assert_eq!(work.begun(), 1);
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_with_its_last_caller() {
    let (group, work) = (Group::new(), Work::default());
    let callers = [
        caller(&group, &work, None).await,
        caller(&group, &work, None).await,
    ];
    for caller in callers {
        assert_eq!(work.dropped(), 0);
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    assert!(group.is_empty());
    settle().await;
    assert_eq!(work.dropped(), 1);
    let late = caller(&group, &work, None).await;
    work.go();
    assert_eq!(*late.await.unwrap().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn each_caller_waits_until_its_own_deadline() {
    let (group, work) = (Group::new(), Work::default());
    let start = Instant::now();
    let hasty = caller(&group, &work, Some(start + Duration::from_millis(50))).await;
    let patient = caller(&group, &work, Some(start + Duration::from_secs(5))).await;
    let error = hasty.await.unwrap().unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert!(start.elapsed() < Duration::from_millis(60));
    work.go();
    assert_eq!(*patient.await.unwrap().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_callers_deadline_is_not_the_works() {
    let group: Group<u8, (Option<Instant>, Lane)> = Group::new();
    let ambient = Ambient {
        deadline: Some(Instant::now() + Duration::from_millis(1)),
        lane: "blue".parse().unwrap(),
        ..Ambient::default()
    };
    let work = || async {
        let context = Ambient::current();
        Ok((context.deadline, context.lane))
    };
    let seen = scope(ambient, group.run(1, None, work)).await.unwrap();
    assert_eq!(*seen, (None, "blue".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn errors_are_shared_whole() {
    let group: Group<u8, ()> = Group::new();
    let work = || async {
        yield_now().await;
        let cause = "x".parse::<u8>().unwrap_err();
        Err(Error::rate_limited("slow down")
            .with_reason("TOO_FAST", "shop")
            .with_metadata("user", "7")
            .with_retry_after(Duration::from_secs(3))
            .with_source(cause))
    };
    let (a, b) = tokio::join!(group.run(1, None, work), group.run(1, None, work));
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert_eq!(error.class(), Class::RateLimited);
        assert_eq!((error.reason(), error.domain()), ("TOO_FAST", "shop"));
        assert_eq!(error.message(), "slow down");
        assert_eq!(error.metadata().collect::<Vec<_>>(), [("user", "7")]);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        let cause = error.source().unwrap().source().unwrap();
        assert_eq!(cause.to_string(), "invalid digit found in string");
        // The work had begun, so a handler that passes it on promises nothing.
        assert!(!error.from_handler("shop").is_retry_safe(false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_to_all() {
    let group: Group<u8, ()> = Group::new();
    let work = || async {
        yield_now().await;
        std::panic::resume_unwind(Box::new("on purpose"))
    };
    let (a, b) = tokio::join!(group.run(1, None, work), group.run(1, None, work));
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
    }
    assert!(group.is_empty());
    let early = || -> std::future::Ready<Result<(), Error>> {
        std::panic::resume_unwind(Box::new("before the first await"))
    };
    let error = group.run(1, None, early).await.unwrap_err();
    assert_eq!((error.reason(), group.len()), ("PANIC", 0));
}

#[test]
fn a_runtime_that_ends_leaves_nothing_behind() {
    let (group, work) = (Group::new(), Work::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let boarded = runtime.block_on(caller(&group, &work, None));
    drop(runtime);
    drop(boarded);
    assert_eq!((group.len(), work.dropped()), (0, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_that_come_and_go_leave_nothing_behind() {
    let group: Group<u32, u32> = Group::new();
    let mut tasks = Vec::new();
    for n in 0..2_000_u32 {
        let group = group.clone();
        let task = tokio::spawn(async move {
            let key = n % 7;
            let work = move || async move {
                yield_now().await;
                Ok(key)
            };
            group.run(key, None, work).await.map(|value| *value == key)
        });
        if n % 3 == 0 {
            task.abort();
        }
        tasks.push(task);
    }
    for task in tasks {
        match task.await {
            Ok(result) => assert!(result.unwrap()),
            Err(error) => assert!(error.is_cancelled()),
        }
    }
    while !group.is_empty() {
        yield_now().await;
    }
}
