//! etcd as a configuration centre: a document that is followed, and trouble with it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use etcd_client::Client;
use rzero_config::{
    Error, Loader, RemoteSource, RemoteState, Secret, Watched, remote_missing, wait_for_remote,
    watch_sources,
};
use rzero_etcd::{CentreConfig, EtcdCentre, EtcdConfig};
use rzero_harness::{EtcdCluster, EtcdOptions, Fault, FaultProxy};
use serde::Deserialize;
use tokio::task::block_in_place;
use tokio::time::timeout;

use crate::drill::{cluster, until};

const KEY: &str = "/rzero/config/greeter";
/// A safety net only.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
struct Config {
    count: u32,
    #[serde(default)]
    colour: String,
}

fn config(endpoints: Vec<String>) -> CentreConfig {
    CentreConfig {
        endpoints: Some(endpoints),
        ..CentreConfig::default()
    }
}

fn open(config: &CentreConfig) -> Arc<EtcdCentre> {
    Arc::new(EtcdCentre::open(config, &EtcdConfig::default(), "greeter").unwrap())
}

async fn client(etcd: &EtcdCluster) -> Client {
    Client::connect(etcd.endpoints(), None).await.unwrap()
}

/// What the source knows once it has answered.
fn answer(centre: &EtcdCentre) -> RemoteState {
    block_in_place(|| wait_for_remote(centre, PATIENCE))
}

async fn until_holds(centre: &EtcdCentre, text: &str) {
    let expected = RemoteState::Document(text.as_bytes().into());
    until(text, PATIENCE, async || centre.current() == expected).await;
}

/// A program: a file with `count = 1`, and the centre above it.
struct Program {
    watched: Watched<Config>,
    file: PathBuf,
}

impl Program {
    fn start(etcd: &EtcdCluster, centre: Arc<EtcdCentre>) -> Self {
        let file = etcd.folder().join("greeter.toml");
        fs::write(&file, "count = 1\ncolour = 'file'").unwrap();
        let remote: Arc<dyn RemoteSource> = centre;
        let loader = Loader::new().file(&file).remote(Arc::clone(&remote));
        let build = move || -> Result<Config, Error> { loader.clone().load()?.rest() };
        let watched = watch_sources(build, [file.clone()], vec![remote]).unwrap();
        Self { watched, file }
    }

    async fn next(&mut self) -> u32 {
        let changed = timeout(PATIENCE, self.watched.changed()).await;
        changed.unwrap().count
    }

