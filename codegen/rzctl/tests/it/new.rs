//! `rzctl new`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{command, edit, greeter, rzctl, tree, without_path};

/// The root of this checkout.
fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
}

#[test]
fn new_service_is_up_to_date() {
    let (_dir, root) = greeter();
    let ran = rzctl(&root, &["gen", "--check"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn it_says_what_it_wrote_and_what_comes_next() {
    let dir = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(rzctl(dir.path(), &["new", "service", "greeter"]).golden());
}

#[test]
fn programs_get_json() {
    let dir = tempfile::tempdir().unwrap();
    let json = rzctl(dir.path(), &["new", "service", "greeter", "--json"]).json();
    assert_eq!(json["service"], "greeter");
    assert!(
        json["files"]
            .as_array()
            .unwrap()
            .contains(&"src/logic.rs".into())
    );
}

#[test]
fn files_in_the_way_are_kept() {
    let (dir, root) = greeter();
    edit(&root.join("src/logic.rs"), |text| {
        format!("{text}// mine\n")
    });
    let before = tree(dir.path(), "");
    let ran = rzctl(dir.path(), &["new", "service", "greeter"]);
    insta::assert_snapshot!(ran.golden());
    assert_eq!(tree(dir.path(), ""), before);
}

#[test]
fn one_file_in_the_way_stops_it_before_it_writes() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("README.md"), "mine").unwrap();
    let ran = rzctl(dir.path(), &["new", "service", "greeter", "--dir", "."]);
    assert_eq!(ran.code, 3);
    assert_eq!(tree(dir.path(), "").len(), 1);
}

#[test]
fn force_overwrites() {
    let (dir, root) = greeter();
    let before = tree(&root, "");
    edit(&root.join("src/logic.rs"), |text| {
        format!("{text}// mine\n")
    });
    let ran = rzctl(dir.path(), &["new", "service", "greeter", "--force"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(tree(&root, ""), before);
}

#[test]
fn contracts_and_their_imports_are_copied() {
    let dir = tempfile::tempdir().unwrap();
    let api = dir.path().join("api");
    fs::create_dir_all(api.join("shop/v1")).unwrap();
    fs::create_dir_all(api.join("common")).unwrap();
    let shop = "syntax = \"proto3\";\npackage shop.v1;\nimport \"common/money.proto\";\n\
                service Shop { rpc Buy (common.Money) returns (common.Money); }\n";
    let money = "syntax = \"proto3\";\npackage common;\nmessage Money { int64 units = 1; }\n";
    fs::write(api.join("shop/v1/shop.proto"), shop).unwrap();
    fs::write(api.join("common/money.proto"), money).unwrap();
    let arguments = [
        "new",
        "service",
        "shop",
        "--proto",
        "api/shop/v1/shop.proto",
        "-I",
        "api",
    ];
    let ran = rzctl(dir.path(), &arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out.contains("rzctl call shop.v1.Shop/Buy '{}'"),
        "{}",
        ran.out
    );
    let files = tree(&dir.path().join("shop"), "");
    assert_eq!(
        files[Path::new("proto/shop/v1/shop.proto")],
        shop.as_bytes()
    );
    assert_eq!(
        files[Path::new("third_party/common/money.proto")],
        money.as_bytes()
    );
    assert_eq!(rzctl(&dir.path().join("shop"), &["gen", "--check"]).code, 0);
}

#[test]
fn mistakes_in_contracts_have_a_caret() {
    let dir = tempfile::tempdir().unwrap();
    let text = "syntax = \"proto3\";\nmessage A { Stirng name = 1; }\n";
    fs::write(dir.path().join("a.proto"), text).unwrap();
    insta::assert_snapshot!(
        rzctl(dir.path(), &["new", "service", "a", "--proto", "a.proto"]).golden()
    );
    let ran = rzctl(
        dir.path(),
        &["new", "service", "a", "--proto", "a.proto", "--json"],
    );
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(error["error"]["problems"][0]["line"], 2);
    assert_eq!(tree(dir.path(), "").len(), 1);
}

#[test]
fn bad_input_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let messages = "syntax = \"proto3\";\nmessage A {}\n";
    fs::write(dir.path().join("messages.proto"), messages).unwrap();
    for (name, arguments) in [
        ("bad_name", &["Greeter"][..]),
        ("keyword", &["async"]),
        ("no_contract", &["a", "--proto", "missing.proto"]),
        ("no_service", &["a", "--proto", "messages.proto"]),
        ("no_source", &["a", "--rzero", "nowhere"]),
        ("no_checkout", &["a", "--rzero", "."]),
    ] {
        let all: Vec<&str> = ["new", "service"]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        let ran = rzctl(dir.path(), &all);
        assert_eq!(ran.code, 3);
        insta::assert_snapshot!(format!("new_{name}"), ran.golden());
    }
}

#[test]
fn source_comes_from_argument_then_environment() {
    let manifest = |arguments: &[&str], environment: &str| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = command(dir.path());
        command.args(["new", "service", "a"]).args(arguments);
        let output = command.env("RZ_SOURCE", environment).output().unwrap();
        assert!(output.status.success());
        fs::read_to_string(dir.path().join("a/Cargo.toml")).unwrap()
    };
    let url = "https://example.com/rzero.git";
    let git = format!("rzero = {{ git = \"{url}\" }}");
    let path = format!("path = \"{}/crates/rzero\"", checkout().display());
    assert!(manifest(&[], url).contains(&git));
    assert!(manifest(&["--rzero", url], "/nowhere").contains(&git));
    assert!(manifest(&["--rzero", checkout().to_str().unwrap()], url).contains(&path));
    assert!(manifest(&[], "").contains(&path));
}

#[test]
fn service_in_a_strange_workspace_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[workspace]\nresolver = \"3\"\nmembers = [\"services/*\"]\n";
    fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
    let has_workspace = |place: &str, more: &[&str]| {
        let mut arguments = vec!["new", "service", "a", "--dir", place];
        arguments.extend(more);
        assert_eq!(rzctl(dir.path(), &arguments).code, 0);
        let manifest = fs::read_to_string(dir.path().join(place).join("Cargo.toml")).unwrap();
        manifest.contains("[workspace]")
    };
    assert!(has_workspace("elsewhere/a", &[]));
    assert!(!has_workspace("elsewhere/b", &["--in-workspace"]));
    assert!(!has_workspace("services/a", &[]));
}

#[test]
#[ignore = "slow: builds a scaffold"]
fn scaffold_builds_and_its_test_passes() {
    let (_dir, root) = greeter();
    fs::copy(checkout().join("Cargo.lock"), root.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["test", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", checkout().join("target"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success() && !told.contains("warning"),
        "{told}"
    );
}

#[test]
fn broken_contract_error_has_no_path_of_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("a.proto"),
        "syntax = \"proto3\";\nservice {",
    )
    .unwrap();
    let ran = rzctl(dir.path(), &["new", "service", "a", "--proto", "a.proto"]);
    assert_eq!(without_path(&ran.err, dir.path()), ran.err);
}
