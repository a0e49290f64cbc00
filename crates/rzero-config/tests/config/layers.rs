use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;
use rzero_config::{Format, Loader};
use serde::Deserialize;

use crate::support::{Own, Rpc, Server, file, lines, no_env, toml, yaml};

#[test]
fn later_layers_win_key_by_key() {
    let (_a, first) = file(
        "a.toml",
        "[server.rpc]\nlisten = 'file1'\ntimeout = '1s'\nport = 1\n",
    );
    let (_b, second) = file("b.yaml", "server:\n  rpc:\n    timeout: 2s\n    port: 2\n");
    let (_c, third) = file(
        "c.json",
        r#"{"server": {"rpc": {"port": 3, "body_max": "1KiB"}}}"#,
    );
    let load = |loader: Loader| {
        loader
            .load()
            .unwrap()
            .take_section::<Server>("server")
            .unwrap()
            .unwrap()
            .rpc
    };
    let files = Loader::new()
        .defaults("server.rpc.listen = 'default'\nserver.rpc.body_max = '9B'")
        .files([first, second, third])
        .env_prefix("RZ");
    let quiet = load(files.clone().env_map::<String, String>([]));
    assert_eq!(
        (quiet.listen.as_str(), quiet.timeout.as_secs(), quiet.port),
        ("file1", 2, 3)
    );
    assert_eq!(quiet.body_max.bytes(), 1024);

    let env = [
        ("RZ_SERVER__RPC__PORT", "4"),
        ("RZ_SERVER__RPC__TIMEOUT", "5s"),
    ];
    let loud = load(files.env_map(env).set("server.rpc.port", "6"));
    assert_eq!((loud.port, loud.timeout.as_secs()), (6, 5));
}

#[test]
fn origins_name_the_winning_layer() {
    let document = Loader::new()
        .defaults("a.x = 1\na.y = 2")
        .text("etc/a.toml", Format::Toml, "[a]\n  y = 3\nz = 4\nv = 5")
        .env_prefix("RZ")
        .env_map([("RZ_A__Z", "9")])
        .set("a.v", "10")
        .load()
        .unwrap();
    let explained: Vec<String> = document
        .explain()
        .iter()
        .map(|line| format!("{}={} ({})", line.key, line.value, line.origin))
        .collect();
    assert_eq!(
        explained,
        [
            "a.v=\"10\" (command line)",
            "a.x=1 (default:1:7)",
            "a.y=3 (etc/a.toml:2:7)",
            "a.z=\"9\" (environment RZ_A__Z)",
        ]
    );
    assert_eq!(
        document.origin("a.y").unwrap().to_string(),
        "etc/a.toml:2:7"
    );
}

#[test]
fn environment_names_without_a_section_are_no_keys() {
    let names = [
        "RZ_CONFIG",
        "RZ_SOURCE",
        "RZ_LOG",
        "RZ_ADMIN_TOKEN",
        "RZ_SERVICE",
        "RZ_VERSION",
        "RZ_ZONE",
        "RZ_LANE",
        "RZ_REQUIRE_EBPF",
        "PATH",
        "RZX_A__B",
    ];
    let document = Loader::new()
        .env_prefix("RZ")
        .env_map(names.map(|name| (name, "x")))
        .load()
        .unwrap();
    document.finish().unwrap();
}

#[test]
fn environment_values_become_what_is_asked_for() {
    #[derive(Debug, Deserialize)]
    struct All {
        text: String,
        number: u16,
        ratio: f64,
        on: bool,
        list: Vec<String>,
        table: HashMap<String, i64>,
        none: Option<u8>,
        some: Option<u8>,
        any: toml::Value,
    }
    let env = [
        ("RZ_A__TEXT", "007"),
        ("RZ_A__NUMBER", "8080"),
        ("RZ_A__RATIO", "0.5"),
        ("RZ_A__ON", "true"),
        ("RZ_A__LIST", "['a', \"b\"]"),
        ("RZ_A__TABLE", "{ x = 1 }"),
        ("RZ_A__NONE", ""),
        ("RZ_A__SOME", "1"),
        ("RZ_A__ANY", "12"),
    ];
    let mut document = Loader::new().env_prefix("RZ").env_map(env).load().unwrap();
    let all: All = document.take_section("a").unwrap().unwrap();
    assert_eq!(
        (all.text.as_str(), all.number, all.ratio, all.on),
        ("007", 8080, 0.5, true)
    );
    assert_eq!(
        (all.list, all.table["x"]),
        (vec!["a".to_owned(), "b".to_owned()], 1)
    );
    assert_eq!(
        (all.none, all.some, all.any),
        (None, Some(1), toml::Value::Integer(12))
    );
}

#[test]
fn environment_reaches_dashed_names_and_list_items() {
    let text = "[client.user-api]\naddr = 'a'\n[[routes]]\npath = '/a'\n[[routes]]\npath = '/b'\n";
    let env = [
        ("RZ_CLIENT__USER_API__ADDR", "b"),
        ("RZ_ROUTES__1__PATH", "/c"),
    ];
    let mut document = Loader::new()
        .text("a.toml", Format::Toml, text)
        .env_prefix("RZ")
        .env_map(env)
        .load()
        .unwrap();
    let clients: BTreeMap<String, HashMap<String, String>> = document.take_map("client").unwrap();
    assert_eq!(clients["user-api"]["addr"], "b");
    let routes: Vec<HashMap<String, String>> = document.take_section("routes").unwrap().unwrap();
    assert_eq!(
        (routes[0]["path"].as_str(), routes[1]["path"].as_str()),
        ("/a", "/c")
    );
}

