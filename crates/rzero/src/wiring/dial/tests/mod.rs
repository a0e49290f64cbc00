//! Every key reaches the wire, in its range, as the documentation says.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::iter;
use std::path::Path;

use rzero_client::{ClientConfig, ClientLimitsConfig};
use rzero_config::{Document, Format, Loader};
use rzero_grpc::{ClientOptions, ServerOptions};
use rzero_server::{LimitsConfig, RpcConfig, ServerConfig};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor, value};
use serde::forward_to_deserialize_any;

use super::options;
use rows::{BOTH, CLIENT, Row, SERVER};

/// One side of the wire.
struct Side {
    /// The section as in messages, and as in the documentation.
    section: &'static str,
    title: &'static str,
    own: &'static [Row],
    default: String,
    /// The options by the text of the section.
    read: fn(&str) -> Result<String, String>,
    /// The keys of the section and of its `limits`.
    keys: [BTreeSet<String>; 2],
}

impl Side {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.own.iter().chain(BOTH)
    }
}

fn document(section: &str, text: &str) -> Document {
    let text = format!("[{section}]\n{text}\n");
    let loader = Loader::new().text("test.toml", Format::Toml, &text);
    loader.load().unwrap()
}

fn shown<T: Debug>(result: rzero_core::Result<T>) -> Result<String, String> {
    match result {
        Ok(options) => Ok(format!("{options:?}")),
        Err(error) => Err(error.message().to_owned()),
    }
}

fn sides() -> [Side; 2] {
    let server = Side {
        section: "server.rpc",
        title: "[server.rpc",
        own: SERVER,
        default: format!("{:?}", ServerOptions::default()),
        read: |text| {
            let read = document("server.rpc", text).take_section::<ServerConfig>("server");
            let config = read.map_err(|e| e.to_string())?.unwrap();
            shown(options::server(&config.rpc))
        },
        keys: [keys::<RpcConfig>(), keys::<LimitsConfig>()],
    };
    let client = Side {
        section: "client.user",
        title: "[client.<name>",
        own: CLIENT,
        default: format!("{:?}", ClientOptions::default()),
        read: |text| {
            let read = document("client.user", text).take_map::<ClientConfig>("client");
            let config = &read.map_err(|e| e.to_string())?["user"];
            shown(options::client("client.user", config))
        },
        keys: [keys::<ClientConfig>(), keys::<ClientLimitsConfig>()],
    };
    [server, client]
}

#[test]
fn absent_keys_keep_the_defaults_of_the_wire() {
    for side in sides() {
        assert_eq!((side.read)("").unwrap(), side.default);
    }
}

#[test]
fn every_key_reaches_the_options() {
    for side in sides() {
        for (key, value, part, _) in side.rows() {
            assert!(!side.default.contains(part), "{part} is the default");
            let options = (side.read)(&format!("{key} = {value}")).unwrap();
            assert!(options.contains(part), "{key}: {part} in {options}");
        }
    }
}

#[test]
fn never_and_the_other_words_are_understood() {
    let [server, client] = sides();
    for (side, line, part) in [
        (
            &server,
            "max_connection_age = \"never\"",
            "connection_age_max: None",
        ),
        (&server, "keepalive = \"never\"", "keepalive_interval: None"),
        (&client, "keepalive = \"never\"", "keepalive_interval: None"),
        (&server, "compression = \"never\"", "compression: Never"),
        (
            &server,
            "compression = \"like_request\"",
            "compression: LikeRequest",
        ),
        (&client, "compression = \"never\"", "compression: None"),
    ] {
        let options = (side.read)(line).unwrap();
        assert!(options.contains(part), "{line}: {options}");
    }
}

#[test]
fn values_out_of_range_name_the_key_and_the_range() {
    for side in sides() {
        for (key, _, _, bad) in side.rows().filter(|row| !row.3.is_empty()) {
            let error = (side.read)(&format!("{key} = {bad}")).unwrap_err();
            let begin = format!("{}.{key} = {bad} is out of range; write ", side.section);
            assert!(error.starts_with(&begin), "{error}");
        }
    }
    let [server, client] = sides();
    assert_eq!(
        (server.read)("max_streams = 0").unwrap_err(),
        "server.rpc.max_streams = 0 is out of range; write 1 to 2147483647"
    );
    assert_eq!(
        (client.read)("limits.stream_window = \"2GiB\"").unwrap_err(),
        "client.user.limits.stream_window = \"2GiB\" is out of range; write \"1KiB\" to \"1GiB\""
    );
    assert_eq!(
        (server.read)("keepalive = \"500ms\"").unwrap_err(),
        "server.rpc.keepalive = \"500ms\" is out of range; write \"1s\" to \"365d\""
    );
}

#[test]
fn values_of_the_wrong_kind_say_what_to_write() {
    let [server, client] = sides();
    for (side, line, parts) in [
        (
            &server,
            "keepalive = 30",
            ["server.rpc.keepalive", "\"30s\""],
        ),
        (
            &client,
            "keepalive = \"often\"",
            ["client.user.keepalive", "\"3s\""],
        ),
        (
            &server,
            "max_message = 1024",
            ["server.rpc.max_message", "\"1024B\""],
        ),
        (
            &server,
            "compression = \"zip\"",
            ["server.rpc.compression", "`gzip`"],
        ),
        (
            &server,
            "max_streams = -1",
            ["server.rpc.max_streams", "-1"],
        ),
        (
            &server,
            "max_stream = 1",
            ["server.rpc.max_stream", "`max_streams`"],
        ),
        (
            &server,
            "limits.reset.burst = 1",
            ["server.rpc.limits.reset", "`resets`"],
        ),
        (
            &client,
            "limits.settings.bursts = 1",
            ["client.user.limits.settings.bursts", "`burst`"],
        ),
    ] {
        let error = (side.read)(line).unwrap_err();
        let all = parts.iter().all(|part| error.contains(part));
        assert!(error.contains("test.toml:2") && all, "{line}: {error}");
    }
}

