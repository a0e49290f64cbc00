//! What every file must or must not say.

use std::fs;
use std::path::Path;

use crate::workspace::{packages, root, texts};

/// Beginnings of paths that exist on one machine only. Written in parts, so that this file does
/// not find itself.
const MACHINE_PATHS: [&str; 4] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Whether a path of one machine begins somewhere in `line`.
fn names_machine_path(line: &str) -> bool {
    MACHINE_PATHS.iter().any(|start| {
        line.match_indices(start).any(|(at, _)| {
            // Behind a letter or a variable it is a part of another path.
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-/}~*".contains(c))
        })
    })
}

/// Lines, as `path:number: text`, of all texts for which `wrong` holds.
fn findings(wrong: impl Fn(&Path, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            if wrong(path, line) {
                found.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// Whether a line of a doc comment opens a code block that is never compiled.
fn opens_ignored_block(line: &str) -> bool {
    let line = line.trim_start();
    let Some(doc) = line
        .strip_prefix("///")
        .or_else(|| line.strip_prefix("//!"))
    else {
        return false;
    };
    let Some(attributes) = doc.trim_start().strip_prefix("```") else {
        return false;
    };
    attributes
        .split([',', ' ', '{', '}'])
        .any(|word| word == "ignore")
}

#[test]
fn files_name_no_path_of_a_machine() {
    let found = findings(|_, line| names_machine_path(line));
    assert!(
        found.is_empty(),
        "paths of one machine:\n{}",
        found.join("\n")
    );
}

#[test]
fn machine_paths_are_recognised() {
    let [work, root, ..] = MACHINE_PATHS;
    assert!(names_machine_path(&format!("see {work}main")));
    assert!(names_machine_path(&format!("\"{root}.cargo\"")));
    assert!(!names_machine_path(&format!(
        "frame{work}x and ${{HOME}}{work}x"
    )));
}

#[test]
fn no_doc_test_is_ignored() {
    let found = findings(|path, line| is_rust(path) && opens_ignored_block(line));
    assert!(
        found.is_empty(),
        "use no_run or compile_fail instead:\n{}",
        found.join("\n")
    );
}

#[test]
fn ignored_blocks_are_recognised() {
    for line in ["/// ```ignore", "    //! ```rust,ignore", "/// ``` ignore"] {
        assert!(opens_ignored_block(line), "{line}");
    }
    for line in [
        "/// ```no_run",
        "/// we ignore this",
        "let x = \"```ignore\";",
    ] {
        assert!(!opens_ignored_block(line), "{line}");
    }
}

#[test]
fn every_crate_begins_with_its_story() {
    let mut silent = Vec::new();
    for package in packages() {
        let source = root().join(&package.folder).join("src");
        for file in ["lib.rs", "main.rs"] {
            let path = source.join(file);
            if let Ok(text) = fs::read_to_string(&path)
                && !text.trim_start().starts_with("//!")
            {
                silent.push(format!("{}: src/{file}", package.name));
            }
        }
    }
    assert!(
        silent.is_empty(),
        "begin with //! docs:\n{}",
        silent.join("\n")
    );
}

#[test]
fn every_crate_inherits_the_lints() {
    let careless: Vec<&str> = packages()
        .iter()
        .filter(|package| {
            let manifest = root().join(&package.folder).join("Cargo.toml");
            let text = fs::read_to_string(manifest).unwrap();
            !text.contains("[lints]\nworkspace = true") && !text.contains("[lints.rust]")
        })
        .map(|package| package.name.as_str())
        .collect();
    assert!(
        careless.is_empty(),
        "inherit [workspace.lints]: {}",
        careless.join(", ")
    );
}

#[test]
fn silenced_lints_give_their_reason() {
    let found = findings(|path, line| {
        // Generated files silence lints as a whole, and say so in their head.
        let written = is_rust(path) && !path.components().any(|part| part.as_os_str() == "gen");
        let line = line.trim_start();
        written
            && (line.starts_with("#[allow(") || line.starts_with("#![allow("))
            && line.ends_with(")]")
            && !line.contains("reason")
    });
    assert!(
        found.is_empty(),
        "use #[expect(…, reason = …)]:\n{}",
        found.join("\n")
    );
}
