//! What is wrong with a configuration.

use std::time::Duration;

use rzero_core::ServiceDesc;

use super::config::{AppAuthConfig, AuthConfig, AuthKind};
use super::gate::{fits, is_built_in};

const CACHE_MAX: Duration = Duration::from_secs(30 * 86_400);
const TIMEOUT_MIN: Duration = Duration::from_millis(1);
const TIMEOUT_MAX: Duration = Duration::from_secs(60);

/// Tells what is wrong with the configuration of a server with these services.
///
/// # Errors
/// A text that names the key and what to write.
pub(super) fn validate(
    config: &AuthConfig,
    services: &[&'static ServiceDesc],
) -> Result<(), String> {
    list("server.auth", &config.require, &config.certificates)?;
    for (n, rule) in config.rule.iter().enumerate() {
        let key = format!("server.auth.rule[{n}]");
        list(&key, &rule.require, &rule.certificates)?;
        let pattern = &rule.matches.method;
        let mut methods = services.iter().flat_map(|service| service.methods);
        if !is_built_in(pattern) && !methods.any(|method| fits(rule, method.path)) {
            return Err(format!(
                "{key}.match.method: `{pattern}` fits no method of this server; write \
                 package.Service/Method, with `*` for any text"
            ));
        }
    }
    let empty = |(app, token): (&String, &rzero_config::Secret)| {
        (app.is_empty() || token.expose().is_empty()).then(|| app.clone())
    };
    if let Some(app) = config.app.tokens.iter().find_map(empty) {
        return Err(format!(
            "server.auth.app.tokens.{app}: names and tokens are not empty; write one or remove it"
        ));
    }
    let (app, bearer) = (&config.app, &config.bearer);
    in_redis(app)?;
    let caches = (app.cache, app.cache_refused);
    bounds("app", app.max_checks, app.timeout, caches)?;
    let caches = (bearer.cache, bearer.cache_refused);
    bounds("bearer", bearer.max_checks, bearer.timeout, caches)
}

/// What tells where in Redis the tokens are is whole, and nothing else has them too.
fn in_redis(app: &AppAuthConfig) -> Result<(), String> {
    let key = app.key.as_deref().filter(|key| !key.is_empty());
    let (wrong, text) = match (&app.redis, key) {
        (Some(_), _) if !app.tokens.is_empty() => (
            "redis",
            "there is server.auth.app.tokens as well; remove one of both",
        ),
        (Some(_), None) => (
            "key",
            "is missing: write the name of the hash that has the tokens",
        ),
        (None, Some(_)) => (
            "redis",
            "is missing: write the name of the [redis.<name>] that `key` is in",
        ),
        _ => return Ok(()),
    };
    Err(format!("server.auth.app.{wrong}: {text}"))
}

/// The numbers of a kind are within their ranges.
fn bounds(
    kind: &str,
    max_checks: u32,
    timeout: Duration,
    (cache, cache_refused): (Duration, Duration),
) -> Result<(), String> {
    let key = format!("server.auth.{kind}");
    if !(1..=65_536).contains(&max_checks) {
        return Err(format!(
            "{key}.max_checks: {max_checks} is not within 1 and 65536"
        ));
    }
    if !(TIMEOUT_MIN..=TIMEOUT_MAX).contains(&timeout) {
        return Err(format!(
            "{key}.timeout: {timeout:?} is not within 1ms and 1m"
        ));
    }
    for (name, time) in [("cache", cache), ("cache_refused", cache_refused)] {
        if time > CACHE_MAX {
            return Err(format!("{key}.{name}: {time:?} is longer than 30d"));
        }
    }
    Ok(())
}

/// A list of certificates is there where it is used, and nowhere else.
fn list(key: &str, require: &[AuthKind], certificates: &[String]) -> Result<(), String> {
    match (require.contains(&AuthKind::Mtls), certificates.is_empty()) {
        (true, true) => Err(format!(
            "{key}.certificates: `mtls` is required, but nobody is allowed: write names such as \
             \"spiffe://prod/*\", or \"*\" for every certificate that server.rpc.tls.client_ca signed"
        )),
        (false, false) => Err(format!(
            "{key}.certificates: has no effect without `mtls` in {key}.require"
        )),
        _ if certificates.iter().any(String::is_empty) => Err(format!(
            "{key}.certificates: an empty name fits no certificate; remove it"
        )),
        _ => Ok(()),
    }
}
