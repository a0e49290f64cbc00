use std::collections::BTreeMap;
use std::net::SocketAddr;

use rzero_config::{Format, Loader, Percent, Ratio};
use serde::Deserialize;

use crate::support::{Own, Rpc, Server, file, lines, no_env, toml, toml_errors, yaml};

#[test]
fn type_error_names_place_key_found_and_expected() {
    let (_folder, path) = file("greeter.toml", "[server.rpc]\nport = 1\ntimeout = 3\n");
    let mut document = no_env().file(&path).load().unwrap();
    let error = document.take_section::<Server>("server").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}:3:11: server.rpc.timeout: expected a duration such as \"3s\", found integer 3; \
             write a unit, e.g. \"3s\"",
            path.display()
        )
    );
}

#[test]
fn values_of_the_wrong_type_are_described_in_plain_words() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct All {
        text: String,
        small: u16,
        flag: bool,
        list: Vec<u8>,
        table: Rpc,
        address: SocketAddr,
        ratio: Ratio,
        percent: Percent,
        mode: Mode,
        one_of: Mode,
    }
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Dev,
        Test,
    }
    let text = "text = 1\nsmall = 70000\nflag = 'yes'\nlist = { a = 1 }\ntable = [1]\n\
                address = 'x'\nratio = 1.5\npercent = 101\nmode = 'tset'\none_of = 3\n";
    assert_eq!(
        toml_errors::<All>(text),
        [
            "a.toml:1:8: text: expected text, found integer 1; put it in quotes",
            "a.toml:2:9: small: expected an integer from 0 to 65535, found integer 70000",
            "a.toml:3:8: flag: expected true or false, found text \"yes\"",
            "a.toml:4:8: list: expected a list, found a table",
            "a.toml:5:9: table: expected a table, found a list",
            "a.toml:6:11: address: invalid socket address syntax",
            "a.toml:7:9: ratio: expected a ratio from 0 to 1, found 1.5",
            "a.toml:8:11: percent: expected a whole percentage from 0 to 100, found 101",
            "a.toml:9:8: mode: unknown value \"tset\"; did you mean `test`?",
            "a.toml:10:10: one_of: expected one of \"dev\", \"test\", found integer 3",
        ]
    );
}

#[test]
fn unknown_keys_of_a_users_struct_are_all_reported() {
    let text = "greting = 'x'\ngreeting = 'y'\n[nested]\ncolor = 'red'\nzzzzzz = { deep = 1 }\n\
                [[routes]]\npath = '/'\n[[routes]]\npath = '/'\nweigth = 3\n";
    assert_eq!(
        toml_errors::<Own>(text),
        [
            "a.toml:1:1: greting: unknown key; did you mean `greeting`?",
            "a.toml:4:1: nested.color: unknown key; did you mean `colour`?",
            "a.toml:5:1: nested.zzzzzz: unknown key; known: `colour`, `count`",
            "a.toml:10:1: routes[1].weigth: unknown key; did you mean `weight`?",
        ]
    );
}

#[test]
fn unknown_keys_under_deny_unknown_fields_are_all_reported() {
    let mut document =
        toml("[server]\nrcp = {}\n[server.rpc]\nlisten = 'x'\nlisen = 1\ntime-out = 2\n");
    let error = document.take_section::<Server>("server").unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "a.toml:2:1: server.rcp: unknown key; did you mean `rpc`?",
            "a.toml:5:1: server.rpc.lisen: unknown key; did you mean `listen`?",
            "a.toml:6:1: server.rpc.time-out: unknown key; did you mean `timeout`?",
        ]
    );
}

#[test]
fn misspelt_section_is_found_among_the_taken_ones() {
    let mut document = toml("greeting = 'x'\n[servr.rpc]\nport = 1\n");
    assert!(document.take_section::<Server>("server").unwrap().is_none());
    let error = document.rest::<Own>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.toml:2:2: servr: unknown key; did you mean `server`?"
    );

    let mut document = toml("[servr.rpc]\nport = 1\n");
    assert!(document.take_section::<Server>("server").unwrap().is_none());
    let error = document.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.toml:1:2: servr: unknown key; did you mean `server`?"
    );
}

