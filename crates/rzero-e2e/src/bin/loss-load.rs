//! Calls the echo service by name until its input ends, and tells what became of every call: the
//! load of `cargo xtask loss`.
//!
//! Usage: `loss-load SERVICE INSTANCES LOAD…`, a load being `KIND,CONCURRENCY,PER_SECOND,DELAY_MS`.
//! Kinds are `unary`, `idempotent`, and `stream`: a conversation of a second that begins anew when
//! it is over. `PER_SECOND` 0 means as many as the workers make. Each load is a client of its own.
//! Registry and the rest come from the configuration, as for any client.
//!
//! A line of JSON says when all instances are connected, another one at the end is the sum. Times
//! are microseconds, of the day since 1970.
#![expect(clippy::print_stdout, reason = "a command line shows what it counted")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rzero::{CallOptions, Channel, Error, Result};
use rzero_e2e::api::peers::v1::{ChatRequest, EchoClient, SayRequest};
use serde_json::{Value, json};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until};

/// Who forgot the program gets its processor back.
const LIFE: Duration = Duration::from_secs(600);
/// Failures that are told one by one; all are counted.
const FAILURES_MAX: usize = 2_000;
/// Messages of a conversation, each answered before the next.
const MESSAGES: u32 = 25;
/// How often a conversation of which nothing ran is begun again before it counts as failed.
const RECONNECTS_MAX: u32 = 3;
/// How often it is looked who takes calls.
const LOOK: Duration = Duration::from_millis(2);

/// No keys of its own.
#[derive(Debug, serde::Deserialize)]
struct Config {}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Unary,
    Idempotent,
    Stream,
}

#[derive(Clone, Copy)]
struct Load {
    kind: Kind,
    concurrency: u32,
    per_second: u32,
    delay_ms: u32,
}

impl Load {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(',');
        let kind = match words.next()? {
            "unary" => Kind::Unary,
            "idempotent" => Kind::Idempotent,
            "stream" => Kind::Stream,
            _ => return None,
        };
        let mut number = || words.next()?.parse().ok();
        Some(Self {
            kind,
            concurrency: number()?,
            per_second: number()?,
            delay_ms: number()?,
        })
    }
}

fn unix_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    })
}

/// Answers of one instance.
#[derive(Default)]
struct Answers {
    calls: u64,
    first_us: u64,
    last_us: u64,
}

struct Failure {
    began_us: u64,
    ended_us: u64,
    reason: String,
    text: String,
}

#[derive(Default)]
struct Totals {
    failed: u64,
    reconnects: u64,
    failures: Vec<Failure>,
    servers: BTreeMap<String, Answers>,
    took_us: Vec<u64>,
    /// When an instance was seen ejected first.
    ejected: BTreeMap<String, u64>,
}

impl Totals {
    fn count(&mut self, began_us: u64, result: Result<String>) {
        let ended_us = unix_us();
        match result {
            Ok(server) => {
                let answers = self.servers.entry(server).or_default();
                if answers.calls == 0 {
                    answers.first_us = ended_us;
                }
                answers.calls += 1;
                answers.last_us = ended_us;
                self.took_us.push(ended_us.saturating_sub(began_us));
            }
            Err(error) => {
                self.failed += 1;
                if self.failures.len() < FAILURES_MAX {
                    self.failures.push(Failure {
                        began_us,
                        ended_us,
                        reason: error.reason().to_owned(),
                        text: error.to_string(),
                    });
                }
            }
        }
    }

    fn json(&mut self) -> Value {
        self.took_us.sort_unstable();
        let at = |thousandths: usize| {
            let last = self.took_us.len().saturating_sub(1);
            self.took_us.get(last * thousandths / 1000).copied()
        };
        let failures = self.failures.iter().map(|failure| {
            json!({
                "began_us": failure.began_us,
                "ended_us": failure.ended_us,
                "reason": failure.reason,
                "text": failure.text,
            })
        });
        let servers = self.servers.iter().map(|(id, answers)| {
            let (first_us, last_us) = (answers.first_us, answers.last_us);
            let answers =
                json!({ "calls": answers.calls, "first_us": first_us, "last_us": last_us });
            (id.clone(), answers)
        });
        json!({
            "calls": self.took_us.len() as u64 + self.failed,
            "failed": self.failed,
            "reconnects": self.reconnects,
            "failures": failures.collect::<Vec<_>>(),
            "servers": servers.collect::<serde_json::Map<_, _>>(),
            "ejected_us": self.ejected,
            "p50_us": at(500),
            "p99_us": at(990),
            "max_us": at(1000),
        })
    }
}

/// A client under load.
struct Caller {
    load: Load,
    client: EchoClient,
    begun: Instant,
    next: AtomicU32,
    over: AtomicBool,
    totals: Mutex<Totals>,
}

