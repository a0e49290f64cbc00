//! Five callers want the same user, the database is asked once.
//!
//! `cargo run -p rzero-resilience --example single_flight`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_core::{Error, JoinSet};
use rzero_resilience::flight::Group;
use tokio::time::{Instant, sleep};

async fn load(id: u64) -> Result<String, Error> {
    println!("the database is asked for user {id}");
    sleep(Duration::from_millis(50)).await;
    Ok(format!("user {id}"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let users: Group<u64, String> = Group::new();
    let mut callers = JoinSet::new();
    for caller in 0..5 {
        let users = users.clone();
        callers.spawn(async move {
            // The first one is in a hurry. Its leaving does not disturb the others.
            let patience = Duration::from_millis(if caller == 0 { 10 } else { 1000 });
            let deadline = Instant::now() + patience;
            match users.run(7, Some(deadline), || load(7)).await {
                Ok(user) => println!("caller {caller} has {user}"),
                Err(error) => println!("caller {caller}: {error}"),
            }
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended?;
    }
    // Nothing was kept.
    println!("in flight: {}", users.len());
    users.run(7, None, || load(7)).await?;
    Ok(())
}
