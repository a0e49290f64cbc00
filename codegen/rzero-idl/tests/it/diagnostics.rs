//! What a user reads when a contract is wrong. Each text says where and what to do.

use rzero_idl::{ProtoInput, load_protos};

use crate::support::{Folder, problems_of};

macro_rules! told {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), problems_of($text));
        }
    };
}

told!(
    unknown_type_gets_the_nearest_name,
    "syntax = \"proto3\";\npackage shop;\nmessage Order { Itme item = 1; }\nmessage Item {}\n"
);
told!(
    unknown_well_known_type_gets_its_import,
    "syntax = \"proto3\";\npackage shop;\nmessage Order { Timestamp at = 1; }\n"
);
told!(
    misspelt_scalars_get_the_scalar,
    "syntax = \"proto3\";\nmessage Order {\n  strnig id = 1;\n  map<string, Int23> counts = 2;\n  \
     repeated integer sizes = 3;\n  oneof kind { boolean big = 4; }\n  Timestmp at = 5;\n}\n"
);
told!(
    methods_are_never_offered_scalars,
    "syntax = \"proto3\";\nservice Shop {\n  rpc Buy (Strnig) returns (stream Int23);\n}\n"
);
told!(
    scalars_in_place_of_messages_are_told,
    "syntax = \"proto3\";\nservice Shop {\n  rpc Buy (string) returns (stream int32);\n}\n"
);
told!(
    misspelt_map_key_gets_the_scalar,
    "syntax = \"proto3\";\nmessage Order {\n  map<strng, bool> tags = 1;\n}\n"
);
told!(
    every_unknown_type_is_told,
    "syntax = \"proto3\";\nservice Shop {\n  rpc Buy (Ordr) returns (Recipt);\n}\nmessage Order {}\nmessage Receipt {}\n"
);
told!(
    syntax_error_has_a_caret,
    "syntax = \"proto3\";\nmessage Order {\n  string id == 1;\n}\n"
);
told!(
    missing_brace_is_told_at_the_end,
    "syntax = \"proto3\";\nmessage Order {\n  string id = 1;\n"
);
told!(
    group_is_refused,
    "syntax = \"proto2\";\nmessage Order {\n  repeated group Item = 1 {\n    optional string id = 2;\n  }\n}\n"
);
told!(
    edition_is_refused,
    "// Copyright\n/* more */ edition = \"2023\";\npackage shop;\nmessage Order {}\n"
);
told!(
    unknown_syntax_is_refused,
    "syntax = \"proto4\";\nmessage Order {}\n"
);
told!(
    duplicate_field_number_shows_both,
    "syntax = \"proto3\";\nmessage Order {\n  string id = 1;\n  string name = 1;\n}\n"
);
told!(
    duplicate_method_shows_both,
    "syntax = \"proto3\";\nmessage M {}\nservice Shop {\n  rpc Buy (M) returns (M);\n  rpc Buy (M) returns (M);\n}\n"
);
told!(
    label_of_proto2_hints_at_proto3,
    "message Order {\n  string id = 1;\n}\n"
);
told!(
    package_of_the_well_known_types_is_refused,
    "syntax = \"proto3\";\npackage google.protobuf;\nmessage Order {}\n"
);
told!(
    required_in_proto3_is_refused,
    "syntax = \"proto3\";\nmessage Order {\n  required string id = 1;\n}\n"
);

#[test]
fn missing_import_says_where_it_was_looked_for() {
    let shop = "syntax = \"proto3\";\nimport \"common/money.proto\";\nmessage Order {}\n";
    let folder = Folder::new(&[("proto/shop.proto", shop), ("other/x.proto", "")]);
    let told = folder.problems(&["proto/shop.proto"], &["proto", "other"]);
    insta::assert_snapshot!("missing_import", told);
}

#[test]
fn import_below_an_include_folder_is_found_for_the_hint() {
    let shop = "syntax = \"proto3\";\nimport \"google/api/http.proto\";\nmessage Order {}\n";
    let folder = Folder::new(&[
        ("shop.proto", shop),
        ("vendor/apis/google/api/http.proto", "syntax = \"proto3\";"),
    ]);
    insta::assert_snapshot!("import_below", folder.problems(&["shop.proto"], &["."]));
}

