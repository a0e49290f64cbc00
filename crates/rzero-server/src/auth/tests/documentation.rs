//! `docs/configuration.md` against the code.

use std::collections::BTreeSet;
use std::path::Path;

use super::AuthConfig;

/// Key and default of each row of the table under `` ## `[server.auth]` ``.
fn rows() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut sections = text.split("\n## ");
    let section = sections.find(|s| s.starts_with("`[server.auth]`"));
    let lines = section.unwrap().lines().filter(|l| l.starts_with("| `"));
    let rows = lines.flat_map(|line| {
        let cells = line.trim_matches('|').split('|');
        let mut cells = cells.map(|cell| cell.trim().replace('`', ""));
        let (keys, default) = (cells.next().unwrap(), cells.next().unwrap());
        let keys: Vec<String> = keys.split(", ").map(str::to_owned).collect();
        keys.into_iter().map(move |key| (key, default.clone()))
    });
    rows.collect()
}

fn read(text: &str) -> Result<AuthConfig, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// The keys of a table, told when another one is written; each after `prefix`.
fn keys(unknown: &str, prefix: &str) -> BTreeSet<String> {
    let error = read(unknown).unwrap_err();
    let known = error.split("expected one of ").nth(1).unwrap();
    let known = known.split(", ").map(|key| key.trim().trim_matches('`'));
    known.map(|key| format!("{prefix}{key}")).collect()
}

#[test]
fn every_key_is_documented_with_its_default() {
    let rows = rows();
    let documented = rows.iter().map(|(key, _)| key.trim_end_matches(".<app>"));
    let documented: BTreeSet<String> = documented.map(str::to_owned).collect();
    let mut real = keys("unknown = 1", "");
    // Rules are told in words.
    assert!(real.remove("rule") && real.remove("app") && real.remove("bearer"));
    real.extend(keys("app.unknown = 1", "app."));
    real.extend(keys("bearer.unknown = 1", "bearer."));
    assert_eq!(documented, real);
    let written = rows.iter().filter(|(_, default)| default != "none");
    let text: String = written
        .map(|(key, default)| format!("{key} = {default}\n"))
        .collect();
    let config = read(&text).unwrap();
    assert_eq!(
        format!("{config:?}"),
        format!("{:?}", AuthConfig::default())
    );
}
