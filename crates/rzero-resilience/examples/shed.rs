//! A server with two workers, asked for three times what it can do: `cargo run --example shed`.
//!
//! Time is simulated, so it ends at once. The signal here is the queue: calls wait for a worker
//! before they are admitted. In a real server the CPU is watched as well, by a task that runs
//! `shed::cpu::run(CpuSampler::system(), signals)`.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Admission, CallInfo, Error, Idempotency, Kind, Method, Outcome, Permit};
use rzero_resilience::shed::{Config, Shedder, Signals, Ticket};
use tokio::time::Instant;

const WORK: u32 = 10;
const WORKERS: usize = 2;

fn main() -> Result<(), Error> {
    let start = Instant::now();
    let signals = Arc::new(Signals::new(start));
    let shedder = Shedder::new(&Config::default(), signals, start).map_err(Error::invalid_input)?;
    let method = Method::dynamic("/shop.Cart/Add", Kind::Unary, Idempotency::Unknown)?;

    let mut queue: VecDeque<CallInfo> = VecDeque::new();
    let mut running: Vec<(u32, Ticket)> = Vec::new();
    let (mut done, mut refused, mut last) = (0, 0, None);
    for ms in 0..10_000 {
        let now = start + Duration::from_millis(ms.into());
        // Three calls in 5 ms; the workers do one in that time.
        queue.extend((0..u32::from(ms % 5 < 3)).map(|_| CallInfo::new(method, now)));
        while let Some(at) = running.iter().position(|(end, _)| *end <= ms) {
            running.swap_remove(at).1.finish(Outcome::OK, now);
            done += 1;
        }
        while running.len() < WORKERS {
            let Some(call) = queue.pop_front() else { break };
            match shedder.admit(&call, now) {
                Ok(ticket) => running.push((ms + WORK, ticket)),
                Err(refusal) => {
                    refused += 1;
                    last = Some(refusal);
                }
            }
        }
        if ms % 1000 == 999 {
            let s = shedder.snapshot(now);
            println!(
                "{:>2} s: {done:>4} done, {refused:>4} refused, {:>4} waiting; limit {:.1}, \
                 p90 of waits {:?}, overloaded by {:?}",
                ms / 1000 + 1,
                queue.len(),
                s.limit,
                s.queue_wait_p90,
                s.overload,
            );
        }
    }
    if let Some(refusal) = last {
        println!("{refusal:?}\nagain in {:?}", refusal.retry_after());
    }
    Ok(())
}