#[test]
fn name_of_a_file_that_is_not_imported_is_told() {
    let folder = Folder::new(&[
        (
            "a.proto",
            "syntax = \"proto3\";\npackage a;\nimport \"b.proto\";\nmessage A { c.C c = 1; }\n",
        ),
        (
            "b.proto",
            "syntax = \"proto3\";\npackage b;\nimport \"c.proto\";\nmessage B { c.C c = 1; }\n",
        ),
        (
            "c.proto",
            "syntax = \"proto3\";\npackage c;\nmessage C {}\n",
        ),
    ]);
    insta::assert_snapshot!("not_imported", folder.problems(&["a.proto"], &["."]));
}

#[test]
fn import_cycle_is_told() {
    let folder = Folder::new(&[
        ("a.proto", "syntax = \"proto3\";\nimport \"b.proto\";\n"),
        ("b.proto", "syntax = \"proto3\";\nimport \"a.proto\";\n"),
    ]);
    insta::assert_snapshot!("cycle", folder.problems(&["a.proto"], &["."]));
}

#[test]
fn mistakes_of_all_files_are_told_at_once() {
    let folder = Folder::new(&[
        ("a.proto", "syntax = \"proto3\";\nmessage A { X x = 1; }\n"),
        (
            "b.proto",
            "syntax = \"proto3\";\nmessage B { string = 1; }\n",
        ),
    ]);
    insta::assert_snapshot!(
        "several_files",
        folder.problems(&["a.proto", "b.proto"], &["."])
    );
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let folder = Folder::new(&[("folder/a.proto", ""), ("a.proto", "syntax = \"proto3\";")]);
    std::fs::write(
        folder.path("binary.proto"),
        b"syntax = \"proto3\";\n\xff\xfe",
    )
    .unwrap();
    let told = [
        folder.problems(&["nowhere.proto"], &[]),
        folder.problems(&["folder"], &[]),
        folder.problems(&["a.proto"], &["a.proto"]),
        folder.problems(&["binary.proto"], &[]),
        load_protos(&ProtoInput::default()).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!("unreadable", told.join("\n\n"));
}

#[test]
fn file_hidden_by_an_earlier_folder_is_told() {
    let folder = Folder::new(&[("one/a.proto", ""), ("two/a.proto", "")]);
    insta::assert_snapshot!(
        "hidden",
        folder.problems(&["one/a.proto", "two/a.proto"], &[])
    );
}

#[test]
fn place_names_file_line_and_column() {
    let folder = Folder::new(&[(
        "a.proto",
        "syntax = \"proto3\";\nmessage A {\n  X x = 1;\n}\n",
    )]);
    let problems = folder.load(&["a.proto"], &[]).unwrap_err();
    let (file, line, column) = problems.problems()[0].place().unwrap();
    assert!(file.ends_with("a.proto"));
    assert_eq!((line, column), (3, 3));
}

#[test]
fn file_read_under_two_names_is_told_once() {
    let money = "syntax = \"proto3\";\npackage shop;\nmessage Money {\n  int64 units = 1;\n}\n";
    let shop = "syntax = \"proto3\";\npackage shop;\nimport \"shop/money.proto\";\n\
                message Order { Money price = 1; }\n";
    let folder = Folder::new(&[
        ("api/shop/money.proto", money),
        ("api/shop/shop.proto", shop),
    ]);
    insta::assert_snapshot!(
        "two_import_names",
        folder.problems(
            &["api/shop/money.proto", "api/shop/shop.proto"],
            &["api/shop", "api"]
        )
    );
}

#[test]
fn members_of_a_message_defined_twice_are_not_told_again() {
    let text = "syntax = \"proto3\";\npackage shop;\nmessage Order {\n  string id = 1;\n  \
                enum Kind { A = 0; }\n  message Item { string id = 1; }\n}\n";
    let folder = Folder::new(&[("a.proto", text), ("b.proto", text)]);
    let problems = folder.load(&["a.proto", "b.proto"], &["."]).unwrap_err();
    assert_eq!(problems.problems().len(), 1, "{problems}");
}

#[test]
fn name_defined_in_two_files_is_told() {
    let text = "syntax = \"proto3\";\npackage shop;\nmessage Order {}\n";
    let folder = Folder::new(&[("a.proto", text), ("b.proto", text)]);
    insta::assert_snapshot!(
        "two_files",
        folder.problems(&["a.proto", "b.proto"], &["."])
    );
}
