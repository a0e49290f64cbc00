//! What reflection knows: files by name, symbol and extension, as pure look-ups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use prost::{DecodeError, Message as _};
use rzero_core::{Code, ServiceDesc};

use super::descriptor::{Enum, Field, File, FileSet, Message};
use super::messages::{
    Answer, ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
    Query, Request, Response, ServiceResponse,
};

/// Files and what they declare. Where sets overlap, the first file of a name and the first
/// declaration of a symbol count.
#[derive(Debug, Default)]
pub(super) struct Index {
    services: BTreeSet<&'static str>,
    files: HashMap<String, Bytes>,
    symbols: HashMap<String, Bytes>,
    extensions: HashMap<String, BTreeMap<i32, Bytes>>,
}

impl Index {
    /// Knows a service and the files that define it. A service whose files are malformed is
    /// listed all the same: its calls work, only its description is missing.
    pub(super) fn add(&mut self, service: &'static ServiceDesc) {
        self.services.insert(service.name);
        if let Err(error) = self.add_set(Bytes::from_static(service.files)) {
            tracing::warn!(service = service.name, %error,
                "malformed file descriptors: generate the service again to see it by reflection");
        }
    }

    pub(super) fn add_set(&mut self, set: Bytes) -> Result<(), DecodeError> {
        for bytes in FileSet::decode(set)?.files {
            let file = File::decode(bytes.clone())?;
            if !self.files.contains_key(&file.name) {
                Scope {
                    index: self,
                    file: &bytes,
                }
                .file(&file);
                self.files.insert(file.name, bytes);
            }
        }
        Ok(())
    }

    /// Answers a request; it never fails, errors are answers.
    pub(super) fn answer(&self, request: Request) -> Response {
        let answer = match &request.query {
            Some(Query::FileByFilename(name)) => file(self.files.get(name), "no such file"),
            Some(Query::FileContainingSymbol(name)) => {
                file(self.symbols.get(name), "no file declares this symbol")
            }
            Some(Query::FileContainingExtension(wanted)) => {
                let extensions = self.extensions.get(&wanted.containing_type);
                let found = extensions.and_then(|all| all.get(&wanted.extension_number));
                file(found, "no file declares this extension")
            }
            Some(Query::AllExtensionNumbersOfType(name)) => self.extension_numbers(name),
            Some(Query::ListServices(_)) => self.services(),
            None => error(
                Code::InvalidArgument,
                "the request asks nothing that is known here",
            ),
        };
        Response {
            valid_host: request.host.clone(),
            original_request: Some(request),
            answer: Some(answer),
        }
    }

    fn extension_numbers(&self, name: &str) -> Answer {
        let known = self.extensions.get(name);
        if known.is_none() && !self.symbols.contains_key(name) {
            return error(Code::NotFound, "no file declares this type");
        }
        Answer::ExtensionNumbers(ExtensionNumberResponse {
            base_type_name: name.to_owned(),
            extension_numbers: known
                .into_iter()
                .flat_map(BTreeMap::keys)
                .copied()
                .collect(),
        })
    }

    fn services(&self) -> Answer {
        let names = self.services.iter();
        let services = names
            .map(|name| ServiceResponse {
                name: (*name).to_owned(),
            })
            .collect();
        Answer::Services(ListServiceResponse { services })
    }
}

/// A file while its declarations are noted down.
struct Scope<'a> {
    index: &'a mut Index,
    file: &'a Bytes,
}

impl Scope<'_> {
    fn file(&mut self, file: &File) {
        let package = file.package.as_str();
        file.messages
            .iter()
            .for_each(|message| self.message(package, message));
        file.enums
            .iter()
            .for_each(|one| self.enumeration(package, one));
        file.extensions
            .iter()
            .for_each(|field| self.extension(package, field));
        for service in &file.services {
            let name = self.symbol(package, &service.name);
            for method in &service.methods {
                self.symbol(&name, &method.name);
            }
        }
    }

    /// Nested messages recurse no deeper than the decoder let them, which is 100.
    fn message(&mut self, scope: &str, message: &Message) {
        let name = self.symbol(scope, &message.name);
        for member in message.fields.iter().chain(&message.oneofs) {
            self.symbol(&name, &member.name);
        }
        message
            .messages
            .iter()
            .for_each(|nested| self.message(&name, nested));
        message
            .enums
            .iter()
            .for_each(|one| self.enumeration(&name, one));
        message
            .extensions
            .iter()
            .for_each(|field| self.extension(&name, field));
    }

    fn enumeration(&mut self, scope: &str, one: &Enum) {
        self.symbol(scope, &one.name);
        // Values are siblings of their enum, as in C.
        for value in &one.values {
            self.symbol(scope, &value.name);
        }
    }

    fn extension(&mut self, scope: &str, field: &Field) {
        self.symbol(scope, &field.name);
        let extendee = field.extendee.strip_prefix('.').unwrap_or(&field.extendee);
        let numbers = self
            .index
            .extensions
            .entry(extendee.to_owned())
            .or_default();
        numbers
            .entry(field.number)
            .or_insert_with(|| self.file.clone());
    }

    /// Notes a symbol down and gives its full name.
    fn symbol(&mut self, scope: &str, name: &str) -> String {
        let name = if scope.is_empty() {
            name.to_owned()
        } else {
            format!("{scope}.{name}")
        };
        self.index
            .symbols
            .entry(name.clone())
            .or_insert_with(|| self.file.clone());
        name
    }
}

fn file(found: Option<&Bytes>, missing: &'static str) -> Answer {
    match found {
        Some(file) => Answer::Files(FileDescriptorResponse {
            files: vec![file.clone()],
        }),
        None => error(Code::NotFound, missing),
    }
}

/// The message does not repeat what was asked: the answer carries the request, which may be long.
fn error(code: Code, message: &'static str) -> Answer {
    Answer::Error(ErrorResponse {
        code: code as i32,
        message: message.to_owned(),
    })
}
