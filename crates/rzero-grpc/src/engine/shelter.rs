//! What is left of a connection whose task panicked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// Polls the task of a connection. A panic in it is a fault of ours; it ends the connection, and
/// nobody waits for it forever: `None` has the owner end all its calls and never poll again.
pub(crate) fn sheltered<T>(poll: impl FnOnce() -> Poll<T>) -> Poll<Option<T>> {
    match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    }
}

/// Says that it happened; the panic itself is in the process's output.
pub(crate) fn report_fault(peer: &dyn std::fmt::Display) {
    tracing::error!(%peer, "a connection ended by a fault in rzero; please report the panic");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panic_is_an_end() {
        assert_eq!(sheltered(|| Poll::Ready(1)), Poll::Ready(Some(1)));
        assert_eq!(sheltered(|| Poll::<u8>::Pending), Poll::Pending);
        assert_eq!(
            sheltered(|| -> Poll<u8> { panic!("a fault") }),
            Poll::Ready(None)
        );
    }
}
