use rzero_config::{Loader, Secret};
use serde::Deserialize;

use crate::support::{no_env, toml, toml_errors};

#[test]
fn explain_masks_secrets() {
    let document = Loader::new()
        .defaults("[redis.a]\npassword = 'hunter2'\nurl = 'redis://me:hunter2@h/0'\nname = 'x'")
        .env_prefix("RZ")
        .env_map([("RZ_ADMIN__TOKEN", "hunter2")])
        .set("tls.private_key", "hunter2")
        .set("api.secrets", "['hunter2', 'hunter2']")
        .load()
        .unwrap();
    let printed = format!("{document:?} {:?}", document.explain());
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(
        printed.contains("redis://me:***@h/0") && printed.contains("\\\"x\\\""),
        "{printed}"
    );
}

#[test]
fn explain_masks_what_was_read_as_a_secret() {
    #[derive(Debug, Deserialize)]
    struct All {
        pin: Secret,
        pins: Vec<Secret>,
    }
    let document = toml("pin = 'hunter2'\npins = ['hunter2']");
    let all: All = document.parse().unwrap();
    assert_eq!(
        (all.pin.expose(), all.pins[0].expose()),
        ("hunter2", "hunter2")
    );
    let printed = format!("{:?} {all:?}", document.explain());
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn errors_do_not_print_secrets() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the errors are looked at")]
    struct All {
        #[serde(default)]
        password: u8,
        #[serde(default)]
        pin: Option<Secret>,
        #[serde(default)]
        url: u8,
        #[serde(default)]
        token: Option<std::net::IpAddr>,
    }
    let text =
        "password = 'hunter2'\npin = 47114711\nurl = 'http://u:hunter2@h'\ntoken = 'hunter2'";
    let lines = toml_errors::<All>(text);
    assert_eq!(lines.len(), 4, "{lines:?}");
    let text = lines.join("\n");
    assert!(
        !text.contains("hunter2") && !text.contains("4711"),
        "{text}"
    );
}

#[test]
fn parse_errors_do_not_print_the_line() {
    let broken = "password = 'hunter2' x";
    let error = no_env()
        .text("a.toml", rzero_config::Format::Toml, broken)
        .load()
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let broken = "password: 'hunter2' x";
    let error = no_env()
        .text("a.yaml", rzero_config::Format::Yaml, broken)
        .load()
        .unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn loader_debug_prints_names_only() {
    let loader = Loader::new()
        .env_prefix("RZ")
        .env_map([("RZ_A__B", "hunter2")])
        .set("a.c", "hunter2")
        .defaults("a.d = 'hunter2'");
    let printed = format!("{loader:?}");
    assert!(
        printed.contains("a.c") && !printed.contains("hunter2"),
        "{printed}"
    );
}

#[test]
fn secret_of_digits_from_a_variable_stays_text() {
    #[derive(Debug, Deserialize)]
    struct All {
        pin: Secret,
        login: Login,
    }
    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Login {
        Basic { password: Secret },
    }
    let text = "pin = \"${PIN}\"\nlogin = { kind = 'basic', password = \"${PIN}\" }";
    let all: All = Loader::new()
        .text("a.toml", rzero_config::Format::Toml, text)
        .env_map([("PIN", "4711")])
        .load()
        .unwrap()
        .rest()
        .unwrap();
    let Login::Basic { password } = all.login;
    assert_eq!((all.pin.expose(), password.expose()), ("4711", "4711"));
}
