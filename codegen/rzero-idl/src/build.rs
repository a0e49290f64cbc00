//! From checked descriptors to the model.

use std::collections::{BTreeMap, BTreeSet};

use prost_types::method_options::IdempotencyLevel;
use prost_types::{
    FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto,
    SourceCodeInfo,
};

use crate::model::{Idempotency, Location, Method, MethodKind, Model, Package, Service};
use crate::resolver::Library;

/// Field numbers of the descriptor messages, as they appear in source paths.
pub(crate) mod tag {
    pub(crate) const FILE_PACKAGE: i32 = 2;
    pub(crate) const FILE_MESSAGE: i32 = 4;
    pub(crate) const FILE_SERVICE: i32 = 6;
    pub(crate) const FILE_EXTENSION: i32 = 7;
    pub(crate) const MESSAGE_FIELD: i32 = 2;
    pub(crate) const MESSAGE_NESTED: i32 = 3;
    pub(crate) const MESSAGE_EXTENSION: i32 = 6;
    pub(crate) const SERVICE_METHOD: i32 = 2;
}

/// Builds the model of the `targets` (import names) out of all files.
pub(crate) fn model(
    targets: &BTreeSet<String>,
    descriptor_set: FileDescriptorSet,
    descriptor_bytes: Vec<u8>,
    library: &Library,
) -> Model {
    let mut packages: BTreeMap<String, Package> = BTreeMap::new();
    let files: BTreeMap<&str, &FileDescriptorProto> = descriptor_set
        .file
        .iter()
        .map(|file| (file.name(), file))
        .collect();
    for (name, file) in files
        .into_iter()
        .filter(|(name, _)| targets.contains(*name))
    {
        let package = packages
            .entry(file.package().to_owned())
            .or_insert_with(|| Package {
                name: file.package().to_owned(),
                files: Vec::new(),
                services: Vec::new(),
            });
        package.files.push(name.to_owned());
        let source = Source::new(file);
        for (at, service) in file.service.iter().enumerate() {
            package.services.push(build_service(&source, at, service));
        }
    }
    let sources = descriptor_set.file.iter().filter_map(|file| {
        let name = file.name().to_owned();
        library.get(&name).map(|read| (name, read.text))
    });
    Model {
        sources: sources.collect(),
        packages: packages.into_values().collect(),
        files: targets.iter().cloned().collect(),
        descriptor_set,
        descriptor_bytes,
    }
}

fn build_service(source: &Source<'_>, at: usize, service: &ServiceDescriptorProto) -> Service {
    let package = source.file.package();
    let full_name = if package.is_empty() {
        service.name().to_owned()
    } else {
        format!("{package}.{}", service.name())
    };
    let path = [tag::FILE_SERVICE, index(at)];
    let methods = service
        .method
        .iter()
        .enumerate()
        .map(|(at, method)| {
            let path = [path[0], path[1], tag::SERVICE_METHOD, index(at)];
            build_method(source, &path, &full_name, method)
        })
        .collect();
    Service {
        name: service.name().to_owned(),
        package: package.to_owned(),
        docs: source.docs(&path),
        deprecated: service
            .options
            .as_ref()
            .is_some_and(|options| options.deprecated()),
        location: source.location(&path),
        methods,
        full_name,
    }
}

fn build_method(
    source: &Source<'_>,
    path: &[i32],
    service: &str,
    method: &MethodDescriptorProto,
) -> Method {
    let kind = match (method.client_streaming(), method.server_streaming()) {
        (false, false) => MethodKind::Unary,
        (true, false) => MethodKind::ClientStream,
        (false, true) => MethodKind::ServerStream,
        (true, true) => MethodKind::Bidi,
    };
    let options = method.options.as_ref();
    let idempotency = match options.map(|options| options.idempotency_level()) {
        Some(IdempotencyLevel::NoSideEffects) => Idempotency::NoSideEffects,
        Some(IdempotencyLevel::Idempotent) => Idempotency::Idempotent,
        Some(IdempotencyLevel::IdempotencyUnknown) | None => Idempotency::Unknown,
    };
    Method {
        name: method.name().to_owned(),
        path: format!("/{service}/{}", method.name()),
        docs: source.docs(path),
        kind,
        idempotency,
        deprecated: options.is_some_and(|options| options.deprecated()),
        input: method.input_type().trim_start_matches('.').to_owned(),
        output: method.output_type().trim_start_matches('.').to_owned(),
        location: source.location(path),
    }
}

/// Source information of one file, by path.
pub(crate) struct Source<'a> {
    file: &'a FileDescriptorProto,
    by_path: BTreeMap<&'a [i32], &'a prost_types::source_code_info::Location>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(file: &'a FileDescriptorProto) -> Self {
        let locations = file
            .source_code_info
            .as_ref()
            .map_or(&[][..], |info: &SourceCodeInfo| &info.location);
        let by_path = locations
            .iter()
            .map(|location| (location.path.as_slice(), location))
            .collect();
        Self { file, by_path }
    }

    /// The comment of the element: the lines above it, else the ones behind it.
    fn docs(&self, path: &[i32]) -> String {
        let Some(location) = self.by_path.get(path) else {
            return String::new();
        };
        let text = location
            .leading_comments
            .as_deref()
            .or(location.trailing_comments.as_deref())
            .unwrap_or_default();
        let lines: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
            .collect();
        lines.join("\n").trim_matches('\n').to_owned()
    }

    fn location(&self, path: &[i32]) -> Location {
        let span = self.span(path);
        Location {
            file: self.file.name().to_owned(),
            line: span.map_or(0, |[line, ..]| line + 1),
            column: span.map_or(0, |[_, column, ..]| column + 1),
        }
    }

    /// Line, column, end line, end column, all from 0.
    pub(crate) fn span(&self, path: &[i32]) -> Option<[u32; 4]> {
        let span: Vec<u32> = self
            .by_path
            .get(path)?
            .span
            .iter()
            .map(|number| u32::try_from(*number).unwrap_or_default())
            .collect();
        match span[..] {
            [line, column, end] => Some([line, column, line, end]),
            [line, column, end_line, end] => Some([line, column, end_line, end]),
            _ => None,
        }
    }
}

/// Positions in descriptors are far below `i32::MAX`: a file is at most 16 MiB.
pub(crate) fn index(at: usize) -> i32 {
    i32::try_from(at).unwrap_or(i32::MAX)
}
