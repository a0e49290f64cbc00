//! Calls the greeter by name: `cargo run --bin client -- Li 10` greets Li ten times, then follows
//! a stream of greetings.
#![expect(clippy::print_stdout, reason = "a command line shows what it got")]

use std::time::Duration;

use greeter::Config;
use greeter::api::greeter::{GreeterClient, HelloRequest, WatchRequest};
use rzero::{CallOptions, Error, Result};

/// The client reads the same configuration: its registry is what matters here.
const CONFIG_FILE: &str = "etc/greeter.toml";

async fn greet() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "Li".to_owned());
    let times: u32 = match args.next() {
        Some(text) => text
            .parse()
            .map_err(|_| Error::invalid_input("usage: client NAME TIMES"))?,
        None => 3,
    };
    let config = rzero::config::load::<Config>(CONFIG_FILE)?;
    let client = GreeterClient::new(rzero::App::new(&config)?.channel("greeter")?);
    let options = CallOptions::new().deadline(Duration::from_millis(500));
    for _ in 0..times {
        let request = HelloRequest { name: name.clone() };
        println!("{}", client.say_hello_with(request, &options).await?.text);
    }
    let mut events = client.watch(WatchRequest { count: 2 }).await?;
    while let Some(event) = events.recv().await? {
        println!("{}", event.text);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match greet().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}
