//! Calls the echo service by name for a while and counts: the counterpart of the load that peers
//! offer, to compare what callers see when instances come, leave, die and hang.
//!
//! Usage: `load SERVICE SECONDS CONCURRENCY QPS DELAY_MS [idempotent]`; QPS 0 means no limit.
//! Registry and the rest come from the configuration, as for any client.
#![expect(clippy::print_stdout, reason = "a command line shows what it counted")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rzero::{CallOptions, Error, Result};
use rzero_e2e::api::peers::v1::{EchoClient, SayReply, SayRequest};
use tokio::time::Instant;

/// No keys of its own.
#[derive(Debug, serde::Deserialize)]
struct Config {}

/// First, last and number of some events, in unix milliseconds.
#[derive(Default)]
struct Seen {
    count: u64,
    first_ms: u128,
    last_ms: u128,
}

impl Seen {
    fn note(&mut self) {
        self.last_ms = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_millis());
        self.count += 1;
        if self.count == 1 {
            self.first_ms = self.last_ms;
        }
    }
}

#[derive(Default)]
struct Totals {
    errors: BTreeMap<String, Seen>,
    servers: BTreeMap<String, Seen>,
    latencies_us: Vec<u64>,
}

impl Totals {
    fn count(&mut self, took: Duration, result: Result<SayReply>) {
        match result {
            Ok(reply) => {
                self.servers.entry(reply.server_id).or_default().note();
                self.latencies_us
                    .push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            }
            Err(error) => self.errors.entry(error.to_string()).or_default().note(),
        }
    }

    fn print(&mut self) {
        self.latencies_us.sort_unstable();
        let at = |share: usize| {
            let last = self.latencies_us.len().saturating_sub(1);
            self.latencies_us
                .get(last * share / 1000)
                .copied()
                .unwrap_or(0)
        };
        let (p50, p99, max) = (at(500), at(990), at(1000));
        println!(
            "ok {}  p50 {p50} us  p99 {p99} us  max {max} us",
            self.latencies_us.len()
        );
        for (what, seen) in self.errors.iter().chain(&self.servers) {
            println!(
                "{what}: {} from {} to {}",
                seen.count, seen.first_ms, seen.last_ms
            );
        }
    }
}

fn number(args: &mut impl Iterator<Item = String>) -> Result<u64> {
    let usage = "usage: load SERVICE SECONDS CONCURRENCY QPS DELAY_MS [idempotent]";
    args.next()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::invalid_input(usage))
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let service = args.next().unwrap_or_default();
    let [seconds, concurrency, qps, delay] = [(); 4].map(|()| number(&mut args));
    let (seconds, concurrency, qps, delay) = (seconds?, concurrency?, qps?, delay?);
    let idempotent = args.next().is_some();
    let config = rzero::config::load::<Config>("etc/echo.toml")?;
    let channel = rzero::App::new(&config)?.channel(&service)?;
    channel.ready(1).await;
    let totals = Arc::new(Mutex::new(Totals::default()));
    let begun = Instant::now();
    let end = begun + Duration::from_secs(seconds);
    let tasks = (0..concurrency).map(|worker| {
        let (client, totals) = (EchoClient::new(channel.clone()), Arc::clone(&totals));
        tokio::spawn(async move {
            let options = CallOptions::new().idempotent(idempotent);
            let delay_ms = i64::try_from(delay).unwrap_or(0);
            for turn in 0_u32.. {
                if qps > 0 {
                    let step = Duration::from_secs_f64(concurrency as f64 / qps as f64);
                    let offset = step.mul_f64(worker as f64 / concurrency as f64);
                    tokio::time::sleep_until(begun + offset + step * turn).await;
                }
                let sent = Instant::now();
                if sent >= end {
                    return;
                }
                let request = SayRequest {
                    delay_ms,
                    ..Default::default()
                };
                let result = client
                    .say_with(request, &options)
                    .await
                    .map(rzero::Reply::into_inner);
                totals
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .count(sent.elapsed(), result);
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await?;
    }
    totals
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .print();
    Ok(())
}
