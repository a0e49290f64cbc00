//! What is known about the services of tonic-generated code, which does not tell it itself.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use prost::Message;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use rzero_core::{Error, Idempotency, Kind, Method, MethodDesc, Result, ServiceDesc};

/// The services and methods of tonic-generated code.
///
/// tonic's generated types know their service's name but not its methods, so somebody has to tell:
/// best the descriptor set, which also says which methods are unary and which may be repeated, and
/// makes reflection complete.
///
/// Its descriptions live until the process ends: make it once, at the start.
#[derive(Clone)]
pub struct Contract(Arc<Known>);

struct Known {
    services: Vec<&'static ServiceDesc>,
    methods: HashMap<&'static str, Method>,
}

impl Contract {
    /// Everything that an encoded `FileDescriptorSet` describes; in a build script tonic's
    /// `file_descriptor_set_path` writes it and `tonic::include_file_descriptor_set!` includes it.
    ///
    /// # Errors
    /// When `files` is not a descriptor set, or describes no service.
    pub fn from_files(files: &'static [u8]) -> Result<Self> {
        let set = FileDescriptorSet::decode(files).map_err(|source| {
            Error::invalid_input("these bytes are not an encoded FileDescriptorSet")
                .with_source(source)
        })?;
        let mut services = Vec::new();
        for file in &set.file {
            for service in &file.service {
                let name = match file.package() {
                    "" => service.name().to_owned(),
                    package => format!("{package}.{}", service.name()),
                };
                let methods = service
                    .method
                    .iter()
                    .map(|m| (m.name().to_owned(), kind(m), idempotency(m)))
                    .collect();
                services.push(describe(&name, methods, files)?);
            }
        }
        Self::of(services)
    }

    /// Methods by their full names, such as `/hello.Greeter/SayHello`, for code without a
    /// descriptor set. Nothing else is known of them: they are handled as streams, which is right
    /// for every kind but gives a unary call no default time limit, and none is repeated unless
    /// its caller says that it may be.
    ///
    /// # Errors
    /// When a name is not of this form, or when there is none.
    pub fn from_names<I>(names: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut services: Vec<(String, BTreeSet<String>)> = Vec::new();
        for name in names {
            let name = name.as_ref();
            let parts = name.strip_prefix('/').and_then(|n| n.split_once('/'));
            let Some((service, method)) = parts else {
                return Err(Error::invalid_input(format!(
                    "`{name}` is not the name of a method: write /package.Service/Method"
                )));
            };
            match services.iter_mut().find(|(known, _)| known == service) {
                Some((_, methods)) => methods.insert(method.to_owned()),
                None => {
                    let methods = BTreeSet::from([method.to_owned()]);
                    services.push((service.to_owned(), methods));
                    true
                }
            };
        }
        let unknown = |name| (name, Kind::Bidi, Idempotency::Unknown);
        let described = services
            .into_iter()
            .map(|(name, methods)| describe(&name, methods.into_iter().map(unknown).collect(), &[]))
            .collect::<Result<_>>()?;
        Self::of(described)
    }

    /// The part of it that describes the services of these names.
    ///
    /// # Errors
    /// When it does not describe one of them.
    pub fn only<I>(&self, names: I) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let find = |name: I::Item| self.service(name.as_ref());
        Self::of(names.into_iter().map(find).collect::<Result<_>>()?)
    }

    /// What it describes.
    #[must_use]
    pub fn services(&self) -> &[&'static ServiceDesc] {
        &self.0.services
    }

    /// The service of this name.
    pub(crate) fn service(&self, name: &str) -> Result<&'static ServiceDesc> {
        let found = self.0.services.iter().find(|desc| desc.name == name);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = self.0.services.iter().map(|desc| desc.name).collect();
            Error::invalid_input(format!(
                "the contract does not describe {name}, but {}",
                known.join(", ")
            ))
        })
    }

    /// The method at this path.
    pub(crate) fn method(&self, path: &str) -> Option<Method> {
        self.0.methods.get(path).copied()
    }

    fn of(services: Vec<&'static ServiceDesc>) -> Result<Self> {
        if services.is_empty() {
            return Err(Error::invalid_input("the contract describes no service"));
        }
        let methods = services.iter().flat_map(|desc| desc.methods);
        let methods = methods.map(|m| (m.path, Method::new(m))).collect();
        Ok(Self(Arc::new(Known { services, methods })))
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.services.iter().map(|desc| desc.name);
        f.debug_set().entries(names).finish()
    }
}

