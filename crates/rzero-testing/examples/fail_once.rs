//! A service fails once; a client that may send the call again does not notice.
//!
//! `cargo run -p rzero-testing --example fail_once`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use rzero_client::CallOptions;
use rzero_core::{Class, Result};
use rzero_testing::{Echo, FailOnce, TestServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let fail = FailOnce::new(Class::Unavailable);
    let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo)).await?;

    // The caller says that the call may run twice, so the client tries it again.
    let options = CallOptions::new().idempotent(true);
    let channel = server.channel();
    let reply = channel.unary(Echo::SAY, "hello".into(), &options).await?;
    println!("answer: {:?}", reply.body);
    println!(
        "the service saw {} calls, {} failed",
        fail.calls(),
        fail.hits()
    );
    Ok(())
}
