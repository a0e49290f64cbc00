//! Rates that all processes share.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use redis::cmd;
use rzero_core::{BoxFuture, CallInfo, Class, Error, Fixed, Method, ServiceDesc};
use rzero_resilience::limit::gcra::Decision;
use rzero_resilience::limit::{RateRule, SharedRates};
use tokio::time::{Instant, sleep};

use super::away::{Away, PAUSE, Recovery};
use super::gcra;
use super::key::limit_key;
use super::rules::{RateStats, Rule, Rules};
use crate::backoff::jittered;
use crate::client::{Redis, ambient_deadline};
use crate::config::Topology;
use crate::failure::Failure;
use crate::script::Script;

static QUOTA: Fixed = Fixed::new(Class::RateLimited, "the quota of this caller is used up");

/// How long Redis may take for a decision unless told otherwise.
const BUDGET: Duration = Duration::from_millis(50);

/// Rate limits, by rules, that all processes with the same rules and the same Redis share.
///
/// A rule counts each key with the generic cell rate algorithm, by the clock of the server: there
/// is no second whose edge could be used to spend the quota twice, and clocks of clients do not
/// matter. A decision is one round trip; in a cluster it is one for each different key among the
/// rules that cover a call. A call must be within all of them and is counted by all or by none; in a
/// cluster, rules with other keys that were asked before may have counted it.
///
/// Times are whole microseconds, rounded in favour of the limit: above 10,000 a second a rule may
/// allow up to 1 % less than it says, above 100,000 up to 10 %.
///
/// # When Redis is away
///
/// A decision that Redis does not make in time (50 ms, see [`with_budget`](Self::with_budget)) is
/// made here, and so are all that follow, until Redis has answered three times in a row, about
/// 100 ms apart. What is allowed then is for the rule to say: [`OnError`], by default this process's
/// share of the rate, which is the rate divided by the processes that are alive
/// ([`with_replicas`](Self::with_replicas)). Such decisions are marked
/// [`degraded`](Checked::degraded). A caller whose own time is up is refused, and says nothing about
/// Redis.
///
/// [`OnError`]: rzero_resilience::limit::OnError
#[derive(Clone, Debug)]
pub struct DistributedRates(Arc<Inner>);

struct Inner {
    redis: Redis,
    services: Vec<&'static ServiceDesc>,
    rules: ArcSwap<Rules>,
    script: Script,
    budget: Duration,
    replicas: Replicas,
    away: Away,
}

type Replicas = Box<dyn Fn() -> usize + Send + Sync>;

/// What a rule said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The name of the rule: the one that refuses, else the one with the least left.
    pub rule: String,
    /// What it says.
    pub decision: Decision,
    /// Whether this process decided alone, because Redis is away.
    pub degraded: bool,
}

/// A rule and the text of the key it is asked about.
#[derive(Clone, Copy)]
struct Question<'a> {
    rule: &'a Rule,
    text: Option<&'a str>,
}

impl DistributedRates {
    /// The limits that those of `rules` describe whose scope is distributed, prepared for the
    /// methods of `services`; others are covered too, at the cost of comparing their paths.
    ///
    /// With [`Redis::connect`] before it the first decision does not have to wait for a connection.
    ///
    /// # Errors
    /// When a rule is not valid or two have the same name; the text names it.
    pub fn new(
        redis: Redis,
        services: &[&'static ServiceDesc],
        rules: &[RateRule],
    ) -> Result<Self, Error> {
        let rules = Rules::next(&Rules::default(), services, rules, 1, Instant::now());
        Ok(Self(Arc::new(Inner {
            redis,
            services: services.to_vec(),
            rules: ArcSwap::from_pointee(rules.map_err(Error::invalid_input)?),
            script: Script::new(gcra::script()),
            budget: BUDGET,
            replicas: Box::new(|| 1),
            away: Away::default(),
        })))
    }

    /// Says how many processes share the limits, this one included, while Redis is away; asked
    /// about ten times a second then, and never otherwise. Without it each takes itself for the
    /// only one.
    ///
    /// # Panics
    /// When the limits were cloned before.
    #[must_use]
    pub fn with_replicas(self, replicas: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        self.edit(|inner| inner.replicas = Box::new(replicas))
    }

    /// Sets how long Redis may take for a decision before it counts as away. Default 50 ms.
    ///
    /// # Panics
    /// When the limits were cloned before.
    #[must_use]
    pub fn with_budget(self, budget: Duration) -> Self {
        self.edit(|inner| inner.budget = budget)
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::get_mut(&mut self.0).expect("it is set up before it is shared"));
        self
    }

