//! Whose calls are counted together.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use rzero_core::{Address, CallInfo, names};
use serde::Deserialize;

/// Metadata key with the tenant of a call.
pub const TENANT: &str = "x-rz-tenant";

/// Whose calls count together under a rule.
///
/// As text: `all`, `method`, `caller`, `tenant`, `ip` or `header:NAME`. Calls that lack what a key
/// asks for count together, as one caller without a name, so that leaving a header out wins
/// nothing. What a caller says of itself it can also say wrongly: only certificates are proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum RateKey {
    /// All calls that the rule covers.
    #[default]
    All,
    /// Calls of the same method.
    Method,
    /// Calls of the same caller: who its certificate says it is, else the service named in
    /// `x-rz-caller`, whatever its version.
    Caller,
    /// Calls with the same `x-rz-tenant`.
    Tenant,
    /// Calls from the same IP address; calls over a Unix socket count together.
    Ip,
    /// Calls with the same first value of this metadata key.
    Header(String),
}

impl RateKey {
    /// Tells what is wrong with it.
    ///
    /// # Errors
    /// When a header's name could not be a metadata key.
    pub fn validate(&self) -> Result<(), String> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        match self {
            Self::Header(name) if name.is_empty() || !name.bytes().all(allowed) => Err(format!(
                "key: `header:{name}` does not name a metadata key; they are lower case: a-z, \
                 0-9, - _ ."
            )),
            Self::Header(name) if name.ends_with("-bin") => {
                Err(format!("key: `header:{name}` is binary; take a text key"))
            }
            _ => Ok(()),
        }
    }

    /// What the calls that count together with this one have in common; `None` for all calls, and
    /// for one that lacks what the key asks for.
    #[must_use]
    pub fn of<'a>(&self, call: &'a CallInfo) -> Option<&'a str> {
        match self {
            Self::All => None,
            Self::Method => Some(call.method().path()),
            Self::Caller => caller(call),
            Self::Tenant => header(call, TENANT),
            Self::Ip => ip(call),
            Self::Header(name) => header(call, name),
        }
    }
}

impl FromStr for RateKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let key = match text {
            "all" => Self::All,
            "method" => Self::Method,
            "caller" => Self::Caller,
            "tenant" => Self::Tenant,
            "ip" => Self::Ip,
            _ => match text.strip_prefix("header:") {
                Some(name) => Self::Header(name.to_owned()),
                None => {
                    return Err(format!(
                        "key: `{text}` is unknown; write all, method, caller, tenant, ip or \
                         header:NAME"
                    ));
                }
            },
        };
        key.validate().map(|()| key)
    }
}

impl TryFrom<String> for RateKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for RateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Method => f.write_str("method"),
            Self::Caller => f.write_str("caller"),
            Self::Tenant => f.write_str("tenant"),
            Self::Ip => f.write_str("ip"),
            Self::Header(name) => write!(f, "header:{name}"),
        }
    }
}

/// The key of a call, to be hashed.
pub(super) struct KeyOf<'a>(pub(super) &'a RateKey, pub(super) &'a CallInfo);

impl Hash for KeyOf<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.of(self.1).hash(state);
    }
}

fn header<'a>(call: &'a CallInfo, name: &str) -> Option<&'a str> {
    call.metadata()?.get(name)
}

fn caller(call: &CallInfo) -> Option<&str> {
    let proven = call.peer().and_then(|peer| peer.identity.as_deref());
    let claimed = || {
        let claim = header(call, names::CALLER)?;
        claim.split('@').next()
    };
    proven.or_else(claimed)
}

fn ip(call: &CallInfo) -> Option<&str> {
    match &call.peer()?.address {
        Address::Tcp { host, .. } => Some(host),
        _ => None,
    }
}
