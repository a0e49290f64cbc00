//! Checks beyond those of the parser: what protobuf allows and we refuse.

use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::build::{Source, index, tag};
use crate::diagnostics::Problem;
use crate::resolver::{Library, ReadFile};

/// Methods are numbered in 16 bits.
const MAX_METHODS: usize = u16::MAX as usize;

/// The package whose types come with the runtime instead of being generated.
const WELL_KNOWN: &str = "google.protobuf";

/// The files of that package; copies of them beside other contracts are fine.
const BUILT_IN: &[&str] = &[
    "google/protobuf/any.proto",
    "google/protobuf/api.proto",
    "google/protobuf/compiler/plugin.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/struct.proto",
    "google/protobuf/timestamp.proto",
    "google/protobuf/type.proto",
    "google/protobuf/wrappers.proto",
];

/// All refusals in all files, imports included.
pub(crate) fn check(set: &FileDescriptorSet, library: &Library) -> Vec<Problem> {
    let mut problems = Vec::new();
    for file in &set.file {
        let Some(read) = library.get(file.name()) else {
            continue;
        };
        let checker = Checker {
            source: Source::new(file),
            read: &read,
        };
        checker.file(file, &mut problems);
    }
    problems
}

struct Checker<'a> {
    source: Source<'a>,
    read: &'a ReadFile,
}

impl Checker<'_> {
    fn file(&self, file: &FileDescriptorProto, problems: &mut Vec<Problem>) {
        self.fields(&[tag::FILE_EXTENSION], &file.extension, problems);
        let package = file.package();
        let reserved = package == WELL_KNOWN || package.starts_with("google.protobuf.");
        if reserved && !BUILT_IN.contains(&file.name()) {
            let problem = self
                .problem(format!(
                    "package `{package}` belongs to the well-known types"
                ))
                .with_help("give the file a package of your own");
            problems.push(self.mark(problem, &[tag::FILE_PACKAGE], "declared here"));
        }
        for (at, service) in file.service.iter().enumerate() {
            if service.method.len() > MAX_METHODS {
                let problem = self
                    .problem(format!("service `{}` has too many methods", service.name()))
                    .with_help(format!(
                        "a service has at most {MAX_METHODS} methods: split it"
                    ));
                problems.push(self.mark(problem, &[tag::FILE_SERVICE, index(at)], "this service"));
            }
        }
        for (at, message) in file.message_type.iter().enumerate() {
            self.message(&[tag::FILE_MESSAGE, index(at)], message, problems);
        }
    }

    fn message(&self, path: &[i32], message: &DescriptorProto, problems: &mut Vec<Problem>) {
        self.fields(&join(path, tag::MESSAGE_FIELD), &message.field, problems);
        self.fields(
            &join(path, tag::MESSAGE_EXTENSION),
            &message.extension,
            problems,
        );
        for (at, nested) in message.nested_type.iter().enumerate() {
            let path = join(&join(path, tag::MESSAGE_NESTED), index(at));
            self.message(&path, nested, problems);
        }
    }

    fn fields(&self, path: &[i32], fields: &[FieldDescriptorProto], problems: &mut Vec<Problem>) {
        for (at, field) in fields.iter().enumerate() {
            if field.r#type() != Type::Group {
                continue;
            }
            let problem = self
                .problem(format!("the field `{}` is a group", field.name()))
                .with_help(
                    "groups are not supported: declare a message and a field of its type; the two \
                     differ on the wire, so give the field a new number if old peers exist",
                );
            problems.push(self.mark(problem, &join(path, index(at)), "group declared here"));
        }
    }

    fn problem(&self, message: String) -> Problem {
        Problem::new(message)
            .with_source(self.read.path.display().to_string(), self.read.text.clone())
    }

    fn mark(&self, problem: Problem, path: &[i32], text: &str) -> Problem {
        match self.source.span(path) {
            Some(span) => problem.with_mark(first_line(&self.read.text, span), text),
            None => problem,
        }
    }
}

fn join(path: &[i32], last: i32) -> Vec<i32> {
    let mut path = path.to_vec();
    path.push(last);
    path
}

/// Byte range of a span, cut to its first line: a group's span covers its whole body.
fn first_line(text: &str, [line, column, end_line, end]: [u32; 4]) -> std::ops::Range<usize> {
    let mut start = 0;
    for _ in 0..line {
        start += text[start..]
            .find('\n')
            .map_or(text.len() - start, |at| at + 1);
    }
    let content = text[start..].lines().next().unwrap_or_default();
    let from = (column as usize).min(content.len());
    let to = if end_line == line {
        (end as usize).min(content.len())
    } else {
        content.len()
    };
    start + from..start + to.max(from)
}
