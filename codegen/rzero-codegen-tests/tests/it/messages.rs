//! Messages keep the contract's wire form and names, whatever they are called in Rust.

use rzero::prost::{Message, Name};
use rzero::prost_types::{Any, FileDescriptorSet};
use rzero_codegen_tests::api;
use rzero_codegen_tests::api::clashes::{Fields, FooBar, FooBarMessage, Fruit};
use rzero_codegen_tests::api::common::v1::{Item, Level, Tree, item};
use rzero_codegen_tests::api::old::proto2::{Color, Legacy};

#[test]
fn messages_survive_a_round_trip() {
    let item = Item {
        id: "1".into(),
        note: Some("n".into()),
        payload: b"p".as_slice().into(),
        blobs: [("k".to_owned(), b"v".as_slice().into())].into(),
        levels: [(3, Level::Low as i32)].into(),
        digest: Some(vec![1, 2]),
        nickname: Some("nick".into()),
        kind: Some(item::Kind::Raw(b"r".as_slice().into())),
        ..Item::default()
    };
    assert_eq!(Item::decode(item.encode_to_vec().as_slice()).unwrap(), item);
    let tree = Tree {
        left: Some(Box::new(Tree::default())),
        ..Tree::default()
    };
    assert_eq!(Tree::decode(tree.encode_to_vec().as_slice()).unwrap(), tree);
}

#[test]
fn renamed_types_keep_their_names_in_the_contract() {
    assert_eq!(FooBar::full_name(), "clashes.foo_bar");
    assert_eq!(FooBarMessage::full_name(), "clashes.FooBar");
    assert_eq!(
        api::clashes::foo_bar_message::Inner::full_name(),
        "clashes.FooBar.Inner"
    );
    assert_eq!(api::root::Rootless::full_name(), "Rootless");
    let any = Any::from_msg(&FooBar::default()).unwrap();
    assert_eq!(any.type_url, "type.googleapis.com/clashes.foo_bar");
    assert!(any.to_msg::<FooBar>().is_ok() && any.to_msg::<FooBarMessage>().is_err());
}

#[test]
fn renamed_enum_values_keep_their_names_in_the_contract() {
    let names: Vec<&str> = (0..5)
        .map(|number| Fruit::try_from(number).unwrap().as_str_name())
        .collect();
    assert_eq!(
        names,
        ["FRUIT_APPLE", "fruit_apple", "APPLE", "PEAR", "FRUIT_PEAR"]
    );
    assert_eq!(Fruit::from_str_name("fruit_apple").map(i32::from), Some(1));
    assert_eq!(Level::from_str_name("LEVEL_LOW"), Some(Level::Low));
}

#[test]
fn colliding_fields_have_values_of_their_own() {
    let fields = Fields {
        a_b: Some("one".into()),
        a_b_field: Some("two".into()),
        fruit_choice: Some(api::clashes::fields::FruitChoice::XYField("y".into())),
        ..Fields::default()
    };
    let decoded = Fields::decode(fields.encode_to_vec().as_slice()).unwrap();
    assert_eq!(decoded, fields);
}

#[test]
fn proto2_defaults_come_from_the_contract() {
    let legacy = Legacy::default();
    assert_eq!(legacy.count(), 42);
    assert_eq!(legacy.name(), "a \"quoted\"\nname");
    assert_eq!(legacy.raw(), b"\x01\xffx");
    assert!(legacy.on());
    assert_eq!(legacy.ratio(), f64::NEG_INFINITY);
    assert_eq!(legacy.color(), Color::Red);
}

#[test]
fn descriptors_are_embedded_with_imports() {
    let set = FileDescriptorSet::decode(api::DESCRIPTOR_SET).unwrap();
    let names: Vec<&str> = set.file.iter().map(|file| file.name()).collect();
    assert!(names.contains(&"google/protobuf/timestamp.proto"));
    assert!(names.contains(&"shop/orders/orders.proto"));
}
