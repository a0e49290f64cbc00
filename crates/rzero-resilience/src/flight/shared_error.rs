//! One error for several callers.

use std::fmt;
use std::sync::Arc;

use rzero_core::Error;

/// The error of the work, as the cause of the error of each caller.
struct Shared(Arc<Error>);

/// Everything of `error` that its caller sees, with the error itself as the cause.
///
/// A copy counts as relayed: the work had begun, so "nothing ran" is not to be promised to the
/// caller of a handler that passes it on.
pub(super) fn copy(error: &Arc<Error>) -> Error {
    let copy = error.copy();
    copy.with_source(Shared(Arc::clone(error))).relayed()
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shared work failed")
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