#[test]
fn buffers_hold_a_message() {
    let [server, client] = sides();
    assert_eq!(
        (server.read)("max_message = \"16MiB\"").unwrap_err(),
        "server.rpc.receive_buffer = \"16MiB\" has to be more than server.rpc.max_message = \
         \"16MiB\"; raise the one or lower the other"
    );
    let error = (client.read)("receive_buffer = \"1MiB\"").unwrap_err();
    assert!(
        error.contains("more than client.user.max_message = \"4MiB\""),
        "{error}"
    );
    let error = (server.read)("receive_buffer_total = \"8MiB\"").unwrap_err();
    assert!(
        error.contains("at least server.rpc.receive_buffer = \"16MiB\""),
        "{error}"
    );
}

#[test]
fn every_key_is_in_the_table_of_these_tests() {
    for side in sides() {
        let tested: BTreeSet<_> = side.rows().map(|row| first(row.0, "limits.")).collect();
        let limits = side.keys[1].iter().cloned();
        let wire = side.keys[0]
            .iter()
            .filter(|key| !not_of_the_wire(key))
            .cloned();
        assert_eq!(tested, wire.chain(limits).collect());
    }
}

/// Keys that are no options of the wire.
fn not_of_the_wire(key: &str) -> bool {
    const SERVER: &[&str] = &[
        "listen",
        "advertise",
        "timeout",
        "reflection",
        "tls",
        "limits",
    ];
    const CLIENT: &[&str] = &[
        "service",
        "addresses",
        "connect_timeout",
        "balancer",
        "wait_for_ready",
    ];
    SERVER.contains(&key) || CLIENT.contains(&key)
}

/// The first segment of a key, after the prefix.
fn first(key: &str, prefix: &str) -> String {
    let key = key.strip_prefix(prefix).unwrap_or(key);
    key.split('.').next().unwrap_or(key).to_owned()
}

/// Key → the cells behind it, of the table below a title of the documentation.
fn documented(title: &str) -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text
        .split("\n## ")
        .find(|part| part.starts_with(&format!("`{title}`\n")));
    let rows = section.unwrap_or_else(|| panic!("no {title}")).lines();
    let rows = rows.filter_map(|line| line.strip_prefix("| `"));
    let mut out = BTreeMap::new();
    for row in rows {
        let mut cells = row
            .trim_end_matches('|')
            .split(" | ")
            .map(|cell| cell.replace('`', ""));
        let keys = cells.next().unwrap();
        let cells: Vec<_> = cells.collect();
        let defaults = cells[0].split(", ");
        for (key, default) in keys.split(", ").zip(defaults.chain(iter::repeat(""))) {
            let mut cells = cells.clone();
            default.clone_into(&mut cells[0]);
            out.insert(key.trim().to_owned(), cells);
        }
    }
    out
}

#[test]
fn documentation_lists_every_key() {
    for side in sides() {
        let (own, limits) = (
            documented(&format!("{}]", side.title)),
            format!("{}.limits]", side.title),
        );
        let own: BTreeSet<_> = own.keys().map(|key| first(key, "")).collect();
        let expected = side.keys[0].iter().filter(|key| *key != "limits").cloned();
        assert_eq!(own, expected.collect());
        let limits: BTreeSet<_> = documented(&limits)
            .keys()
            .map(|key| first(key, ""))
            .collect();
        assert_eq!(limits, side.keys[1]);
    }
}

#[test]
fn documented_defaults_and_ranges_are_the_real_ones() {
    for side in sides() {
        let own = documented(&format!("{}]", side.title));
        let limits = documented(&format!("{}.limits]", side.title));
        let mut text = String::new();
        for (key, _, _, bad) in side.rows() {
            let cells = match key.strip_prefix("limits.") {
                Some(key) => &limits[key],
                None => &own[*key],
            };
            text.push_str(&format!("{key} = {}\n", cells[0]));
            if !bad.is_empty() {
                let error = (side.read)(&format!("{key} = {bad}")).unwrap_err();
                let (_, range) = error.split_once("; write ").unwrap();
                assert!(
                    cells[1].starts_with(range),
                    "{key}: {:?}, not {range}",
                    cells[1]
                );
            }
        }
        assert_eq!((side.read)(&text).unwrap(), side.default, "{text}");
    }
}

/// The keys of a section.
fn keys<T: for<'de> Deserialize<'de>>() -> BTreeSet<String> {
    let names = T::deserialize(Names).map(drop).unwrap_err().to_string();
    names.split(' ').map(str::to_owned).collect()
}

/// Answers with the names of the fields that it is asked for, as an error.
struct Names;

impl<'de> Deserializer<'de> for Names {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
        Err(value::Error::custom("no-struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, value::Error> {
        Err(value::Error::custom(fields.join(" ")))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