impl Caller {
    fn totals(&self) -> std::sync::MutexGuard<'_, Totals> {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the workers: makes the call whose turn it is.
    async fn work(&self) {
        loop {
            if self.load.per_second > 0 {
                let number = self.next.fetch_add(1, Relaxed);
                let due = f64::from(number) / f64::from(self.load.per_second);
                sleep_until(self.begun + Duration::from_secs_f64(due)).await;
            }
            if self.over.load(Relaxed) || self.begun.elapsed() > LIFE {
                return;
            }
            let began_us = unix_us();
            let result = match self.load.kind {
                Kind::Stream => self.converse().await,
                kind => self.say(kind == Kind::Idempotent).await,
            };
            self.totals().count(began_us, result);
        }
    }

    async fn say(&self, idempotent: bool) -> Result<String> {
        let options = CallOptions::new().idempotent(idempotent);
        let request = SayRequest {
            delay_ms: self.load.delay_ms.into(),
            ..Default::default()
        };
        let reply = self.client.say_with(request, &options).await?;
        Ok(reply.into_inner().server_id)
    }

    /// A conversation, begun again when the server says that nothing of it ran.
    async fn converse(&self) -> Result<String> {
        let mut reconnects = 0;
        loop {
            let mut answers = 0;
            let error = match self.talk(&mut answers).await {
                Ok(server) => return Ok(server),
                Err(error) => error,
            };
            if answers > 0 || reconnects == RECONNECTS_MAX || !error.is_retry_safe(false) {
                return Err(error);
            }
            reconnects += 1;
            self.totals().reconnects += 1;
        }
    }

    async fn talk(&self, answers: &mut u32) -> Result<String> {
        let (mut tx, mut rx) = self.client.chat().await?;
        let mut server = String::new();
        while *answers < MESSAGES {
            // Where a stream is broken the other direction says why.
            drop(tx.send(ChatRequest::default()).await);
            let reply = rx.recv().await?;
            let reply = reply.ok_or_else(|| Error::internal("the stream ended too early"))?;
            server = reply.server_id;
            *answers += 1;
            sleep(Duration::from_millis(self.load.delay_ms.into())).await;
        }
        tx.close();
        while rx.recv().await?.is_some() {}
        Ok(server)
    }

    /// Notes when instances are ejected.
    async fn look(&self, channel: Channel) {
        while !self.over.load(Relaxed) {
            let nodes = channel.nodes().into_iter();
            let ejected: BTreeSet<String> = nodes
                .filter(|node| node.ejected)
                .map(|node| node.address.to_string())
                .collect();
            if !ejected.is_empty() {
                let now = unix_us();
                let mut totals = self.totals();
                for address in ejected {
                    totals.ejected.entry(address).or_insert(now);
                }
            }
            sleep(LOOK).await;
        }
    }
}

fn usage() -> Error {
    Error::invalid_input("usage: loss-load SERVICE INSTANCES KIND,CONCURRENCY,PER_SECOND,DELAY_MS…")
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let service = args.next().ok_or_else(usage)?;
    let instances = args.next().and_then(|text| text.parse().ok());
    let instances = instances.ok_or_else(usage)?;
    let loads: Option<Vec<Load>> = args.map(|text| Load::parse(&text)).collect();
    let loads = loads.ok_or_else(usage)?;
    let config = rzero::config::load::<Config>("etc/echo.toml")?;
    let app = rzero::App::new(&config)?;
    let mut channels = Vec::new();
    for _ in &loads {
        let channel = app.channel(&service)?;
        channel.ready(instances).await;
        channels.push(channel);
    }
    println!("{}", json!({ "ready": true }));
    let mut tasks = JoinSet::new();
    let callers = loads.into_iter().zip(channels).map(|(load, channel)| {
        let caller = Arc::new(Caller {
            load,
            client: EchoClient::new(channel.clone()),
            begun: Instant::now(),
            next: AtomicU32::new(0),
            over: AtomicBool::new(false),
            totals: Mutex::default(),
        });
        for _ in 0..load.concurrency {
            let caller = Arc::clone(&caller);
            tasks.spawn(async move { caller.work().await });
        }
        let looking = Arc::clone(&caller);
        tasks.spawn(async move { looking.look(channel).await });
        caller
    });
    let callers: Vec<_> = callers.collect();
    let ended = spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    // However its input ended, it ended.
    let _ = ended.await?;
    for caller in &callers {
        caller.over.store(true, Relaxed);
    }
    while tasks.join_next().await.transpose()?.is_some() {}
    let sums: Vec<Value> = callers
        .iter()
        .map(|caller| caller.totals().json())
        .collect();
    println!("{}", json!({ "loads": sums }));
    Ok(())
}
