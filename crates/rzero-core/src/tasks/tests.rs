use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Restart, TaskStats, Tasks};
use crate::{Class, Error, Phase};

const SECOND: Duration = Duration::from_secs(1);

fn stats(tasks: &Tasks, name: &str) -> TaskStats {
    let all = tasks.snapshot();
    *all.iter().find(|stats| stats.name == name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn tasks_are_counted_by_name_while_they_run() {
    let tasks = Tasks::new();
    let (go, wait) = oneshot::channel::<u8>();
    let task = tasks.spawn("a", async { wait.await.unwrap() });
    drop(tasks.spawn("b", pending::<()>()));
    drop(tasks.spawn("b", pending::<()>()));
    assert_eq!((stats(&tasks, "a").alive, stats(&tasks, "b").alive), (1, 2));
    assert_eq!(tasks.running().len(), 3);
    assert_eq!(tasks.running()[0].name, "a");
    go.send(7).unwrap();
    assert_eq!(task.await.unwrap(), 7);
    assert_eq!((stats(&tasks, "a").alive, stats(&tasks, "b").alive), (0, 2));
    assert_eq!(stats(&tasks, "a").started, 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_caught_and_counted() {
    let tasks = Tasks::new();
    let task = tasks.spawn("bad", async { panic!("on purpose") as () });
    let error: Error = task.await.unwrap_err();
    assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
    let bad = stats(&tasks, "bad");
    assert_eq!((bad.alive, bad.panics), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn stop_asks_before_it_cuts() {
    let tasks = Tasks::new();
    let stop = tasks.stopping();
    let polite = tasks.spawn("polite", async move {
        stop.reached(Phase::Done).await;
        tokio::time::sleep(SECOND).await;
        "done"
    });
    let deaf = tasks.spawn("deaf", pending::<()>());
    let start = Instant::now();
    let stopped = tasks.stop(5 * SECOND).await;
    assert_eq!((&*stopped.tasks, &*stopped.stuck), (&["deaf"][..], &[][..]));
    assert_eq!(start.elapsed(), 5 * SECOND);
    assert_eq!(polite.await.unwrap(), "done");
    assert_eq!(deaf.await.unwrap_err().class(), Class::Cancelled);
    assert_eq!(
        (stats(&tasks, "deaf").cut, stats(&tasks, "polite").cut),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn stop_takes_no_longer_than_the_tasks() {
    let tasks = Tasks::new();
    let start = Instant::now();
    assert!(!tasks.stop(5 * SECOND).await.cut());
    let stop = tasks.stopping();
    assert_eq!(stop.phase(), Phase::Done);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_started_after_the_end() {
    let tasks = Tasks::new();
    tasks.stop(SECOND).await;
    let late = tasks.spawn("late", async { 1 });
    assert!(late.is_finished());
    assert_eq!(late.await.unwrap_err().class(), Class::Cancelled);
    assert_eq!(stats(&tasks, "late").started, 0);
}

#[tokio::test(start_paused = true)]
async fn tasks_end_with_their_last_owner() {
    let tasks = Tasks::new();
    let (held, gone) = oneshot::channel::<()>();
    let task = tasks.spawn("t", async move {
        let _held = held;
        pending::<()>().await;
    });
    let clone = tasks.clone();
    drop(tasks);
    tokio::task::yield_now().await;
    assert!(!task.is_finished());
    drop(clone);
    assert!(gone.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn groups_count_together_and_stop_apart() {
    let tasks = Tasks::new();
    let group = tasks.group();
    drop(tasks.spawn("x", pending::<()>()));
    drop(group.spawn("x", pending::<()>()));
    assert_eq!(stats(&tasks, "x").alive, 2);
    assert_eq!(group.stop(SECOND).await.tasks, ["x"]);
    assert_eq!(stats(&tasks, "x").alive, 1);
    assert_eq!(tasks.running().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn failed_work_is_started_again_until_it_ends_well() {
    let tasks = Tasks::new();
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let task = tasks.spawn_restarting("flaky", Restart::default(), move |_| {
        let run = counted.fetch_add(1, Relaxed);
        async move {
            match run {
                0 => Err(Error::unavailable("not yet")),
                1 => panic!("on purpose"),
                _ => Ok(()),
            }
        }
    });
    task.await.unwrap().unwrap();
    let flaky = stats(&tasks, "flaky");
    assert_eq!((flaky.restarts, flaky.panics, flaky.started), (2, 1, 1));
    assert_eq!(runs.load(Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn work_that_fails_too_often_is_given_up() {
    let tasks = Tasks::new();
    let policy = Restart {
        at_most: 3,
        ..Restart::default()
    };
    let task = tasks.spawn_restarting("broken", policy, |_| async {
        Err(Error::unavailable("never"))
    });
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(error.message(), "never");
    assert_eq!(stats(&tasks, "broken").restarts, 3);
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_panics_is_a_failure_too() {
    let tasks = Tasks::new();
    let mut runs = 0;
    let task = tasks.spawn_restarting("factory", Restart::default(), move |_| {
        runs += 1;
        assert!(runs > 1, "on purpose");
        async { Ok(()) }
    });
    task.await.unwrap().unwrap();
    assert_eq!(stats(&tasks, "factory").panics, 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_restart_ends_when_asked_to_stop() {
    let tasks = Tasks::new();
    let policy = Restart {
        first: 3600 * SECOND,
        ..Restart::default()
    };
    let task = tasks.spawn_restarting("idle", policy, |_| async {
        Err(Error::unavailable("down"))
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    assert!(!tasks.stop(10 * SECOND).await.cut());
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert!(task.await.unwrap().is_err());
}

#[test]
fn a_runtime_that_ends_leaves_nothing_counted() {
    let tasks = Tasks::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { drop(tasks.spawn("t", pending::<()>())) });
    let handle = runtime.handle().clone();
    drop(runtime);
    let _inside = handle.enter();
    drop(tasks.spawn("t", pending::<()>()));
    assert_eq!((stats(&tasks, "t").alive, tasks.running().len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tasks_that_come_and_go_are_counted_to_zero() {
    let tasks = Tasks::new();
    for n in 0..2_000_u32 {
        let task = tasks.spawn("t", async move {
            tokio::task::yield_now().await;
            n
        });
        if n % 3 == 0 {
            task.abort();
        }
    }
    tasks.ended().await;
    let t = stats(&tasks, "t");
    assert_eq!((t.alive, t.started, t.panics), (0, 2_000, 0));
    assert!(tasks.running().is_empty());
}
