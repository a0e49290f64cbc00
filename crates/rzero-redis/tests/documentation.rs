//! `docs/configuration.md` against the code.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::collections::BTreeSet;
use std::path::Path;

use rzero_redis::{Redis, RedisConfig};

/// The cells of each row of the table under `` ## `[redis.<name>]` ``.
fn rows() -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text
        .split("\n## ")
        .find(|s| s.starts_with("`[redis.<name>]`"));
    let lines = section.unwrap().lines().filter(|l| l.starts_with("| `"));
    let cells = |line: &str| {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        cells.map(|cell| cell.replace('`', "")).collect()
    };
    lines.map(cells).collect()
}

fn read(text: &str) -> Result<RedisConfig, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Keys that an unknown one might have been.
fn keys(unknown: &str) -> BTreeSet<String> {
    let error = read(unknown).unwrap_err();
    let known = error.split("expected one of ").nth(1).unwrap();
    let known = known.split(", ").map(|key| key.trim().trim_matches('`'));
    known.map(str::to_owned).collect()
}

#[test]
fn every_key_is_documented() {
    let documented: BTreeSet<String> = rows()
        .iter()
        .flat_map(|row| row[0].split(", "))
        .map(str::to_owned)
        .collect();
    let mut real = keys("unknown = 1");
    assert!(real.remove("tls"));
    let tls = keys("tls = { unknown = 1 }").into_iter();
    real.extend(tls.map(|key| format!("tls.{key}")));
    assert_eq!(documented, real);
}

#[test]
fn documented_defaults_are_the_real_ones() {
    let rows = rows();
    let written = rows.iter().filter(|row| !row[1].starts_with(['n', 't']));
    let text: String = written
        .map(|row| format!("{} = {}\n", row[0], row[1]))
        .collect();
    let config = read(&text).unwrap();
    assert_eq!(
        format!("{config:?}"),
        format!("{:?}", RedisConfig::default())
    );
}

#[test]
fn documented_ranges_are_the_real_ones() {
    for row in rows() {
        let Some((low, high)) = row[2].split_once(" to ") else {
            continue;
        };
        for edge in [low, high] {
            let config = read(&format!("{} = {edge}", row[0])).unwrap();
            Redis::new("main", &config).unwrap();
        }
        if !low.starts_with('"') {
            continue;
        }
        for beyond in ["\"4ms\"", "\"61s\""] {
            let config = read(&format!("{} = {beyond}", row[0])).unwrap();
            let error = Redis::new("main", &config).unwrap_err();
            assert!(error.message().contains(row[0].as_str()), "{error}");
        }
    }
}