    async fn refuses(&self, times: u64) {
        until("the change is refused", PATIENCE, async || {
            self.watched.reload_errors() >= times
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn change_is_applied_without_a_restart_and_a_bad_one_is_refused() {
    let etcd = cluster(EtcdOptions::new(1));
    let mut client = client(&etcd).await;
    client.put(KEY, "count = 2", None).await.unwrap();
    let centre = open(&config(etcd.endpoints()));
    assert_eq!(centre.name(), "etcd:/rzero/config/greeter");
    assert!(matches!(answer(&centre), RemoteState::Document(_)));
    let mut program = Program::start(&etcd, centre);
    assert_eq!(program.watched.load().count, 2);
    client.put(KEY, "count: 3", None).await.unwrap();
    assert_eq!(program.next().await, 3);
    assert_eq!(program.watched.load().colour, "file");
    for (times, bad) in (1..).zip(["cuont = 4", "count = ", "- 4", "count: many"]) {
        client.put(KEY, bad, None).await.unwrap();
        program.refuses(times).await;
        assert_eq!(program.watched.load().count, 3, "{bad}");
    }
    client.put(KEY, "{\"count\": 5}", None).await.unwrap();
    assert_eq!(program.next().await, 5);
    // The files are followed beside it, and stay below it.
    fs::write(&program.file, "count = 1\ncolour = 'new'").unwrap();
    assert_eq!(program.next().await, 5);
    assert_eq!(program.watched.load().colour, "new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn deleted_key_falls_back_to_the_files() {
    let etcd = cluster(EtcdOptions::new(1));
    let mut client = client(&etcd).await;
    let centre = open(&config(etcd.endpoints()));
    assert_eq!(answer(&centre), RemoteState::Absent);
    let mut program = Program::start(&etcd, centre);
    client.put(KEY, "count = 2", None).await.unwrap();
    assert_eq!(program.next().await, 2);
    // Neighbours are no business of ours.
    client
        .put(format!("{KEY}2"), "count = 9", None)
        .await
        .unwrap();
    client.delete(KEY, None).await.unwrap();
    assert_eq!(program.next().await, 1);
    assert_eq!(program.watched.reload_errors(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn etcd_that_is_away_at_the_start_is_applied_when_it_appears() {
    let mut etcd = cluster(EtcdOptions::new(1));
    client(&etcd)
        .await
        .put(KEY, "count = 2", None)
        .await
        .unwrap();
    block_in_place(|| etcd.kill_all()).unwrap();
    let centre = open(&config(etcd.endpoints()));
    until("the reason is known", PATIENCE, async || {
        centre.current() != RemoteState::Unknown(None)
    })
    .await;
    let error = remote_missing(&*centre, Duration::from_secs(3)).to_string();
    let begin = "etcd:/rzero/config/greeter: could not be read within 3s: etcd is away: ";
    assert!(error.starts_with(begin), "{error}");
    let mut program = Program::start(&etcd, centre);
    assert_eq!(program.watched.load().count, 1);
    revive(&mut etcd).await;
    assert_eq!(program.next().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn etcd_that_goes_away_later_changes_nothing_until_it_returns() {
    let mut etcd = cluster(EtcdOptions::new(1));
    client(&etcd)
        .await
        .put(KEY, "count = 2", None)
        .await
        .unwrap();
    let proxy = FaultProxy::start(etcd.endpoints()[0].as_str()).unwrap();
    let centre = open(&config(vec![proxy.endpoint()]));
    answer(&centre);
    let mut program = Program::start(&etcd, Arc::clone(&centre));
    proxy.set(Fault::Refuse);
    client(&etcd)
        .await
        .put(KEY, "count = 3", None)
        .await
        .unwrap();
    block_in_place(|| etcd.kill_all()).unwrap();
    revive(&mut etcd).await;
    assert_eq!(program.watched.load().count, 2);
    proxy.set(Fault::Forward);
    assert_eq!(program.next().await, 3);
    // A network that swallows everything is noticed by its silence.
    let accepted = proxy.accepted();
    proxy.set(Fault::Blackhole);
    client(&etcd)
        .await
        .put(KEY, "count = 4", None)
        .await
        .unwrap();
    // Whoever takes the watch for dead tries anew.
    until("the silence is noticed", PATIENCE, async || {
        proxy.accepted() > accepted
    })
    .await;
    proxy.set(Fault::Forward);
    assert_eq!(program.next().await, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn compaction_is_survived() {
    let etcd = cluster(EtcdOptions::new(1));
    let mut direct = client(&etcd).await;
    direct.put(KEY, "count = 2", None).await.unwrap();
    let proxy = FaultProxy::start(etcd.endpoints()[0].as_str()).unwrap();
    let centre = open(&config(vec![proxy.endpoint()]));
    answer(&centre);
    proxy.set(Fault::Refuse);
    let mut revision = 0;
    for n in 0..50 {
        let put = direct.put(KEY, format!("count = {n}"), None).await.unwrap();
        revision = put.header().unwrap().revision();
    }
    direct.compact(revision, None).await.unwrap();
    proxy.set(Fault::Forward);
    until_holds(&centre, "count = 49").await;
    direct.put(KEY, "count = 50", None).await.unwrap();
    until_holds(&centre, "count = 50").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn key_that_is_deleted_while_nobody_looks_is_gone() {
    let etcd = cluster(EtcdOptions::new(1));
    let mut direct = client(&etcd).await;
    direct.put(KEY, "count = 2", None).await.unwrap();
    let proxy = FaultProxy::start(etcd.endpoints()[0].as_str()).unwrap();
    let centre = open(&config(vec![proxy.endpoint()]));
    answer(&centre);
    proxy.set(Fault::Refuse);
    direct.delete(KEY, None).await.unwrap();
    proxy.set(Fault::Forward);
    until("it is gone", PATIENCE, async || {
        centre.current() == RemoteState::Absent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn store_that_lost_its_data_deletes_nothing() {
    let mut etcd = cluster(EtcdOptions::new(1));
    client(&etcd)
        .await
        .put(KEY, "count = 2", None)
        .await
        .unwrap();
    let proxy = FaultProxy::start(etcd.endpoints()[0].as_str()).unwrap();
    let centre = open(&config(vec![proxy.endpoint()]));
    answer(&centre);
    block_in_place(|| etcd.wipe_all()).unwrap();
    revive(&mut etcd).await;
    proxy.cut();
    let accepted = proxy.accepted();
    until("it looks again", PATIENCE, async || {
        proxy.accepted() > accepted
    })
    .await;
    until_holds(&centre, "count = 2").await;
    client(&etcd)
        .await
        .put(KEY, "count = 3", None)
        .await
        .unwrap();
    until_holds(&centre, "count = 3").await;
    client(&etcd).await.delete(KEY, None).await.unwrap();
    until("it is gone", PATIENCE, async || {
        centre.current() == RemoteState::Absent
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn wrong_password_is_told() {
    let etcd = cluster(EtcdOptions::new(1));
    for command in [
        &["user", "add", "root:hunter2"][..],
        &["user", "grant-role", "root", "root"],
        &["auth", "enable"],
    ] {
        etcd.etcdctl(command).unwrap();
    }
    let with = |password: &str| CentreConfig {
        user: Some("root".to_owned()),
        password: Some(Secret::new(password)),
        ..config(etcd.endpoints())
    };
    let centre = open(&with("wrong"));
    until("the reason is known", PATIENCE, async || {
        centre.current() != RemoteState::Unknown(None)
    })
    .await;
    let state = format!("{:?}", centre.current());
    assert!(state.contains("etcd refuses"), "{state}");
    assert_eq!(answer(&open(&with("hunter2"))), RemoteState::Absent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs etcd"]
async fn dropping_it_ends_its_thread() {
    let etcd = cluster(EtcdOptions::new(1));
    let centre = open(&config(etcd.endpoints()));
    answer(&centre);
    let (wake, woken) = sync_channel(1);
    centre.wake_on_change(wake);
    drop(centre);
    // The thread holds the other end of the channel, and nobody else does.
    let ended = block_in_place(|| woken.recv_timeout(PATIENCE));
    assert_eq!(ended, Err(RecvTimeoutError::Disconnected));
}

/// Starts all members again. Another test may have taken the port of one that was down, and gives
/// it back when it ends.
async fn revive(etcd: &mut EtcdCluster) {
    until("the members start", PATIENCE, async || {
        block_in_place(|| etcd.start_all()).is_ok()
    })
    .await;
}
