//! No name of a contract leads to code that cannot compile.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rzero_codegen::generate;
use rzero_idl::load_texts;
use syn::{Fields, ImplItem, Item, TraitItem};

/// Names that are alike in Rust, that Rust keeps for itself, or that generated code uses.
const NAMES: &[&str] = &[
    "a",
    "A",
    "foo",
    "Foo",
    "FOO",
    "fooBar",
    "FooBar",
    "foo_bar",
    "FOO_BAR",
    "Foo_Bar",
    "type",
    "Type",
    "self",
    "Self",
    "super",
    "crate",
    "mod",
    "_",
    "__",
    "_1",
    "_a",
    "a_",
    "bool",
    "Bool",
    "str",
    "u32",
    "Option",
    "Result",
    "T",
    "T_logic",
    "New",
    "Clone",
    "Get",
    "GetWith",
    "Get_With",
    "GetWithOptions",
    "FooClient",
    "FooServer",
    "FooService",
    "Foo_message",
    "Foo_2",
    "Foo2",
    "set_a",
    "get_a",
    "push_a",
    "insert_a",
    "async",
    "root",
    "core",
];

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(NAMES)
}

/// One contract with the given package and random contents.
fn contract(package: String) -> impl Strategy<Value = String> {
    let field = (name(), 0..7u8);
    let message = (name(), prop::collection::vec(field, 0..5), name(), 0..4u8);
    let messages = prop::collection::vec(message, 1..6);
    let enums = prop::collection::vec((name(), prop::collection::vec(name(), 1..4)), 0..3);
    let services = prop::collection::vec((name(), prop::collection::vec(name(), 0..5)), 0..3);
    (messages, enums, services).prop_map(move |(messages, enums, services)| {
        let mut text = String::from("syntax = \"proto2\";\n");
        if !package.is_empty() {
            text.push_str(&format!("package {package};\n"));
        }
        // Protobuf refuses a name that is there twice, letter by letter.
        let mut taken = BTreeSet::new();
        let request = messages[0].0;
        for (name, fields, inner, shape) in &messages {
            if taken.insert(*name) {
                text.push_str(&message_text(name, fields, inner, *shape));
            }
        }
        for (name, values) in &enums {
            if !taken.insert(name) {
                continue;
            }
            let values = values
                .iter()
                .filter(|value| taken.insert(**value))
                .enumerate();
            let values: String = values
                .map(|(at, value)| format!("{value} = {at};"))
                .collect();
            text.push_str(&format!("enum {name} {{ {values} {name}_x_ = 99; }}\n"));
        }
        for (name, methods) in &services {
            if !taken.insert(name) {
                continue;
            }
            let methods: BTreeSet<_> = methods.iter().collect();
            let request = format!(".{}{request}", dot(&package));
            let methods = methods
                .iter()
                .map(|method| format!("rpc {method} ({request}) returns (stream {request});"));
            text.push_str(&format!(
                "service {name} {{ {} }}\n",
                methods.collect::<String>()
            ));
        }
        text
    })
}

fn dot(package: &str) -> String {
    if package.is_empty() {
        String::new()
    } else {
        format!("{package}.")
    }
}

fn message_text(name: &str, fields: &[(&str, u8)], inner: &str, shape: u8) -> String {
    let mut text = format!("message {name} {{ ");
    let mut oneof = String::new();
    let mut taken = BTreeSet::from([inner]);
    let fields = fields
        .iter()
        .filter(|(field, _)| taken.insert(*field))
        .collect::<Vec<_>>();
    for (at, (field, kind)) in fields.into_iter().enumerate() {
        let number = at + 1;
        // A JSON name of its own, or the parser refuses fields that are alike in JSON.
        let rest = format!("{field} = {number} [json_name = \"j{number}\"];");
        match kind {
            0 => text.push_str(&format!("optional string {rest}")),
            1 => text.push_str(&format!("repeated E_ {rest}")),
            2 => text.push_str(&format!("optional E_ {rest}")),
            3 => text.push_str(&format!("map<string, E_> {field} = {number};")),
            4 => text.push_str(&format!("required bytes {rest}")),
            _ => oneof.push_str(&format!("string {rest}")),
        }
    }
    text.push_str("enum E_ { E_A = 0; } ");
    if !oneof.is_empty() {
        text.push_str(&format!("oneof {inner}_x {{ {oneof} }} "));
    }
    match shape {
        0 => text.push_str(&format!("message {inner} {{}} ")),
        1 => text.push_str(&format!("enum {inner} {{ ZERO = 0; }} ")),
        _ => {}
    }
    text.push_str("}\n");
    text
}

/// Looks for two items of one name in one scope.
fn check_unique(scope: &str, items: &[Item]) -> Result<(), TestCaseError> {
    let mut types = BTreeSet::new();
    let mut values = BTreeSet::new();
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let once = |set: &mut BTreeSet<String>, name: String| {
        prop_assert!(set.insert(name.clone()), "`{name}` twice in {scope}");
        Ok(())
    };
    for item in items {
        match item {
            Item::Struct(item) => {
                once(&mut types, item.ident.to_string())?;
                let mut fields = BTreeSet::new();
                if let Fields::Named(named) = &item.fields {
                    for field in &named.named {
                        once(&mut fields, field.ident.as_ref().unwrap().to_string())?;
                    }
                }
            }
            Item::Enum(item) => {
                once(&mut types, item.ident.to_string())?;
                let mut variants = BTreeSet::new();
                for variant in &item.variants {
                    once(&mut variants, variant.ident.to_string())?;
                }
            }
            Item::Trait(item) => {
                once(&mut types, item.ident.to_string())?;
                let mut functions = BTreeSet::new();
                for function in &item.items {
                    if let TraitItem::Fn(function) = function {
                        once(&mut functions, function.sig.ident.to_string())?;
                    }
                }
            }
            Item::Mod(item) => {
                once(&mut types, item.ident.to_string())?;
                if let Some((_, items)) = &item.content {
                    check_unique(&format!("{scope}::{}", item.ident), items)?;
                }
            }
            Item::Static(item) => once(&mut values, item.ident.to_string())?,
            Item::Const(item) => once(&mut values, item.ident.to_string())?,
            Item::Impl(item) if item.trait_.is_none() => {
                let ty = &item.self_ty;
                let of = methods.entry(quote::quote!(#ty).to_string()).or_default();
                for function in &item.items {
                    if let ImplItem::Fn(function) = function {
                        once(of, function.sig.ident.to_string())?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn names_are_unique_in_every_scope(
        packages in prop::collection::vec(prop::collection::vec(name(), 0..3), 1..4)
            .prop_flat_map(|packages| {
                packages.into_iter().map(|parts| contract(parts.join("."))).collect::<Vec<_>>()
            })
    ) {
        let texts = packages.into_iter().enumerate().map(|(at, text)| (format!("f{at}.proto"), text));
        // What protobuf itself refuses is of no interest here.
        let Ok(model) = load_texts(texts.collect()) else { return Ok(()) };
        let mut folders = BTreeSet::new();
        for file in generate(&model).unwrap() {
            let path = file.path.display().to_string();
            prop_assert!(folders.insert(path.replace("/mod.rs", ".rs").to_lowercase()), "{path}");
            if path.ends_with(".rs") {
                let text = String::from_utf8(file.contents).unwrap();
                check_unique(&path, &syn::parse_file(&text).unwrap().items)?;
            }
        }
    }
}
