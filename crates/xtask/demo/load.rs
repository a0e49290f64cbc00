//! The demo's client: keeps calls of every kind in flight and tells what became of them.
//!
//! Usage: `load CONCURRENCY`. It calls until its standard input is closed, and prints a line of
//! numbers four times a second and at the end.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use orders::api::shop::common::v1::Money;
use orders::api::shop::orders::v1::{GetOrderRequest, Item, OrdersClient, PlaceOrderRequest};
use rzero::Result;

/// Latencies are counted in steps of 50 µs, the last one holds all above.
const STEP_US: u64 = 50;
const STEPS: usize = 4000;

/// What became of the calls of one kind.
struct Kind {
    calls: u64,
    failures: u64,
    errors: BTreeMap<String, u64>,
    histogram: Vec<u32>,
}

impl Default for Kind {
    fn default() -> Self {
        let histogram = vec![0; STEPS];
        Self { calls: 0, failures: 0, errors: BTreeMap::new(), histogram }
    }
}

impl Kind {
    fn quantile_us(&self, share: f64) -> u64 {
        let all: u64 = self.histogram.iter().map(|n| u64::from(*n)).sum();
        let mut left = (all as f64 * share) as u64;
        for (step, count) in (0..).zip(&self.histogram) {
            match left.checked_sub((*count).into()) {
                Some(rest) => left = rest,
                None => return step * STEP_US,
            }
        }
        STEP_US * STEPS as u64
    }
}

/// Answers of one instance, with the time of the first and the last, in unix milliseconds.
#[derive(Default)]
struct Seen {
    calls: u64,
    first_ms: u128,
    last_ms: u128,
}

#[derive(Default)]
struct Numbers {
    kinds: BTreeMap<&'static str, Kind>,
    seen: BTreeMap<String, Seen>,
    last_failure_ms: u128,
}

fn unix_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis())
}

impl Numbers {
    fn count(&mut self, kind: &'static str, took: Duration, result: Result<String>) {
        let counted = self.kinds.entry(kind).or_default();
        counted.calls += 1;
        match result {
            Ok(instance) => {
                let step = took.as_micros() as u64 / STEP_US;
                counted.histogram[(step as usize).min(STEPS - 1)] += 1;
                let seen = self.seen.entry(instance).or_default();
                seen.calls += 1;
                seen.last_ms = unix_ms();
                if seen.first_ms == 0 {
                    seen.first_ms = seen.last_ms;
                }
            }
            Err(error) => {
                counted.failures += 1;
                *counted.errors.entry(told(&error)).or_default() += 1;
                self.last_failure_ms = unix_ms();
            }
        }
    }

    fn line(&self, seconds: f64) -> String {
        let text = |s: &str| format!("{s:?}");
        let kinds = self.kinds.iter().map(|(name, kind)| {
            let errors = kind.errors.iter().map(|(e, n)| format!("{}:{n}", text(e)));
            format!(
                "{}:{{\"calls\":{},\"failures\":{},\"errors\":{{{}}},\"p50_us\":{},\"p99_us\":{}}}",
                text(name),
                kind.calls,
                kind.failures,
                errors.collect::<Vec<_>>().join(","),
                kind.quantile_us(0.5),
                kind.quantile_us(0.99),
            )
        });
        let seen = self.seen.iter().map(|(name, seen)| {
            format!(
                "{}:{{\"calls\":{},\"first_ms\":{},\"last_ms\":{}}}",
                text(name),
                seen.calls,
                seen.first_ms,
                seen.last_ms
            )
        });
        format!(
            "{{\"seconds\":{seconds:.3},\"last_failure_ms\":{},\"kinds\":{{{}}},\"instances\":{{{}}}}}",
            self.last_failure_ms,
            kinds.collect::<Vec<_>>().join(","),
            seen.collect::<Vec<_>>().join(","),
        )
    }
}

/// An error with all its causes.
fn told(error: &rzero::Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn item() -> Item {
    let price = Some(Money { currency: "EUR".into(), minor_units: 250 });
    Item { sku: "tea".into(), quantity: 2, price }
}

fn order() -> PlaceOrderRequest {
    PlaceOrderRequest { customer: "li".into(), items: vec![item()], ..Default::default() }
}

/// One call of the kind whose turn it is; its result is the instance that answered.
async fn call(client: &OrdersClient, turn: usize) -> (&'static str, Result<String>) {
    match turn % 20 {
        0 => ("server stream", watch(client).await),
        1 => ("client stream", import(client).await),
        2 => ("bidi stream", quote(client).await),
        n if n % 2 == 1 => {
            ("unary, not idempotent", client.place_order(order()).await.map(|r| r.served_by))
        }
        _ => {
            let request = GetOrderRequest { order_id: "li-1".into() };
            ("unary, idempotent", client.get_order(request).await.map(|r| r.served_by))
        }
    }
}

async fn watch(client: &OrdersClient) -> Result<String> {
    let request = GetOrderRequest { order_id: "li-1".into() };
    let events = client.watch_order(request).await?.collect().await?;
    Ok(events.into_iter().map(|e| e.served_by).next_back().unwrap_or_default())
}

async fn import(client: &OrdersClient) -> Result<String> {
    let mut orders = client.import_orders().await?;
    for _ in 0..5 {
        orders.send(order()).await?;
    }
    Ok(orders.finish().await?.into_inner().served_by)
}

async fn quote(client: &OrdersClient) -> Result<String> {
    let (mut items, mut quotes) = client.quote().await?;
    let mut served_by = String::new();
    for _ in 0..3 {
        items.send(item()).await?;
        served_by = quotes.recv().await?.map(|q| q.served_by).unwrap_or_default();
    }
    items.close();
    while quotes.recv().await?.is_some() {}
    Ok(served_by)
}

#[tokio::main]
async fn main() -> Result<()> {
    let usage = || rzero::Error::invalid_input("usage: load CONCURRENCY");
    let concurrency: usize = std::env::args().nth(1).ok_or_else(usage)?.parse()?;
    let config = rzero::config::load::<orders::Config>("etc/orders.toml")?;
    let app = rzero::App::new(&config)?;
    let channel = app.channel("orders")?;
    channel.ready(1).await;
    let numbers = Arc::new(Mutex::new(Numbers::default()));
    let begun = Instant::now();
    for worker in 0..concurrency {
        let (client, numbers) = (OrdersClient::new(channel.clone()), Arc::clone(&numbers));
        tokio::spawn(async move {
            for turn in worker.. {
                let sent = Instant::now();
                let (kind, result) = call(&client, turn).await;
                numbers.lock().unwrap().count(kind, sent.elapsed(), result);
            }
        });
    }
    let mut closed = tokio::task::spawn_blocking(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    });
    loop {
        let ended = tokio::time::timeout(Duration::from_millis(250), &mut closed).await.is_ok();
        println!("{}", numbers.lock().unwrap().line(begun.elapsed().as_secs_f64()));
        if ended {
            return Ok(());
        }
    }
}
