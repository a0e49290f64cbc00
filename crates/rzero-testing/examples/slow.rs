//! Every third call takes a second, and a caller that waits for half a second sees that. The clock
//! of the test is paused: it jumps to whatever is waited for, so nothing here takes time.
//!
//! `cargo run -p rzero-testing --example slow`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_client::CallOptions;
use rzero_core::Result;
use rzero_testing::{Echo, Slow, TestServer};
use tokio::time::Instant;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<()> {
    let slow = Slow::new(Duration::from_secs(1)).every(3);
    let server = TestServer::start(|app| app.layer(slow.clone()).serve(Echo)).await?;
    let (patient, hasty) = (
        CallOptions::new(),
        CallOptions::new().deadline(Duration::from_millis(500)),
    );
    for n in 1..=6 {
        let options = if n <= 3 { &patient } else { &hasty };
        let start = Instant::now();
        let answer = server
            .channel()
            .unary(Echo::SAY, "hello".into(), options)
            .await;
        let class = answer
            .map_err(|error| error.class())
            .map(|reply| reply.into_inner());
        println!("call {n}: {class:?} after {:?}", start.elapsed());
    }
    println!("{} of {} calls were slow", slow.hits(), slow.calls());
    Ok(())
}
