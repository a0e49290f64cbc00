//! Header compression (RFC 7541).
//!
//! Both sides of a connection keep a table of recent fields per direction; a block names fields by
//! their place in it. A block must therefore be decoded even when nobody wants its fields, and a
//! block that cannot be decoded ends the connection (RFC 9113 section 4.3).
//!
//! [`Decoder`] calls back for each field and bounds what a block may expand to. [`Encoder`] writes
//! blocks; what it puts into its table is the caller's choice, field by field: [`Indexing`].

mod decoder;
mod dynamic_table;
mod encoder;
mod encoder_table;
mod error;
mod huffman;
mod integer;
mod literal;
mod static_table;

pub use decoder::{BlockPart, Decoder, DecoderConfig, Field};
pub use encoder::{BlockEncoder, Encoder, Indexing};
pub use error::DecodeError;

/// The largest dynamic table that either side keeps here, in bytes as RFC 7541 section 4.1 counts
/// them: 4096, the protocol's initial value.
///
/// More would hold more memory per connection and help little: the stable fields of a service's
/// calls fit in a fraction of it.
pub const TABLE_BYTES_MAX: usize = 4096;

/// What every field costs beyond its name and value, in bytes (RFC 7541 section 4.1).
pub const FIELD_OVERHEAD_BYTES: usize = 32;

/// The size of a field as tables and header lists count it (RFC 7541 section 4.1).
const fn field_bytes(name: &[u8], value: &[u8]) -> usize {
    name.len() + value.len() + FIELD_OVERHEAD_BYTES
}
