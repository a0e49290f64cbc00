//! The kind `bearer`: the metadata `authorization: Bearer …`, judged by the user.

use std::sync::Arc;
use std::time::Duration;

use rzero_config::Secret;
use rzero_core::{CallInfo, Class, Error, Fixed, Identity, Result};
use rzero_resilience::flight::Group;
use tokio::time::Instant;

use super::cache::Cache;
use super::checks::Checks;
use super::config::BearerConfig;
use super::hooks::BearerHook;
use super::verdict::{Refusal, Verdict};

static MISSING: Fixed = Fixed::new(
    Class::Unauthenticated,
    "metadata `authorization: Bearer <token>` is needed",
);
static ENDED: Fixed = Fixed::new(Class::Unauthenticated, "the bearer token has ended");

const AUTHORIZATION: &str = "authorization";
const SCHEME: &str = "bearer";

/// Judges bearer tokens.
#[derive(Clone)]
pub(super) struct Bearers(Arc<Inner>);

struct Inner {
    judge: BearerHook,
    accepted: Cache<Arc<Identity>>,
    /// Apart, so that made-up tokens do not push out real ones.
    refused: Cache<Arc<Error>>,
    /// By method and token.
    flights: Group<(&'static str, Box<str>), Judgement>,
    checks: Checks,
    cache: Duration,
    cache_refused: Duration,
}

/// What the user says; an error that says that nobody can tell is none.
type Judgement = Result<Arc<Identity>, Arc<Error>>;

impl Bearers {
    pub(super) fn new(config: &BearerConfig, judge: BearerHook) -> Self {
        Self(Arc::new(Inner {
            judge,
            accepted: Cache::new(config.cache_size),
            refused: Cache::new(config.cache_size),
            flights: Group::new(),
            checks: Checks::new("bearer", config.max_checks, config.timeout),
            cache: config.cache,
            cache_refused: config.cache_refused,
        }))
    }

    /// What is known without asking.
    pub(super) fn look(&self, call: &CallInfo, now: Instant) -> Verdict {
        let Some(token) = shown(call) else {
            return Verdict::missing(&MISSING);
        };
        let method = call.method().path();
        if let Some(identity) = self.0.accepted.get(method, token, now) {
            return Verdict::Accepted(Some(identity));
        }
        match self.0.refused.get(method, token, now) {
            Some(error) => Verdict::Refused(Refusal::of(error.copy())),
            None => Verdict::Ask,
        }
    }

    /// Asks the user; callers with one token and method wait for one answer, at most for its time.
    /// Who has less is cut by the chain.
    pub(super) async fn ask(&self, call: &CallInfo) -> Verdict {
        let Some(token) = shown(call) else {
            return Verdict::missing(&MISSING);
        };
        let (this, info, secret) = (self.clone(), call.clone(), Secret::new(token));
        let work = move || async move { this.judge(info, secret).await };
        let key = (call.method().path(), token.into());
        let judgement = self.0.flights.run(key, None, work).await;
        match judgement {
            Err(error) => {
                self.0.checks.died(&error);
                Verdict::unknown(error)
            }
            Ok(judgement) => match &*judgement {
                Ok(identity) => Verdict::Accepted(Some(Arc::clone(identity))),
                Err(error) => Verdict::Refused(Refusal::of(error.copy())),
            },
        }
    }

    async fn judge(&self, call: CallInfo, token: Secret) -> Result<Judgement> {
        let inner = &*self.0;
        let method = call.method().path();
        let judged = async {
            match (inner.judge)(call, token.clone()).await {
                Ok(identity) => Ok(Ok(identity)),
                Err(error) if is_refusal(&error) => Ok(Err(error)),
                Err(error) => Err(error),
            }
        };
        let judged = inner.checks.run(judged).await?;
        let now = Instant::now();
        let judged = judged.and_then(|identity| match identity.expires() {
            Some(at) if at <= now => Err(Error::fixed(&ENDED)),
            _ => Ok(identity),
        });
        let token = token.expose();
        Ok(match judged {
            Ok(identity) => {
                let until = now + inner.cache;
                let until = identity.expires().map_or(until, |at| at.min(until));
                let (weight, identity) = (identity.weight(), Arc::new(identity));
                let entry = (Arc::clone(&identity), weight);
                inner.accepted.put(method, token, entry, until);
                Ok(identity)
            }
            Err(error) => {
                let (weight, error) = (weight(&error), Arc::new(error));
                let entry = (Arc::clone(&error), weight);
                let until = now + inner.cache_refused;
                inner.refused.put(method, token, entry, until);
                Err(error)
            }
        })
    }
}

/// Whether the user refuses the token; else nobody can tell.
fn is_refusal(error: &Error) -> bool {
    let class = error.class();
    matches!(class, Class::Unauthenticated | Class::PermissionDenied)
}

/// Bytes that an error takes, roughly.
fn weight(error: &Error) -> usize {
    let metadata: usize = error.metadata().map(|(k, v)| k.len() + v.len() + 48).sum();
    let details = error.details().iter();
    let details: usize = details.map(|d| d.type_url.len() + d.value.len() + 64).sum();
    512 + error.message().len() + metadata + details
}

/// The token that the call shows.
fn shown(call: &CallInfo) -> Option<&str> {
    let value = call.metadata()?.get(AUTHORIZATION)?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then_some(token)
}
