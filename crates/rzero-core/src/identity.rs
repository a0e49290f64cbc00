//! Who makes a call.

use std::fmt;

use tokio::time::Instant;

/// Who makes a call, as the authentication of the server accepted it: a name, and what else is
/// known about it. Holds no credential.
///
/// ```
/// # use rzero_core::Identity;
/// let identity = Identity::new("alice").with_claim("role", "admin");
/// assert_eq!((identity.name(), identity.claim("role")), ("alice", Some("admin")));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    name: Box<str>,
    claims: Vec<(Box<str>, Box<str>)>,
    expires: Option<Instant>,
}

impl Identity {
    /// An identity of which only the name is known.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into().into_boxed_str(),
            claims: Vec::new(),
            expires: None,
        }
    }

    /// Adds something that is known about it, such as a role or a tenant.
    #[must_use]
    pub fn with_claim(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.push((key.into().into(), value.into().into()));
        self
    }

    /// Says when it ends, as a token does: it is not remembered for longer.
    #[must_use]
    pub fn valid_until(mut self, at: Instant) -> Self {
        self.expires = Some(at);
        self
    }

    /// When it ends; `None` when it does not say.
    #[must_use]
    pub fn expires(&self) -> Option<Instant> {
        self.expires
    }

    /// Its name: of an application, a subject, a certificate.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first value that is known under `key`.
    #[must_use]
    pub fn claim(&self, key: &str) -> Option<&str> {
        self.claims().find_map(|(k, v)| (k == key).then_some(v))
    }

    /// Everything that is known about it, in the order in which it was added.
    pub fn claims(&self) -> impl Iterator<Item = (&str, &str)> {
        self.claims.iter().map(|(k, v)| (&**k, &**v))
    }

    /// Bytes that it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let claims = self.claims().map(|(k, v)| k.len() + v.len() + 32);
        size_of::<Self>() + self.name.len() + claims.sum::<usize>()
    }
}

/// The values of claims may be personal: only their keys are shown.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.claims().map(|(key, _)| key).collect();
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("claims", &keys)
            .finish()
    }
}
