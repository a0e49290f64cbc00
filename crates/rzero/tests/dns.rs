//! `registry.kind = "dns"` as users meet it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::fs;

use rzero::config::load;

#[derive(Debug, serde::Deserialize)]
struct Config {}

/// What the start says with this `[registry]`; nothing when it works.
fn start(registry: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("greeter.toml");
    let service = "[service]\nname = \"greeter\"\nmode = \"test\"\n";
    fs::write(&path, format!("{service}[registry]\n{registry}")).unwrap();
    match load::<Config>(path) {
        Ok(settings) => match rzero::App::new(&settings) {
            Ok(_) => String::new(),
            Err(error) => error.message().to_owned(),
        },
        Err(error) => error.to_string(),
    }
}

#[cfg(not(feature = "dns"))]
#[test]
fn a_feature_that_is_off_is_named() {
    for registry in [
        "kind = \"dns\"",
        "kind = \"dns\"\ndns.name = \"{service}.svc:80\"",
    ] {
        let text = start(registry);
        assert!(text.contains("--features dns"), "{text}");
    }
}

#[cfg(feature = "dns")]
#[test]
fn a_pattern_is_all_it_takes_and_mistakes_are_named() {
    let works = "kind = \"dns\"\ndns.servers = [\"127.0.0.1:53\"]\n\
                 dns.name = \"{service}.default.svc.cluster.local:8080\"";
    assert_eq!(start(works), "");
    let text = start("kind = \"dns\"");
    assert!(text.contains("registry.dns.name is missing"), "{text}");
    let text = start(&works.replace("servers", "server"));
    assert!(
        text.contains("greeter.toml:6:5: registry.dns.server") && text.contains("`servers`"),
        "{text}"
    );
}
