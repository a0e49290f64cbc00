//! The skeleton of the logic: one `impl` for each service.

use std::collections::BTreeSet;

use minijinja::{Value, context};
use rzero_idl::MethodKind;

use super::imports::{Imports, WIDTH, group};
use crate::rust::{SurfaceMethod, SurfaceService};

/// Names of the framework that the file may import.
const RUNTIME: &[&str] = &["Cx", "Error", "Receiver", "Result", "Sender"];

pub(super) fn context(built_in: bool, services: &[SurfaceService]) -> Value {
    let reserved: Vec<&str> = RUNTIME.iter().copied().chain(["Config", "Logic"]).collect();
    let mut imports = Imports::new("crate", &reserved);
    imports.always("Config");
    let mut runtime: BTreeSet<&str> = BTreeSet::new();
    let services: Vec<Value> = services
        .iter()
        .map(|service| {
            let trait_path = imports.path(&service.module, &service.trait_name);
            let methods: Vec<Value> = service
                .methods
                .iter()
                .map(|method| {
                    let signature = signature(built_in, method, &mut imports, &mut runtime);
                    context! { name => method.name.clone(), signature }
                })
                .collect();
            context! { trait_path, methods }
        })
        .collect();
    let mut lines = Vec::new();
    if !runtime.is_empty() {
        lines.push(group(
            "rzero",
            runtime.into_iter().map(str::to_owned).collect(),
        ));
        lines.push(String::new());
    }
    lines.extend(imports.lines());
    context! { builtin => built_in, services, imports => lines }
}

/// `async fn …` up to its body, as rustfmt breaks it.
fn signature(
    built_in: bool,
    method: &SurfaceMethod,
    imports: &mut Imports,
    runtime: &mut BTreeSet<&'static str>,
) -> String {
    runtime.extend(["Cx", "Error", "Result"]);
    let input = imports.ty(&method.input_from_root);
    let output = imports.ty(&method.output_from_root);
    let mut parameters = vec!["&self".to_owned(), "_cx: &Cx".to_owned()];
    // Written logic uses its parameters, unwritten logic does not.
    let (mark, own) = if built_in { ("", "mut ") } else { ("_", "") };
    if matches!(method.kind, MethodKind::Unary | MethodKind::ServerStream) {
        parameters.push(format!("{mark}req: {input}"));
    } else {
        runtime.insert("Receiver");
        parameters.push(format!("{own}{mark}rx: Receiver<{input}>"));
    }
    if matches!(method.kind, MethodKind::ServerStream | MethodKind::Bidi) {
        runtime.insert("Sender");
        parameters.push(format!("{own}{mark}tx: Sender<{output}>"));
    }
    let reply = match method.kind {
        MethodKind::Unary | MethodKind::ClientStream => output,
        MethodKind::ServerStream | MethodKind::Bidi => "()".to_owned(),
    };
    let name = &method.rust_name;
    let one_line = format!(
        "async fn {name}({}) -> Result<{reply}>",
        parameters.join(", ")
    );
    if "     {".len() + one_line.len() <= WIDTH {
        return one_line;
    }
    let lines: Vec<String> = parameters
        .iter()
        .map(|parameter| format!("        {parameter},\n"))
        .collect();
    format!(
        "async fn {name}(\n{}    ) -> Result<{reply}>",
        lines.concat()
    )
}
