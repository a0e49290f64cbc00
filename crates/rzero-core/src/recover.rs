//! Panics become errors.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::Error;

pin_project! {
    /// The future of [`recover`].
    #[derive(Debug)]
    pub struct Recover<F> {
        #[pin]
        inner: F,
    }
}

/// Turns a panic of `inner` into an error of class `Internal` and reason `PANIC`, whose source is
/// the panic's text. The product needs `panic = "unwind"` for this.
pub fn recover<T, F: Future<Output = Result<T, Error>>>(inner: F) -> Recover<F> {
    Recover { inner }
}

impl<T, F: Future<Output = Result<T, Error>>> Future for Recover<F> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Nothing that the panic left half done is looked at again: a future that panicked is not
        // polled any more.
        let inner = self.project().inner;
        catch_unwind(AssertUnwindSafe(|| inner.poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal("internal error")
        .with_reason("PANIC", crate::names::DOMAIN)
        .with_source(format!("panic: {}", text.unwrap_or("of an unknown type")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panics_become_bland_internal_errors() {
        let error = recover::<(), _>(async { panic!("secret {}", 7) })
            .await
            .unwrap_err();
        assert_eq!(
            (error.reason(), error.message()),
            ("PANIC", "internal error")
        );
        assert_eq!(error.source().unwrap().to_string(), "panic: secret 7");
    }
}
