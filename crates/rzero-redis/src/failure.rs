//! Why something with Redis failed, and what that is to a caller.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};
use rzero_core::{Class, Error};

/// Codes of refusals that pass by themselves, beyond those that the client knows.
const PASSING: [&str; 5] = ["OOM", "BUSY", "MISCONF", "NOREPLICAS", "UNBLOCKED"];

/// Why something with Redis failed.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// The time that the caller has is up; it says nothing about Redis.
    CallerLate,
    /// Nothing came in this time.
    Silent(Duration),
    /// There is no connection; why, as text.
    NotConnected(String),
    /// The client or the server says no.
    Answered(RedisError),
    /// A file with certificates cannot be read any more.
    Unreadable(String),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Answered(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Unreadable(error.message().to_owned())
    }
}

impl Failure {
    /// The failure of an attempt to connect, as those see it who need the connection.
    pub(crate) fn of_connecting(self) -> Self {
        match self {
            Self::Answered(error) if is_refusal(&error) => Self::Answered(error),
            Self::Answered(error) => Self::NotConnected(error.to_string()),
            Self::Silent(within) => Self::NotConnected(format!("no answer in {within:?}")),
            other => other,
        }
    }

    /// What to tell the caller of the Redis called `name`.
    pub(crate) fn error(self, name: &str) -> Error {
        let text = |what: &str| format!("redis `{name}`: {what}");
        let error = match self {
            Self::CallerLate => Error::deadline_exceeded(text("no time is left for it")),
            Self::Silent(within) => Error::unavailable(text(&format!("no answer in {within:?}"))),
            Self::NotConnected(why) => {
                Error::new(Class::ConnectFailed, text("cannot be reached")).with_source(why)
            }
            Self::Unreadable(why) => Error::internal(text("cannot be reached")).with_source(why),
            Self::Answered(error) => {
                let class = class(&error);
                Error::new(class, text(&headline(&error, class))).with_source(error)
            }
        };
        error.relayed()
    }
}

/// Whether the connection that gave this error is of no more use.
pub(crate) fn ends_connection(error: &RedisError) -> bool {
    // A server that lost its rank: its successor has to be asked for.
    let demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
    demoted || error.is_unrecoverable_error()
}

/// Whether the server answers and does not let us in: no other attempt will help.
fn is_refusal(error: &RedisError) -> bool {
    let code = error.code().unwrap_or_default();
    error.kind() == ErrorKind::AuthenticationFailed || matches!(code, "WRONGPASS" | "NOAUTH")
}

/// What an error is to a caller. What the server refuses is our own mistake, in the program or its
/// configuration, and never the caller's: it knows nothing of Redis.
fn class(error: &RedisError) -> Class {
    match error.kind() {
        ErrorKind::Io if error.is_connection_refusal() => Class::ConnectFailed,
        ErrorKind::Io if error.is_timeout() => Class::Unavailable,
        ErrorKind::Io => Class::ConnectionLost,
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Class::BadAnswer,
        ErrorKind::ClusterConnectionNotFound
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel => Class::Unavailable,
        ErrorKind::Server(
            ServerErrorKind::BusyLoading
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask,
        ) => Class::Unavailable,
        _ if error.code().is_some_and(|code| PASSING.contains(&code)) => Class::Unavailable,
        _ => Class::Internal,
    }
}

/// A short text without anything that was sent: details stay in the source.
fn headline(error: &RedisError, class: Class) -> String {
    match (error.code(), class) {
        (Some(code), _) => format!("answered {code}"),
        (None, Class::ConnectFailed) => "cannot be reached".to_owned(),
        (None, Class::ConnectionLost) => "the connection was lost".to_owned(),
        (None, Class::BadAnswer) => "its answer is not what was expected".to_owned(),
        (None, _) if is_refusal(error) => "refuses our password".to_owned(),
        (None, _) => error.category().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn answered(code: &str) -> Error {
        let error = redis::make_extension_error(code.to_owned(), Some("for key secret".into()));
        Failure::from(error).error("main")
    }

    fn of_kind(kind: ErrorKind) -> Class {
        Failure::from(RedisError::from((kind, "text")))
            .error("main")
            .class()
    }

    #[test]
    fn each_failure_has_the_class_that_helps() {
        use ServerErrorKind::{
            BusyLoading, ClusterDown, MasterDown, NoPerm, ReadOnly, ResponseError,
        };
        for kind in [BusyLoading, ClusterDown, MasterDown, ReadOnly] {
            assert_eq!(
                of_kind(ErrorKind::Server(kind)),
                Class::Unavailable,
                "{kind:?}"
            );
        }
        for kind in [NoPerm, ResponseError] {
            assert_eq!(
                of_kind(ErrorKind::Server(kind)),
                Class::Internal,
                "{kind:?}"
            );
        }
        assert_eq!(of_kind(ErrorKind::AuthenticationFailed), Class::Internal);
        assert_eq!(of_kind(ErrorKind::UnexpectedReturnType), Class::BadAnswer);
        for (kind, class) in [
            (io::ErrorKind::ConnectionRefused, Class::ConnectFailed),
            (io::ErrorKind::ConnectionReset, Class::ConnectionLost),
            (io::ErrorKind::BrokenPipe, Class::ConnectionLost),
            (io::ErrorKind::TimedOut, Class::Unavailable),
        ] {
            let error = RedisError::from(io::Error::from(kind));
            assert_eq!(
                Failure::from(error).error("main").class(),
                class,
                "{kind:?}"
            );
        }
        assert_eq!(answered("OOM").class(), Class::Unavailable);
        assert_eq!(answered("WRONGTYPE").class(), Class::Internal);
        let late = Failure::CallerLate.error("main");
        assert_eq!(late.class(), Class::DeadlineExceeded);
    }

    #[test]
    fn what_was_sent_stays_out_of_the_message() {
        let error = answered("WRONGTYPE");
        assert_eq!(error.message(), "redis `main`: answered WRONGTYPE");
    }

    #[test]
    fn a_failure_passed_on_by_a_handler_is_not_nothing_ran() {
        let failure = Failure::NotConnected("refused".to_owned());
        let passed_on = failure.error("main").from_handler("shop.Orders");
        assert_eq!(passed_on.class(), Class::Unavailable);
    }

    #[test]
    fn a_demoted_master_is_left() {
        let demoted = RedisError::from((ErrorKind::Server(ServerErrorKind::ReadOnly), "READONLY"));
        assert!(ends_connection(&demoted));
        let wrong = RedisError::from((ErrorKind::Server(ServerErrorKind::ResponseError), "ERR"));
        assert!(!ends_connection(&wrong));
    }
}
