//! The small way to add behaviour around every call.

use std::sync::Arc;

use tower_layer::Layer;

use crate::{Call, CallInfo, Class, Error, Outcome, Service};

/// Something that looks at every call before and after it, unary and streams alike.
///
/// For behaviour that must wait or that changes messages, write a [`Layer`].
pub trait Interceptor: Send + Sync + 'static {
    /// Sees the call before the service does; may change it or refuse it. What the call hands on
    /// to its own calls (deadline, lane, trace) was decided before.
    ///
    /// # Errors
    /// The refusal, which becomes the call's answer.
    fn before(&self, _call: &mut CallInfo) -> Result<(), Error> {
        Ok(())
    }

    /// Sees how the call ended. A cancelled call ends with [`Outcome::CANCELLED`], one whose
    /// handler panicked as failed with class `Internal`. It must not panic itself.
    fn after(&self, _call: &CallInfo, _outcome: Outcome) {}
}

impl<I: Interceptor> Interceptor for Arc<I> {
    fn before(&self, call: &mut CallInfo) -> Result<(), Error> {
        (**self).before(call)
    }

    fn after(&self, call: &CallInfo, outcome: Outcome) {
        (**self).after(call, outcome);
    }
}

/// Wraps a service with an [`Interceptor`].
#[derive(Debug)]
pub struct InterceptLayer<I>(Arc<I>);

impl<I> InterceptLayer<I> {
    /// A layer of `interceptor`.
    #[must_use]
    pub fn new(interceptor: I) -> Self {
        Self(Arc::new(interceptor))
    }
}

impl<I> Clone for InterceptLayer<I> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<I, S> Layer<S> for InterceptLayer<I> {
    type Service = Intercepted<I, S>;

    fn layer(&self, inner: S) -> Intercepted<I, S> {
        Intercepted {
            interceptor: Arc::clone(&self.0),
            inner,
        }
    }
}

/// A service with an [`Interceptor`] around it.
#[derive(Debug)]
pub struct Intercepted<I, S> {
    interceptor: Arc<I>,
    inner: S,
}

impl<I, S> Intercepted<I, S> {
    /// The service inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

/// Says how the call ended even when its future is dropped.
struct Ending<'a, I: Interceptor> {
    interceptor: &'a I,
    call: CallInfo,
    outcome: Outcome,
}

impl<I: Interceptor> Drop for Ending<'_, I> {
    fn drop(&mut self) {
        if self.outcome == Outcome::CANCELLED && std::thread::panicking() {
            self.outcome = Outcome::failed(Class::Internal);
        }
        self.interceptor.after(&self.call, self.outcome);
    }
}

impl<I, S, B> Service<Call<B>> for Intercepted<I, S>
where
    I: Interceptor,
    S: Service<Call<B>>,
    B: Send + 'static,
{
    type Reply = S::Reply;

    async fn call(&self, mut call: Call<B>) -> Result<S::Reply, Error> {
        self.interceptor.before(&mut call.info)?;
        let mut ending = Ending {
            interceptor: &*self.interceptor,
            call: call.info.clone(),
            outcome: Outcome::CANCELLED,
        };
        let result = self.inner.call(call).await;
        ending.outcome = Outcome::of(&result);
        result
    }
}
