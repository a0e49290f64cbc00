//! Calls of every kind as one type.

use bytes::Bytes;
use rzero_core::{Call, CallInfo, Duplex, Reply, Trailers};

/// A call of any kind: what a tower layer sees as its request. One type for all kinds, so that also
/// layers which name their request, such as a buffer, share one state between them.
#[derive(Debug)]
pub enum AnyCall {
    /// One message, one answer.
    Unary(Call<Bytes>),
    /// A call that streams in either direction.
    Stream(Call<Duplex>),
}

impl AnyCall {
    /// What is known about the call.
    #[must_use]
    pub fn info(&self) -> &CallInfo {
        match self {
            Self::Unary(call) => &call.info,
            Self::Stream(call) => &call.info,
        }
    }

    /// What is known about the call, to change.
    #[must_use]
    pub fn info_mut(&mut self) -> &mut CallInfo {
        match self {
            Self::Unary(call) => &mut call.info,
            Self::Stream(call) => &mut call.info,
        }
    }
}

/// The answer to an [`AnyCall`], of the same kind.
#[derive(Debug)]
pub enum AnyReply {
    /// The answer to a unary call.
    Unary(Reply<Bytes>),
    /// The end of a call that streams; its messages went their own way.
    Stream(Trailers),
}
