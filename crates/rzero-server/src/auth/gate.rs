//! The configuration, compiled for the methods of a server.

use std::sync::Arc;

use rzero_core::{CallInfo, Error, Identity, Result, ServiceDesc, glob_method};
use tokio::time::Instant;

use super::app::Apps;
use super::bearer::Bearers;
use super::config::{AuthConfig, AuthKind, AuthRule, Combine};
use super::hooks::{AuthHooks, FixedTokens, TokenStore};
use super::mtls::Certificates;
use super::valid::validate;
use super::verdict::{Refusal, Verdict};

/// The prefix of the services that every server offers.
const BUILT_IN: &str = "grpc.";

/// The authentication of a server.
pub(crate) struct Auth {
    config: AuthConfig,
    kinds: Arc<Kinds>,
}

/// What checks credentials; what no rule uses is not there.
struct Kinds {
    app: Option<Apps>,
    bearer: Option<Bearers>,
    mtls: Certificates,
}

/// What calls of a method have to show.
struct Rule {
    require: Box<[AuthKind]>,
    combine: Combine,
    certificates: Box<[String]>,
}

/// Stands before the methods of one service.
pub(crate) struct Gate {
    kinds: Arc<Kinds>,
    /// By index of the method; `None` is open.
    rules: Box<[Option<Rule>]>,
}

impl Auth {
    /// Compiles the configuration of a server with these services, built-in ones left out.
    ///
    /// # Errors
    /// Names the key and what to write: a kind lacks what it needs, a rule fits no method, a
    /// number is out of its range.
    pub(crate) fn new(
        config: &AuthConfig,
        hooks: AuthHooks,
        services: &[&'static ServiceDesc],
    ) -> Result<Self> {
        validate(config, services).map_err(Error::invalid_input)?;
        let uses = |kind| {
            let rules = config.rule.iter().flat_map(|rule| &rule.require);
            config.require.iter().chain(rules).any(|k| *k == kind)
        };
        let app = uses(AuthKind::App).then(|| store(config, hooks.tokens));
        let app = app.transpose()?;
        let bearer = uses(AuthKind::Bearer).then(|| hooks.bearer.ok_or_else(no_hook));
        let bearer = bearer.transpose()?;
        let kinds = Arc::new(Kinds {
            app: app.map(|store| Apps::new(&config.app, store)),
            bearer: bearer.map(|hook| Bearers::new(&config.bearer, hook)),
            mtls: Certificates::new(),
        });
        let config = config.clone();
        Ok(Self { config, kinds })
    }

    /// What stands before the methods of a service; `None` when all of them are open.
    pub(crate) fn gate(&self, service: &'static ServiceDesc) -> Option<Arc<Gate>> {
        let rules = service.methods.iter().map(|m| self.rule(m.path));
        let rules: Box<[_]> = rules.collect();
        if rules.iter().all(Option::is_none) {
            return None;
        }
        let of = |open: bool| {
            let with_rules = service.methods.iter().zip(&rules);
            let names =
                with_rules.filter_map(move |(m, r)| (r.is_none() == open).then_some(m.name));
            names.collect::<Vec<_>>().join(" ")
        };
        tracing::info!(
            service = service.name,
            guarded = of(false),
            open = of(true),
            "calls have to show who calls"
        );
        let kinds = Arc::clone(&self.kinds);
        Some(Arc::new(Gate { kinds, rules }))
    }

    /// What calls of the method at `path` have to show.
    fn rule(&self, path: &str) -> Option<Rule> {
        let config = &self.config;
        let built_in = is_built_in(path);
        let mut rules = config.rule.iter().rev();
        let found = match rules.find(|rule| fits(rule, path)) {
            Some(rule) => (&rule.require, rule.combine, &rule.certificates),
            None if built_in => return None,
            None => (&config.require, config.combine, &config.certificates),
        };
        let (require, combine, certificates) = found;
        (!require.is_empty()).then(|| Rule {
            require: require.clone().into(),
            combine,
            certificates: certificates.clone().into(),
        })
    }
}

pub(super) fn is_built_in(name: &str) -> bool {
    name.strip_prefix('/').unwrap_or(name).starts_with(BUILT_IN)
}

/// Built-in services are not hit by a pattern that was written for others.
pub(super) fn fits(rule: &AuthRule, path: &str) -> bool {
    let pattern = &rule.matches.method;
    is_built_in(path) <= is_built_in(pattern) && glob_method(pattern, path)
}

/// Where the tokens of applications are.
fn store(config: &AuthConfig, store: Option<Arc<dyn TokenStore>>) -> Result<Arc<dyn TokenStore>> {
    match (store, config.app.tokens.is_empty()) {
        (Some(store), true) => Ok(store),
        (None, _) if config.app.redis.is_some() => Err(Error::invalid_input(
            "server.auth.app.redis: nothing reads Redis here: give App::auth a token store that \
             does, or use the App of rzero with its feature `redis`",
        )),
        (None, false) => Ok(Arc::new(FixedTokens(config.app.tokens.clone()))),
        (None, true) => Err(Error::invalid_input(
            "server.auth: `app` is required, but there are no tokens: write them to \
             server.auth.app.tokens, name the [redis.<name>] that has them in \
             server.auth.app.redis, or give App::auth a token store",
        )),
        (Some(_), false) => Err(Error::invalid_input(
            "server.auth.app.tokens: the program has a token store of its own; remove one of both",
        )),
    }
}

fn no_hook() -> Error {
    Error::invalid_input(
        "server.auth: `bearer` is required, but nothing judges tokens: give App::auth a \
         function with AuthHooks::bearer",
    )
}

impl Gate {
    /// Lets a call in, and says in it who calls; or refuses it. Allocates nothing when what the
    /// call shows is known.
    ///
    /// # Errors
    /// Class `Unauthenticated`, `PermissionDenied`, or `Unavailable` when it cannot be checked.
    ///
    /// # Cancel safety
    /// Dropped, the call was not let in; a check goes on while others wait for it.
    pub(crate) async fn check(&self, call: &mut CallInfo, now: Instant) -> Result<()> {
        let rule = self.rules.get(usize::from(call.method().index()));
        let Some(rule) = rule.and_then(Option::as_ref) else {
            return Ok(());
        };
        match self.judge(rule, call, now).await {
            Ok(identity) => {
                if let Some(identity) = identity {
                    call.set_identity(identity);
                }
                Ok(())
            }
            Err(refusal) => Err(refusal.error),
        }
    }

