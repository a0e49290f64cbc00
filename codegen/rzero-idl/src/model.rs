//! The checked model: packages, services and methods in a fixed order.

use std::collections::BTreeMap;

use prost_types::FileDescriptorSet;

/// Everything a generator needs to know about a set of contracts.
///
/// The same files give the same model, whatever order they were named in.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Packages of the named files, sorted by name; the empty name is the package of files
    /// without one.
    pub packages: Vec<Package>,
    /// Import names of the files that were named, sorted; imports are not in this list.
    pub files: Vec<String>,
    /// The text of every file that was read, imports too, by import name. The built-in
    /// well-known files are not in it.
    pub sources: BTreeMap<String, String>,
    /// Every file with its imports, imports first, with source information.
    pub descriptor_set: FileDescriptorSet,
    /// [`Model::descriptor_set`] encoded, with the values of custom options kept, which the
    /// decoded form cannot hold. Names in it are import names: no path of this machine.
    pub descriptor_bytes: Vec<u8>,
}

impl Model {
    /// All services in order: by package, then by file, then as written.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.packages.iter().flat_map(|package| &package.services)
    }

    /// The service with this full name, such as `greeter.v1.Greeter`.
    #[must_use]
    pub fn service(&self, full_name: &str) -> Option<&Service> {
        self.services()
            .find(|service| service.full_name == full_name)
    }
}

/// One protobuf package, possibly spread over several files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The name as written, such as `greeter.v1`; empty for files without a package.
    pub name: String,
    /// Import names of its files, sorted.
    pub files: Vec<String>,
    /// Its services, by file and then as written.
    pub services: Vec<Service>,
}

/// One service of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The name as written, such as `Greeter`.
    pub name: String,
    /// The name with its package, such as `greeter.v1.Greeter`.
    pub full_name: String,
    /// The package, empty when there is none.
    pub package: String,
    /// The comment above it, without comment signs; empty when there is none.
    pub docs: String,
    /// Marked `option deprecated = true`.
    pub deprecated: bool,
    /// Where it is defined.
    pub location: Location,
    /// Its methods as written. The position is the method's index on the wire of generated code.
    pub methods: Vec<Method>,
}

/// One method of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The name as written, such as `SayHello`.
    pub name: String,
    /// The path of a call, such as `/greeter.v1.Greeter/SayHello`.
    pub path: String,
    /// The comment above it, without comment signs; empty when there is none.
    pub docs: String,
    /// Which sides stream.
    pub kind: MethodKind,
    /// What the contract says about repeating a call.
    pub idempotency: Idempotency,
    /// Marked `option deprecated = true`.
    pub deprecated: bool,
    /// Full name of the request message, without a leading dot.
    pub input: String,
    /// Full name of the reply message, without a leading dot.
    pub output: String,
    /// Where it is defined.
    pub location: Location,
}

/// Which sides of a method stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MethodKind {
    /// One request, one reply.
    Unary,
    /// A stream of requests, one reply.
    ClientStream,
    /// One request, a stream of replies.
    ServerStream,
    /// A stream each way.
    Bidi,
}

/// What a contract says about repeating a call (`option idempotency_level`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Nothing is said: a call is not repeated once it may have arrived.
    #[default]
    Unknown,
    /// The call changes nothing.
    NoSideEffects,
    /// A repeated call has the effect of one.
    Idempotent,
}

/// A place in a contract.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// Import name of the file.
    pub file: String,
    /// Line, from 1; 0 when unknown.
    pub line: u32,
    /// Column in bytes, from 1; 0 when unknown.
    pub column: u32,
}
