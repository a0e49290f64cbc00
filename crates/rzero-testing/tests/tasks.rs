//! The tasks beside the services of a whole server.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

use std::future::pending;

use rzero_core::{Class, Error, Phase, Restart, TaskStats};
use rzero_testing::{Echo, TestServer};
use tokio::sync::oneshot;

fn stats(all: &[TaskStats], name: &str) -> TaskStats {
    *all.iter().find(|stats| stats.name == name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn server_asks_its_tasks_to_stop_and_cuts_the_deaf() {
    let (done, finished) = oneshot::channel();
    let build = |app: rzero_server::App| {
        let stop = app.tasks().stopping();
        drop(app.tasks().spawn("polite", async move {
            stop.reached(Phase::Done).await;
            done.send(()).unwrap();
        }));
        drop(app.tasks().spawn("deaf", pending::<()>()));
        app.serve(Echo)
    };
    let server = TestServer::start(build).await.unwrap();
    let drained = server.shutdown().await.unwrap();
    assert_eq!(drained.tasks_cut, ["deaf"]);
    assert!(drained.cut() && drained.parts_cut.is_empty());
    finished.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn failing_task_leaves_the_server_alone() {
    let build = |app: rzero_server::App| {
        drop(
            app.tasks()
                .spawn("buggy", async { panic!("on purpose") as () }),
        );
        let policy = Restart {
            at_most: 2,
            ..Restart::default()
        };
        let broken = |_| async { Err(Error::unavailable("never")) };
        drop(app.tasks().spawn_restarting("broken", policy, broken));
        app.serve(Echo)
    };
    let server = TestServer::start(build).await.unwrap();
    while stats(&server.handle().tasks(), "broken").alive > 0 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let all = server.handle().tasks();
    assert_eq!(stats(&all, "buggy").panics, 1);
    assert_eq!(stats(&all, "broken").restarts, 2);
    assert_eq!(stats(&all, "signals").alive, 1);
    assert!(!server.shutdown().await.unwrap().cut());
}

#[tokio::test(start_paused = true)]
async fn failing_part_ends_the_server_and_is_counted() {
    let build = |app: rzero_server::App| {
        app.part("bomb", |_| async { panic!("on purpose") })
            .serve(Echo)
    };
    let server = TestServer::start(build).await.unwrap();
    let handle = server.handle().clone();
    let error = server.shutdown().await.unwrap_err();
    assert_eq!((error.class(), error.reason()), (Class::Internal, "PANIC"));
    let bomb = stats(&handle.tasks(), "bomb");
    assert_eq!((bomb.panics, bomb.alive), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn parts_stop_in_reverse_order_before_tasks() {
    let (tx, mut order) = tokio::sync::mpsc::channel(3);
    let build = |app: rzero_server::App| {
        let (first, second, task) = (tx.clone(), tx.clone(), tx);
        let stop = app.tasks().stopping();
        drop(app.tasks().spawn("task", async move {
            stop.reached(Phase::Done).await;
            task.send("task").await.unwrap();
        }));
        app.part("first", |stop| async move {
            stop.reached(Phase::Done).await;
            Ok(first.send("first").await?)
        })
        .part("second", |stop| async move {
            stop.reached(Phase::Done).await;
            Ok(second.send("second").await?)
        })
        .serve(Echo)
    };
    let server = TestServer::start(build).await.unwrap();
    assert!(!server.shutdown().await.unwrap().cut());
    let mut seen = Vec::new();
    while let Some(name) = order.recv().await {
        seen.push(name);
    }
    assert_eq!(seen, ["second", "first", "task"]);
}
