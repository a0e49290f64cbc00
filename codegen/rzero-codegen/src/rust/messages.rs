//! Messages, by the message generator of prost.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};

use prost_build::{Config, Module};
use prost_types::source_code_info::Location;
use prost_types::{DescriptorProto, FileDescriptorProto};
use rzero_idl::Model;

use crate::docs;
use crate::error::GenerateError;
use crate::names::{Names, case, is_well_known};

/// Stands for a comment while the message generator writes; it would rewrite real ones.
const PLACEHOLDER: &str = "@rz-doc-";

/// The text of each package's messages, by package name of the contract.
pub(super) fn messages(
    model: &Model,
    names: &Names,
) -> Result<BTreeMap<String, String>, GenerateError> {
    let mut comments = Vec::new();
    let requests: Vec<(Module, FileDescriptorProto)> = names
        .files
        .iter()
        .map(|file| {
            let mut file = file.clone();
            hold_comments(&mut file, &mut comments);
            (Module::from_protobuf_package_name(file.package()), file)
        })
        .collect();
    // A panic in the message generator becomes an error: its input came from a user.
    let written = panic::catch_unwind(AssertUnwindSafe(|| config().generate(requests)));
    let written = match written {
        Ok(Ok(written)) => written,
        Ok(Err(error)) => {
            return Err(GenerateError::Messages {
                reason: error.to_string(),
            });
        }
        Err(_) => {
            return Err(GenerateError::Messages {
                reason: "the message generator failed on these contracts".to_owned(),
            });
        }
    };
    let mut full_names = full_names(model, names);
    let texts = names.packages.iter().map(|(package, module)| {
        let key = Module::from_protobuf_package_name(&module.renamed);
        let mut text = finish(
            written.get(&key).map_or("", String::as_str),
            &comments,
            names,
        );
        text.extend(full_names.remove(package).into_iter().flatten());
        (package.clone(), text)
    });
    Ok(texts.collect())
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .bytes(["."])
        .prost_path("::rzero::prost")
        .prost_types_path("::rzero::prost_types");
    config
}

/// Moves the comments out of a file and leaves a placeholder for each.
fn hold_comments(file: &mut FileDescriptorProto, comments: &mut Vec<Vec<String>>) {
    let Some(info) = &mut file.source_code_info else {
        return;
    };
    for location in &mut info.location {
        let lines = docs::lines(&comment(location));
        location.leading_detached_comments.clear();
        location.trailing_comments = None;
        location.leading_comments = (!lines.is_empty()).then(|| {
            let placeholder = format!(" {PLACEHOLDER}{}\n", comments.len());
            comments.push(lines);
            placeholder
        });
    }
}

/// The comments above and behind an element as one text.
fn comment(location: &Location) -> String {
    let strip = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n")
    };
    let parts = [&location.leading_comments, &location.trailing_comments];
    parts
        .into_iter()
        .flatten()
        .map(|text| strip(text))
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// Puts comments and the contract's names of enum values back.
fn finish(text: &str, comments: &[Vec<String>], names: &Names) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for line in text
        .lines()
        .filter(|line| !line.starts_with("// This file is @generated"))
    {
        let held = line
            .trim_start()
            .strip_prefix("/// ")
            .and_then(|rest| rest.strip_prefix(PLACEHOLDER))
            .and_then(|number| comments.get(number.parse::<usize>().ok()?));
        if let Some(lines) = held {
            for line in lines {
                let space = if line.is_empty() { "" } else { " " };
                out.push_str(&format!("///{space}{line}\n"));
            }
            continue;
        }
        let renamed = names
            .values
            .iter()
            .map(|(new, old)| (format!("{new:?}"), format!("{old:?}")));
        match renamed
            .into_iter()
            .find(|(new, _)| line.contains(new.as_str()))
        {
            Some((new, old)) => out.push_str(&line.replace(&new, &old)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// `Name` implementations by package: the contract's name of each message, for error details and
/// `Any`.
fn full_names(model: &Model, names: &Names) -> BTreeMap<String, Vec<String>> {
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let files = model.descriptor_set.file.iter();
    for file in files.filter(|file| !is_well_known(file.package())) {
        let impls = out.entry(file.package().to_owned()).or_default();
        for message in &file.message_type {
            name_impls(file.package(), "", message, names, impls);
        }
    }
    out
}

fn name_impls(
    package: &str,
    outer: &str,
    message: &DescriptorProto,
    names: &Names,
    out: &mut Vec<String>,
) {
    if message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
    {
        return;
    }
    let inner = format!("{outer}{}", message.name());
    let full = if package.is_empty() {
        inner.clone()
    } else {
        format!("{package}.{inner}")
    };
    let module = names
        .packages
        .get(package)
        .map_or(&[][..], |names| &names.module);
    let path = super::paths::type_path(names, module, &full);
    let name = case::plain(message.name());
    let string = "::rzero::prost::alloc::string::String";
    let into = "::core::convert::Into::into";
    out.push(format!(
        "impl ::rzero::prost::Name for {path} {{\n\
         const NAME: &'static str = {name:?};\n\
         const PACKAGE: &'static str = {package:?};\n\
         fn full_name() -> {string} {{ {into}({full:?}) }}\n\
         fn type_url() -> {string} {{ {into}(\"type.googleapis.com/{full}\") }}\n}}\n"
    ));
    for nested in &message.nested_type {
        name_impls(package, &format!("{inner}."), nested, names, out);
    }
}
