//! A program that owns its background tasks: one that listens for the end, one that is started
//! again when it fails, one that panics, and one that does not listen and is cut.
//!
//! `cargo run -p rzero-core --example tasks`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_core::{Error, Phase, Restart, Tasks};
use tokio::time::{Instant, sleep};

fn show(tasks: &Tasks, when: &str) {
    println!("{when}:");
    for stats in tasks.snapshot() {
        println!(
            "  {:<8} alive {} started {} panics {} restarts {} cut {}",
            stats.name, stats.alive, stats.started, stats.panics, stats.restarts, stats.cut
        );
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Error> {
    let tasks = Tasks::new();

    let stop = tasks.stopping();
    let flusher = tasks.spawn("flusher", async move {
        stop.reached(Phase::Done).await;
        println!("flusher: writes what is left");
        sleep(Duration::from_millis(200)).await;
        42
    });

    let mut tries = 0;
    let follower = tasks.spawn_restarting("follower", Restart::default(), move |_| {
        tries += 1;
        let connected = tries == 3;
        println!("follower: try {tries}");
        async move {
            match connected {
                true => Ok(()),
                false => Err(Error::unavailable("the other side is away")),
            }
        }
    });

    let buggy = tasks.spawn("buggy", async { panic!("a bug") as u8 });
    drop(tasks.spawn("deaf", std::future::pending::<()>()));

    // What a task came to is told to whoever waits for it; the others do not notice a panic.
    println!("buggy: {:?}", buggy.await);
    follower.await??;
    show(&tasks, "before the end");

    let begun = Instant::now();
    let stopped = tasks.stop(Duration::from_secs(1)).await;
    println!(
        "stopped after {:?}, cut: {:?}",
        begun.elapsed(),
        stopped.tasks
    );
    println!("flusher: {}", flusher.await?);
    show(&tasks, "after it");
    Ok(())
}
