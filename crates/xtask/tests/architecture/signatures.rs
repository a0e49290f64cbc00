//! Types of other people's crates in public signatures are a promise on their behalf, so only a
//! few may stand there.
//!
//! Reads the source, because the compiler's own list needs a nightly toolchain. It sees functions,
//! fields, traits, aliases and re-exports marked `pub`; a type that comes through a macro or a
//! glob import escapes it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, ItemMod, ItemUse, UseTree, Visibility};

use crate::layers::is_product;
use crate::workspace::{Package, packages, texts};

/// What may stand in public signatures of every product crate, as the beginning of a path.
const EVERYWHERE: &[&str] = &[
    "alloc",
    "bytes",
    "core",
    "prost",
    "prost_types",
    "rzero",
    // Configuration is data of the user's own types.
    "serde",
    "std",
    "tokio::sync",
    "tokio::time",
    "tower_layer",
    "tower_service",
    "tracing",
];

/// What may stand in those of one crate besides, with the reason.
const SOMEWHERE: &[(&str, &str, &str)] = &[
    (
        "rzero-core",
        "tokio::task",
        "its `spawn` stands in for tokio's and hands out the same",
    ),
    (
        "rzero-redis",
        "redis",
        "its commands and values; only who uses Redis sees them",
    ),
    (
        "rzero-tonic",
        "tonic",
        "it takes what tonic generates; only who uses tonic sees it",
    ),
    ("rzero-tonic", "http", "tonic's services speak it"),
    ("rzero-tonic", "http_body", "tonic's services speak it"),
];

/// Whether `path` of another crate may stand in a public signature of `package`.
fn is_allowed(package: &str, path: &str) -> bool {
    let begins = |allowed: &str| {
        path.strip_prefix(allowed)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    path.starts_with("rzero_")
        || EVERYWHERE.iter().any(|allowed| begins(allowed))
        || SOMEWHERE
            .iter()
            .any(|(owner, allowed, _)| *owner == package && begins(allowed))
}

/// Paths of other crates in the public signatures of one file.
fn foreign_paths(source: &str, externs: &BTreeSet<String>) -> BTreeSet<String> {
    let Ok(file) = syn::parse_file(source) else {
        return BTreeSet::new();
    };
    let mut found = BTreeSet::new();
    inspect(&file.items, externs, &mut found);
    found
}

fn inspect(items: &[Item], externs: &BTreeSet<String>, found: &mut BTreeSet<String>) {
    let mut names = HashMap::new();
    for item in items {
        if let Item::Use(import) = item {
            flatten(&import.tree, &mut Vec::new(), &mut |name, path| {
                names.insert(name, path);
            });
        }
    }
    let mut seer = Seer {
        externs,
        names,
        found,
    };
    for item in items {
        seer.item(item);
    }
}

/// Calls `each` with every name that a `use` brings and the path it stands for.
fn flatten(tree: &UseTree, prefix: &mut Vec<String>, each: &mut impl FnMut(String, String)) {
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, each);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => {
            each(
                prefix.last().cloned().unwrap_or_default(),
                prefix.join("::"),
            );
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            each(
                name.clone(),
                [prefix.as_slice(), &[name]].concat().join("::"),
            );
        }
        UseTree::Rename(rename) => {
            let path = [prefix.as_slice(), &[rename.ident.to_string()]]
                .concat()
                .join("::");
            each(rename.rename.to_string(), path);
        }
        UseTree::Group(group) => {
            group
                .items
                .iter()
                .for_each(|tree| flatten(tree, prefix, each));
        }
        UseTree::Glob(_) => each("*".into(), prefix.join("::")),
    }
}

struct Seer<'a> {
    externs: &'a BTreeSet<String>,
    /// What the file's imports stand for.
    names: HashMap<String, String>,
    found: &'a mut BTreeSet<String>,
}

