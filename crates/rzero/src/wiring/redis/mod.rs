//! Redis by configuration: the `[redis.<name>]` sections, and what the framework itself keeps in
//! them.

#[cfg(not(feature = "redis"))]
mod off;
#[cfg(feature = "redis")]
mod rates;
#[cfg(feature = "redis")]
mod stores;
#[cfg(feature = "redis")]
mod tokens;

use std::collections::BTreeMap;

use rzero_config::Error;
use rzero_policy::Policies;
use rzero_server::AuthConfig;

#[cfg(not(feature = "redis"))]
pub(super) use off::Stores;
#[cfg(feature = "redis")]
pub(super) use stores::Stores;

/// `[redis.<name>]` of a configuration.
#[cfg(feature = "redis")]
pub type RedisSettings = rzero_redis::RedisConfig;

/// Stands for `[redis.<name>]` in programs that were built without Redis.
#[cfg(not(feature = "redis"))]
pub type RedisSettings = off::NoRedis;

/// `[redis.<name>]` by name.
type Sections = BTreeMap<String, RedisSettings>;

/// The section that is meant when none is named.
const MAIN: &str = "main";

/// How to get the feature, for messages; nothing where it is there.
const FEATURE: &str = match cfg!(feature = "redis") {
    true => "",
    false => ", after `cargo add rzero --features redis`",
};

/// The name of the Redis where rates are counted that all processes share; `None` when nothing
/// says which. The policies are checked against the sections.
///
/// # Errors
/// When a section is named that is not there, or a rule needs one; placed at the key.
pub(super) fn store(policies: &Policies, sections: &Sections) -> Result<Option<String>, Error> {
    let server = policies.server();
    if let Some(name) = &server.store.redis {
        return match sections.contains_key(name) {
            true => Ok(Some(name.clone())),
            false => Err(policies.error_at("store.redis", missing(name, sections))),
        };
    }
    let mut names = sections.keys();
    let found = match (names.next(), names.next()) {
        (Some(only), None) => Some(only.as_str()),
        _ => sections.contains_key(MAIN).then_some(MAIN),
    };
    match (found, server.first_distributed()) {
        (Some(name), _) => Ok(Some(name.to_owned())),
        (None, None) => Ok(None),
        (None, Some(at)) => {
            let fix = match sections.is_empty() {
                true => format!("write [redis.{MAIN}] with addresses = [\"host:port\"]{FEATURE}"),
                false => format!("name one of {} in policy.store.redis", list(sections)),
            };
            let text = format!(
                "\"distributed\" needs a store that all processes share: {fix}; or write \"local\""
            );
            Err(policies.error_at(&format!("rate[{at}].scope"), text))
        }
    }
}

/// Refuses a rule that is to be shared, in a process that began without a store.
///
/// # Errors
/// When there is such a rule; placed at its scope.
pub(super) fn refuse(policies: &Policies) -> Result<(), Error> {
    match policies.server().first_distributed() {
        None => Ok(()),
        Some(at) => Err(policies.error_at(
            &format!("rate[{at}].scope"),
            "\"distributed\" needs a store, and this process was started without one: restart it",
        )),
    }
}

/// Checks that the Redis is there that `server.auth.app.redis` names.
///
/// # Errors
/// What is wrong about that key.
pub(super) fn check_tokens(auth: &AuthConfig, sections: &Sections) -> Result<(), String> {
    match &auth.app.redis {
        Some(name) if !sections.contains_key(name) => Err(missing(name, sections)),
        _ => Ok(()),
    }
}

/// The key that [`check_tokens`] is about.
pub(super) const TOKENS: &str = "server.auth.app.redis";

/// That a section is not there, and what to do.
fn missing(name: &str, sections: &Sections) -> String {
    match sections.is_empty() {
        true => format!(
            "there is no [redis.{name}]: write it with addresses = [\"host:port\"]{FEATURE}"
        ),
        false => format!(
            "there is no [redis.{name}]: write it, or name one of {}",
            list(sections)
        ),
    }
}

fn list(sections: &Sections) -> String {
    let names: Vec<&str> = sections.keys().map(String::as_str).collect();
    names.join(", ")
}