#[test]
fn yaml_errors_have_lines_and_columns() {
    let text = "# a comment\ngreeting: é\nnested:\n  colour: ü\n  cuont: 1\n  count: 300\n\
                routes:\n  - path: /a\n  - path: [1]\n";
    assert_eq!(
        lines(&yaml(text).rest::<Own>().unwrap_err()),
        [
            "a.yaml:5:3: nested.cuont: unknown key; did you mean `count`?",
            "a.yaml:6:10: nested.count: expected an integer from 0 to 255, found integer 300",
            "a.yaml:9:11: routes[1].path: expected text, found a list",
        ]
    );
}

#[test]
fn yaml_pitfalls_are_errors_or_harmless() {
    let load = |text: &str| no_env().text("a.yaml", Format::Yaml, text).load();
    let error = |text: &str| load(text).unwrap_err().to_string();
    assert!(
        error("a: 1\nb: 2\na: 3\n").starts_with("a.yaml:3:1: "),
        "{}",
        error("a: 1\na: 3")
    );
    assert!(error("a: 1\n---\nb: 2\n").starts_with("a.yaml:"));
    assert!(error("a: *nowhere\n").starts_with("a.yaml:1:4: "));
    assert!(error("- a\n").starts_with("a.yaml:1:1: expected a table"));
    assert!(error("a:\n\t- b\n").starts_with("a.yaml:2:"));
    for empty in ["", "\n", "# only a comment\n", "---\n", "{}", "\u{feff}"] {
        load(empty).unwrap().finish().unwrap();
    }

    let own = yaml("greeting: no\nnested: &n {colour: on, count: 1}\n")
        .rest::<Own>()
        .unwrap();
    assert_eq!(
        (own.greeting.as_str(), own.nested.colour.as_str()),
        ("no", "on")
    );
    let own = "x: &n {colour: red, count: 1}\ngreeting: hi\nnested:\n  <<: *n\n  count: 2\n";
    let mut document = yaml(own);
    document
        .take_section::<BTreeMap<String, serde_json::Value>>("x")
        .unwrap();
    let nested = document.rest::<Own>().unwrap().nested;
    assert_eq!((nested.colour.as_str(), nested.count), ("red", 2));
    let version = yaml("greeting: 1.10\n")
        .rest::<Own>()
        .unwrap_err()
        .to_string();
    assert!(
        version.ends_with("found number 1.1; put it in quotes"),
        "{version}"
    );
    let ports: BTreeMap<String, u16> = yaml("8080: 1\ntrue: 2\n").rest().unwrap();
    assert_eq!(ports["8080"], 1);
}

#[test]
fn json_errors_have_lines_and_columns() {
    let text = "{\n  \"greeting\": \"é\", \"nested\":\n    {\"cou\\u006Et\": \"x\", \"a\": 1}\n}";
    let document = no_env().text("a.json", Format::Json, text).load().unwrap();
    assert_eq!(
        lines(&document.rest::<Own>().unwrap_err()),
        [
            "a.json:3:20: nested.count: expected an integer from 0 to 255, found text \"x\"",
            "a.json:3:25: nested.a: unknown key; known: `colour`, `count`",
        ]
    );
}

#[test]
fn environment_and_command_line_are_named() {
    let mut document = Loader::new()
        .env_prefix("RZ")
        .env_map([
            ("RZ_SERVER__RPC__LISEN", "x"),
            ("RZ_SERVER__RPC__PORT", "many"),
        ])
        .set("server.rpc.timeout", "3")
        .load()
        .unwrap();
    let error = document.take_section::<Server>("server").unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "environment RZ_SERVER__RPC__LISEN: server.rpc.lisen: unknown key; did you mean `listen`?",
            "environment RZ_SERVER__RPC__PORT: server.rpc.port: expected an integer from 0 to 65535, \
             found text \"many\"",
            "command line: server.rpc.timeout: expected a duration such as \"3s\", found text \"3\"; \
             write a unit, e.g. \"3s\"",
        ]
    );
}

#[test]
fn missing_keys_are_named_once() {
    let text = "[nested]\ncount = 'x'\n[[routes]]\nweight = 1\n";
    assert_eq!(
        toml_errors::<Own>(text),
        [
            "a.toml:1:1: greeting: this key is required and has no default",
            "a.toml:2:9: nested.count: expected an integer from 0 to 255, found text \"x\"",
            "a.toml:3:1: routes[0].path: this key is required and has no default",
        ]
    );
}

#[test]
fn a_required_key_that_is_wrong_is_not_also_missing() {
    assert_eq!(
        toml_errors::<Own>("greeting = 1\nnested = 2\n"),
        [
            "a.toml:1:12: greeting: expected text, found integer 1; put it in quotes",
            "a.toml:2:10: nested: expected a table, found integer 2",
        ]
    );
}

