//! Calls that take long.

use std::time::Duration;

use rzero_core::{Call, Error, Service};
use tower_layer::Layer;

use super::{Meddler, Rule, meddles};

/// Makes calls wait before they run: all of them, or some. A stream waits when it begins.
///
/// ```
/// use std::time::Duration;
///
/// use rzero_client::CallOptions;
/// use rzero_testing::{Echo, Slow, TestServer};
/// use tokio::time::Instant;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> rzero_core::Result<()> {
/// // Every second call takes 200 ms more.
/// let slow = Slow::new(Duration::from_millis(200)).every(2);
/// let server = TestServer::start(|app| app.layer(slow.clone()).serve(Echo)).await?;
/// let (start, options) = (Instant::now(), CallOptions::new());
/// for _ in 0..4 {
///     server.channel().unary(Echo::SAY, "hello".into(), &options).await?;
/// }
/// assert_eq!(start.elapsed(), Duration::from_millis(400));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Slow {
    meddler: Meddler,
    delay: Duration,
}

impl Slow {
    /// Every call waits for `delay`.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self {
            meddler: Meddler::new(Rule::All),
            delay,
        }
    }

    /// Only the first `n` calls wait.
    #[must_use]
    pub fn first(mut self, n: usize) -> Self {
        self.meddler.rule = Rule::First(n);
        self
    }

    /// Only calls `n`, 2 `n`, 3 `n` and so on wait; none when `n` is 0.
    #[must_use]
    pub fn every(mut self, n: usize) -> Self {
        self.meddler.rule = Rule::Every(n);
        self
    }
}

meddles!(Slow meddler);

impl<S> Layer<S> for Slow {
    type Service = Slowed<S>;

    fn layer(&self, inner: S) -> Slowed<S> {
        Slowed {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind [`Slow`].
#[derive(Debug)]
pub struct Slowed<S> {
    layer: Slow,
    inner: S,
}

impl<S, B> Service<Call<B>> for Slowed<S>
where
    S: Service<Call<B>>,
    B: Send + 'static,
{
    type Reply = S::Reply;

    async fn call(&self, call: Call<B>) -> Result<S::Reply, Error> {
        if self.layer.meddler.takes(&call.info) {
            tokio::time::sleep(self.layer.delay).await;
        }
        self.inner.call(call).await
    }
}
