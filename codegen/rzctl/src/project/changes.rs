//! Which methods came and went between two runs of the generator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;
use rzero_codegen::{DESCRIPTOR_FILE, SurfaceMethod, SurfaceService, surface};
use rzero_idl::{MethodKind, Model};
use serde_json::json;

/// What changed for whoever wrote the logic.
#[derive(Debug, Default)]
pub(crate) struct MethodChanges {
    pub(crate) added: Vec<Added>,
    pub(crate) removed: Vec<Removed>,
}

/// A method that the logic has not.
#[derive(Debug)]
pub(crate) struct Added {
    /// The trait.
    pub(crate) service: String,
    /// What to implement.
    pub(crate) signature: String,
    /// `package.Service/Method`.
    path: String,
}

/// A method that the contract has no more.
#[derive(Debug)]
pub(crate) struct Removed {
    /// The service, with its package.
    pub(crate) service: String,
    /// The method as the contract called it.
    pub(crate) name: String,
}

impl MethodChanges {
    pub(crate) fn json(&self) -> serde_json::Value {
        let added = self.added.iter().map(|method| &method.path);
        let removed = self.removed.iter();
        let removed = removed.map(|method| format!("{}/{}", method.service, method.name));
        json!({ "added": added.collect::<Vec<_>>(), "removed": removed.collect::<Vec<_>>() })
    }
}

/// Compares the contracts with the descriptors that the last run left. Without readable ones
/// nothing is said.
pub(crate) fn of_methods(existing: &BTreeMap<PathBuf, Vec<u8>>, model: &Model) -> MethodChanges {
    let before = existing
        .get(Path::new(DESCRIPTOR_FILE))
        .and_then(|bytes| FileDescriptorSet::decode(bytes.as_slice()).ok());
    let Some(before) = before else {
        return MethodChanges::default();
    };
    let mut before = methods_of(&before);
    // Services that were only imported are described, but there is no code for them.
    before.retain(|(service, method), _| was_generated(existing, service, method));
    let now = surface(model);
    let mut changes = MethodChanges::default();
    for service in &now.services {
        for method in &service.methods {
            let known = before.get(&(service.full_name.clone(), method.name.clone()));
            if known != Some(&shape(model, service, method)) {
                changes.added.push(Added {
                    service: service.trait_name.clone(),
                    signature: signature(method),
                    path: method.path.trim_start_matches('/').to_owned(),
                });
            }
        }
    }
    for (service, name) in before.into_keys() {
        let kept = now.services.iter().any(|known| {
            known.full_name == service && known.methods.iter().any(|method| method.name == name)
        });
        if !kept {
            changes.removed.push(Removed { service, name });
        }
    }
    changes
}

/// Whether there is code for a method: its path is written in it.
fn was_generated(existing: &BTreeMap<PathBuf, Vec<u8>>, service: &str, method: &str) -> bool {
    let path = format!("\"/{service}/{method}\"");
    let is_code = |name: &Path| name.extension().is_some_and(|suffix| suffix == "rs");
    existing
        .iter()
        .filter(|(name, _)| is_code(name))
        .any(|(_, text)| text.windows(path.len()).any(|part| part == path.as_bytes()))
}

/// Types and streams of a method: what its signature is made of.
type Shape = (String, String, bool, bool);

fn methods_of(set: &FileDescriptorSet) -> BTreeMap<(String, String), Shape> {
    let mut methods = BTreeMap::new();
    for file in &set.file {
        for service in &file.service {
            let full = match file.package() {
                "" => service.name().to_owned(),
                package => format!("{package}.{}", service.name()),
            };
            for method in &service.method {
                let plain = |name: &str| name.trim_start_matches('.').to_owned();
                let shape = (
                    plain(method.input_type()),
                    plain(method.output_type()),
                    method.client_streaming(),
                    method.server_streaming(),
                );
                methods.insert((full.clone(), method.name().to_owned()), shape);
            }
        }
    }
    methods
}

fn shape(model: &Model, service: &SurfaceService, method: &SurfaceMethod) -> Shape {
    let described = model
        .service(&service.full_name)
        .and_then(|known| known.methods.iter().find(|known| known.name == method.name));
    let types = described.map(|known| (known.input.clone(), known.output.clone()));
    let (input, output) = types.unwrap_or_default();
    let takes = matches!(method.kind, MethodKind::ClientStream | MethodKind::Bidi);
    let gives = matches!(method.kind, MethodKind::ServerStream | MethodKind::Bidi);
    (input, output, takes, gives)
}

/// `async fn …`, with types by their last name.
fn signature(method: &SurfaceMethod) -> String {
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
    let (input, output) = (last(&method.input), last(&method.output));
    let (takes, reply) = match method.kind {
        MethodKind::Unary => (format!("req: {input}"), output),
        MethodKind::ServerStream => (format!("req: {input}, tx: Sender<{output}>"), "()".into()),
        MethodKind::ClientStream => (format!("rx: Receiver<{input}>"), output),
        MethodKind::Bidi => (
            format!("rx: Receiver<{input}>, tx: Sender<{output}>"),
            "()".into(),
        ),
    };
    format!(
        "async fn {}(&self, cx: &Cx, {takes}) -> Result<{reply}>",
        method.rust_name
    )
}
