//! The one error type of the call path.

mod class;
mod fixed;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;

pub use class::{Class, Code, Fault, RetrySafety};
pub use fixed::Fixed;
use fixed::Notes;

use crate::{Metadata, ReplyMetadata};

/// A boxed foreign error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// The result of everything on the call path.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed: class, code, reason, message and details.
///
/// A rejection made from a [`Fixed`] allocates nothing. Any foreign error becomes one with `?`: it
/// is then of class [`Class::Unknown`], its text stays in [`source`](std::error::Error::source) for
/// the log and the wire carries a bland message.
///
/// Like `anyhow::Error` it does not implement [`std::error::Error`] itself; it derefs to a value
/// that does.
pub struct Error(Repr);

enum Repr {
    Fixed(&'static Fixed, Notes),
    Full(Box<Full>),
}

/// A field of a request that is wrong (`google.rpc.BadRequest`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `items[2].price`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A detail message of a type this framework does not know, kept as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// `type.googleapis.com/package.Message`.
    pub type_url: String,
    /// The encoded message.
    pub value: Bytes,
}

struct Full {
    class: Class,
    code: Code,
    reason: Cow<'static, str>,
    domain: Cow<'static, str>,
    message: Cow<'static, str>,
    metadata: Vec<(String, String)>,
    retry_after: Option<Duration>,
    violations: Vec<Violation>,
    details: Vec<Detail>,
    reply: Option<Box<ReplyMetadata>>,
    source: Option<BoxError>,
    relayed: bool,
}

macro_rules! constructors {
    ($($name:ident $class:ident;)*) => {
        impl Error {
            $(#[doc = concat!("An error of class [`Class::", stringify!($class), "`].")]
            #[must_use]
            pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
                Self::new(Class::$class, message)
            })*
        }
    };
}

constructors! {
    invalid_input InvalidInput;
    unauthenticated Unauthenticated;
    permission_denied PermissionDenied;
    not_found NotFound;
    conflict Conflict;
    rate_limited RateLimited;
    overloaded Overloaded;
    unavailable Unavailable;
    deadline_exceeded DeadlineExceeded;
    unimplemented Unimplemented;
    internal Internal;
}

impl Error {
    /// A rejection without allocation.
    #[must_use]
    pub const fn fixed(fixed: &'static Fixed) -> Self {
        Self(Repr::Fixed(fixed, Notes::NONE))
    }

