//! One method fails three times with an error of our own, behind the handler: each call has run
//! when its answer is lost. The other method is left alone.
//!
//! `cargo run -p rzero-testing --example fail_n`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use rzero_client::CallOptions;
use rzero_core::{Class, Duplex, Error, Result};
use rzero_testing::{Echo, FailN, TestServer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let fail = FailN::new(3, Class::DataLoss)
        .with(|| Error::new(Class::DataLoss, "the disk is gone").with_reason("DISK", "shop"))
        .after_running()
        .only(Echo::SAY.path());
    let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo)).await?;
    let (channel, options) = (server.channel(), CallOptions::new());

    for n in 1..=4 {
        match channel.unary(Echo::SAY, "hello".into(), &options).await {
            Ok(reply) => println!("call {n}: {:?}", reply.body),
            Err(error) => println!("call {n}: {} ({})", error.message(), error.reason()),
        }
    }
    let Duplex { mut rx, mut tx } = channel.open(Echo::CHAT, &options).await?;
    tx.send("hello".into()).await?;
    println!("stream: {:?}", rx.recv().await?);
    println!("{} of {} calls failed", fail.hits(), fail.calls());
    Ok(())
}
