//! One connection at a time, to a member that works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use etcd_client::Client;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::config::Settings;
use crate::failure::{Failure, answered, knows_no_users};

/// How long one member may keep the next from being tried.
const STAGGER: Duration = Duration::from_millis(200);

/// Makes connections and shares the one that works. All endpoints are equal; the first that says
/// it has a leader is taken, and given up when somebody reports that it failed.
#[derive(Debug)]
pub(crate) struct Links {
    settings: Arc<Settings>,
    state: Mutex<State>,
    /// How many attempts to connect have ended.
    attempts: AtomicU64,
}

/// A connection that worked when it was handed out.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) client: Client,
    generation: u64,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Link>,
    generation: u64,
    /// The endpoint to try first.
    first: usize,
    last_failure: Option<Failure>,
}

impl Links {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        // A fleet spreads over the members.
        let first = crate::backoff::random_below(settings.endpoints.len());
        let state = State {
            first,
            ..State::default()
        };
        Self {
            settings,
            state: Mutex::new(state),
            attempts: AtomicU64::new(0),
        }
    }

    /// The connection, made if there is none. Many who wait at once share one attempt.
    pub(crate) async fn get(&self) -> Result<Link, Failure> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let mut state = self.state.lock().await;
        if let Some(link) = &state.current {
            return Ok(link.clone());
        }
        if self.attempts.load(Ordering::Acquire) != attempts
            && let Some(failure) = &state.last_failure
        {
            return Err(failure.clone());
        }
        let outcome = self.connect(state.first).await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match outcome {
            Ok((client, index)) => {
                state.generation += 1;
                state.first = index;
                let link = Link {
                    client,
                    generation: state.generation,
                };
                state.current = Some(link.clone());
                Ok(link)
            }
            Err(failure) => {
                state.last_failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// Reports that a connection failed; the next one prefers another member.
    pub(crate) async fn failed(&self, link: &Link) {
        let mut state = self.state.lock().await;
        let current = state.current.as_ref();
        if current.is_some_and(|current| current.generation == link.generation) {
            state.current = None;
            state.first = (state.first + 1) % self.settings.endpoints.len();
        }
    }

    /// Tries all members, one soon after the other, and takes the first that works. Gives back
    /// which one.
    async fn connect(&self, first: usize) -> Result<(Client, usize), Failure> {
        let count = self.settings.endpoints.len();
        let mut tries = JoinSet::new();
        for place in 0..count {
            let index = (first + place) % count;
            let settings = Arc::clone(&self.settings);
            let delay = STAGGER.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX));
            tries.spawn(async move {
                sleep(delay).await;
                let client = open(&settings, &settings.endpoints[index]).await;
                (index, client)
            });
        }
        let mut failures = Vec::new();
        while let Some(ended) = tries.join_next().await {
            match ended {
                Ok((index, Ok(client))) => return Ok((client, index)),
                Ok((index, Err(failure))) => {
                    let endpoint = &self.settings.endpoints[index];
                    // A refusal is the same at every member, and its text is what helps.
                    if matches!(failure, Failure::Refused(_)) {
                        return Err(failure);
                    }
                    failures.push(format!("{endpoint}: {}", failure.reason()));
                }
                Err(panic) => failures.push(panic.to_string()),
            }
        }
        failures.sort();
        Err(Failure::Away(failures.join("; ")))
    }
}

/// Connects to one member and asks whether it has a leader.
async fn open(settings: &Settings, endpoint: &str) -> Result<Client, Failure> {
    let within = settings.request_timeout;
    let options = |with_user| {
        let options = settings.connect_options(with_user);
        options.map_err(|error| Failure::Refused(error.message().to_owned()))
    };
    let connected = Client::connect([endpoint], Some(options(true)?));
    // With a user this asks for a token, else it sends nothing.
    let mut client = match timeout(within, connected).await {
        // A store that lost its data has lost its users too.
        Ok(Err(error)) if knows_no_users(&error) => {
            Client::connect([endpoint], Some(options(false)?)).await?
        }
        Ok(client) => client?,
        Err(_) => return Err(Failure::Away(format!("no answer in {within:?}"))),
    };
    let status = answered(within, "a request for its status", client.status()).await?;
    if status.leader() == 0 {
        return Err(Failure::Away("it has no leader".to_owned()));
    }
    tracing::debug!(endpoint, "connected to etcd");
    Ok(client)
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Link").field(&self.generation).finish()
    }
}
