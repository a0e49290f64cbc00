//! Metadata as header fields.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rzero_core::{Metadata, MetadataCollector, Value, names};
use rzero_http2::hpack::{BlockEncoder, Field, Indexing};

/// Binary values are sent without padding, as the protocol recommends, and read in both forms.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Adds a field to metadata, unless it belongs to the wire or cannot be metadata.
pub(super) fn read(metadata: &mut MetadataCollector, field: Field<'_>) {
    let Field { name, value, .. } = field;
    if is_wires_own(name) {
        return;
    }
    let Ok(name) = std::str::from_utf8(name) else {
        return;
    };
    // A key that cannot be metadata belongs to HTTP: leaving it out is the point.
    if name.ends_with("-bin") {
        let parts = value.split(|byte| *byte == b',');
        for bytes in parts.filter_map(|part| BASE64.decode(part.trim_ascii()).ok()) {
            let _ = metadata.insert_binary(name, bytes);
        }
    } else if let Ok(text) = std::str::from_utf8(value) {
        let _ = metadata.insert(name, text);
    }
}

fn is_wires_own(name: &[u8]) -> bool {
    match name {
        [b':', ..] | b"user-agent" | b"te" | b"host" | b"content-length" => true,
        _ => name.starts_with(b"grpc-") && name != names::RETRY_PUSHBACK.as_bytes(),
    }
}

/// Appends metadata to a block.
pub(super) fn write(block: &mut BlockEncoder<'_>, metadata: &Metadata) {
    for (key, value) in metadata.iter() {
        let indexing = match key {
            // The same for all calls of a connection, or nearly so.
            names::CALLER | names::LANE => Indexing::Add,
            _ => Indexing::for_name(key.as_bytes()),
        };
        match value {
            Value::Text(text) => {
                block.field(key.as_bytes(), text.as_bytes(), indexing);
            }
            Value::Binary(bytes) => write_binary(block, key.as_bytes(), bytes, indexing),
        }
    }
}

fn write_binary(block: &mut BlockEncoder<'_>, key: &[u8], bytes: &[u8], indexing: Indexing) {
    let mut small = [0; 256];
    match BASE64.encode_slice(bytes, &mut small) {
        Ok(length) => block.field(key, &small[..length], indexing),
        Err(_) => block.field(key, BASE64.encode(bytes).as_bytes(), indexing),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{feed, fields};
    use super::*;

    fn read_all(fields: &[(&str, &str)]) -> Metadata {
        let mut metadata = MetadataCollector::new();
        let fields = fields.iter().map(|(k, v)| (k.as_bytes(), v.as_bytes()));
        feed(fields, |field| read(&mut metadata, field));
        metadata.take()
    }

    proptest! {
        #[test]
        fn metadata_survives_the_wire(
            pairs in prop::collection::vec(("[a-z0-9_.]{1,9}", "[ -~]{0,20}", any::<Vec<u8>>()), 0..9),
        ) {
            let mut metadata = Metadata::new();
            for (key, text, bytes) in pairs {
                let _ = metadata.insert(key.clone(), text);
                metadata.insert_binary(format!("{key}-bin"), bytes).unwrap();
            }
            let mut got = MetadataCollector::new();
            let sent = fields(|block| write(block, &metadata));
            feed(sent.iter().map(|(k, v)| (&k[..], &v[..])), |field| read(&mut got, field));
            prop_assert_eq!(got.take(), metadata);
        }

        #[test]
        fn arbitrary_fields_never_panic(name: Vec<u8>, value: Vec<u8>) {
            let mut metadata = MetadataCollector::new();
            let binary = [&name[..], b"-bin"].concat();
            feed([(&name[..], &value[..]), (&binary, &value)], |field| read(&mut metadata, field));
        }
    }

    #[test]
    fn padded_and_joined_binary_values_are_read() {
        let metadata = read_all(&[("a-bin", "YQ==, Yg"), ("a-bin", "Yw")]);
        assert_eq!(metadata.len(), 3);
        assert_eq!(metadata.get_binary("a-bin").unwrap(), "a");
    }

    #[test]
    fn fields_of_the_wire_are_no_metadata() {
        let metadata = read_all(&[
            (":path", "/"),
            ("host", "h"),
            ("te", "trailers"),
            ("user-agent", "u"),
            ("content-type", "application/grpc"),
            ("content-length", "7"),
            ("grpc-timeout", "1S"),
            ("grpc-tags-bin", "YQ"),
            ("Upper", "1"),
            ("tab", "a\tb"),
            ("uml", "ü"),
            ("grpc-retry-pushback-ms", "7"),
            ("x", "1"),
            ("x", "2"),
        ]);
        let got: Vec<_> = metadata.iter().map(|(key, _)| key).collect();
        assert_eq!(got, ["grpc-retry-pushback-ms", "x", "x"]);
        assert_eq!(metadata.get_all("x").collect::<Vec<_>>(), ["1", "2"]);
    }
}
