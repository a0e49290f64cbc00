//! What a model holds.

use std::collections::BTreeMap;

use rzero_idl::{Idempotency, MethodKind, ProtoInput, load_protos, load_texts};

use crate::support::Folder;

const SHOP: &str = r#"
syntax = "proto3";
package shop.v1;
import "common/money.proto";

// Sells things.
//   indented
service Shop {
  option deprecated = true;
  // Buys one.
  rpc Buy (Order) returns (common.Money) { option idempotency_level = IDEMPOTENT; }
  rpc Look (Order) returns (stream Order) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option deprecated = true;
  }
  rpc Fill (stream Order) returns (Order); // Many at once.
  rpc Talk (stream Order) returns (stream Order);
}
message Order { common.Money price = 1; }
"#;
const MONEY: &str = r#"
syntax = "proto3";
package common;
message Money { int64 units = 1; }
service Bank { rpc Rate (Money) returns (Money); }
"#;

fn folder() -> Folder {
    Folder::new(&[
        ("proto/shop/v1/shop.proto", SHOP),
        ("deps/common/money.proto", MONEY),
    ])
}

#[test]
fn file_may_be_named_as_imports_name_it() {
    let folder = folder();
    let input = ProtoInput {
        files: vec!["shop/v1/shop.proto".into()],
        includes: vec![folder.path("proto"), folder.path("deps")],
    };
    let model = load_protos(&input).unwrap();
    assert_eq!(model.files, ["shop/v1/shop.proto"]);
}

#[test]
fn methods_carry_what_the_contract_says() {
    let model = folder()
        .load(&["proto/shop/v1/shop.proto"], &["proto", "deps"])
        .unwrap();
    let shop = model.service("shop.v1.Shop").unwrap();
    assert!(shop.deprecated);
    assert_eq!(shop.docs, "Sells things.\n  indented");
    assert_eq!(
        (shop.location.file.as_str(), shop.location.line),
        ("shop/v1/shop.proto", 8)
    );
    let kinds: Vec<MethodKind> = shop.methods.iter().map(|method| method.kind).collect();
    assert_eq!(
        kinds,
        [
            MethodKind::Unary,
            MethodKind::ServerStream,
            MethodKind::ClientStream,
            MethodKind::Bidi
        ]
    );
    let buy = &shop.methods[0];
    assert_eq!(buy.path, "/shop.v1.Shop/Buy");
    assert_eq!(
        (buy.input.as_str(), buy.output.as_str()),
        ("shop.v1.Order", "common.Money")
    );
    assert_eq!(buy.docs, "Buys one.");
    assert_eq!(buy.idempotency, Idempotency::Idempotent);
    assert_eq!(shop.methods[1].idempotency, Idempotency::NoSideEffects);
    assert!(shop.methods[1].deprecated);
    assert_eq!(shop.methods[2].docs, "Many at once.");
}

#[test]
fn services_of_imports_are_not_ours() {
    let model = folder()
        .load(&["proto/shop/v1/shop.proto"], &["proto", "deps"])
        .unwrap();
    assert!(model.service("common.Bank").is_none());
    assert_eq!(model.files, ["shop/v1/shop.proto"]);
    let sources: Vec<&str> = model.sources.keys().map(String::as_str).collect();
    assert_eq!(sources, ["common/money.proto", "shop/v1/shop.proto"]);
    let names: Vec<&str> = model
        .descriptor_set
        .file
        .iter()
        .map(|file| file.name())
        .collect();
    assert_eq!(names, ["common/money.proto", "shop/v1/shop.proto"]);
}

#[test]
fn order_of_files_does_not_matter() {
    let folder = folder();
    let files = ["proto/shop/v1/shop.proto", "deps/common/money.proto"];
    let model = folder.load(&files, &["proto", "deps"]).unwrap();
    let reversed = folder
        .load(&[files[1], files[0]], &["deps", "proto"])
        .unwrap();
    assert_eq!(model, reversed);
    assert!(model.service("common.Bank").is_some());
}

#[test]
fn folder_of_a_file_is_the_last_include() {
    let folder = Folder::new(&[
        ("a/x.proto", "syntax = \"proto3\"; import \"y.proto\";"),
        ("a/y.proto", ""),
    ]);
    assert_eq!(folder.load(&["a/x.proto"], &[]).unwrap().files, ["x.proto"]);
}

#[test]
fn include_folders_may_be_written_in_any_way() {
    let folder = folder();
    let files = vec![folder.path("proto/../proto/shop/v1/shop.proto")];
    let includes = vec![folder.path("./proto/"), folder.path("deps/../deps")];
    let model = load_protos(&ProtoInput { files, includes }).unwrap();
    assert_eq!(model.files, ["shop/v1/shop.proto"]);
}

#[test]
fn proto2_with_defaults_and_required_is_accepted() {
    let text = "syntax = \"proto2\";\nmessage A { required int32 a = 1; optional int32 b = 2 [default = 7]; extensions 10 to 20; }\nextend A { optional string c = 10; }";
    assert!(load_texts(BTreeMap::from([("a.proto".into(), text.into())])).is_ok());
}

#[test]
fn custom_options_stay_in_the_descriptors() {
    let text = "syntax = \"proto3\";\nimport \"google/protobuf/descriptor.proto\";\nextend google.protobuf.MethodOptions { string note = 50001; }\nmessage M {}\nservice S { rpc R (M) returns (M) { option (note) = \"kept for reflection\"; } }";
    let model = load_texts(BTreeMap::from([("a.proto".into(), text.into())])).unwrap();
    let needle = b"kept for reflection";
    assert!(
        model
            .descriptor_bytes
            .windows(needle.len())
            .any(|window| window == needle)
    );
}
