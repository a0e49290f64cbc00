//! The types that no contract has to declare: scalars and well-known messages.

/// The scalar types of protobuf.
pub(crate) const SCALARS: &[&str] = &[
    "bool", "bytes", "double", "fixed32", "fixed64", "float", "int32", "int64", "sfixed32",
    "sfixed64", "sint32", "sint64", "string", "uint32", "uint64",
];

/// The scalar types that a map may have as its key.
pub(crate) const MAP_KEYS: &[&str] = &[
    "bool", "fixed32", "fixed64", "int32", "int64", "sfixed32", "sfixed64", "sint32", "sint64",
    "string", "uint32", "uint64",
];

/// The well-known types and the files they are in.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("Any", "google/protobuf/any.proto"),
    ("BoolValue", "google/protobuf/wrappers.proto"),
    ("BytesValue", "google/protobuf/wrappers.proto"),
    ("DoubleValue", "google/protobuf/wrappers.proto"),
    ("Duration", "google/protobuf/duration.proto"),
    ("Empty", "google/protobuf/empty.proto"),
    ("FieldMask", "google/protobuf/field_mask.proto"),
    ("FloatValue", "google/protobuf/wrappers.proto"),
    ("Int32Value", "google/protobuf/wrappers.proto"),
    ("Int64Value", "google/protobuf/wrappers.proto"),
    ("ListValue", "google/protobuf/struct.proto"),
    ("NullValue", "google/protobuf/struct.proto"),
    ("StringValue", "google/protobuf/wrappers.proto"),
    ("Struct", "google/protobuf/struct.proto"),
    ("Timestamp", "google/protobuf/timestamp.proto"),
    ("UInt32Value", "google/protobuf/wrappers.proto"),
    ("UInt64Value", "google/protobuf/wrappers.proto"),
    ("Value", "google/protobuf/struct.proto"),
];

/// What a scalar of another language is called here; spelling does not lead there.
pub(crate) fn foreign(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "int" | "integer" | "i32" | "int16" | "int8" | "i16" | "i8" | "short" => "`int32`",
        "long" | "i64" | "bigint" | "isize" => "`int64`",
        "uint" | "u32" | "uint16" | "uint8" | "u16" | "u8" => "`uint32`",
        "u64" | "ulong" | "usize" => "`uint64`",
        "f32" | "float32" => "`float`",
        "f64" | "float64" | "decimal" | "number" => "`double`",
        "boolean" => "`bool`",
        "str" | "text" | "char" | "varchar" => "`string`",
        "byte" | "blob" | "binary" => "`bytes`",
        _ => return None,
    })
}

/// The file that declares the well-known type `name`.
pub(crate) fn well_known_file(name: &str) -> Option<&'static str> {
    let entry = WELL_KNOWN.iter().find(|(known, _)| *known == name);
    entry.map(|(_, file)| *file)
}

/// The names of the well-known types.
pub(crate) fn well_known() -> impl Iterator<Item = &'static str> {
    WELL_KNOWN.iter().map(|(name, _)| *name)
}