    /// Replaces the rules. What was counted under a name goes on under it.
    ///
    /// # Errors
    /// When a rule is not valid or two have the same name; the rules stay as they were.
    pub fn reconfigure(&self, rules: &[RateRule], now: Instant) -> Result<(), Error> {
        let inner = &self.0;
        let old = inner.rules.load();
        let next = Rules::next(&old, &inner.services, rules, inner.alive(), now);
        inner
            .rules
            .store(Arc::new(next.map_err(Error::invalid_input)?));
        Ok(())
    }

    /// Whether no rule is there, so that nobody needs to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rules.load().all.is_empty()
    }

    /// Whether decisions are made without Redis at the moment.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.0.away.is_now()
    }

    /// What became of the calls under each rule.
    #[must_use]
    pub fn stats(&self) -> Vec<RateStats> {
        self.0.rules.load().all.iter().map(Rule::stats).collect()
    }

    /// Counts a call, or refuses it with class `RateLimited` and a hint when to come back.
    ///
    /// # Errors
    /// When a rule refuses, or with class `DeadlineExceeded` when the caller's time is up.
    ///
    /// # Cancel safety
    /// A call whose admission is dropped may have been counted.
    pub async fn admit(&self, call: &CallInfo) -> Result<(), Error> {
        match self.check(call).await? {
            Some(checked) if !checked.decision.allowed => Err(checked.refusal()),
            _ => Ok(()),
        }
    }

    /// Counts a call, or says which rule refuses it; `None` when no rule covers it.
    ///
    /// # Errors
    /// With class `DeadlineExceeded` when the caller's time is up: such a call is not to be let in.
    ///
    /// # Cancel safety
    /// As [`admit`](Self::admit).
    pub async fn check(&self, call: &CallInfo) -> Result<Option<Checked>, Error> {
        let rules = self.0.rules.load_full();
        let covering = rules.covering(call.method()).into_iter();
        let questions: Vec<Question<'_>> = covering
            .map(|rule| Question {
                text: rule.rule.key.of(call),
                rule,
            })
            .collect();
        if questions.is_empty() {
            return Ok(None);
        }
        let deadline = call.deadline().or_else(ambient_deadline);
        self.decide(&questions, 1, deadline).await.map(Some)
    }

    /// Takes `n` of what the rule called `rule` allows to `key`, all or none.
    ///
    /// # Errors
    /// When there is no such rule, or with class `DeadlineExceeded` when the caller's time is up.
    ///
    /// # Cancel safety
    /// As [`admit`](Self::admit).
    pub async fn take(&self, rule: &str, key: &str, n: u32) -> Result<Checked, Error> {
        let rules = self.0.rules.load_full();
        let Some(rule) = rules.named(rule) else {
            return Err(Error::internal(format!(
                "no distributed rate rule is called `{rule}`; add it to the rules"
            )));
        };
        let text = Some(key);
        let question = Question { rule, text };
        self.decide(&[question], n.max(1), ambient_deadline()).await
    }

    async fn decide(
        &self,
        questions: &[Question<'_>],
        n: u32,
        deadline: Option<Instant>,
    ) -> Result<Checked, Error> {
        let inner = &self.0;
        if !inner.away.is_now() {
            match inner.ask(questions, n, deadline).await {
                Ok(decisions) => return Ok(chosen(questions, &decisions, false)),
                Err(Failure::CallerLate) => return Err(inner.redis.error(Failure::CallerLate)),
                Err(failure) => self.leave(failure, questions[0]),
            }
        }
        let now = Instant::now();
        if deadline.is_some_and(|deadline| deadline <= now) {
            return Err(inner.redis.error(Failure::CallerLate));
        }
        let decisions = alone(questions, n, now);
        Ok(chosen(questions, &decisions, true))
    }

    /// Goes on without Redis, and watches for its return at the key that failed.
    fn leave(&self, failure: Failure, failed: Question<'_>) {
        let inner = &self.0;
        let prepare = || {
            let redis = inner.redis.name();
            tracing::warn!(redis, ?failure, "rates are limited without redis");
            inner.rules.load().share(inner.alive(), Instant::now());
        };
        let key = failed.key();
        let watched = Arc::downgrade(inner);
        inner
            .away
            .begin(prepare, || tokio::spawn(watch(watched, key)));
    }
}

/// What a server asks, which knows nothing of Redis.
impl SharedRates for DistributedRates {
    fn covers(&self, method: Method) -> bool {
        self.0.rules.load().cover(method)
    }

