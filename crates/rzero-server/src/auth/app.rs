//! The kind `app`: the metadata `app` and `token`, compared with what a store knows.

use std::sync::Arc;
use std::time::Duration;

use rzero_config::Secret;
use rzero_core::{CallInfo, Class, Error, Fixed, Identity, Result};
use rzero_resilience::flight::Group;
use tokio::time::Instant;

use super::cache::Cache;
use super::checks::Checks;
use super::config::{AppAuthConfig, OnError};
use super::hooks::TokenStore;
use super::verdict::Verdict;

static MISSING: Fixed = Fixed::new(
    Class::Unauthenticated,
    "metadata `app` and `token` are needed",
);
/// The same whether the application is unknown or its token another: nobody learns names.
static WRONG: Fixed = Fixed::new(
    Class::Unauthenticated,
    "`app` and `token` are not those of an application",
);

/// The metadata keys of go-zero.
const APP: &str = "app";
const TOKEN: &str = "token";

/// Checks tokens of applications.
#[derive(Clone)]
pub(super) struct Apps(Arc<Inner>);

struct Inner {
    store: Arc<dyn TokenStore>,
    known: Cache<Arc<Known>>,
    /// Apart, so that made-up names do not push out real ones.
    unknown: Cache<()>,
    flights: Group<Box<str>, Option<Arc<Known>>>,
    checks: Checks,
    cache: Duration,
    cache_refused: Duration,
    on_error: OnError,
}

/// An application and its token.
struct Known {
    token: Secret,
    identity: Arc<Identity>,
    /// When the store may be asked again because a token differs.
    again: Instant,
}

impl Apps {
    pub(super) fn new(config: &AppAuthConfig, store: Arc<dyn TokenStore>) -> Self {
        Self(Arc::new(Inner {
            store,
            known: Cache::new(config.cache_size),
            unknown: Cache::new(config.cache_size),
            flights: Group::new(),
            checks: Checks::new("app", config.max_checks, config.timeout),
            cache: config.cache,
            cache_refused: config.cache_refused,
            on_error: config.on_error,
        }))
    }

    /// What is known without asking.
    pub(super) fn look(&self, call: &CallInfo, now: Instant) -> Verdict {
        let Some((app, token)) = shown(call) else {
            return Verdict::missing(&MISSING);
        };
        match self.0.known.get("", app, now) {
            Some(known) if known.token.matches(token) => {
                Verdict::Accepted(Some(Arc::clone(&known.identity)))
            }
            // The token may have been changed.
            Some(known) if known.again <= now => Verdict::Ask,
            Some(_) => Verdict::wrong(&WRONG),
            None if self.0.unknown.get("", app, now).is_some() => Verdict::wrong(&WRONG),
            None => Verdict::Ask,
        }
    }

    /// Asks the store; callers of one application wait for one answer, at most for its time. Who
    /// has less is cut by the chain.
    pub(super) async fn ask(&self, call: &CallInfo) -> Verdict {
        let Some((app, token)) = shown(call) else {
            return Verdict::missing(&MISSING);
        };
        let (this, key) = (self.clone(), Box::<str>::from(app));
        let work = move || async move { this.fetch(&key).await };
        let known = self.0.flights.run(app.into(), None, work).await;
        match known {
            Err(error) => self.failed(error),
            Ok(known) => match &*known {
                Some(known) if known.token.matches(token) => {
                    Verdict::Accepted(Some(Arc::clone(&known.identity)))
                }
                _ => Verdict::wrong(&WRONG),
            },
        }
    }

    async fn fetch(&self, app: &str) -> Result<Option<Arc<Known>>> {
        let inner = &*self.0;
        let token = inner
            .checks
            .run(async { inner.store.token(app).await })
            .await?;
        let now = Instant::now();
        // An empty token is none: whoever shows nothing would have it.
        let Some(token) = token.filter(|token| !token.expose().is_empty()) else {
            inner.known.forget("", app);
            inner
                .unknown
                .put("", app, ((), 0), now + inner.cache_refused);
            return Ok(None);
        };
        let identity = Identity::new(app);
        let weight = size_of::<Known>() + token.expose().len() + identity.weight();
        let known = Arc::new(Known {
            token,
            identity: Arc::new(identity),
            again: now + inner.cache_refused,
        });
        let entry = (Arc::clone(&known), weight);
        inner.known.put("", app, entry, now + inner.cache);
        inner.unknown.forget("", app);
        Ok(Some(known))
    }

    fn failed(&self, error: Error) -> Verdict {
        self.0.checks.died(&error);
        match self.0.on_error {
            OnError::Open => Verdict::Accepted(None),
            OnError::Closed => Verdict::unknown(error),
        }
    }
}

/// What the call shows.
fn shown(call: &CallInfo) -> Option<(&str, &str)> {
    let metadata = call.metadata()?;
    let (app, token) = (metadata.get(APP)?, metadata.get(TOKEN)?);
    (!app.is_empty() && !token.is_empty()).then_some((app, token))
}