fn kind(method: &MethodDescriptorProto) -> Kind {
    match (method.client_streaming(), method.server_streaming()) {
        (false, false) => Kind::Unary,
        (true, false) => Kind::ClientStream,
        (false, true) => Kind::ServerStream,
        (true, true) => Kind::Bidi,
    }
}

fn idempotency(method: &MethodDescriptorProto) -> Idempotency {
    let level = method.options.as_ref().map(|o| o.idempotency_level());
    match level.unwrap_or(IdempotencyLevel::IdempotencyUnknown) {
        IdempotencyLevel::IdempotencyUnknown => Idempotency::Unknown,
        IdempotencyLevel::NoSideEffects => Idempotency::NoSideEffects,
        IdempotencyLevel::Idempotent => Idempotency::Idempotent,
    }
}

fn describe(
    service: &str,
    methods: Vec<(String, Kind, Idempotency)>,
    files: &'static [u8],
) -> Result<&'static ServiceDesc> {
    let service: &'static str = service.to_owned().leak();
    let mut described = Vec::with_capacity(methods.len());
    for (index, (name, kind, idempotency)) in methods.into_iter().enumerate() {
        let path = format!("/{service}/{name}");
        if !is_path(&path) {
            return Err(Error::invalid_input(format!(
                "`{path}` is not the name of a method: write /package.Service/Method"
            )));
        }
        let path: &'static str = path.leak();
        let index = u16::try_from(index)
            .map_err(|_| Error::invalid_input(format!("{service} has too many methods")))?;
        described.push(MethodDesc {
            path,
            service,
            name: &path[service.len() + 2..],
            kind,
            idempotency,
            index,
        });
    }
    let desc = ServiceDesc {
        name: service,
        methods: described.leak(),
        files,
    };
    Ok(Box::leak(Box::new(desc)))
}

/// Whether this is `/package.Service/Method`.
pub(crate) fn is_path(path: &str) -> bool {
    let parts = path.strip_prefix('/').and_then(|rest| rest.split_once('/'));
    let is_name = |name: &str| {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        !name.is_empty() && name.bytes().all(allowed)
    };
    parts.is_some_and(|(service, method)| is_name(service) && is_name(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_grouped_by_service() {
        let contract = Contract::from_names(["/a.B/Get", "/a.C/Get", "/a.B/Put"]).unwrap();
        let names: Vec<_> = contract.services().iter().map(|d| d.name).collect();
        assert_eq!(names, ["a.B", "a.C"]);
        let put = contract.method("/a.B/Put").unwrap();
        assert_eq!((put.name(), put.service(), put.index()), ("Put", "a.B", 1));
        assert!(contract.method("/a.C/Put").is_none());
    }

    #[test]
    fn name_of_a_service_alone_is_refused_with_a_hint() {
        for name in ["a.B", "/a.B", "/a.B/", "/a.B/x/y", "/a b/C"] {
            let error = Contract::from_names([name]).unwrap_err();
            assert!(
                error.message().contains("/package.Service/Method"),
                "{error}"
            );
        }
    }

    #[test]
    fn selection_names_what_is_missing() {
        let contract = Contract::from_names(["/a.B/Get"]).unwrap();
        assert_eq!(contract.only(["a.B"]).unwrap().services().len(), 1);
        let error = contract.only(["a.X"]).unwrap_err();
        assert!(error.message().contains("a.X, but a.B"), "{error}");
        assert!(Contract::from_files(b"no descriptors").is_err());
        assert!(Contract::from_files(b"").is_err());
    }
}
