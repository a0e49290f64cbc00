//! What the header fields of a call mean, and writing them.
//!
//! Readers take the fields of a block one by one, as the connection decodes them, and keep the few
//! that matter; there is no map of fields. They are made once per connection and used for every
//! block. Writers append to a block. Neither does I/O.

mod metadata;
mod percent;
mod reply;
mod request;
mod reset;
mod write;

pub(crate) use reply::{ReplyFields, ReplyHead, no_status};
pub(crate) use request::{Refusal, RequestFields};
pub(crate) use reset::reset_error;
pub(crate) use write::{
    RequestHead, write_head, write_refusal, write_request, write_status, write_trailers_only,
};

const STATUS: &[u8] = b"grpc-status";
const MESSAGE: &[u8] = b"grpc-message";
const DETAILS: &[u8] = b"grpc-status-details-bin";
const TIMEOUT: &[u8] = b"grpc-timeout";
const ENCODING: &[u8] = b"grpc-encoding";
const ACCEPT_ENCODING: &[u8] = b"grpc-accept-encoding";
const CONTENT_TYPE: &[u8] = b"content-type";
const USER_AGENT: &[u8] = b"user-agent";

/// What we decompress.
const ACCEPTED: &[u8] = b"identity,gzip";
const GRPC: &[u8] = b"application/grpc";

/// What the readers keep allocated between blocks for each text, in bytes.
const KEPT_BYTES_MAX: usize = 1024;

/// What a content type says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Content {
    /// Nothing: there is none.
    #[default]
    Absent,
    /// gRPC with protobuf messages.
    Grpc,
    /// gRPC with messages of another form.
    OtherMessages,
    /// Something else.
    Foreign,
}

impl Content {
    fn of(value: &[u8]) -> Self {
        let known = value
            .split_at_checked(GRPC.len())
            .filter(|(kind, _)| kind.eq_ignore_ascii_case(GRPC));
        let Some((_, rest)) = known else {
            return Self::Foreign;
        };
        let form = rest
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or_default()
            .trim_ascii();
        match form {
            b"" => Self::Grpc,
            form if form.eq_ignore_ascii_case(b"+proto") => Self::Grpc,
            [b'+', ..] => Self::OtherMessages,
            _ => Self::Foreign,
        }
    }
}

/// Replaces a text that is used for every block.
fn replace(kept: &mut Vec<u8>, value: &[u8]) {
    kept.clear();
    kept.extend_from_slice(value);
}

/// Forgets a text; its memory stays when it is small.
fn forget(kept: &mut Vec<u8>) {
    kept.clear();
    if kept.capacity() > KEPT_BYTES_MAX {
        *kept = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use rzero_http2::hpack::{BlockEncoder, BlockPart, Decoder, DecoderConfig, Encoder, Field};

    use super::*;

    /// The fields that `write` appends, through a real encoder and decoder.
    pub(super) fn fields(write: impl FnOnce(&mut BlockEncoder<'_>)) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut block = Vec::new();
        write(&mut Encoder::new().block(&mut block));
        let mut fields = Vec::new();
        let collect = |field: Field<'_>| fields.push((field.name.to_vec(), field.value.to_vec()));
        Decoder::new(DecoderConfig::default())
            .decode(&block, BlockPart::Last, collect)
            .unwrap();
        fields
    }

    /// Hands fields to a reader.
    pub(super) fn feed<'a>(
        fields: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
        mut read: impl FnMut(Field<'_>),
    ) {
        for (name, value) in fields {
            let never_indexed = false;
            read(Field {
                name,
                value,
                never_indexed,
            });
        }
    }

    #[test]
    fn content_types_are_told_apart() {
        for (text, content) in [
            ("application/grpc", Content::Grpc),
            ("Application/gRPC+Proto", Content::Grpc),
            ("application/grpc; charset=utf-8", Content::Grpc),
            ("application/grpc+proto;x", Content::Grpc),
            ("application/grpc+json", Content::OtherMessages),
            ("application/grpc-web", Content::Foreign),
            ("application/grpcx", Content::Foreign),
            ("text/html", Content::Foreign),
            ("", Content::Foreign),
        ] {
            assert_eq!(Content::of(text.as_bytes()), content, "{text}");
        }
    }
}
