//! `[policy]` of a real file, followed by running servers and clients.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rzero::config::load;
use rzero::{App, AppHandle, CallOptions, Class, Drained, Result};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer, SayRequest};
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};

#[derive(serde::Deserialize)]
struct Nothing {}

const SAY: &str = "/peers.v1.Echo/Say";

/// An echo server, a client of it in the same process, and their file.
struct World {
    dir: TempDir,
    logic: Arc<EchoLogic>,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
    client: EchoClient,
    policies: rzero::policy::PolicyWatch,
}

fn path(dir: &Path) -> PathBuf {
    dir.join("echo.toml")
}

fn write(dir: &Path, policy: &str) {
    let registry = dir.join("registry");
    let text = format!(
        "[service]\nname = \"echo\"\nmode = \"test\"\n[registry]\ndir = {registry:?}\n\
         [server.drain]\nwait = \"10ms\"\n[client.echo]\nwait_for_ready = true\n{policy}"
    );
    // As editors do: a reader never sees half of it.
    std::fs::write(dir.join("new"), text).unwrap();
    std::fs::rename(dir.join("new"), path(dir)).unwrap();
}

impl World {
    async fn start(policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), policy);
        let settings = load::<Nothing>(path(dir.path())).unwrap();
        let app = App::new(&settings).unwrap();
        let client = EchoClient::new(app.channel("echo").unwrap());
        let logic = Arc::new(EchoLogic::new("one"));
        let app = app.serve(EchoServer::from_arc(Arc::clone(&logic)));
        let (handle, policies) = (app.handle(), app.policies());
        let task = tokio::spawn(app.run());
        handle.address("grpc").await.unwrap();
        client.say(SayRequest::default()).await.unwrap();
        Self {
            dir,
            logic,
            handle,
            task,
            client,
            policies,
        }
    }

    /// Calls that may run at once, as the server sees it.
    fn limit(&self) -> Option<u32> {
        let methods = self.handle.governance().unwrap().methods;
        let say = methods.iter().find(|method| method.path == SAY).unwrap();
        say.concurrency.limit
    }

    /// Writes the policy and waits until the server keeps to its limit.
    async fn change(&self, policy: &str, limit: Option<u32>) {
        write(self.dir.path(), policy);
        until(|| self.limit() == limit).await;
    }

    async fn leave(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
    }
}

async fn until(mut fact: impl FnMut() -> bool) {
    let wait = async {
        while !fact() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), wait).await;
    waited.expect("it becomes true in time");
}

fn at_once(max: u32) -> String {
    format!("[[policy.rule]]\nmatch.method = \"peers.v1.Echo/*\"\nconcurrency.max = {max}\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_changes_under_load_without_a_failed_call() {
    let world = World::start("").await;
    assert_eq!(world.limit(), None);
    let (done, calls) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut load = JoinSet::new();
    for _ in 0..8 {
        let (client, done, calls) = (world.client.clone(), Arc::clone(&done), Arc::clone(&calls));
        load.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                client.say(SayRequest::default()).await.unwrap();
                calls.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for limit in [100, 50, 0, 20] {
        let want = (limit != 0).then_some(limit);
        world.change(&at_once(limit), want).await;
        // Calls were answered under the new limit too.
        let so_far = calls.load(Ordering::Relaxed);
        until(|| calls.load(Ordering::Relaxed) > so_far + 20).await;
    }
    done.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.unwrap();
    }
    world.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_limit_holds_for_calls_that_come() {
    let world = World::start(&at_once(10)).await;
    assert_eq!(world.limit(), Some(10));
    let off = "[policy]\noff = [\"retry\"]\n";
    world.change(&format!("{off}{}", at_once(1)), Some(1)).await;
    let client = world.client.clone();
    let slow = tokio::spawn(async move {
        let request = SayRequest {
            delay_ms: 60_000,
            ..SayRequest::default()
        };
        let options = CallOptions::new().deadline(Duration::from_secs(60));
        client.say_with(request, &options).await
    });
    until(|| world.logic.in_flight() == 1).await;
    let refused = world.client.say(SayRequest::default()).await.unwrap_err();
    assert_eq!(refused.class(), Class::Overloaded, "{refused}");
    world.change(&at_once(2), Some(2)).await;
    world.client.say(SayRequest::default()).await.unwrap();
    slow.abort();
    world.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_follows_the_file_too() {
    let world = World::start("").await;
    let request = |delay_ms| SayRequest {
        delay_ms,
        ..SayRequest::default()
    };
    world.client.say(request(1)).await.unwrap();
    write(
        world.dir.path(),
        "[[policy.rule]]\nmatch.target = \"echo\"\ntimeout = \"20ms\"\noff = [\"retry\"]\n",
    );
    let mut seen = world.policies.clone();
    tokio::time::timeout(Duration::from_secs(30), seen.changed())
        .await
        .expect("in time")
        .unwrap();
    // The channel takes it over in a task of its own.
    let late = async {
        loop {
            if let Err(error) = world.client.say(request(200)).await {
                return error;
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(30), late).await;
    assert_eq!(error.expect("in time").class(), Class::DeadlineExceeded);
    world.leave().await;
}
