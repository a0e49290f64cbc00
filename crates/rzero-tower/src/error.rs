//! Errors on their way through tower's boxes.

use std::fmt;

use rzero_core::{BoxError, Class, Error};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

/// Our error as tower wants errors to be. It travels through a layer's box and comes out whole.
pub struct TowerError(Error);

impl TowerError {
    /// The error inside.
    #[must_use]
    pub fn get(&self) -> &Error {
        &self.0
    }

    /// Takes the error out.
    #[must_use]
    pub fn into_inner(self) -> Error {
        self.0
    }
}

impl From<Error> for TowerError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl fmt::Debug for TowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for TowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for TowerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// The error that came out of a tower service.
///
/// One of ours comes back as it went in. tower's own get their class: `Elapsed` of a timeout
/// [`Class::DeadlineExceeded`], `Overloaded` of a load shedder [`Class::Overloaded`]. Any other is
/// of [`Class::Unknown`]; its text stays in the source for the log and the wire carries a bland
/// message.
#[must_use]
pub fn into_error(error: BoxError) -> Error {
    recognise(error)
        .unwrap_or_else(|error| Error::new(Class::Unknown, "unexpected error").with_source(error))
}

/// The same for errors that are known; gives others back.
///
/// # Errors
/// When neither the error nor one of its sources is ours or tower's.
pub fn recognise(error: BoxError) -> Result<Error, BoxError> {
    let error = match error.downcast::<TowerError>() {
        Ok(ours) => return Ok(ours.into_inner()),
        Err(error) => error,
    };
    // A layer may have wrapped it, as a buffer does: then it can be looked at, but not taken out.
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*error);
    while let Some(link) = next {
        if let Some(ours) = link.downcast_ref::<TowerError>() {
            let copy = ours.get().copy();
            return Ok(copy.with_source(error));
        }
        if link.is::<Elapsed>() {
            let text = "a timeout of the server passed while the call ran";
            return Ok(Error::deadline_exceeded(text).with_source(error));
        }
        if link.is::<Overloaded>() {
            let text = "the server takes no more calls at the moment";
            return Ok(Error::overloaded(text).with_source(error));
        }
        next = link.source();
    }
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapper(BoxError);

    impl fmt::Display for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("wrapped")
        }
    }

    impl std::error::Error for Wrapper {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&*self.0)
        }
    }

    fn ours() -> Error {
        Error::not_found("no cart 7")
            .with_reason("NO_CART", "shop")
            .with_violation("cart", "unknown")
            .with_metadata("cart", "7")
    }

    #[test]
    fn our_errors_come_back_whole() {
        let direct: BoxError = Box::new(TowerError::from(ours()));
        let wrapped: BoxError = Box::new(Wrapper(Box::new(TowerError::from(ours()))));
        for boxed in [direct, wrapped] {
            let error = into_error(boxed);
            assert_eq!(error.class(), Class::NotFound);
            assert_eq!((error.reason(), error.domain()), ("NO_CART", "shop"));
            assert_eq!(error.message(), "no cart 7");
            assert_eq!(error.violations(), ours().violations());
            assert_eq!(error.metadata().collect::<Vec<_>>(), [("cart", "7")]);
        }
    }

    #[test]
    fn errors_of_tower_get_their_class() {
        let elapsed = into_error(Box::new(Elapsed::new()));
        assert_eq!(elapsed.class(), Class::DeadlineExceeded);
        let overloaded = into_error(Box::new(Wrapper(Box::new(Overloaded::new()))));
        assert_eq!(overloaded.class(), Class::Overloaded);
    }

    #[test]
    fn foreign_errors_are_bland() {
        let error = into_error("password is 1234".into());
        assert_eq!(error.class(), Class::Unknown);
        assert_eq!(error.message(), "unexpected error");
        assert_eq!(error.source().unwrap().to_string(), "password is 1234");
    }
}
