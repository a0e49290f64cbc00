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
    let mut copy = Error::with_code(error.code(), error.message().to_owned())
        .with_class(error.class())
        .with_reason(error.reason().to_owned(), error.domain().to_owned());
    for (key, value) in error.metadata() {
        copy = copy.with_metadata(key, value);
    }
    for violation in error.violations() {
        copy = copy.with_violation(violation.field.clone(), violation.description.clone());
    }
    for detail in error.details() {
        copy = copy.with_detail(detail.type_url.clone(), detail.value.clone());
    }
    if let Some(wait) = error.retry_after() {
        copy = copy.with_retry_after(wait);
    }
    if let Some(reply) = error.reply_metadata() {
        copy = copy.with_reply_metadata(reply.clone());
    }
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
