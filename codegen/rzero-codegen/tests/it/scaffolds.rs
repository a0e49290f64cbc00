//! New services: what is written, and that it is as a careful person would write it.

use std::collections::BTreeMap;
use std::process::Command;

use rzero_codegen::{
    Dependency, GenerateError, GeneratedFile, Scaffold, ServiceName, default_contract, scaffold,
};
use rzero_idl::{Model, load_texts};

use crate::support::{as_text, model};

fn write(name: &str, model: &Model, built_in: bool) -> Vec<GeneratedFile> {
    scaffold(&Scaffold {
        name: &ServiceName::new(name).unwrap(),
        model,
        built_in,
        dependency: &Dependency::Version("0.1".into()),
        features: &[],
        own_workspace: false,
        templates: &BTreeMap::new(),
    })
    .unwrap()
}

fn built_in(name: &str) -> (Model, Vec<GeneratedFile>) {
    let contract = default_contract(&ServiceName::new(name).unwrap()).unwrap();
    let model = load_texts(BTreeMap::from([contract])).unwrap();
    let files = write(name, &model, true);
    (model, files)
}

fn text<'a>(files: &'a [GeneratedFile], path: &str) -> &'a str {
    let file = files
        .iter()
        .find(|file| file.path.to_str() == Some(path))
        .unwrap();
    std::str::from_utf8(&file.contents).unwrap()
}

#[test]
fn built_in_service_is_written_as_reviewed() {
    insta::assert_snapshot!("service", as_text(&built_in("greeter").1));
}

#[test]
fn service_of_many_contracts_is_written_as_reviewed() {
    let files = write("torture", &model("torture"), false);
    let code: Vec<GeneratedFile> = files
        .into_iter()
        .filter(|file| file.path.extension().is_some_and(|e| e == "rs"))
        .collect();
    insta::assert_snapshot!("service_of_many", as_text(&code));
}

#[test]
fn rust_files_are_formatted() {
    let services = [
        built_in("greeter").1,
        built_in("a-name-about-as-long-as-they-get-in-a-cluster").1,
        write("torture", &model("torture"), false),
        write("one", &model("greeter"), false),
    ];
    for files in services {
        assert_formatted(&files);
    }
}

/// A contract whose names have about `letters` letters; every third starts with a stream.
fn contract_of_width(letters: usize) -> String {
    let long = "o".repeat(letters);
    let first = if letters.is_multiple_of(3) {
        format!("rpc Str{long} (Q{long}) returns (stream A{long});")
    } else {
        format!("rpc G{long}t (Q{long}) returns (A{long});")
    };
    let second = if letters.is_multiple_of(2) {
        format!("service T{long} {{ rpc Do (stream A{long}) returns (Q{long}); }}")
    } else {
        String::new()
    };
    format!(
        "syntax = \"proto3\";\npackage wide.v1;\nmessage Q{long} {{}}\nmessage A{long} {{}}\n\
         message Ab {{}}\nservice S{long} {{ {first} rpc X (Ab) returns (Ab); }}\n{second}\n"
    )
}

#[test]
fn rust_files_are_formatted_whatever_the_length_of_names() {
    for letters in 0..48 {
        let contract = ("wide.proto".to_owned(), contract_of_width(letters));
        let model = load_texts(BTreeMap::from([contract])).unwrap();
        assert_formatted(&write("wide", &model, false));
    }
}

fn assert_formatted(files: &[GeneratedFile]) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("src/gen")).unwrap();
    std::fs::create_dir_all(root.join("tests")).unwrap();
    std::fs::write(root.join("src/gen/mod.rs"), "// generated\n").unwrap();
    for file in files
        .iter()
        .filter(|file| file.path.extension().is_some_and(|e| e == "rs"))
    {
        std::fs::write(root.join(&file.path), &file.contents).unwrap();
    }
    let output = Command::new("rustfmt")
        .args([
            "--check",
            "--edition",
            "2024",
            "src/lib.rs",
            "src/main.rs",
            "tests/service.rs",
        ])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn name_of_a_message_is_no_trouble_for_the_service() {
    let (model, files) = built_in("event");
    assert!(model.service("event.EventService").is_some());
    assert!(text(&files, "src/main.rs").contains("EventServiceServer"));
}

#[test]
fn contracts_and_their_imports_go_to_different_folders() {
    let texts = BTreeMap::from([(
        "shop.proto".to_owned(),
        "syntax = \"proto3\"; package shop; service Shop { rpc Buy (Item) returns (Item); } \
         message Item {}"
            .to_owned(),
    )]);
    let mut model = load_texts(texts).unwrap();
    model
        .sources
        .insert("vendor/tax.proto".into(), "syntax = \"proto3\";".into());
    let files = write("shop", &model, false);
    assert!(text(&files, "third_party/vendor/tax.proto").contains("proto3"));
    assert!(text(&files, "README.md").contains("third_party"));
    assert!(text(&files, "proto/shop.proto").contains("service Shop"));
}

#[test]
fn templates_can_be_replaced() {
    let (model, _) = built_in("greeter");
    let name = ServiceName::new("greeter").unwrap();
    let mut input = Scaffold {
        name: &name,
        model: &model,
        built_in: true,
        dependency: &Dependency::Workspace,
        features: &["etcd"],
        own_workspace: true,
        templates: &BTreeMap::from([("README.md".to_owned(), "of {{ name }}".to_owned())]),
    };
    let files = scaffold(&input).unwrap();
    assert_eq!(text(&files, "README.md"), "of greeter\n");
    let manifest = text(&files, "Cargo.toml");
    assert!(manifest.contains("rzero = { workspace = true, features = [\"etcd\"] }"));
    assert!(manifest.contains("[workspace]"));

    let broken = BTreeMap::from([("README.md".to_owned(), "{{ nonsense }}".to_owned())]);
    input.templates = &broken;
    assert!(matches!(
        scaffold(&input),
        Err(GenerateError::Template { .. })
    ));
}

#[test]
fn contracts_without_a_service_are_refused() {
    let texts = BTreeMap::from([("a.proto".to_owned(), "syntax = \"proto3\";".to_owned())]);
    let model = load_texts(texts).unwrap();
    let refused = scaffold(&Scaffold {
        name: &ServiceName::new("a").unwrap(),
        model: &model,
        built_in: false,
        dependency: &Dependency::Workspace,
        features: &[],
        own_workspace: false,
        templates: &BTreeMap::new(),
    });
    assert!(matches!(refused, Err(GenerateError::NoService)));
}

#[test]
fn a_request_without_content_is_passed_as_it_is() {
    let contract = "syntax = \"proto3\";\npackage e.v1;\nimport \"google/protobuf/empty.proto\";\n\
                    service E { rpc Get(google.protobuf.Empty) returns (google.protobuf.Empty); }\n";
    let model = load_texts(BTreeMap::from([(
        "e.proto".to_owned(),
        contract.to_owned(),
    )]))
    .unwrap();
    let files = write("e", &model, false);
    let test = text(&files, "tests/service.rs");
    assert!(
        test.contains("client.get(()).await") && !test.contains("let request"),
        "{test}"
    );
}
