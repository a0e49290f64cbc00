//! Following a real file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rzero_policy::{Scope, Side};

use super::*;
use crate::wiring::settings::load;

#[derive(serde::Deserialize)]
struct Nothing {}

const SERVICE: &str = "[service]\nname = \"echo\"\n";

fn write(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("echo.toml");
    std::fs::write(dir.join("new"), format!("{SERVICE}{text}")).unwrap();
    std::fs::rename(dir.join("new"), &path).unwrap();
    path
}

fn live(dir: &Path, text: &str) -> Live {
    let settings = load::<Nothing>(write(dir, text)).unwrap();
    Live::new(
        &settings.policy,
        std::iter::empty(),
        settings.source.as_ref(),
        false,
    )
    .unwrap()
}

fn k(live: &Live) -> f64 {
    let policies = live.watch().borrow().clone();
    let method = policies.method(Side::Client, Scope::Any, "/a.B/C");
    method.breaker.get().k
}

async fn until(fact: impl Fn() -> bool) {
    let wait = async {
        while !fact() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.expect("it becomes true in time");
}

fn counts(live: &Live) -> (u64, u64) {
    let following = live.following.as_ref().unwrap();
    (following.reloads(), following.reload_errors())
}

#[tokio::test]
async fn good_changes_arrive_and_bad_ones_keep_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let live = live(dir.path(), "[policy]\nbreaker.k = 2.0\n");
    assert_eq!(k(&live), 2.0);
    write(dir.path(), "[policy]\nbreaker.k = 3.0\n");
    until(|| k(&live) == 3.0).await;
    let bad = [
        "[policy]\nbreaker.k = 0.0\n",
        "[polcy]\nbreaker.k = 4.0\n",
        "[policy]\nbreaker.k = 4.0\n[server.rpc]\ntimeout = 3\n",
    ];
    for (errors, text) in (1..).zip(bad) {
        write(dir.path(), text);
        until(|| counts(&live).1 == errors).await;
        assert_eq!(k(&live), 3.0, "{text}");
    }
    write(dir.path(), "");
    until(|| k(&live) == 1.5).await;
    drop(live);
}

#[tokio::test]
async fn what_needs_a_restart_is_no_change_of_policies() {
    let dir = tempfile::tempdir().unwrap();
    let live = live(dir.path(), "[policy]\nbreaker.k = 2.0\n");
    let watch = live.watch();
    let longer = "[server.rpc]\ntimeout = \"3s\"\n[policy]\nbreaker.k = 2.0\n";
    write(dir.path(), longer);
    until(|| counts(&live).0 == 1).await;
    assert!(!watch.has_changed().unwrap());
}

#[tokio::test]
async fn a_file_that_is_gone_at_the_start_does_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "[policy]\nbreaker.k = 2.0\n");
    let settings = load::<Nothing>(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let live = Live::new(
        &settings.policy,
        std::iter::empty(),
        settings.source.as_ref(),
        false,
    );
    let live = live.unwrap();
    assert_eq!(k(&live), 2.0);
    write(dir.path(), "[policy]\nbreaker.k = 3.0\n");
    until(|| k(&live) == 3.0).await;
}

#[tokio::test]
async fn bulkheads_are_shared_by_name_and_follow_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let none_waits = "queue_max = 0\n";
    let text = |max: u32| format!("[policy.bulkhead.reports]\nmax = {max}\n{none_waits}");
    let live = live(dir.path(), &text(1));
    let reports = live.bulkhead("reports").unwrap();
    let _inside = reports.enter(None).await.unwrap();
    let same = live.bulkhead("reports").unwrap();
    assert!(same.enter(None).await.is_err());
    assert!(live.bulkhead("other").unwrap().enter(None).await.is_ok());
    write(dir.path(), &text(2));
    until(|| live.watch().borrow().server().bulkhead("reports").max == 2).await;
    assert!(same.enter(None).await.is_ok());
}

#[tokio::test]
async fn a_shared_rule_is_kept_out_of_a_process_without_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let live = live(dir.path(), "[policy]\nbreaker.k = 2.0\n");
    let shared = "[[policy.rate]]\nname = \"all\"\nrate = 1\nscope = \"distributed\"\n";
    let faster = "[policy]\nbreaker.k = 3.0\n";
    // With the feature the section is good, but nothing has opened it.
    let redis = "[redis.main]\n";
    for (errors, text) in (1..).zip(["", redis]) {
        write(dir.path(), &format!("{faster}{shared}{text}"));
        until(|| counts(&live).1 == errors).await;
        assert_eq!(k(&live), 2.0, "{text}");
    }
    write(dir.path(), faster);
    until(|| k(&live) == 3.0).await;
}

#[test]
fn settings_of_the_program_are_not_followed() {
    let live = Live::new(&Policies::default(), std::iter::empty(), None, false).unwrap();
    assert!(live.following.is_none());
    assert_eq!(k(&live), 1.5);
}

#[test]
fn changes_that_need_a_restart_are_found() {
    let table = |pairs: &[(&str, &str)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let old = table(&[("server.rpc.timeout", "\"2s\""), ("service.name", "\"a\"")]);
    let new = table(&[
        ("server.rpc.timeout", "\"3s\""),
        ("client.x.timeout", "\"1s\""),
    ]);
    let keys = changed_keys(&old, &new);
    assert_eq!(
        keys,
        ["server.rpc.timeout", "service.name", "client.x.timeout"]
    );
}

#[cfg(feature = "log")]
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

#[cfg(feature = "log")]
impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(feature = "log")]
#[test]
fn each_changed_value_is_logged_with_old_and_new() {
    let read = |text| Policies::from_toml(text).unwrap();
    let (sender, policies) = watch::channel(read("[policy]\nbreaker.k = 7.0\n"));
    let follower = Follower {
        source: Source {
            files: Vec::new(),
            remote: None,
            read: |_, _| unreachable!("nothing is read here"),
        },
        sender,
        counts: false,
        known: Arc::default(),
        state: Mutex::default(),
    };
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let rule = "[[policy.rule]]\nmatch.target = \"stok\"\ntimeout = \"1s\"\n";
    let new = read(&format!("[policy]\nbreaker.k = 8.0\n{rule}"));
    // For all threads: with one for this thread alone, a line that another test logged first
    // stays off.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    follower.apply(new);
    let text = String::from_utf8(lock(&lines.0).clone()).unwrap();
    for want in [
        "policy changed key=\"policy.breaker.k\" old=\"7.0\" new=\"8.0\"",
        "policy.rule{target=\\\"stok\\\"}.timeout\" old=\"not set\" new=\"\\\"1s\\\"\"",
        "a policy matches nothing problem=policy.toml:3:1: policy.rule[0].match.target",
    ] {
        assert!(text.contains(want), "{want} in:\n{text}");
    }
    let now = policies.borrow().method(Side::Client, Scope::Any, "/a.B/C");
    assert_eq!(now.breaker.get().k, 8.0);
}