#[test]
fn overrides_that_fit_nowhere_are_errors() {
    let error = Loader::new()
        .text("a.toml", Format::Toml, "list = [1]")
        .env_prefix("RZ")
        .env_map([("RZ_LIST__7", "1"), ("RZ_A____B", "1")])
        .set("a..b", "1")
        .load()
        .unwrap_err();
    assert_eq!(
        lines(&error),
        [
            "environment RZ_A____B: a part between `__` is empty",
            "environment RZ_LIST__7: `7` is not a position in a list of 1",
            "command line: a..b: a part between dots is empty",
        ]
    );
}

#[test]
fn placeholders_take_the_type_that_is_asked_for() {
    let loader = |env: &[(&str, &str)]| {
        let text = "[server.rpc]\nport = \"${PORT:8080}\"\nlisten = \"${HOST:h}:${PORT:1}\"";
        let mut document = Loader::new()
            .text("a.toml", Format::Toml, text)
            .env_map(env.iter().copied())
            .load()
            .unwrap();
        document
            .take_section::<Server>("server")
            .unwrap()
            .unwrap()
            .rpc
    };
    let unset = loader(&[]);
    assert_eq!((unset.port, unset.listen.as_str()), (8080, "h:1"));
    let set = loader(&[("PORT", "9"), ("HOST", "x")]);
    assert_eq!((set.port, set.listen.as_str()), (9, "x:9"));
}

#[test]
fn placeholders_without_value_are_reported_together() {
    let text = "a: ${NOPE}\nb:\n  - ok\n  - x${NEITHER}\nc: \"$${NOPE}\"\n";
    let error = no_env()
        .text("a.yaml", Format::Yaml, text)
        .load()
        .unwrap_err();
    let lines = lines(&error);
    assert!(
        lines[0].starts_with("a.yaml:1:4: a: variable `NOPE` is not set"),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("a.yaml:4:5: b[1]: variable `NEITHER` is not set"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
}

#[test]
fn empty_sections_hide_nothing() {
    let mut document = no_env()
        .defaults("server.rpc.port = 7")
        .text(
            "a.yaml",
            Format::Yaml,
            "server:\n  rpc:\n    # port: 8\nempty:\n",
        )
        .load()
        .unwrap();
    let server: Server = document.take_section("server").unwrap().unwrap();
    assert_eq!(server.rpc.port, 7);
    assert_eq!(
        document.take_section::<Rpc>("empty").unwrap(),
        Some(Rpc::default())
    );
    assert_eq!(document.take_section::<Rpc>("absent").unwrap(), None);
    assert!(document.take_map::<Rpc>("absent_too").unwrap().is_empty());
}

#[test]
fn taken_sections_are_gone_from_the_rest() {
    let mut document = toml("greeting = 'hi'\n[server.rpc]\nport = 1\n");
    assert!(document.take_section::<Server>("server").unwrap().is_some());
    assert!(document.take_section::<Server>("server").unwrap().is_none());
    assert!(document.has_section("server"));
    assert_eq!(document.rest::<Own>().unwrap().greeting, "hi");
}

#[test]
fn all_formats_give_the_same_tree() {
    let toml = "greeting = 'é'\n[nested]\ncount = 3\n[[routes]]\npath = '/'\nweight = 2";
    let yaml = "greeting: é\nnested: {count: 3}\nroutes:\n  - path: /\n    weight: 2\n";
    let json = "{\"greeting\":\"\\u00e9\",\n\t\"nested\":{\"count\":3},\n\t\"routes\":[{\"path\":\"/\",\"weight\":2}]}";
    let [a, b, c] = [
        (Format::Toml, toml),
        (Format::Yaml, yaml),
        (Format::Json, json),
    ]
    .map(|(format, text)| {
        no_env()
            .text("x", format, text)
            .load()
            .unwrap()
            .parse::<Own>()
            .unwrap()
    });
    assert_eq!(a, b);
    assert_eq!(b, c);
}

#[test]
fn enums_are_read_by_name() {
    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
        Sized(u8),
        Named { x: u8 },
    }
    #[derive(Debug, Deserialize)]
    struct All {
        a: Kind,
        b: Kind,
        c: Kind,
    }
    let all: All = yaml("a: plain\nb: {sized: 3}\nc: {named: {x: 1}}")
        .rest()
        .unwrap();
    assert_eq!(
        (all.a, all.b, all.c),
        (Kind::Plain, Kind::Sized(3), Kind::Named { x: 1 })
    );
}

proptest! {
    #[test]
    fn any_text_is_loaded_without_panic(text in ".{0,200}") {
        for format in [Format::Toml, Format::Yaml, Format::Json] {
            if let Ok(document) = no_env().text("x", format, &text).load() {
                let _ = document.explain();
                let _ = document.parse::<Own>();
            }
        }
    }

    #[test]
    fn near_misses_are_loaded_without_panic(text in "[\\[\\]{}:,\"'=\\-a-c0-2 \n\t.&*<$#|>]{0,60}") {
        for format in [Format::Toml, Format::Yaml, Format::Json] {
            if let Ok(document) = no_env().text("x", format, &text).load() {
                let _ = document.explain();
                let _ = document.parse::<Own>();
            }
        }
    }

    #[test]
    fn any_override_is_applied_without_panic(key in ".{0,20}", value in ".{0,20}") {
        let _ = no_env().set(&key, &value).load();
        let _ = Loader::new().env_prefix("RZ").env_map([(format!("RZ_{key}__x"), value)]).load();
    }
}
