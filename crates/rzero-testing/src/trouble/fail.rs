//! Calls that fail.

use std::fmt;
use std::sync::Arc;

use rzero_core::{Call, Class, Error, Service};
use tower_layer::Layer;

use super::{Meddler, Rule, meddles};

/// Fails the first `n` calls and leaves the others alone. A stream fails when it begins.
///
/// ```
/// use rzero_client::CallOptions;
/// use rzero_core::Class;
/// use rzero_testing::{Echo, FailN, TestServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rzero_core::Result<()> {
/// let fail = FailN::new(2, Class::Internal);
/// let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo)).await?;
/// let (channel, options) = (server.channel(), CallOptions::new());
/// for _ in 0..2 {
///     let error = channel.unary(Echo::SAY, "hello".into(), &options).await.unwrap_err();
///     assert_eq!(error.class(), Class::Internal);
/// }
/// assert_eq!(channel.unary(Echo::SAY, "hello".into(), &options).await?.body, "hello");
/// assert_eq!((fail.hits(), fail.calls()), (2, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FailN {
    meddler: Meddler,
    error: Arc<dyn Fn() -> Error + Send + Sync>,
    runs: bool,
}

impl FailN {
    /// Fails the first `n` calls with an error of `class`.
    #[must_use]
    pub fn new(n: usize, class: Class) -> Self {
        Self {
            meddler: Meddler::new(Rule::First(n)),
            error: Arc::new(move || Error::new(class, "a test makes this call fail")),
            runs: false,
        }
    }

    /// Fails them with what `error` gives.
    #[must_use]
    pub fn with(mut self, error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        self.error = Arc::new(error);
        self
    }

    /// Lets the calls run first and then puts the error in place of their answer, as when a
    /// connection is lost behind the request. For tests that count what ran.
    #[must_use]
    pub fn after_running(mut self) -> Self {
        self.runs = true;
        self
    }
}

meddles!(FailN meddler);

impl fmt::Debug for FailN {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailN")
            .field("meddler", &self.meddler)
            .field("runs", &self.runs)
            .finish_non_exhaustive()
    }
}

impl<S> Layer<S> for FailN {
    type Service = Failing<S>;

    fn layer(&self, inner: S) -> Failing<S> {
        Failing {
            layer: self.clone(),
            inner,
        }
    }
}

/// Fails the first call and leaves the others alone: a [`FailN`] of one.
///
/// ```
/// use rzero_client::CallOptions;
/// use rzero_core::Class;
/// use rzero_testing::{Echo, FailOnce, TestServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> rzero_core::Result<()> {
/// let fail = FailOnce::new(Class::Unavailable);
/// let server = TestServer::start(|app| app.layer(fail.clone()).serve(Echo)).await?;
/// // The call may run twice, so the client tries it again.
/// let options = CallOptions::new().idempotent(true);
/// let reply = server.channel().unary(Echo::SAY, "hello".into(), &options).await?;
/// assert_eq!(reply.body, "hello");
/// assert_eq!((fail.hits(), fail.calls()), (1, 2));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FailOnce(FailN);

impl FailOnce {
    /// Fails the first call with an error of `class`.
    #[must_use]
    pub fn new(class: Class) -> Self {
        Self(FailN::new(1, class))
    }

    /// Fails it with what `error` gives.
    #[must_use]
    pub fn with(self, error: impl Fn() -> Error + Send + Sync + 'static) -> Self {
        Self(self.0.with(error))
    }

    /// Lets the call run first and then puts the error in place of its answer.
    #[must_use]
    pub fn after_running(self) -> Self {
        Self(self.0.after_running())
    }
}

meddles!(FailOnce 0.meddler);

impl<S> Layer<S> for FailOnce {
    type Service = Failing<S>;

    fn layer(&self, inner: S) -> Failing<S> {
        self.0.layer(inner)
    }
}

/// A service behind [`FailN`] or [`FailOnce`].
#[derive(Debug)]
pub struct Failing<S> {
    layer: FailN,
    inner: S,
}

impl<S, B> Service<Call<B>> for Failing<S>
where
    S: Service<Call<B>>,
    B: Send + 'static,
{
    type Reply = S::Reply;

    async fn call(&self, call: Call<B>) -> Result<S::Reply, Error> {
        if !self.layer.meddler.takes(&call.info) {
            return self.inner.call(call).await;
        }
        if self.layer.runs {
            // Whatever it answered is lost.
            drop(self.inner.call(call).await);
        }
        Err((self.layer.error)())
    }
}
