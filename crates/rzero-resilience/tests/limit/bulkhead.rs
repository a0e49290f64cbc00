use std::sync::Mutex;

use rzero_core::Class;
use rzero_resilience::limit::{Bulkhead, BulkheadConfig};
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::support::ms;

fn bulkhead(max: usize, queue_max: usize) -> Bulkhead {
    let config = BulkheadConfig {
        max,
        queue_max,
        wait_max: ms(1_000),
    };
    Bulkhead::new("reports", config).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let bulkhead = bulkhead(1, 1);
    let inside = bulkhead.enter(None).await.unwrap();
    let other = bulkhead.clone();
    let waiter = tokio::spawn(async move { other.enter(None).await.map(drop) });
    yield_now().await;
    let before = Instant::now();
    let error = bulkhead.enter(None).await.unwrap_err();
    assert_eq!((error.class(), Instant::now()), (Class::Overloaded, before));
    drop(inside);
    assert!(waiter.await.unwrap().is_ok());
    let stats = bulkhead.stats();
    assert_eq!((stats.inside, stats.waiting, stats.refused), (0, 0, 1));
    assert_eq!((stats.entered, stats.waited), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn waiters_enter_in_turn() {
    let bulkhead = bulkhead(1, 10);
    let order = Mutex::new(Vec::new());
    let inside = bulkhead.enter(None).await.unwrap();
    let visit = async |n: u32| {
        let _inside = bulkhead.enter(None).await.unwrap();
        order.lock().unwrap().push(n);
        yield_now().await;
    };
    let leave = async {
        yield_now().await;
        drop(inside);
    };
    tokio::join!(visit(1), visit(2), visit(3), leave, visit(4));
    assert_eq!(*order.lock().unwrap(), [1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_deadline() {
    let bulkhead = bulkhead(1, 10);
    let _inside = bulkhead.enter(None).await.unwrap();
    let start = Instant::now();
    let error = bulkhead.enter(Some(start + ms(300))).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert!(start.elapsed() >= ms(300) && start.elapsed() < ms(302));
    assert_eq!((bulkhead.stats().waiting, bulkhead.stats().expired), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_longest_wait() {
    let bulkhead = bulkhead(1, 10);
    let _inside = bulkhead.enter(None).await.unwrap();
    let start = Instant::now();
    let error = bulkhead.enter(Some(start + ms(5_000))).await.unwrap_err();
    assert_eq!(error.class(), Class::Overloaded);
    assert!(start.elapsed() >= ms(1_000) && start.elapsed() < ms(1_002));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passed_lets_nobody_in() {
    let bulkhead = bulkhead(1, 10);
    let error = bulkhead.enter(Some(Instant::now())).await.unwrap_err();
    assert_eq!(error.class(), Class::DeadlineExceeded);
    assert_eq!(bulkhead.stats().entered, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_leaves_the_queue() {
    let bulkhead = bulkhead(1, 2);
    let inside = bulkhead.enter(None).await.unwrap();
    let wait = || {
        let bulkhead = bulkhead.clone();
        tokio::spawn(async move { bulkhead.enter(None).await.map(drop) })
    };
    let (first, second) = (wait(), wait());
    yield_now().await;
    assert_eq!(bulkhead.stats().waiting, 2);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(
        (bulkhead.stats().waiting, bulkhead.stats().cancelled),
        (1, 1)
    );
    drop(inside);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(bulkhead.stats().inside, 0);
}

#[tokio::test(start_paused = true)]
async fn waiters_cancelled_as_their_turn_comes_pass_it_on() {
    let bulkhead = bulkhead(1, 100);
    for round in 0..200_u32 {
        let inside = bulkhead.enter(None).await.unwrap();
        let waiters: Vec<_> = (0..5)
            .map(|_| {
                let bulkhead = bulkhead.clone();
                tokio::spawn(async move { bulkhead.enter(None).await.map(drop) })
            })
            .collect();
        yield_now().await;
        drop(inside);
        for (n, waiter) in (0..).zip(waiters) {
            if (round >> n) & 1 == 1 {
                waiter.abort();
            }
            let _ = waiter.await;
        }
        let stats = bulkhead.stats();
        assert_eq!((stats.inside, stats.waiting), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_size_takes_effect_as_places_come_back() {
    let bulkhead = bulkhead(3, 0);
    let mut inside = Vec::new();
    for _ in 0..3 {
        inside.push(bulkhead.enter(None).await.unwrap());
    }
    let resize = |max| {
        bulkhead.reconfigure(BulkheadConfig {
            max,
            queue_max: 0,
            ..BulkheadConfig::default()
        })
    };
    resize(1).unwrap();
    inside.truncate(1);
    assert!(bulkhead.enter(None).await.is_err());
    resize(2).unwrap();
    inside.push(bulkhead.enter(None).await.unwrap());
    assert!(bulkhead.enter(None).await.is_err());
    inside.clear();
    inside.push(bulkhead.enter(None).await.unwrap());
    inside.push(bulkhead.enter(None).await.unwrap());
    assert!(bulkhead.enter(None).await.is_err());
    assert!(resize(0).unwrap_err().contains("`reports`: max:"));
}

#[tokio::test(start_paused = true)]
async fn shrinking_and_growing_while_full_loses_no_place() {
    let bulkhead = bulkhead(4, 0);
    let mut inside = Vec::new();
    for _ in 0..4 {
        inside.push(bulkhead.enter(None).await.unwrap());
    }
    for max in [1, 4, 2, 3, 1, 4] {
        let config = BulkheadConfig {
            max,
            queue_max: 0,
            ..BulkheadConfig::default()
        };
        bulkhead.reconfigure(config).unwrap();
    }
    inside.clear();
    for _ in 0..4 {
        inside.push(bulkhead.enter(None).await.unwrap());
    }
    assert!(bulkhead.enter(None).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cancellations_and_new_sizes_on_threads_lose_no_place() {
    let bulkhead = bulkhead(3, 64);
    let mut tasks = Vec::new();
    for n in 0..3_000_usize {
        let other = bulkhead.clone();
        let task = tokio::spawn(async move {
            let inside = other.enter(None).await;
            yield_now().await;
            drop(inside);
        });
        if n % 3 == 0 {
            task.abort();
        }
        if n % 50 == 0 {
            let config = BulkheadConfig {
                max: 1 + n / 50 % 5,
                queue_max: 64,
                wait_max: ms(1_000),
            };
            bulkhead.reconfigure(config).unwrap();
        }
        tasks.push(task);
        if n % 16 == 0 {
            yield_now().await;
        }
    }
    for task in tasks {
        let _ = task.await;
    }
    let stats = bulkhead.stats();
    assert_eq!((stats.inside, stats.waiting), (0, 0));
    let five = BulkheadConfig {
        max: 5,
        queue_max: 0,
        ..BulkheadConfig::default()
    };
    bulkhead.reconfigure(five).unwrap();
    let mut inside = Vec::new();
    for _ in 0..5 {
        inside.push(bulkhead.enter(None).await.unwrap());
    }
    assert!(bulkhead.enter(None).await.is_err());
}
