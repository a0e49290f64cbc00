//! A configuration centre as users meet it.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use rzero::config::load;

#[derive(Debug, serde::Deserialize)]
struct Config {
    #[cfg_attr(
        not(feature = "etcd"),
        expect(dead_code, reason = "without a centre nothing is read whole here")
    )]
    greeting: String,
}

const LOCAL: &str = r#"
greeting = "Hello"

[service]
name = "greeter"
mode = "test"

[config]
remote = "etcd"
"#;

fn write(dir: &Path, text: &str) -> PathBuf {
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
fn misspelt_keys_of_the_section_are_named() {
    let text = fails(&LOCAL.replace("remote =", "remot ="));
    assert!(
        text.contains("greeter.toml:9:1: config.remot") && text.contains("`remote`"),
        "{text}"
    );
    let text = fails(&LOCAL.replace("\"etcd\"", "\"zookeeper\""));
    assert!(text.contains("config.remote"), "{text}");
}

#[cfg(not(feature = "etcd"))]
#[test]
fn a_feature_that_is_off_is_named() {
    let text = fails(LOCAL);
    assert!(
        text.contains("greeter.toml:9:10: config.remote")
            && text.contains("cargo add rzero --features etcd"),
        "{text}"
    );
}

#[cfg(feature = "etcd")]
mod with_etcd {
    use std::time::Duration;

    use rzero::config::{Settings, Watched, watch};
    use rzero::policy::{Scope, Setting, Side};
    use rzero_harness::{EtcdCluster, EtcdOptions};
    use tokio::task::block_in_place;
    use tokio::time::timeout;

    use super::*;

    const KEY: &str = "/rzero/config/greeter";
    /// A safety net only.
    const PATIENCE: Duration = Duration::from_secs(60);

    struct Centre {
        etcd: EtcdCluster,
        dir: tempfile::TempDir,
    }

    impl Centre {
        fn start() -> Self {
            let etcd = block_in_place(|| EtcdCluster::start_with(EtcdOptions::new(1)));
            Self {
                etcd: etcd.unwrap(),
                dir: tempfile::tempdir().unwrap(),
            }
        }

        fn put(&self, document: &str) {
            block_in_place(|| self.etcd.etcdctl(&["put", KEY, document])).unwrap();
        }

        fn delete(&self) {
            block_in_place(|| self.etcd.etcdctl(&["del", KEY])).unwrap();
        }

        /// A file that names this centre, in the way that `more` adds.
        fn file(&self, more: &str) -> PathBuf {
            let endpoints = self.etcd.endpoints();
            let text = format!("{LOCAL}{more}\netcd.endpoints = {endpoints:?}\n");
            write(self.dir.path(), &text)
        }
    }

    async fn next(watched: &mut Watched<Settings<Config>>) -> String {
        let changed = timeout(PATIENCE, watched.changed()).await;
        changed.unwrap().greeting.clone()
    }

    async fn refuses(watched: &Watched<Settings<Config>>, times: u64) {
        let refused = async {
            while watched.reload_errors() < times {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, refused).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs etcd"]
    async fn a_document_stands_above_the_files_and_is_followed() {
        let centre = Centre::start();
        centre.put("greeting: Salut");
        let mut watched = watch::<Config>(centre.file("")).unwrap();
        assert_eq!(watched.load().greeting, "Salut");
        centre.put("greeting = 'Hi'");
        assert_eq!(next(&mut watched).await, "Hi");
        centre.put("greting = 'Hey'");
        refuses(&watched, 1).await;
        assert_eq!(watched.load().greeting, "Hi");
        centre.delete();
        assert_eq!(next(&mut watched).await, "Hello");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs etcd"]
    async fn policies_of_a_document_are_in_force_and_know_where_they_are_written() {
        let centre = Centre::start();
        centre.put("policy:\n  timeout: 123ms");
        let mut watched = watch::<Config>(centre.file("")).unwrap();
        let timeout = |settings: &Settings<Config>| {
            let all = settings.policy.explain(Side::Server, Scope::Any, "/a.B/C");
            let timeout = all.into_iter().find(|setting| setting.key == "timeout");
            let Setting { value, source, .. } = timeout.unwrap();
            format!("{value} {source}")
        };
        let text = timeout(&watched.load());
        assert!(
            text.starts_with("\"123ms\" etcd:/rzero/config/greeter:2:12"),
            "{text}"
        );
        centre.put("policy.timeout = '99ms'");
        next(&mut watched).await;
        let text = timeout(&watched.load());
        assert!(
            text.starts_with("\"99ms\" etcd:/rzero/config/greeter:1:18"),
            "{text}"
        );
        // A value that makes no sense is refused with its place.
        centre.put("[[policy.rule]]\ntimeout = 'soon'");
        refuses(&watched, 1).await;
        assert!(timeout(&watched.load()).starts_with("\"99ms\""));
        let error = load::<Config>(centre.file("")).unwrap_err().to_string();
        assert!(
            error.contains("etcd:/rzero/config/greeter:2:11: policy.rule[0].timeout"),
            "{error}"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs etcd"]
    async fn a_wrong_document_stops_the_start_and_is_named() {
        let centre = Centre::start();
        let error = |document: &str| {
            centre.put(document);
            let read = load::<Config>(centre.file(""));
            read.unwrap_err().to_string()
        };
        let text = error("# ours\ngreting = 'Hi'");
        assert!(
            text.contains("etcd:/rzero/config/greeter:2:1: greting: unknown key"),
            "{text}"
        );
        let text = error("[config]\nrequired = true");
        assert!(
            text.contains("etcd:/rzero/config/greeter:2:12: config.required")
                && text.contains("write it in a file"),
            "{text}"
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs etcd"]
    async fn a_centre_that_is_away_stops_only_a_start_that_requires_it() {
        let mut centre = Centre::start();
        centre.put("greeting = 'Hi'");
        block_in_place(|| centre.etcd.kill_all()).unwrap();
        let file = centre.file("timeout = '200ms'\nrequired = true");
        let text = load::<Config>(file).unwrap_err().to_string();
        assert!(
            text.starts_with("etcd:/rzero/config/greeter: could not be read within 200ms"),
            "{text}"
        );
        let file = centre.file("timeout = '200ms'");
        let mut watched = watch::<Config>(file).unwrap();
        assert_eq!(watched.load().greeting, "Hello");
        let revived = async {
            while block_in_place(|| centre.etcd.start_all()).is_err() {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, revived).await.unwrap();
        assert_eq!(next(&mut watched).await, "Hi");
    }
}
