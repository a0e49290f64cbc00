//! The kind `mtls`: the verified certificate of the peer, by its name.

use std::sync::Arc;
use std::time::Duration;

use rzero_config::ByteSize;
use rzero_core::{CallInfo, Class, Error, Fixed, Identity, glob};
use tokio::time::Instant;

use super::cache::Cache;
use super::verdict::{Rank, Refusal, Verdict};

static MISSING: Fixed = Fixed::new(
    Class::Unauthenticated,
    "a client certificate with a URI or DNS name is needed",
);
static DENIED: Fixed = Fixed::new(
    Class::PermissionDenied,
    "the client certificate is not one that may call this method",
);

/// Identities are made of names, so they are only kept to be shared.
const KEPT: Duration = Duration::from_secs(300);
const SIZE: ByteSize = ByteSize::kib(512);

/// Makes identities of certificates.
pub(super) struct Certificates(Cache<Arc<Identity>>);

impl Certificates {
    pub(super) fn new() -> Self {
        Self(Cache::new(SIZE))
    }

    /// Whether the certificate of the peer is in the list.
    pub(super) fn look(&self, call: &CallInfo, allowed: &[String], now: Instant) -> Verdict {
        let Some(name) = call.peer().and_then(|peer| peer.identity.as_deref()) else {
            return Verdict::missing(&MISSING);
        };
        if !allowed.iter().any(|pattern| fits(pattern, name)) {
            return Verdict::Refused(Refusal::new(Rank::Denied, Error::fixed(&DENIED)));
        }
        let known = self.0.get("", name, now);
        Verdict::Accepted(Some(known.unwrap_or_else(|| {
            let identity = Arc::new(Identity::new(name));
            let entry = (Arc::clone(&identity), identity.weight());
            self.0.put("", name, entry, now + KEPT);
            identity
        })))
    }
}

/// Whether a pattern fits the name of a certificate. Only URIs have colons, so no pattern of one
/// sort fits a name of the other, but for `*`.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    pattern == "*" || pattern.contains(':') == name.contains(':') && glob(pattern, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_uris_fit_uris_and_others_dns_names() {
        assert!(fits("*", "stock.prod") && fits("*", "spiffe://prod/stock"));
        assert!(fits("*.prod", "stock.prod"));
        assert!(!fits("*.prod", "spiffe://evil/x.prod"));
        assert!(fits("spiffe://prod/*", "spiffe://prod/stock"));
        assert!(!fits("spiffe://prod/*", "spiffe://prod.evil/stock"));
        assert!(!fits("", "stock.prod"));
    }
}
