//! What a program gives to authentication beside its configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use rzero_config::Secret;
use rzero_core::{BoxFuture, CallInfo, Identity, Result};

/// Knows the tokens of applications.
///
/// An async function `Fn(String) -> Result<Option<Secret>>` is one. go-zero keeps its tokens in a
/// Redis hash: its answer is that of `HGET <key> <app>`.
pub trait TokenStore: Send + Sync + 'static {
    /// The token of `app`; `None` when there is no such application. It is asked once for all
    /// callers that wait, and what it answers is remembered for a while.
    ///
    /// The future's error says that nobody can tell; whoever asked is refused.
    fn token<'a>(&'a self, app: &'a str) -> BoxFuture<'a, Result<Option<Secret>>>;
}

impl<F, W> TokenStore for F
where
    F: Fn(String) -> W + Send + Sync + 'static,
    W: Future<Output = Result<Option<Secret>>> + Send + 'static,
{
    fn token<'a>(&'a self, app: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(self(app.to_owned()))
    }
}

/// The tokens of a configuration.
pub(super) struct FixedTokens(pub(super) BTreeMap<String, Secret>);

impl TokenStore for FixedTokens {
    fn token<'a>(&'a self, app: &'a str) -> BoxFuture<'a, Result<Option<Secret>>> {
        Box::pin(std::future::ready(Ok(self.0.get(app).cloned())))
    }
}

pub(super) type BearerHook =
    Arc<dyn Fn(CallInfo, Secret) -> BoxFuture<'static, Result<Identity>> + Send + Sync>;

/// What a program gives to authentication beside its configuration: where tokens are kept, and
/// what judges bearer tokens. `[server.auth]` says which methods use it.
///
/// ```
/// use rzero_config::Secret;
/// use rzero_core::{CallInfo, Error, Identity};
/// use rzero_server::AuthHooks;
///
/// let hooks = AuthHooks::new()
///     .bearer(|_: CallInfo, token: Secret| async move {
///         match token.matches("let me in") {
///             true => Ok(Identity::new("alice").with_claim("role", "admin")),
///             false => Err(Error::unauthenticated("the bearer token is not valid")),
///         }
///     })
///     .token_store(|app: String| async move {
///         // … asks a database
///         Ok((app == "stock").then(|| Secret::new("s3cret")))
///     });
/// # drop(hooks);
/// ```
#[derive(Clone, Default)]
pub struct AuthHooks {
    pub(super) tokens: Option<Arc<dyn TokenStore>>,
    pub(super) bearer: Option<BearerHook>,
}

impl AuthHooks {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the tokens of applications are kept, for the kind `app`; in place of
    /// `server.auth.app.tokens` or `server.auth.app.redis`.
    #[must_use]
    pub fn token_store(mut self, store: impl TokenStore) -> Self {
        self.tokens = Some(Arc::new(store));
        self
    }

    /// Whether they say where the tokens of applications are kept.
    #[must_use]
    pub fn has_token_store(&self) -> bool {
        self.tokens.is_some()
    }

    /// Judges bearer tokens, for the kind `bearer`: gives the identity of the caller, or an error.
    ///
    /// An error of class `Unauthenticated` or `PermissionDenied` is the answer to the caller and is
    /// remembered; its message must not hold the token. Every other error, a panic, and no answer
    /// in time mean that nobody can tell: the call is refused as `Unavailable` and nothing is
    /// remembered.
    ///
    /// The answer is remembered for the method of the call and the token, and shared by callers
    /// that wait for it: it must not depend on anything else of the call, or `cache` and
    /// `cache_refused` must be `0s`. An identity that ends earlier says so with
    /// [`Identity::valid_until`].
    #[must_use]
    pub fn bearer<F, W>(mut self, judge: F) -> Self
    where
        F: Fn(CallInfo, Secret) -> W + Send + Sync + 'static,
        W: Future<Output = Result<Identity>> + Send + 'static,
    {
        self.bearer = Some(Arc::new(move |call, token| Box::pin(judge(call, token))));
        self
    }
}

impl fmt::Debug for AuthHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthHooks")
            .field("token_store", &self.tokens.is_some())
            .field("bearer", &self.bearer.is_some())
            .finish()
    }
}
