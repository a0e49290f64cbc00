//! Contracts change, the output follows, and nothing else is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rzero_codegen::{GeneratedFile, generate, plan};
use rzero_idl::load_texts;

const ONE: &str = r#"syntax = "proto3";
package shop;
service Shop { rpc List (Item) returns (Item); }
message Item { string id = 1; }"#;

fn generated(contracts: &[(&str, &str)]) -> Vec<GeneratedFile> {
    let texts = contracts
        .iter()
        .map(|(name, text)| (name.to_string(), text.to_string()));
    generate(&load_texts(texts.collect()).unwrap()).unwrap()
}

fn folder(files: &[GeneratedFile]) -> BTreeMap<PathBuf, Vec<u8>> {
    files
        .iter()
        .map(|file| (file.path.clone(), file.contents.clone()))
        .collect()
}

fn written(plan: &rzero_codegen::Plan) -> Vec<&str> {
    plan.write
        .iter()
        .map(|change| change.file.path.to_str().unwrap())
        .collect()
}

#[test]
fn same_contracts_change_nothing() {
    let now = generated(&[("shop.proto", ONE)]);
    let plan = plan(now.clone(), &folder(&now));
    assert!(plan.is_clean());
    assert_eq!(plan.diff(), "");
    assert_eq!(plan.unchanged.len(), now.len());
}

#[test]
fn added_method_rewrites_its_package_only() {
    let before = folder(&generated(&[("shop.proto", ONE)]));
    let more = ONE.replace("(Item); }", "(Item); rpc Buy (Item) returns (Item); }");
    let plan = plan(generated(&[("shop.proto", &more)]), &before);
    assert_eq!(written(&plan), ["descriptor.bin", "shop.rs"]);
    assert!(plan.diff().contains("+    fn buy("));
    assert!(plan.orphans.is_empty());
}

#[test]
fn renamed_and_removed_methods_show_in_the_diff() {
    let before = folder(&generated(&[("shop.proto", ONE)]));
    let renamed = ONE.replace("List", "Find");
    let diff = plan(generated(&[("shop.proto", &renamed)]), &before).diff();
    assert!(diff.contains("-    fn list(") && diff.contains("+    fn find("));
    let removed = ONE.replace("rpc List (Item) returns (Item);", "");
    let diff = plan(generated(&[("shop.proto", &removed)]), &before).diff();
    assert!(diff.contains("-    fn list("));
}

#[test]
fn renamed_package_leaves_an_orphan() {
    let before = folder(&generated(&[("shop.proto", ONE)]));
    let renamed = ONE.replace("package shop", "package store");
    let plan = plan(generated(&[("shop.proto", &renamed)]), &before);
    assert_eq!(plan.orphans, [PathBuf::from("shop.rs")]);
    assert_eq!(written(&plan), ["descriptor.bin", "mod.rs", "store.rs"]);
}

#[test]
fn first_child_package_moves_the_parent_into_a_folder() {
    let before = folder(&generated(&[("shop.proto", ONE)]));
    let child = r#"syntax = "proto3"; package shop.v2; message Item {}"#;
    let plan = plan(
        generated(&[("shop.proto", ONE), ("shop2.proto", child)]),
        &before,
    );
    assert_eq!(plan.orphans, [PathBuf::from("shop.rs")]);
    assert!(written(&plan).contains(&"shop/mod.rs"));
}

#[test]
fn files_of_others_are_neither_orphans_nor_overwritten() {
    let now = generated(&[("shop.proto", ONE)]);
    let mut there = folder(&now);
    there.insert("notes.rs".into(), b"// mine\n".to_vec());
    there.insert("shop.rs".into(), b"// mine too\n".to_vec());
    let plan = plan(now, &there);
    assert!(plan.orphans.is_empty() && plan.write.is_empty());
    assert_eq!(plan.foreign, [Path::new("shop.rs")]);
}
