//! A callee that is away from the tenth to the thirtieth second, and what its breaker makes of it,
//! in made-up time.
//!
//! `cargo run -p rzero-resilience --example breaker`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use rzero_core::{Class, Outcome};
use rzero_resilience::breaker::{Breaker, Settings};
use tokio::time::Instant;

fn main() {
    let start = Instant::now();
    let breaker = Breaker::new("inventory", "Reserve", Settings::default(), start);
    println!("second  calls  answered  failed  rejected  state");
    for second in 0..40 {
        let (mut answered, mut failed, mut rejected) = (0, 0, 0);
        for call in 0..100 {
            let now = start + Duration::from_millis(1_000 * second + 10 * call);
            let Ok(pass) = breaker.enter(now) else {
                rejected += 1;
                continue;
            };
            if (10..30).contains(&second) {
                failed += 1;
                pass.finish(Outcome::failed(Class::Unavailable), now);
            } else {
                answered += 1;
                pass.finish(Outcome::OK, now);
            }
        }
        println!(
            "{second:>6}  {:>5}  {answered:>8}  {failed:>6}  {rejected:>8}  {}",
            answered + failed + rejected,
            breaker.state().as_str(),
        );
    }
}