#[test]
fn checks_across_keys_do_not_follow_from_hidden_ones() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "Raw")]
    struct Range;
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        min: u8,
        #[serde(default)]
        max: u8,
    }
    impl TryFrom<Raw> for Range {
        type Error = String;
        fn try_from(raw: Raw) -> Result<Self, String> {
            match raw.min <= raw.max {
                true => Ok(Self),
                false => Err(format!("min {} is above max {}", raw.min, raw.max)),
            }
        }
    }
    let read = |text| toml_errors::<BTreeMap<String, Range>>(text);
    assert_eq!(
        read("r = { min = 3, max = 2 }"),
        ["a.toml:1:5: r: min 3 is above max 2"]
    );
    assert_eq!(
        read("r = { min = 3, max = 'x' }"),
        ["a.toml:1:22: r.max: expected an integer from 0 to 255, found text \"x\""]
    );
}

#[test]
fn entries_of_a_map_are_all_checked() {
    let mut document = toml("[client.a]\nport = 'x'\n[client.b]\nprot = 1\n[client.c]\nport = 1\n");
    let error = document.take_map::<Rpc>("client").unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "a.toml:2:8: client.a.port: expected an integer from 0 to 65535, found text \"x\"",
            "a.toml:4:1: client.b.prot: unknown key; did you mean `port`?",
        ]
    );
}

#[test]
fn flattened_and_tagged_types_report_the_table_around() {
    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", deny_unknown_fields, rename_all = "snake_case")]
    #[expect(dead_code, reason = "only the errors are looked at")]
    enum Store {
        Disk { path: String, port: u8 },
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct All {
        store: Store,
    }
    assert_eq!(
        toml_errors::<All>("[store]\nkind = 'disk'\npath = 'x'\nport = 2\nprot = 1\n"),
        ["a.toml:5:1: store.prot: unknown key; did you mean `port`?"]
    );
    assert_eq!(
        toml_errors::<All>("[store]\nkind = 'disk'\npath = 'x'\nport = 256\n"),
        ["a.toml:1:1: store: expected an integer from 0 to 255, found integer 256"]
    );
}

#[test]
fn unreadable_and_broken_files_are_all_reported() {
    let (_a, toml) = file("a.toml", "a = 1\nb = = 2\n");
    let (_b, yaml) = file("b.yaml", "a: 1\nb: [1,\n");
    let (_c, json) = file("c.json", "{\n\"a\": 1, \"a\": 2}");
    let (_d, odd) = file("d.ini", "");
    let (_e, list) = file("e.json", "[1]");
    let missing = odd.with_file_name("none.toml");
    let error = no_env()
        .files([&toml, &yaml, &json, &odd, &list, &missing])
        .load()
        .unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 6, "{text}");
    for (path, part) in [
        (&toml, ":2:5: "),
        (&yaml, ":2:4: "),
        (&json, ":2:9: a: duplicate key"),
        (
            &odd,
            ": the format of this file is not known; name it .toml",
        ),
        (&list, ":1:1: expected a table of sections, found a list"),
        (&missing, ": cannot read this file: "),
    ] {
        let start = format!("{}{part}", path.display());
        assert!(
            text.lines().any(|line| line.starts_with(&start)),
            "{start}\n{text}"
        );
    }
}

#[test]
fn deep_nesting_is_refused() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let load = |format, text: &str| no_env().text("x", format, text).load().map(drop);
    for format in [Format::Json, Format::Yaml, Format::Toml] {
        let write = |list: &str| match format {
            Format::Toml => format!("a = {list}"),
            _ => format!("{{\"a\": {list}}}"),
        };
        assert_eq!(load(format, &write(&nested(25))), Ok(()), "{format:?}");
        for bad in [nested(200), nested(20_000), "[".repeat(100_000)] {
            assert!(load(format, &write(&bad)).is_err(), "{format:?}");
        }
    }
}

#[test]
fn own_checks_get_the_place() {
    let mut document = toml("[server.rpc]\nport = 0\n");
    document.take_section::<Server>("server").unwrap();
    let error = document.error_at("server.rpc.port", "must not be 0");
    assert_eq!(
        error.to_string(),
        "a.toml:2:8: server.rpc.port: must not be 0"
    );
    let both = error.and(document.error_at("server.rpc.listen", "is required in mode pro"));
    assert_eq!(both.problems().len(), 2);
}
