//! What an operator may write about authentication.

use std::collections::BTreeMap;
use std::time::Duration;

use rzero_config::{ByteSize, Secret};
use serde::Deserialize;

/// `[server.auth]`: who may call what. Changes need a restart; what a store knows does not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// What calls have to show, in the order in which it is checked; the first that accepts a call
    /// names its caller. Default none: every call is served. Health and reflection are exempt.
    pub require: Vec<AuthKind>,
    /// Whether all of it is needed, or any one. Default `all`.
    pub combine: Combine,
    /// For `mtls`, whose certificates are accepted; no default. A name with a `:` is compared with
    /// the URI name of a certificate (`spiffe://prod/orders`), any other with its DNS name, and a
    /// `*` stands for any text; `*` alone is every certificate that the authority signed.
    pub certificates: Vec<String>,
    /// What holds for some methods instead; the last rule that fits a method is its own.
    pub rule: Vec<AuthRule>,
    /// The kind `app`.
    pub app: AppAuthConfig,
    /// The kind `bearer`.
    pub bearer: BearerConfig,
}

/// `[[server.auth.rule]]`: what calls of some methods have to show, in place of what
/// `[server.auth]` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthRule {
    /// Which methods.
    #[serde(rename = "match")]
    pub matches: AuthMatch,
    /// As in `[server.auth]`; none lets every call in.
    pub require: Vec<AuthKind>,
    /// As in `[server.auth]`.
    pub combine: Combine,
    /// As in `[server.auth]`.
    pub certificates: Vec<String>,
}

/// The methods of a rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthMatch {
    /// `package.Service/Method`, in which a `*` stands for any text. A rule that fits no method is
    /// an error. Health and reflection are only fitted by patterns that begin with `grpc.`.
    pub method: String,
}

/// One way to show who calls.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum AuthKind {
    /// The metadata `app` and `token`.
    App,
    /// The metadata `authorization: Bearer …`.
    Bearer,
    /// A verified certificate; needs `server.rpc.tls.client_ca`.
    Mtls,
}

/// How several kinds count together.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// Every one has to accept the call.
    #[default]
    All,
    /// One is enough.
    Any,
}

/// What becomes of a call whose credential cannot be checked.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// It is refused as `Unavailable`.
    #[default]
    Closed,
    /// It is served, without an identity.
    Open,
}

/// `[server.auth.app]`: the metadata `app` and `token`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppAuthConfig {
    /// The tokens by name of the application; not together with a store in the program. Default
    /// none.
    pub tokens: BTreeMap<String, Secret>,
    /// The name of the `[redis.<name>]` where the tokens are instead. Default none.
    pub redis: Option<String>,
    /// The key of the hash in that Redis with the tokens by name of the application, as go-zero
    /// keeps them. No default; together with `redis`.
    pub key: Option<String>,
    /// How long the token of an application is remembered, default 5 m, at most 30 d; `0s` asks for every call.
    /// As long may a token that was taken back still be used.
    #[serde(with = "rzero_config::duration")]
    pub cache: Duration,
    /// How long it is remembered that an application is not known, and how often at most the
    /// store is asked again because a token differs; default 5 s.
    #[serde(with = "rzero_config::duration")]
    pub cache_refused: Duration,
    /// Memory for what is remembered, default 1 MiB for each of both; the oldest is forgotten
    /// first.
    pub cache_size: ByteSize,
    /// Time that the store has to answer, default 1 s; 1 ms to 1 m.
    #[serde(with = "rzero_config::duration")]
    pub timeout: Duration,
    /// Questions to the store at a time, default 64; more count as failed. 1 to 65,536.
    pub max_checks: u32,
    /// What becomes of calls while the store does not answer, default `closed`.
    pub on_error: OnError,
}

impl Default for AppAuthConfig {
    fn default() -> Self {
        Self {
            tokens: BTreeMap::new(),
            redis: None,
            key: None,
            cache: Duration::from_secs(300),
            cache_refused: Duration::from_secs(5),
            cache_size: ByteSize::mib(1),
            timeout: Duration::from_secs(1),
            max_checks: 64,
            on_error: OnError::Closed,
        }
    }
}

/// `[server.auth.bearer]`: the metadata `authorization: Bearer …`. Calls whose token cannot be
/// checked are refused as `Unavailable`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BearerConfig {
    /// How long it is remembered that a token is accepted for a method, default 1 m, and no longer
    /// than its identity is valid; `0s` asks for every call.
    #[serde(with = "rzero_config::duration")]
    pub cache: Duration,
    /// How long it is remembered that it is refused, default 5 s.
    #[serde(with = "rzero_config::duration")]
    pub cache_refused: Duration,
    /// Memory for what is remembered, default 4 MiB for each of both; the oldest is forgotten
    /// first.
    pub cache_size: ByteSize,
    /// Time that a check may take, default 1 s; 1 ms to 1 m.
    #[serde(with = "rzero_config::duration")]
    pub timeout: Duration,
    /// Checks at a time, default 256; more count as failed. 1 to 65,536.
    pub max_checks: u32,
}

impl Default for BearerConfig {
    fn default() -> Self {
        Self {
            cache: Duration::from_secs(60),
            cache_refused: Duration::from_secs(5),
            cache_size: ByteSize::mib(4),
            timeout: Duration::from_secs(1),
            max_checks: 256,
        }
    }
}
