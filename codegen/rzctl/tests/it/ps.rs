//! `rzctl ps`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::server::World;
use crate::support::{command, rzctl};

/// The table with what differs from run to run taken out.
fn golden(table: &str) -> String {
    let is_id = |word: &str| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mask = |word: &str| match word {
        word if is_id(word) => "[ID]".to_owned(),
        word if word.starts_with("127.0.0.1:") => "[ADDRESS]".to_owned(),
        word if word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit()) => {
            "[AGE]".to_owned()
        }
        word => word.to_owned(),
    };
    let line = |line: &str| {
        line.split_whitespace()
            .map(mask)
            .collect::<Vec<_>>()
            .join(" ")
    };
    table.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_services_are_in_the_table() {
    let world = World::new();
    let servers = [
        world.start("calc"),
        world.start("calc"),
        world.start("other"),
    ];
    let all = world.run(&["ps"]);
    assert_eq!(all.code, 0, "{}", all.err);
    insta::assert_snapshot!("ps_table", golden(&all.out));
    let one = world.run(&["ps", "other", "--json"]).json();
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["service"], "other");
    assert_eq!(one[0]["zone"], "z1");
    servers.into_iter().for_each(|server| server.leave());
}

#[test]
fn empty_registry_says_so() {
    let world = World::new();
    insta::assert_snapshot!("ps_nobody", world.run(&["ps"]).golden());
    insta::assert_snapshot!(
        "ps_nobody_of_a_service",
        world.run(&["ps", "calc"]).golden()
    );
    assert_eq!(world.run(&["ps", "--json"]).out, "[]\n");
}

#[test]
fn watch_follows_instances_as_they_come_and_go() {
    let world = World::new();
    let mut command = command(world.dir.path());
    command
        .args(["ps", "--watch", "--json", "--registry-dir"])
        .arg(world.registry());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let value: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        value.as_array().unwrap().len()
    };
    assert_eq!(next(), 0);
    let server = world.start("calc");
    assert_eq!(next(), 1);
    server.leave();
    assert_eq!(next(), 0);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn configuration_of_a_service_names_the_registry() {
    let world = World::new();
    let config = "[registry]\nkind = \"static\"\n[registry.services]\ncalc = [\"127.0.0.1:9\"]\n";
    fs::write(world.dir.path().join("calc.toml"), config).unwrap();
    let ran = rzctl(world.dir.path(), &["ps", "--config", "calc.toml"]);
    insta::assert_snapshot!("ps_static", golden(&ran.out));
    let wrong = config.replace("kind", "knid");
    fs::write(world.dir.path().join("calc.toml"), wrong).unwrap();
    let ran = rzctl(world.dir.path(), &["ps", "--config", "calc.toml"]);
    insta::assert_snapshot!("ps_wrong_configuration", ran.golden());
}

#[test]
#[cfg(not(feature = "etcd"))]
fn etcd_names_the_command_that_brings_it() {
    let world = World::new();
    let by_endpoint = rzctl(
        world.dir.path(),
        &["ps", "--etcd-endpoints", "127.0.0.1:2379"],
    );
    insta::assert_snapshot!("ps_without_etcd", by_endpoint.golden());
    fs::write(
        world.dir.path().join("a.toml"),
        "[registry]\nkind = \"etcd\"\n",
    )
    .unwrap();
    let by_config = rzctl(world.dir.path(), &["ps", "--config", "a.toml"]);
    assert_eq!(by_config.golden(), by_endpoint.golden());
}

#[test]
fn static_without_a_list_is_bad_input() {
    let dir = tempfile::tempdir().unwrap();
    let ran = rzctl(dir.path(), &["ps", "--registry", "static"]);
    insta::assert_snapshot!("ps_static_without_list", ran.golden());
}