impl Seer<'_> {
    fn item(&mut self, item: &Item) {
        match item {
            Item::Fn(item) if is_public(&item.vis) => self.visit_signature(&item.sig),
            Item::Struct(item) if is_public(&item.vis) => {
                self.visit_generics(&item.generics);
                self.fields(&item.fields, false);
            }
            Item::Enum(item) if is_public(&item.vis) => {
                self.visit_generics(&item.generics);
                item.variants
                    .iter()
                    .for_each(|variant| self.fields(&variant.fields, true));
            }
            Item::Trait(item) if is_public(&item.vis) => self.visit_item_trait(item),
            Item::Type(item) if is_public(&item.vis) => self.visit_item_type(item),
            Item::Const(item) if is_public(&item.vis) => self.visit_type(&item.ty),
            Item::Static(item) if is_public(&item.vis) => self.visit_type(&item.ty),
            Item::Use(item) if is_public(&item.vis) => self.reexport(item),
            Item::Impl(item) if item.trait_.is_none() => self.methods(item),
            Item::Mod(ItemMod {
                attrs,
                content: Some((_, items)),
                ..
            }) if !is_test(attrs) => {
                inspect(items, self.externs, self.found);
            }
            _ => {}
        }
    }

    fn fields(&mut self, fields: &Fields, all: bool) {
        for field in fields.iter().filter(|field| all || is_public(&field.vis)) {
            self.visit_type(&field.ty);
        }
    }

    fn methods(&mut self, item: &ItemImpl) {
        for method in &item.items {
            if let ImplItem::Fn(method) = method
                && is_public(&method.vis)
            {
                self.visit_signature(&method.sig);
            }
        }
    }

    fn reexport(&mut self, item: &ItemUse) {
        let mut paths = Vec::new();
        flatten(&item.tree, &mut Vec::new(), &mut |_, path| paths.push(path));
        paths.iter().for_each(|path| self.note(path));
    }

    /// Notes a path if it begins with the name of another crate.
    fn note(&mut self, path: &str) {
        let first = path.split("::").next().unwrap_or_default();
        if self.externs.contains(first) {
            self.found.insert(path.to_owned());
        }
    }
}

impl<'ast> Visit<'ast> for Seer<'_> {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        match self.names.get(&segments[0]).cloned() {
            Some(imported) => {
                let rest = segments[1..].iter().map(|segment| format!("::{segment}"));
                self.note(&(imported + &rest.collect::<String>()));
            }
            None => self.note(&segments.join("::")),
        }
        visit::visit_path(self, path);
    }

    // Bodies of provided methods and attributes are no signature.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Path>()
                .is_ok_and(|what| what.is_ident("test"))
    })
}

/// Names, as written in code, of the crates that `package` is built on.
fn externs(package: &Package) -> BTreeSet<String> {
    package
        .dependencies
        .iter()
        .map(|(name, _)| name.replace('-', "_"))
        .collect()
}

/// Whether a file is compiled into the library of `package` and written by people.
fn is_source(package: &Package, path: &Path) -> bool {
    let Ok(inside) = path.strip_prefix(package.folder.join("src")) else {
        return false;
    };
    let unwritten = inside.components().any(|part| {
        ["gen", "tests", "tests.rs"]
            .iter()
            .any(|name| part.as_os_str() == *name)
    });
    inside
        .extension()
        .is_some_and(|extension| extension == "rs")
        && !unwritten
}

#[test]
fn public_signatures_name_allowed_crates_only() {
    let mut wrong = Vec::new();
    for package in packages().iter().filter(|package| is_product(package)) {
        let externs = externs(package);
        for (path, source) in texts().iter().filter(|(path, _)| is_source(package, path)) {
            for foreign in foreign_paths(source, &externs) {
                if !is_allowed(&package.name, &foreign) {
                    wrong.push(format!("{}: {foreign}", path.display()));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "foreign types in public signatures:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn foreign_types_are_found_where_they_are_public() {
    let externs = BTreeSet::from(["hyper".to_owned(), "http".to_owned(), "h2".to_owned()]);
    let source = "
        use http::{HeaderMap as Map, uri};
        use std::sync::Arc;
        pub struct A { pub map: Option<Map>, hidden: hyper::Body }
        pub(crate) fn inner(x: hyper::Request) {}
        impl A {
            pub fn uri(&self) -> Arc<uri::Uri> { hyper::nothing() }
            fn private(&self, x: hyper::Response) {}
        }
        pub use h2::Reason;
        #[cfg(test)]
        mod tests { pub fn x(y: hyper::Y) {} }
    ";
    let found: Vec<String> = foreign_paths(source, &externs).into_iter().collect();
    assert_eq!(found, ["h2::Reason", "http::HeaderMap", "http::uri::Uri"]);
}

#[test]
fn allowance_covers_paths_below_it_only() {
    assert!(is_allowed("rzero-core", "tokio::time::Instant"));
    assert!(!is_allowed("rzero-core", "tokio::net::TcpStream"));
    assert!(!is_allowed("rzero-core", "bytesize::ByteSize"));
}
