//! What a configuration may say about Redis; nothing is connected to.

use std::fs;

use rzero::config::load;

#[derive(Debug, serde::Deserialize)]
struct Config {}

const SERVICE: &str = "[service]\nname = \"echo\"\nmode = \"test\"\n";
const SHARED: &str = "[[policy.rate]]\nname = \"all\"\nrate = 1\nscope = \"distributed\"\n";
const TOKENS: &str =
    "[server.auth]\nrequire = [\"app\"]\napp.redis = \"main\"\napp.key = \"rpc:auth\"\n";

/// What the start says with this configuration; nothing when it works.
fn start(text: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("echo.toml");
    let registry = dir.path().join("registry");
    fs::write(
        &path,
        format!("{SERVICE}[registry]\ndir = {registry:?}\n{text}"),
    )
    .unwrap();
    match load::<Config>(path) {
        Ok(settings) => match rzero::App::new(&settings) {
            Ok(_) => String::new(),
            Err(error) => error.message().to_owned(),
        },
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_shared_rule_without_a_store_is_placed_and_told_the_fix() {
    let told = start(SHARED);
    assert!(
        told.contains("echo.toml:9:9: policy.rate[0].scope"),
        "{told}"
    );
    assert!(told.contains("write [redis.main]"), "{told}");
    let feature = told.contains("cargo add rzero --features redis");
    assert_eq!(feature, cfg!(not(feature = "redis")), "{told}");
    assert_eq!(start(&SHARED.replace("distributed", "local")), "");
}

#[test]
fn a_store_that_is_not_there_is_placed() {
    let told = start("[policy.store]\nredis = \"main\"\n");
    assert!(told.contains("echo.toml:7:9: policy.store.redis"), "{told}");
    assert!(told.contains("there is no [redis.main]"), "{told}");
}

#[test]
fn tokens_in_a_redis_that_is_not_there_are_placed() {
    let told = start(TOKENS);
    assert!(
        told.contains("echo.toml:8:13: server.auth.app.redis"),
        "{told}"
    );
    assert!(told.contains("there is no [redis.main]"), "{told}");
}

#[cfg(not(feature = "redis"))]
#[test]
fn a_feature_that_is_off_is_named() {
    for text in ["[redis.main]\n", "[redis.cache]\naddresses = [\"a:1\"]\n"] {
        let told = start(text);
        assert!(told.contains("echo.toml:6:"), "{told}");
        assert!(told.contains("cargo add rzero --features redis"), "{told}");
    }
}

#[cfg(feature = "redis")]
#[test]
fn mistakes_in_a_section_are_placed() {
    let told = start("[redis.main]\naddresses = [\"a:1\"]\n");
    assert_eq!(told, "");
    let told = start("[redis.main]\nadresses = [\"a:1\"]\n");
    assert!(
        told.contains("echo.toml:7:1: redis.main.adresses"),
        "{told}"
    );
    assert!(told.contains("`addresses`"), "{told}");
    let told = start("[redis.main]\nconnections = 0\n");
    assert!(told.contains("redis.main.connections must be"), "{told}");
}

#[cfg(feature = "redis")]
#[test]
fn the_store_is_the_only_redis_or_main_or_the_one_that_is_named() {
    assert_eq!(start(&format!("[redis.any]\n{SHARED}")), "");
    assert_eq!(start(&format!("[redis.main]\n[redis.any]\n{SHARED}")), "");
    let two = "[redis.any]\n[redis.other]\n";
    let told = start(&format!("{two}{SHARED}"));
    assert!(
        told.contains("name one of any, other in policy.store.redis"),
        "{told}"
    );
    let named = "[policy.store]\nredis = \"other\"\n";
    assert_eq!(start(&format!("{two}{named}{SHARED}")), "");
}

#[cfg(feature = "redis")]
#[test]
fn a_redis_is_handed_out_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("echo.toml");
    let registry = dir.path().join("registry");
    let text = format!("{SERVICE}[registry]\ndir = {registry:?}\n[redis.main]\n");
    fs::write(&path, text).unwrap();
    let app = rzero::App::new(&load::<Config>(path).unwrap()).unwrap();
    assert_eq!(app.redis("main").unwrap().name(), "main");
    let error = app.redis("cache").unwrap_err();
    assert_eq!(
        error.message(),
        "there is no [redis.cache]: write it, or name one of main"
    );
}
