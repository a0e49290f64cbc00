//! The error table: one class per row, and what each row means.
//!
//! Every column is an exhaustive match, so a new class does not compile until its row is whole.

use std::fmt;

/// The sixteen gRPC status codes that are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of google.rpc.Code")]
pub enum Code {
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

impl Code {
    const ALL: [Self; 16] = [
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// The code of a number; `None` for 0, which is success. Unknown numbers are `Unknown`, as
    /// the gRPC specification asks.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        (number != 0).then(|| {
            Self::ALL
                .get(index.wrapping_sub(1))
                .copied()
                .unwrap_or(Self::Unknown)
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// Whose mistake an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The request was wrong, or its sender left.
    Caller,
    /// The server, or something behind it, failed.
    Callee,
    /// The two sides were deployed from different contracts.
    Deployment,
}

/// Whether a failed call may be sent again without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetrySafety {
    /// Sending it again would be wrong or useless.
    Never,
    /// Nothing ran: safe for every method.
    NothingRan,
    /// It may have run: safe only for idempotent methods.
    Idempotent,
}

macro_rules! classes {
    ($($name:ident $code:ident $reason:literal $http:literal $fault:ident $safe:ident $brk:literal $out:literal $doc:literal;)*) => {
        /// What kind of error it is: one row of the table that maps errors to gRPC and HTTP and
        /// says whose fault they are, whether a retry is safe and what a breaker makes of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Class { $(#[doc = $doc] $name,)* }

        impl Class {
            /// Every class, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The gRPC code it is sent as, unless the error carries a closer one.
            #[must_use]
            pub const fn code(self) -> Code { match self { $(Self::$name => Code::$code,)* } }
            /// The reason that identifies it beside the code.
            #[must_use]
            pub const fn reason(self) -> &'static str { match self { $(Self::$name => $reason,)* } }
            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn http_status(self) -> u16 { match self { $(Self::$name => $http,)* } }
            /// Whose mistake it is.
            #[must_use]
            pub const fn fault(self) -> Fault { match self { $(Self::$name => Fault::$fault,)* } }
            /// Whether a failed call may be sent again.
            #[must_use]
            pub const fn retry_safety(self) -> RetrySafety { match self { $(Self::$name => RetrySafety::$safe,)* } }
            /// Whether a circuit breaker counts it as a failure.
            #[must_use]
            pub const fn counts_for_breaker(self) -> bool { match self { $(Self::$name => $brk,)* } }
            /// Whether it counts against the node that gave it.
            #[must_use]
            pub const fn counts_for_outlier(self) -> bool { match self { $(Self::$name => $out,)* } }
        }
    };
}

classes! {
    InvalidInput InvalidArgument "INVALID_INPUT" 400 Caller Never false false "The request is well formed but wrong.";
    Decode InvalidArgument "REQUEST_DECODE" 400 Caller Never false false "The request's bytes are unreadable.";
    TooLarge ResourceExhausted "MESSAGE_TOO_LARGE" 413 Caller Never false false "A message is over its size limit.";
    Unauthenticated Unauthenticated "UNAUTHENTICATED" 401 Caller Never false false "No credential, or a bad one.";
    PermissionDenied PermissionDenied "PERMISSION_DENIED" 403 Caller Never false false "The caller may not do this.";
    NotFound NotFound "NOT_FOUND" 404 Caller Never false false "What was asked for does not exist.";
    Conflict Aborted "CONFLICT" 409 Caller Never false false "It exists already, or a concurrent change won.";
    RateLimited ResourceExhausted "RATE_LIMITED" 429 Caller NothingRan false false "The caller's quota is used up.";
    Cancelled Cancelled "CANCELLED" 499 Caller Never false false "The caller went away.";
    Overloaded ResourceExhausted "OVERLOADED" 503 Callee NothingRan true false "The server sheds load.";
    Draining Unavailable "DRAINING" 503 Callee NothingRan false false "The server is leaving.";
    NoEndpoint Unavailable "NO_ENDPOINT" 503 Callee NothingRan false false "Discovery gives no ready instance.";
    BreakerOpen Unavailable "BREAKER_OPEN" 503 Callee Never false false "Rejected by the local circuit breaker.";
    ConnectFailed Unavailable "CONNECT" 503 Callee NothingRan true true "The peer refused, is unreachable, or TLS failed.";
    ConnectionLost Unavailable "CONNECTION_LOST" 503 Callee Idempotent true true "Sent, but no complete answer came.";
    Unavailable Unavailable "UNAVAILABLE" 503 Callee Idempotent true true "Something that the callee needs is down.";
    ExpiredInQueue DeadlineExceeded "EXPIRED_IN_QUEUE" 504 Callee Never true false "The deadline passed before the handler began.";
    DeadlineExceeded DeadlineExceeded "DEADLINE_EXCEEDED" 504 Callee Idempotent true true "Time ran out.";
    Unimplemented Unimplemented "UNIMPLEMENTED" 501 Deployment Never false false "The server has no such method.";
    Encode Internal "RESPONSE_ENCODE" 500 Callee Never true false "The answer could not be encoded.";
    BadAnswer Internal "RESPONSE_DECODE" 500 Callee Never true true "The answer could not be decoded.";
    Internal Internal "INTERNAL" 500 Callee Never true true "A bug or a panic.";
    DataLoss DataLoss "DATA_LOSS" 500 Callee Never true true "Data is corrupt.";
    Unknown Unknown "UNKNOWN" 500 Callee Never false false "An error without a class.";
}

impl Class {
    /// The class of an answer that carries only a code.
    #[must_use]
    pub const fn of_code(code: Code) -> Self {
        match code {
            Code::Cancelled => Self::Cancelled,
            Code::Unknown => Self::Unknown,
            Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
                Self::InvalidInput
            }
            Code::DeadlineExceeded => Self::DeadlineExceeded,
            Code::NotFound => Self::NotFound,
            Code::AlreadyExists | Code::Aborted => Self::Conflict,
            Code::PermissionDenied => Self::PermissionDenied,
            Code::ResourceExhausted => Self::RateLimited,
            Code::Unimplemented => Self::Unimplemented,
            Code::Internal => Self::Internal,
            Code::Unavailable => Self::Unavailable,
            Code::DataLoss => Self::DataLoss,
            Code::Unauthenticated => Self::Unauthenticated,
        }
    }

    /// The class of an answer with a code and a reason of our own domain: the reason decides when
    /// it belongs to that code, else the code alone does.
    #[must_use]
    pub fn of_reason(code: Code, reason: &str) -> Self {
        let mut rows = Self::ALL.iter().copied();
        let by_code = Self::of_code(code);
        rows.find(|c| c.reason() == reason && (c.code() == code || *c == by_code))
            .unwrap_or(by_code)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
