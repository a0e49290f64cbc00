//! Calls that are never answered.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rzero_core::{Call, Error, Service};
use tower_layer::Layer;

use super::{Meddler, Rule, meddles};

/// Never answers: all calls, or the first ones. They end when their caller leaves, their deadline
/// passes or the server is cut.
///
/// ```
/// use std::time::Duration;
///
/// use rzero_client::CallOptions;
/// use rzero_core::Class;
/// use rzero_testing::{Echo, Hang, TestServer};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> rzero_core::Result<()> {
/// let hang = Hang::new();
/// let server = TestServer::start(|app| app.layer(hang.clone()).serve(Echo)).await?;
/// let options = CallOptions::new().deadline(Duration::from_millis(300));
/// let error = server.channel().unary(Echo::SAY, "hello".into(), &options).await.unwrap_err();
/// assert_eq!(error.class(), Class::DeadlineExceeded);
/// assert_eq!((hang.hits(), hang.hanging()), (1, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Hang {
    meddler: Meddler,
    hanging: Arc<AtomicUsize>,
}

impl Hang {
    /// Every call hangs.
    #[must_use]
    pub fn new() -> Self {
        Self {
            meddler: Meddler::new(Rule::All),
            hanging: Arc::default(),
        }
    }

    /// Only the first `n` calls hang.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        self.meddler.rule = Rule::First(n);
        self
    }

    /// Calls that hang now.
    #[must_use]
    pub fn hanging(&self) -> usize {
        self.hanging.load(Relaxed)
    }
}

impl Default for Hang {
    fn default() -> Self {
        Self::new()
    }
}

meddles!(Hang meddler);

impl<S> Layer<S> for Hang {
    type Service = Hanging<S>;

    fn layer(&self, inner: S) -> Hanging<S> {
        Hanging {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind [`Hang`].
#[derive(Debug)]
pub struct Hanging<S> {
    layer: Hang,
    inner: S,
}

/// Counts a call that hangs while it lives.
struct Held<'a>(&'a AtomicUsize);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl<S, B> Service<Call<B>> for Hanging<S>
where
    S: Service<Call<B>>,
    B: Send + 'static,
{
    type Reply = S::Reply;

    async fn call(&self, call: Call<B>) -> Result<S::Reply, Error> {
        if !self.layer.meddler.takes(&call.info) {
            return self.inner.call(call).await;
        }
        self.layer.hanging.fetch_add(1, Relaxed);
        let _held = Held(&self.layer.hanging);
        // The call is kept: a stream whose ends were dropped would be answered after all.
        let _call = call;
        pending().await
    }
}
