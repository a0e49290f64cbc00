//! Calls at a steady rate that should notice nothing.
//!
//! Unary calls start on time whether or not earlier ones were answered, so that a server that
//! stalls is seen in every call that it made wait. Beside them one stream is kept, on a connection
//! of its own, in which a message goes back and forth, and now and then somebody new connects.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rzero::parts::client::{Channel, ClientConfig, ClientTlsConfig};
use rzero::parts::core::Dial;
use rzero::parts::dialer;
use rzero::parts::registry::{Instance, InstanceId, Registry, ServiceName, StaticRegistry};
use rzero_e2e::api::peers::v1::{ChatRequest, EchoClient, SayRequest};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::Result;

/// Unary calls that may wait for their answers; more are counted as failed.
const WAITING_MAX: usize = 4096;

/// How busy a neighbour is.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Between two unary calls.
    pub unary: Duration,
    /// Between two messages of the stream.
    pub stream: Duration,
    /// Between two connections by somebody new, who makes one call.
    pub fresh: Duration,
}

/// What a neighbour has seen since it was asked last.
#[derive(Debug, Default)]
pub struct Window {
    took: Vec<Duration>,
    /// What connecting and the first call took together.
    fresh: Vec<Duration>,
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

    fn count(&mut self, kind: Kind, took: Duration, outcome: rzero::Result<()>) {
        match outcome {
            Ok(()) if kind == Kind::Fresh => self.fresh.push(took),
            Ok(()) => self.took.push(took),
            Err(error) => {
                self.failed += 1;
                if self.errors.len() < 16 {
                    let text = format!("{kind:?}: {error}");
                    *self.errors.entry(text).or_default() += 1;
                }
            }
        }
    }

    /// The window as a process prints it; times in microseconds.
    #[must_use]
    pub fn to_json(mut self) -> Value {
        self.took.sort_unstable();
        self.fresh.sort_unstable();
        json!({
            "answered": self.took.len(),
            "failed": self.failed,
            "errors": self.errors,
            "p50_us": at(&self.took, 500),
            "p99_us": at(&self.took, 990),
            "max_us": at(&self.took, 1000),
            "fresh": self.fresh.len(),
            "fresh_p50_us": at(&self.fresh, 500),
            "fresh_max_us": at(&self.fresh, 1000),
        })
    }
}

/// The time below which so many of a thousand lie, in microseconds.
fn at(sorted: &[Duration], permille: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    let took = sorted.get(last * permille / 1000);
    took.map_or(0, |took| {
        u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
    })
}

/// What was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unary,
    Stream,
    Fresh,
}

/// What a neighbour counts into.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Window>>, Arc<Notify>);

impl Counts {
    /// Takes what was seen since the last time.
    #[must_use]
    pub fn take(&self) -> Window {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the first answer.
    ///
    /// # Cancel safety
    /// Safe: whoever waits later sees it too, as long as only one waits.
    pub async fn ready(&self) {
        self.1.notified().await;
    }

    fn count(&self, kind: Kind, begun: Instant, outcome: rzero::Result<()>) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        window.count(kind, begun.elapsed(), outcome);
        self.1.notify_one();
    }
}

/// A client of the server.
pub struct Neighbour {
    name: ServiceName,
    registry: StaticRegistry,
    config: ClientConfig,
    dial: Arc<dyn Dial>,
    patience: Duration,
}

impl Neighbour {
    /// A client of the server at `target`, whose certificate `authority` signed, that waits so
    /// long for answers and connections.
    ///
    /// # Errors
    /// When the address or the certificate cannot be used.
    pub fn new(target: &str, authority: Option<&Path>, patience: Duration) -> Result<Self> {
        let name: ServiceName = "victim".parse()?;
        let (id, address) = (InstanceId::generate(), target.parse()?);
        let instance = Instance::new(name.clone(), id, "grpc", address);
        let config = ClientConfig {
            tls: authority.map(|ca| ClientTlsConfig {
                ca: ca.to_owned(),
                cert: None,
                key: None,
                server_name: None,
            }),
            timeout: patience,
            connect_timeout: patience,
            ..ClientConfig::default()
        };
        Ok(Self {
            name,
            registry: StaticRegistry::new(vec![instance])?,
            dial: dialer(&config)?,
            config,
            patience,
        })
    }

    /// A client with a connection of its own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn client(&self) -> EchoClient {
        EchoClient::new(Channel::new(
            self.name.clone(),
            self.registry.watch(&self.name),
            "grpc",
            Arc::clone(&self.dial),
            &self.config,
            None,
        ))
    }

    /// Calls until it is dropped.
    ///
    /// # Cancel safety
    /// Dropping it cancels the calls under way.
    pub async fn run(&self, rate: Rate, counts: Counts) {
        tokio::join!(
            self.call(rate.unary, &counts),
            self.chat(rate.stream, &counts),
            self.connect(rate.fresh, &counts),
        );
    }

    async fn call(&self, every: Duration, counts: &Counts) {
        let client = self.client();
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut calls = JoinSet::new();
        loop {
            ticks.tick().await;
            while calls.try_join_next().is_some() {}
            if calls.len() >= WAITING_MAX {
                let error = rzero::Error::unavailable("too many calls wait");
                counts.count(Kind::Unary, Instant::now(), Err(error));
                continue;
            }
            let (client, counts) = (client.clone(), counts.clone());
            calls.spawn(async move {
                let begun = Instant::now();
                let outcome = client.say(request()).await.map(drop);
                counts.count(Kind::Unary, begun, outcome);
            });
        }
    }

    async fn chat(&self, every: Duration, counts: &Counts) {
        loop {
            let begun = Instant::now();
            if let Err(error) = self.one_chat(every, counts).await {
                counts.count(Kind::Stream, begun, Err(error));
            }
            // A server that refuses at once is not asked without end.
            sleep(every).await;
        }
    }

    async fn one_chat(&self, every: Duration, counts: &Counts) -> rzero::Result<()> {
        let late = || rzero::Error::deadline_exceeded("no answer in the stream");
        let opened = timeout(self.patience, self.client().chat()).await;
        let (mut tx, mut rx) = opened.map_err(|_| late())??;
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let begun = Instant::now();
            let request = ChatRequest {
                text: request().text,
                ..Default::default()
            };
            let turn = async {
                tx.send(request).await?;
                rx.recv().await
            };
            match timeout(self.patience, turn).await.map_err(|_| late())?? {
                Some(_) => counts.count(Kind::Stream, begun, Ok(())),
                None => return Err(rzero::Error::unavailable("the stream ended")),
            }
        }
    }

    /// Connects anew for one call, over and over.
    async fn connect(&self, every: Duration, counts: &Counts) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let begun = Instant::now();
            let first = async { self.client().say(request()).await.map(drop) };
            counts.count(Kind::Fresh, begun, first.await);
        }
    }
}

fn request() -> SayRequest {
    SayRequest {
        text: "x".repeat(64),
        ..Default::default()
    }
}

impl fmt::Debug for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Neighbour({})", self.name)
    }
}
