//! Errors of chores: a text for whoever started them, with its causes.

use std::error::Error;

/// The outcome of a chore or a part of one.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The error and its causes on one line, outermost first.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::chain;

    #[test]
    fn causes_follow_their_effect() {
        let cause = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = rzero_harness::HarnessError::Io {
            action: "read it".into(),
            source: cause,
        };
        assert_eq!(chain(&error), "cannot read it: no such file");
    }
}
