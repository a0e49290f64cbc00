//! Governance measured and simulated: `rzero-governance PART [--quick]`. It prints one line of JSON
//! for `cargo xtask bench governance`, which judges it. Each part is a process of its own.
//!
//! | part | what it tells |
//! |---|---|
//! | `price` | what each policy costs a call, and what a call costs |
//! | `overload` | a real server under up to four times the load it can bear |
//! | `brownout` | a client among nodes that are slow, failing or gone, in simulated time |
#![expect(clippy::print_stdout, reason = "the line of JSON is its output")]
#![expect(clippy::print_stderr, reason = "mistakes are told to who started it")]

mod alloc;
mod brownout;
mod latencies;
mod overload;
mod price;
mod random;
mod server;

use std::process::ExitCode;

use serde_json::Value;

/// The outcome of anything here.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = match arguments.get(1).map(String::as_str) {
        None => false,
        Some("--quick") => true,
        Some(_) => return usage(),
    };
    let part = match arguments.first().map(String::as_str) {
        Some("price") => price::run(quick),
        Some("overload") => overload::run(quick),
        Some("brownout") => brownout::run(quick),
        _ => return usage(),
    };
    tell(part)
}

fn usage() -> ExitCode {
    eprintln!("usage: rzero-governance price|overload|brownout [--quick]");
    ExitCode::from(2)
}

fn tell(part: Result<Value>) -> ExitCode {
    match part {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