    /// An error of `class`; the message goes to the peer.
    #[must_use]
    pub fn new(class: Class, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Repr::Full(Box::new(Full::of(class, message.into()))))
    }

    /// An error with exactly this gRPC code, of the class that the code stands for.
    #[must_use]
    pub fn with_code(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let mut full = Full::of(Class::of_code(code), message.into());
        full.code = code;
        Self(Repr::Full(Box::new(full)))
    }

    /// Its class.
    #[must_use]
    pub fn class(&self) -> Class {
        match &self.0 {
            Repr::Fixed(fixed, _) => fixed.class,
            Repr::Full(full) => full.class,
        }
    }

    /// The gRPC code it travels as.
    #[must_use]
    pub fn code(&self) -> Code {
        match &self.0 {
            Repr::Fixed(fixed, _) => fixed.class.code(),
            Repr::Full(full) => full.code,
        }
    }

    /// The reason, `UPPER_SNAKE`; the class's own unless another was given.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.full()
            .map_or_else(|| self.class().reason(), |full| &full.reason)
    }

    /// Who defines the reason: `rzero`, or the service that gave it.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.full()
            .map_or(crate::names::DOMAIN, |full| &full.domain)
    }

    /// The message, which the peer sees.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.0 {
            Repr::Fixed(fixed, _) => fixed.message,
            Repr::Full(full) => &full.message,
        }
    }

    /// Key and value pairs beside the reason.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.full().map_or(&[][..], |full| &full.metadata);
        pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// How long to wait before a retry, when the peer said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0 {
            Repr::Fixed(_, notes) => notes.retry_after(),
            Repr::Full(full) => full.retry_after,
        }
    }

    /// The fields of the request that are wrong.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        self.full().map_or(&[], |full| &full.violations)
    }

    /// Detail messages of foreign types.
    #[must_use]
    pub fn details(&self) -> &[Detail] {
        self.full().map_or(&[], |full| &full.details)
    }

    /// Initial and trailing metadata of the failed answer.
    #[must_use]
    pub fn reply_metadata(&self) -> Option<&ReplyMetadata> {
        self.full().and_then(|full| full.reply.as_deref())
    }

    /// The trailing metadata of the failed answer, when it had any.
    #[must_use]
    pub fn trailers(&self) -> Option<&Metadata> {
        self.reply_metadata().map(|reply| &reply.trailers)
    }

    /// Whether the failed call may be sent again: `idempotent` says whether it may run twice.
    #[must_use]
    pub fn is_retry_safe(&self, idempotent: bool) -> bool {
        match self.class().retry_safety() {
            RetrySafety::Never => false,
            RetrySafety::NothingRan => true,
            RetrySafety::Idempotent => idempotent,
        }
    }

    /// Sets the reason, `UPPER_SNAKE`, and who defines it (a service or product name).
    #[must_use]
    pub fn with_reason(
        self,
        reason: impl Into<Cow<'static, str>>,
        domain: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.edit(|full| (full.reason, full.domain) = (reason.into(), domain.into()))
    }

    /// Adds a pair beside the reason.
    #[must_use]
    pub fn with_metadata(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.edit(|full| full.metadata.push((key.into(), value.into())))
    }

    /// Tells the caller how long to wait before a retry. On a [`fixed`](Self::fixed) error it
    /// allocates nothing and keeps whole milliseconds, rounded up.
    #[must_use]
    pub fn with_retry_after(self, wait: Duration) -> Self {
        if let Repr::Fixed(fixed, notes) = &self.0
            && let Some(notes) = notes.with_retry_after(wait)
        {
            return Self(Repr::Fixed(fixed, notes));
        }
        self.edit(|full| full.retry_after = Some(wait))
    }

    /// Names a wrong field of the request.
    #[must_use]
    pub fn with_violation(self, field: impl Into<String>, description: impl Into<String>) -> Self {
        let violation = Violation {
            field: field.into(),
            description: description.into(),
        };
        self.edit(|full| full.violations.push(violation))
    }

    /// Adds a detail message of a foreign type.
    #[must_use]
    pub fn with_detail(self, type_url: impl Into<String>, value: impl Into<Bytes>) -> Self {
        let detail = Detail {
            type_url: type_url.into(),
            value: value.into(),
        };
        self.edit(|full| full.details.push(detail))
    }

    /// Keeps the cause, for the log only.
    #[must_use]
    pub fn with_source(self, source: impl Into<BoxError>) -> Self {
        self.edit(|full| full.source = Some(source.into()))
    }

    /// Attaches initial and trailing metadata of the failed answer.
    #[must_use]
    pub fn with_reply_metadata(self, reply: ReplyMetadata) -> Self {
        if reply.headers.is_empty() && reply.trailers.is_empty() {
            return self;
        }
        self.edit(|full| match &mut full.reply {
            Some(known) => {
                known.headers.extend(&reply.headers);
                known.trailers.extend(&reply.trailers);
            }
            empty => *empty = Some(Box::new(reply)),
        })
    }

    /// Replaces the class and keeps code, reason and the rest; for adapters that know more about
    /// what happened than the code tells.
    #[must_use]
    pub fn with_class(self, class: Class) -> Self {
        self.edit(|full| full.class = class)
    }

    /// Another error that says the same to whoever sees it: everything but the cause and whether it
    /// was [`relayed`](Error::relayed).
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut copy = Self::with_code(self.code(), self.message().to_owned())
            .with_class(self.class())
            .with_reason(self.reason().to_owned(), self.domain().to_owned());
        for (key, value) in self.metadata() {
            copy = copy.with_metadata(key, value);
        }
        for violation in self.violations() {
            copy = copy.with_violation(violation.field.clone(), violation.description.clone());
        }
        for detail in self.details() {
            copy = copy.with_detail(detail.type_url.clone(), detail.value.clone());
        }
        if let Some(wait) = self.retry_after() {
            copy = copy.with_retry_after(wait);
        }
        match self.reply_metadata() {
            Some(reply) => copy.with_reply_metadata(reply.clone()),
            None => copy,
        }
    }

    /// Marks an error that a client call of this process gave. Passed on by a handler it then
    /// loses "nothing ran" (see [`Error::from_handler`]). Allocates nothing.
    #[must_use]
    pub fn relayed(self) -> Self {
        Self(match self.0 {
            Repr::Fixed(fixed, notes) => Repr::Fixed(fixed, notes.relayed()),
            Repr::Full(mut full) => {
                full.relayed = true;
                Repr::Full(full)
            }
        })
    }

    /// The error of a handler, as its caller may see it.
    ///
    /// A handler that passes on the failure of one of its own calls has run: what was "nothing
    /// ran" one hop away becomes [`Class::Unavailable`] here, so that nobody repeats a call that
    /// is not idempotent. So does what only a client can know: no endpoint, no connection. Reason
    /// and message stay; the domain tells who gave them. Metadata of the failed answer stays
    /// behind: it was meant for us.
    #[must_use]
    pub fn from_handler(self, service: &'static str) -> Self {
        let relayed = match &self.0 {
            Repr::Fixed(_, notes) => notes.relayed,
            Repr::Full(full) => full.relayed,
        };
        let clients_own = matches!(self.class(), Class::ConnectFailed | Class::NoEndpoint);
        let nothing_ran = self.class().retry_safety() == RetrySafety::NothingRan;
        if !(nothing_ran && (relayed || clients_own)) {
            return self;
        }
        self.edit(|full| {
            full.class = Class::Unavailable;
            full.code = Class::Unavailable.code();
            full.domain = Cow::Borrowed(service);
        })
    }

    /// A decoding failure as a client sees it: of class `BadAnswer`, the callee's fault.
    #[must_use]
    pub fn bad_answer(self) -> Self {
        match self.class() {
            Class::Decode => Self::new(Class::BadAnswer, "the answer is not valid")
                .with_source(BoxError::from(self)),
            _ => self,
        }
    }

    /// The error without the metadata of a downstream answer that it came with.
    #[must_use]
    pub fn without_relayed_metadata(mut self) -> Self {
        if let Repr::Full(full) = &mut self.0
            && full.relayed
        {
            full.reply = None;
        }
        self
    }

    fn full(&self) -> Option<&Full> {
        match &self.0 {
            Repr::Fixed(..) => None,
            Repr::Full(full) => Some(full),
        }
    }

    fn edit(self, change: impl FnOnce(&mut Full)) -> Self {
        let mut full = match self.0 {
            Repr::Full(full) => full,
            Repr::Fixed(fixed, notes) => Box::new(Full::of_fixed(fixed, notes)),
        };
        change(&mut full);
        Self(Repr::Full(full))
    }
}

