//! The protobuf side of a call: the message codec, and the details of an error.
//!
//! [`codec`] makes a [`Codec`] for any prost message. [`encode_details`] and [`decode_error`]
//! carry an [`Error`] over a wire that has a code, a message and the bytes of a
//! `google.rpc.Status`, without loss: class, reason, domain, metadata, retry hint, field
//! violations and details of foreign types all survive.
//!
//! What this crate does not do: it knows no headers and no framing.
#![forbid(unsafe_code)]

mod status;

use bytes::Bytes;
use prost::Message;
use rzero_core::{Class, Codec, Error};

pub use status::{decode_error, encode_details};

/// The codec of a protobuf message.
///
/// ```
/// let codec = rzero_proto::codec::<String>(); // google.protobuf.StringValue
/// let bytes = (codec.encode)(&"hi".to_owned());
/// assert_eq!((codec.decode)(bytes).unwrap(), "hi");
/// ```
#[must_use]
pub const fn codec<T: Message + Default>() -> Codec<T> {
    Codec { encode, decode }
}

fn encode<T: Message>(message: &T) -> Bytes {
    message.encode_to_vec().into()
}

fn decode<T: Message + Default>(bytes: Bytes) -> Result<T, Error> {
    T::decode(bytes).map_err(|source| {
        Error::new(Class::Decode, "the message is not valid protobuf").with_source(source)
    })
}
