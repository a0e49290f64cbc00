//! The configuration of a service as users meet it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::fs;
use std::path::Path;

use rzero::config::{Settings, load, watch};

#[derive(Debug, serde::Deserialize)]
struct Config {
    greeting: String,
    #[serde(default)]
    limits: Limits,
}

#[derive(Debug, Default, serde::Deserialize)]
struct Limits {
    #[serde(default)]
    names: u32,
}

const GOOD: &str = r#"
greeting = "Hello"

[limits]
names = 3

[service]
name = "greeter"
mode = "test"

[server.rpc]
listen = "127.0.0.1:0"
timeout = "1s"

[client.user]
balancer = "random"
timeout = "300ms"
"#;

fn write(dir: &Path, text: &str) -> std::path::PathBuf {
    let path = dir.join("greeter.toml");
    fs::write(&path, text).unwrap();
    path
}

fn fails(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    load::<Config>(write(dir.path(), text))
        .unwrap_err()
        .to_string()
}

#[test]
fn both_parts_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let settings: Settings<Config> = load(write(dir.path(), GOOD)).unwrap();
    assert_eq!(
        (settings.greeting.as_str(), settings.limits.names),
        ("Hello", 3)
    );
    assert_eq!(settings.service.name, "greeter");
    assert_eq!(settings.clients["user"].timeout.as_millis(), 300);
}

#[test]
fn misspelt_keys_are_named_with_place_and_suggestion() {
    let ours = fails(&GOOD.replace("listen", "lisen"));
    assert!(ours.contains("greeter.toml:12:1"), "{ours}");
    assert!(
        ours.contains("server.rpc.lisen") && ours.contains("`listen`"),
        "{ours}"
    );
    let users = fails(&GOOD.replace("names", "nmes"));
    assert!(
        users.contains("limits.nmes") && users.contains("`names`"),
        "{users}"
    );
}

#[test]
fn units_are_asked_for() {
    let text = fails(&GOOD.replace("\"1s\"", "1"));
    assert!(
        text.contains("server.rpc.timeout") && text.contains("\"3s\""),
        "{text}"
    );
}

#[test]
fn a_missing_section_is_named() {
    let text = fails(r#"greeting = "Hello""#);
    assert!(text.contains("[service]"), "{text}");
}

#[test]
fn impossible_values_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = |text: &str| {
        let settings = load::<Config>(write(dir.path(), text)).unwrap();
        rzero::App::new(&settings)
            .map(drop)
            .unwrap_err()
            .message()
            .to_owned()
    };
    let error = start(
        &GOOD
            .replace("mode = \"test\"", "mode = \"pro\"")
            .replace("listen = \"127.0.0.1:0\"", ""),
    );
    assert!(error.contains("server.rpc.listen is missing"), "{error}");
    let error = start(&format!("{GOOD}\n[server.drain]\nin_flight = \"40s\"\n"));
    assert!(
        error.contains("server.drain") && error.contains("budget"),
        "{error}"
    );
    let error = start(&GOOD.replace("timeout = \"1s\"", "max_streams = 0"));
    assert!(
        error.contains("server.rpc.max_streams = 0") && error.contains("1 to 2147483647"),
        "{error}"
    );
    let error = start(&format!("{GOOD}\n[registry]\ndir = \"/proc/nowhere\"\n"));
    assert!(error.contains("/proc/nowhere"), "{error}");
}

#[tokio::test]
async fn an_impossible_client_is_named_when_its_channel_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let registry = format!("\n[registry]\ndir = {:?}\n", dir.path().join("registry"));
    let text = GOOD.replace("balancer = \"random\"", "keepalive = \"500ms\"") + &registry;
    let settings = load::<Config>(write(dir.path(), &text)).unwrap();
    let app = rzero::App::new(&settings).unwrap();
    let error = app.channel("user").map(drop).unwrap_err();
    assert_eq!(
        error.message(),
        "client.user.keepalive = \"500ms\" is out of range; write \"1s\" to \"365d\""
    );
}

#[cfg(not(feature = "etcd"))]
#[test]
fn a_feature_that_is_off_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!("{GOOD}\n[registry]\nkind = \"etcd\"\n");
    let settings = load::<Config>(write(dir.path(), &text)).unwrap();
    let error = rzero::App::new(&settings).map(drop).unwrap_err();
    assert!(
        error.message().contains("cargo add rzero --features etcd"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bad_change_keeps_the_last_good_value() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), GOOD);
    let mut watched = watch::<Config>(&path).unwrap();
    assert_eq!(watched.load().greeting, "Hello");
    fs::write(&path, GOOD.replace("greeting", "greting")).unwrap();
    while watched.reload_errors() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(watched.load().greeting, "Hello");
    fs::write(&path, GOOD.replace("Hello", "Hi")).unwrap();
    assert_eq!(watched.changed().await.greeting, "Hi");
}