impl Full {
    fn of_fixed(fixed: &Fixed, notes: Notes) -> Self {
        Self {
            retry_after: notes.retry_after(),
            relayed: notes.relayed,
            ..Self::of(fixed.class, Cow::Borrowed(fixed.message))
        }
    }

    fn of(class: Class, message: Cow<'static, str>) -> Self {
        Self {
            class,
            code: class.code(),
            reason: Cow::Borrowed(class.reason()),
            domain: Cow::Borrowed(crate::names::DOMAIN),
            message,
            metadata: Vec::new(),
            retry_after: None,
            violations: Vec::new(),
            details: Vec::new(),
            reply: None,
            source: None,
            relayed: false,
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(source: E) -> Self {
        Self::new(Class::Unknown, "unexpected error").with_source(source)
    }
}

impl Deref for Error {
    type Target = dyn std::error::Error + Send + Sync + 'static;

    fn deref(&self) -> &Self::Target {
        match &self.0 {
            Repr::Fixed(fixed, _) => *fixed,
            Repr::Full(full) => &**full,
        }
    }
}

impl From<Error> for BoxError {
    fn from(error: Error) -> Self {
        match error.0 {
            Repr::Fixed(fixed, notes) => Box::new(Full::of_fixed(fixed, notes)),
            Repr::Full(full) => full,
        }
    }
}

impl std::error::Error for Full {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl fmt::Debug for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("class", &self.class)
            .field("code", &self.code)
            .field("reason", &self.reason);
        out.field("message", &self.message);
        if !self.metadata.is_empty() {
            out.field("metadata", &self.metadata);
        }
        if !self.violations.is_empty() {
            out.field("violations", &self.violations);
        }
        if let Some(wait) = self.retry_after {
            out.field("retry_after", &wait);
        }
        if let Some(source) = &self.source {
            out.field("source", source);
        }
        out.finish_non_exhaustive()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&**self, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Fixed(fixed, _) => fmt::Debug::fmt(fixed, f),
            Repr::Full(full) => fmt::Debug::fmt(full, f),
        }
    }
}
