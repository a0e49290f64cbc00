//! What a contract says about its services and methods.

use std::fmt;

/// How many messages flow in each direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One request, one reply.
    Unary,
    /// Many requests, one reply.
    ClientStream,
    /// One request, many replies.
    ServerStream,
    /// Many requests, many replies.
    Bidi,
}

impl Kind {
    /// Whether either side sends more than one message.
    #[must_use]
    pub const fn is_stream(self) -> bool {
        !matches!(self, Self::Unary)
    }
}

/// Whether a call may run twice without harm, as the contract declares it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Nothing is known: a call that may have run is never sent again.
    #[default]
    Unknown,
    /// Reads only.
    NoSideEffects,
    /// Running it again changes nothing more.
    Idempotent,
}

/// A method of a contract; generated code holds these as statics.
#[derive(Debug, PartialEq, Eq)]
pub struct MethodDesc {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// `package.Service`.
    pub service: &'static str,
    /// `Method`.
    pub name: &'static str,
    /// How many messages flow.
    pub kind: Kind,
    /// Whether a call may be sent twice.
    pub idempotency: Idempotency,
    /// Position in [`ServiceDesc::methods`]: state per method is an array by this.
    pub index: u16,
}

/// A service of a contract; generated code holds these as statics.
#[derive(Debug, PartialEq, Eq)]
pub struct ServiceDesc {
    /// `package.Service`.
    pub name: &'static str,
    /// Its methods, each at its own index.
    pub methods: &'static [MethodDesc],
    /// The encoded `FileDescriptorSet` that defines it, imports included; empty when unknown.
    pub files: &'static [u8],
}

/// A method, one word wide.
#[derive(Clone, Copy)]
pub struct Method(&'static MethodDesc);

impl Method {
    /// The method that `desc` describes.
    #[must_use]
    pub const fn new(desc: &'static MethodDesc) -> Self {
        Self(desc)
    }

    /// A method that is only known at run time, as in a command-line client.
    ///
    /// The description is leaked: make one per method, not one per call.
    ///
    /// # Errors
    /// When `path` is not `/package.Service/Method`.
    pub fn dynamic(path: &str, kind: Kind, idempotency: Idempotency) -> Result<Self, crate::Error> {
        let path: &'static str = Box::leak(path.to_owned().into_boxed_str());
        let parts = path
            .strip_prefix('/')
            .and_then(|rest| rest.rsplit_once('/'));
        let Some((service, name)) = parts.filter(|(s, n)| !s.is_empty() && !n.is_empty()) else {
            return Err(crate::Error::invalid_input(format!(
                "`{path}` is not a method path; write /package.Service/Method"
            )));
        };
        let desc = MethodDesc {
            path,
            service,
            name,
            kind,
            idempotency,
            index: 0,
        };
        Ok(Self(Box::leak(Box::new(desc))))
    }

    /// `/package.Service/Method`.
    #[must_use]
    pub const fn path(self) -> &'static str {
        self.0.path
    }

    /// `package.Service`.
    #[must_use]
    pub const fn service(self) -> &'static str {
        self.0.service
    }

    /// `Method`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// How many messages flow.
    #[must_use]
    pub const fn kind(self) -> Kind {
        self.0.kind
    }

    /// Whether the contract says that a call may be sent twice.
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        !matches!(self.0.idempotency, Idempotency::Unknown)
    }

    /// Position in its service.
    #[must_use]
    pub const fn index(self) -> u16 {
        self.0.index
    }
}

impl PartialEq for Method {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0) || self.0.path == other.0.path
    }
}

impl Eq for Method {}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.path)
    }
}
