//! A service hangs: each caller leaves at its deadline, and what hung goes with it. The clock of
//! the test is paused, so nothing here takes time.
//!
//! `cargo run -p rzero-testing --example hang`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_client::CallOptions;
use rzero_core::{JoinSet, Result};
use rzero_testing::{Echo, Hang, TestServer};
use tokio::time::{Instant, sleep};

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    // Two calls hang, later ones are answered.
    let hang = Hang::new().first(2);
    let server = TestServer::start(|app| app.layer(hang.clone()).serve(Echo)).await?;

    let (mut callers, start) = (JoinSet::new(), Instant::now());
    for patience in [100, 300, 500] {
        let channel = server.channel();
        callers.spawn(async move {
            let options = CallOptions::new().deadline(Duration::from_millis(patience));
            let answer = channel.unary(Echo::SAY, "hello".into(), &options).await;
            let class = answer
                .map_err(|error| error.class())
                .map(|reply| reply.into_inner());
            println!(
                "patience {patience} ms: {class:?} after {:?}",
                start.elapsed()
            );
        });
    }
    for _ in 0..3 {
        sleep(Duration::from_millis(150)).await;
        println!("after {:?}: {} hang", start.elapsed(), hang.hanging());
    }
    while let Some(ended) = callers.join_next().await {
        ended?;
    }
    Ok(())
}
