//! Descriptors, read only as far as names go: the bytes of a file are passed on as they came, so
//! options that are unknown here survive.

use bytes::Bytes;

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct FileSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) files: Vec<Bytes>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct File {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) package: String,
    #[prost(message, repeated, tag = "4")]
    pub(super) messages: Vec<Message>,
    #[prost(message, repeated, tag = "5")]
    pub(super) enums: Vec<Enum>,
    #[prost(message, repeated, tag = "6")]
    pub(super) services: Vec<Service>,
    #[prost(message, repeated, tag = "7")]
    pub(super) extensions: Vec<Field>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Message {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) fields: Vec<Named>,
    #[prost(message, repeated, tag = "3")]
    pub(super) messages: Vec<Message>,
    #[prost(message, repeated, tag = "4")]
    pub(super) enums: Vec<Enum>,
    #[prost(message, repeated, tag = "6")]
    pub(super) extensions: Vec<Field>,
    #[prost(message, repeated, tag = "8")]
    pub(super) oneofs: Vec<Named>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Enum {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) values: Vec<Named>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Service {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) methods: Vec<Named>,
}

/// An extension.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Field {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// The message it extends, with a leading dot.
    #[prost(string, tag = "2")]
    pub(super) extendee: String,
    #[prost(int32, tag = "3")]
    pub(super) number: i32,
}

/// Anything that has a name and nothing else of interest.
#[derive(Clone, PartialEq, ::prost::Message)]
pub(super) struct Named {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}
