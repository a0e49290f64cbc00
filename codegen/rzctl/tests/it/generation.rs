//! `rzctl gen`: contracts change, generated code follows, nothing else is touched.

use std::fs;
use std::path::Path;

use crate::support::{edit, greeter, rzctl, tree, without_path};

const GEN: &str = "src/gen";

#[test]
fn added_method_is_written_and_told() {
    let (_dir, root) = greeter();
    let owned = tree(&root, GEN);
    edit(&root.join("proto/greeter.proto"), |text| {
        let more = "  rpc SayBye (HelloRequest) returns (stream HelloReply);\n  rpc Watch";
        text.replace("  rpc Watch", more)
    });
    insta::assert_snapshot!("check_is_stale", rzctl(&root, &["gen", "--check"]).golden());
    let before = tree(&root, "");
    let diff = rzctl(&root, &["gen", "--diff"]);
    assert!(diff.out.contains("+    fn say_bye("), "{}", diff.out);
    assert_eq!((diff.code, tree(&root, "")), (0, before));
    insta::assert_snapshot!("method_is_added", rzctl(&root, &["gen"]).golden());
    assert_eq!(rzctl(&root, &["gen", "--check"]).code, 0);
    edit(&root.join("proto/greeter.proto"), |text| {
        text.replace(
            "  rpc SayBye (HelloRequest) returns (stream HelloReply);\n",
            "",
        )
    });
    insta::assert_snapshot!("method_is_removed", rzctl(&root, &["gen"]).golden());
    assert_eq!(tree(&root, GEN), owned);
}

#[test]
fn renamed_method_is_one_gone_and_one_new() {
    let (_dir, root) = greeter();
    let contract = root.join("proto/greeter.proto");
    edit(&contract, |text| text.replace("rpc SayHello", "rpc Greet"));
    let owned = tree(&root, GEN);
    insta::assert_snapshot!(rzctl(&root, &["gen"]).golden());
    assert_eq!(tree(&root, GEN), owned);
}

#[test]
fn renamed_package_leaves_an_orphan_until_pruned() {
    let (_dir, root) = greeter();
    edit(&root.join("proto/greeter.proto"), |text| {
        text.replace("package greeter", "package hi")
    });
    let owned = tree(&root, GEN);
    let json = rzctl(&root, &["gen", "--json"]).json();
    assert_eq!(json["orphans"], serde_json::json!(["src/gen/greeter.rs"]));
    let check = rzctl(&root, &["gen", "--check"]);
    assert!(
        check.code == 1 && check.err.contains("gen --prune"),
        "{}",
        check.err
    );
    let pruned = rzctl(&root, &["gen", "--prune"]);
    assert_eq!(pruned.out, "removed: src/gen/greeter.rs\n");
    assert_eq!(rzctl(&root, &["gen", "--check"]).code, 0);
    assert_eq!(tree(&root, GEN), owned);
}

#[test]
fn second_run_writes_nothing() {
    let (_dir, root) = greeter();
    let json = rzctl(&root, &["gen", "--json"]).json();
    assert_eq!(json["written"], serde_json::json!([]));
    assert_eq!(rzctl(&root, &["gen"]).out, "3 files are up to date\n");
}

#[test]
fn files_of_others_are_never_overwritten() {
    let (_dir, root) = greeter();
    fs::write(root.join("src/gen/greeter.rs"), "// mine\n").unwrap();
    let before = tree(&root, "");
    insta::assert_snapshot!(rzctl(&root, &["gen"]).golden());
    assert_eq!(tree(&root, ""), before);
}

#[test]
fn missing_code_is_written_again() {
    let (_dir, root) = greeter();
    let before = tree(&root, "");
    fs::remove_dir_all(root.join(GEN)).unwrap();
    assert_eq!(rzctl(&root, &["gen", "--check"]).code, 1);
    assert_eq!(rzctl(&root, &["gen"]).code, 0);
    assert_eq!(tree(&root, ""), before);
}

#[test]
fn it_works_from_a_folder_inside_the_service_and_by_name() {
    let (dir, root) = greeter();
    assert_eq!(rzctl(&root.join("src"), &["gen", "--check"]).code, 0);
    assert_eq!(
        rzctl(dir.path(), &["gen", "--check", "--dir", "greeter"]).code,
        0
    );
}

#[test]
fn mistakes_in_contracts_leave_the_code_alone() {
    let (_dir, root) = greeter();
    edit(&root.join("proto/greeter.proto"), |text| {
        text.replace("string name", "strnig name")
    });
    let before = tree(&root, "");
    let ran = rzctl(&root, &["gen"]);
    insta::assert_snapshot!(ran.golden());
    assert_eq!(tree(&root, ""), before);
}

#[test]
fn folders_that_are_no_service_are_told() {
    let dir = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("no_service_here", rzctl(dir.path(), &["gen"]).golden());
    let named = rzctl(dir.path(), &["gen", "--dir", dir.path().to_str().unwrap()]);
    insta::assert_snapshot!(
        "no_service_there",
        without_path(&named.golden(), dir.path())
    );
    fs::create_dir(dir.path().join("proto")).unwrap();
    let empty = rzctl(dir.path(), &["gen", "--dir", "."]);
    assert_eq!(empty.code, 3);
    assert!(
        empty.err.contains("there is no contract in"),
        "{}",
        empty.err
    );
    assert!(!dir.path().join(Path::new(GEN)).exists());
}

#[test]
fn code_of_the_fixtures_is_up_to_date() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let ran = rzctl(&fixtures, &["gen", "--check", "--dir", "calc"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
}
