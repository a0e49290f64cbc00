//! How a message becomes bytes and back.

use std::fmt;

use bytes::Bytes;

use crate::Error;

/// How messages of type `T` become bytes and back: two plain functions, so that no type parameter
/// for the encoding spreads through senders, receivers and generated code.
pub struct Codec<T> {
    /// Encodes a message.
    pub encode: fn(&T) -> Bytes,
    /// Decodes a message; the error is of class `Decode`.
    pub decode: fn(Bytes) -> Result<T, Error>,
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}

impl<T> fmt::Debug for Codec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec<{}>", std::any::type_name::<T>())
    }
}

impl Codec<Bytes> {
    /// Messages that stay bytes, for proxies and dynamic clients.
    #[must_use]
    pub const fn bytes() -> Self {
        Self {
            encode: Bytes::clone,
            decode: Ok,
        }
    }
}
