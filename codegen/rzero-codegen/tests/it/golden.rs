//! Reviewed output for representative contracts, and properties of all output.

use rzero_codegen::{MARKER, generate};
use rzero_idl::{ProtoInput, load_protos};

use crate::support::{as_text, contracts, fixture, model};

#[test]
fn greeter_is_written_as_reviewed() {
    let files = generate(&model("greeter")).unwrap();
    insta::assert_snapshot!("greeter", as_text(&files));
}

#[test]
fn torture_is_written_as_reviewed() {
    let files = generate(&model("torture")).unwrap();
    insta::assert_snapshot!("torture", as_text(&files));
}

#[test]
fn every_text_file_parses_and_starts_with_the_marker() {
    for name in ["greeter", "torture"] {
        for file in generate(&model(name)).unwrap() {
            assert!(file.path.is_relative());
            let Ok(text) = std::str::from_utf8(&file.contents) else {
                assert_eq!(file.path.to_str(), Some("descriptor.bin"));
                continue;
            };
            if file
                .path
                .extension()
                .is_some_and(|extension| extension == "rs")
            {
                assert!(text.starts_with(MARKER), "{}", file.path.display());
                syn::parse_file(text).unwrap();
            }
        }
    }
}

#[test]
fn order_and_place_of_contracts_change_nothing() {
    let expected = generate(&model("torture")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let from = fixture("torture");
    for file in contracts(&from) {
        let to = elsewhere.path().join(file.strip_prefix(&from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&file, to).unwrap();
    }
    let mut files = contracts(elsewhere.path());
    files.reverse();
    let input = ProtoInput {
        files,
        includes: vec![elsewhere.path().to_owned()],
    };
    assert_eq!(generate(&load_protos(&input).unwrap()).unwrap(), expected);
}

#[test]
fn descriptors_hold_no_path_of_this_machine() {
    let model = model("torture");
    let here = env!("CARGO_MANIFEST_DIR").as_bytes();
    assert!(
        !model
            .descriptor_bytes
            .windows(here.len())
            .any(|window| window == here)
    );
    assert!(
        model
            .descriptor_set
            .file
            .iter()
            .all(|file| !file.name().starts_with('/'))
    );
}