    async fn judge(
        &self,
        rule: &Rule,
        call: &CallInfo,
        now: Instant,
    ) -> Result<Option<Arc<Identity>>, Refusal> {
        let mut accepted: Option<Arc<Identity>> = None;
        let mut refused: Option<Refusal> = None;
        for kind in &rule.require {
            let mut verdict = self.look(*kind, rule, call, now);
            if matches!(verdict, Verdict::Ask) {
                // Boxed, so that calls that need not ask are small.
                verdict = Box::pin(self.ask(*kind, call)).await;
            }
            match (verdict, rule.combine) {
                (Verdict::Accepted(identity), Combine::Any) => return Ok(identity),
                (Verdict::Accepted(identity), Combine::All) => accepted = accepted.or(identity),
                (Verdict::Refused(refusal), Combine::All) => return Err(refusal),
                (Verdict::Refused(refusal), Combine::Any) => {
                    refused = Some(match refused {
                        Some(earlier) => earlier.or(refusal).of_any(),
                        None => refusal,
                    });
                }
                (Verdict::Ask, _) => {}
            }
        }
        refused.map_or(Ok(accepted), Err)
    }

    /// What is known of the call without asking.
    fn look(&self, kind: AuthKind, rule: &Rule, call: &CallInfo, now: Instant) -> Verdict {
        match (kind, &self.kinds.app, &self.kinds.bearer) {
            (AuthKind::Mtls, ..) => self.kinds.mtls.look(call, &rule.certificates, now),
            (AuthKind::App, Some(app), _) => app.look(call, now),
            (AuthKind::Bearer, _, Some(bearer)) => bearer.look(call, now),
            (AuthKind::App | AuthKind::Bearer, ..) => absent(),
        }
    }

    async fn ask(&self, kind: AuthKind, call: &CallInfo) -> Verdict {
        match (kind, &self.kinds.app, &self.kinds.bearer) {
            (AuthKind::App, Some(app), _) => app.ask(call).await,
            (AuthKind::Bearer, _, Some(bearer)) => bearer.ask(call).await,
            _ => absent(),
        }
    }
}

/// Never, because a kind that a rule uses is made; and if, it lets nobody in.
fn absent() -> Verdict {
    Verdict::unknown(Error::internal("the kind of credential is not set up"))
}
