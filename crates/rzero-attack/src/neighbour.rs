//! Calls at a steady rate that should notice nothing.
//!
//! Unary calls start on time whether or not earlier ones were answered, so that a server that
//! stalls is seen in every call that it made wait. Beside them one stream is kept, on a connection
//! of its own, in which a message goes back and forth.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero::{App, Channel};
use rzero_e2e::api::peers::v1::{ChatRequest, EchoClient, SayRequest};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::Result;

/// Unary calls that may wait for their answers; more are counted as failed.
const WAITING_MAX: usize = 4096;

/// How long an answer in the stream may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How busy a neighbour is.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Between two unary calls.
    pub unary: Duration,
    /// Between two messages of the stream.
    pub stream: Duration,
}

/// What a neighbour has seen since it was asked last.
#[derive(Debug, Default)]
pub struct Window {
    took: Vec<Duration>,
    errors: BTreeMap<String, u64>,
    failed: u64,
}

impl Window {
    /// Calls and messages that were answered.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.took.len()
    }

    /// Calls and messages that failed, by error.
    #[must_use]
    pub fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    fn count(&mut self, took: Duration, outcome: rzero::Result<()>) {
        match outcome {
            Ok(()) => self.took.push(took),
            Err(error) => {
                self.failed += 1;
                if self.errors.len() < 16 {
                    *self.errors.entry(error.to_string()).or_default() += 1;
                }
            }
        }
    }

    /// The window as a process prints it; times in microseconds.
    #[must_use]
    pub fn to_json(mut self) -> Value {
        self.took.sort_unstable();
        let at = |permille: usize| {
            let last = self.took.len().saturating_sub(1);
            let took = self.took.get(last * permille / 1000);
            took.map_or(0, |took| {
                u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
            })
        };
        json!({
            "answered": self.took.len(),
            "failed": self.failed,
            "errors": self.errors,
            "p50_us": at(500),
            "p99_us": at(990),
            "max_us": at(1000),
        })
    }
}

/// What a neighbour counts into.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Window>>);

impl Counts {
    /// Takes what was seen since the last time.
    #[must_use]
    pub fn take(&self) -> Window {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, begun: Instant, outcome: rzero::Result<()>) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.count(begun.elapsed(), outcome);
    }
}

/// No keys of its own.
#[derive(Debug, Deserialize)]
struct Config {}

/// Channels to the server at `target`, one for each connection that is wanted; the configuration
/// is written into `folder`.
///
/// # Errors
/// When the configuration cannot be written or is wrong.
pub fn channels(
    target: &str,
    authority: Option<&Path>,
    folder: &Path,
    count: usize,
) -> Result<Vec<Channel>> {
    let mut text = format!(
        "service.name = \"neighbour\"\nregistry.kind = \"local\"\nregistry.dir = {:?}\n\
         client.victim.addresses = [{target:?}]\n",
        folder.join("registry").display().to_string()
    );
    if let Some(ca) = authority {
        text.push_str(&format!(
            "client.victim.tls.ca = {:?}\n",
            ca.display().to_string()
        ));
    }
    let path = folder.join("neighbour.toml");
    std::fs::write(&path, text)?;
    let app = App::new(&rzero::config::load::<Config>(&path)?)?;
    let channels: rzero::Result<_> = (0..count).map(|_| app.channel("victim")).collect();
    Ok(channels?)
}

/// Calls until it is dropped. `unary` and `stream` are different connections.
///
/// # Cancel safety
/// Dropping it cancels the calls under way.
pub async fn run(unary: Channel, stream: Channel, rate: Rate, counts: Counts) {
    tokio::join!(
        call(EchoClient::new(unary), rate.unary, &counts),
        chat(EchoClient::new(stream), rate.stream, &counts),
    );
}

async fn call(client: EchoClient, every: Duration, counts: &Counts) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut calls = JoinSet::new();
    let request = SayRequest {
        text: "x".repeat(64),
        ..Default::default()
    };
    loop {
        ticks.tick().await;
        while calls.try_join_next().is_some() {}
        if calls.len() >= WAITING_MAX {
            counts.count(
                Instant::now(),
                Err(rzero::Error::unavailable("too many calls wait")),
            );
            continue;
        }
        let (client, counts, request) = (client.clone(), counts.clone(), request.clone());
        calls.spawn(async move {
            let begun = Instant::now();
            let outcome = client.say(request).await.map(drop);
            counts.count(begun, outcome);
        });
    }
}

async fn chat(client: EchoClient, every: Duration, counts: &Counts) {
    loop {
        let begun = Instant::now();
        if let Err(error) = one_chat(&client, every, counts).await {
            counts.count(begun, Err(error));
        }
        // A server that refuses at once is not asked without end.
        tokio::time::sleep(every).await;
    }
}

async fn one_chat(client: &EchoClient, every: Duration, counts: &Counts) -> rzero::Result<()> {
    let late = || rzero::Error::deadline_exceeded("no answer in the stream");
    let (mut tx, mut rx) = timeout(PATIENCE, client.chat())
        .await
        .map_err(|_| late())??;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let begun = Instant::now();
        let request = ChatRequest {
            text: "x".repeat(64),
            ..Default::default()
        };
        let turn = async {
            tx.send(request).await?;
            rx.recv().await
        };
        match timeout(PATIENCE, turn).await.map_err(|_| late())?? {
            Some(_) => counts.count(begun, Ok(())),
            None => return Err(rzero::Error::unavailable("the stream ended")),
        }
    }
}