    fn admit<'a>(&'a self, call: &'a CallInfo) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(Self::admit(self, call))
    }

    fn reconfigure(&self, rules: &[RateRule], now: Instant) -> Result<(), Error> {
        Self::reconfigure(self, rules, now)
    }
}

impl Inner {
    /// Asks Redis, in as few round trips as its topology allows.
    async fn ask(
        &self,
        questions: &[Question<'_>],
        n: u32,
        deadline: Option<Instant>,
    ) -> Result<Vec<Decision>, Failure> {
        let end = Instant::now() + self.budget;
        let mut decisions = Vec::with_capacity(questions.len());
        let apart = self.redis.topology() == Topology::Cluster;
        for group in questions.chunk_by(|a, b| !apart || a.shares_slot(b)) {
            let keys: Vec<String> = group.iter().map(Question::key).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let args = gcra::args(n, group.iter().map(|q| q.rule.terms));
            let left = end.saturating_duration_since(Instant::now());
            let asked = self
                .redis
                .run_within(left, deadline, &self.script, &keys, args);
            let answer: Vec<i64> = asked.await?;
            match gcra::decisions(&answer) {
                Some(decided) if decided.len() == group.len() => decisions.extend(decided),
                _ => return Err(redis::RedisError::from(UNEXPECTED).into()),
            }
            if decisions.iter().any(|decision| !decision.allowed) {
                break;
            }
        }
        Ok(decisions)
    }

    /// How many processes share the limits.
    fn alive(&self) -> u32 {
        u32::try_from((self.replicas)()).unwrap_or(u32::MAX).max(1)
    }

    /// Whether Redis answers within the time of a decision, where `key` is kept.
    async fn answers(&self, key: &str) -> bool {
        let question = cmd("EXISTS").arg(key).to_owned();
        let work = |mut conn| async move { question.query_async::<i64>(&mut conn).await };
        self.redis.within(self.budget, None, work).await.is_ok()
    }
}

const UNEXPECTED: (redis::ErrorKind, &str) = (
    redis::ErrorKind::UnexpectedReturnType,
    "the answer of the limiting script has another shape",
);

/// Waits until Redis is back, keeping the shares up to date meanwhile.
async fn watch(watched: Weak<Inner>, key: String) {
    let mut recovery = Recovery::default();
    loop {
        sleep(jittered(PAUSE)).await;
        let Some(inner) = watched.upgrade() else {
            return;
        };
        if recovery.heard(inner.answers(&key).await) {
            inner.away.end();
            tracing::info!(
                redis = inner.redis.name(),
                "rates are limited by redis again"
            );
            return;
        }
        inner.rules.load().share(inner.alive(), Instant::now());
    }
}

/// Decides without Redis. All rules are looked at before any of them counts.
fn alone(questions: &[Question<'_>], n: u32, now: Instant) -> Vec<Decision> {
    let ask = |n| {
        let questions = questions.iter();
        questions.map(move |q| q.rule.decide_alone(q.text, now, n))
    };
    if questions.len() > 1 {
        let looked: Vec<Decision> = ask(0).collect();
        if looked.iter().any(|decision| !decision.allowed) {
            return looked;
        }
    }
    ask(n).collect()
}

/// The answer to a call: the rule that refuses it, else the one that leaves it least. A group of
/// rules that was not asked any more has no decision.
fn chosen(questions: &[Question<'_>], decisions: &[Decision], degraded: bool) -> Checked {
    let answered = questions.iter().zip(decisions);
    let (question, decision) = answered
        .min_by_key(|(_, decision)| (decision.allowed, decision.remaining))
        .expect("at least one question was asked and answered");
    for (question, decision) in questions.iter().zip(decisions) {
        question.rule.count(decision.allowed, degraded);
    }
    Checked {
        rule: question.rule.rule.name.clone(),
        decision: *decision,
        degraded,
    }
}

impl Question<'_> {
    fn key(&self) -> String {
        limit_key(&self.rule.rule.name, self.text.unwrap_or_default())
    }

    /// Whether a cluster keeps both in one place: an empty text is no tag.
    fn shares_slot(&self, other: &Self) -> bool {
        self.text == other.text && self.text.is_some_and(|text| !text.is_empty())
    }
}

impl Checked {
    /// The error for a caller that is refused.
    #[must_use]
    pub fn refusal(&self) -> Error {
        match self.decision.retry_after {
            Duration::MAX => Error::fixed(&QUOTA),
            wait => Error::fixed(&QUOTA).with_retry_after(wait),
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DistributedRates")
            .field("redis", &self.redis.name())
            .field("rules", &self.rules.load().all)
            .field("budget", &self.budget)
            .field("away", &self.away)
            .finish_non_exhaustive()
    }
}
