//! Calls go on while etcd does not: real servers, a real three-member etcd of the test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rzero::parts::client::{Channel, ClientConfig};
use rzero::parts::etcd::{EtcdConfig, EtcdRegistry};
use rzero::parts::registry::Registry;
use rzero::parts::server::App;
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer, SayRequest};
use rzero_harness::EtcdCluster;

use crate::support::{Cluster, Net, Running, name, server_config, service_config};

fn registry(etcd: &EtcdCluster) -> Arc<dyn Registry> {
    let config = EtcdConfig {
        endpoints: etcd.endpoints(),
        lease: Duration::from_secs(3),
        ..EtcdConfig::default()
    };
    Arc::new(EtcdRegistry::connect(&config).unwrap())
}

async fn start(etcd: &EtcdCluster, id: &str) -> Running {
    let cluster = Cluster::new(Net::Grpc);
    let logic = Arc::new(EchoLogic::new(id));
    let app = App::new(service_config(), server_config())
        .unwrap()
        .serve(EchoServer::from_arc(Arc::clone(&logic)))
        .wire(cluster.net.wire(id))
        .registry(registry(etcd));
    cluster.run(app, logic).await
}

fn channel(etcd: &EtcdCluster) -> Channel {
    let watch = registry(etcd).watch(&name());
    Channel::new(
        name(),
        watch,
        "grpc",
        Net::Grpc.dial(),
        &ClientConfig::default(),
        None,
    )
}

/// Calls until told to stop; any failed call fails the test.
struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicU64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(channel: &Channel) -> Self {
        let (stop, calls) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let tasks = (0..8).map(|_| {
            let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
            let client = EchoClient::new(channel.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let request = SayRequest {
                        delay_ms: 2,
                        ..Default::default()
                    };
                    client.say(request).await.unwrap();
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self {
            tasks: tasks.collect(),
            stop,
            calls,
        }
    }

    /// Waits until so many more calls went through.
    async fn progress(&self, more: u64) {
        let goal = self.calls.load(Ordering::Relaxed) + more;
        while self.calls.load(Ordering::Relaxed) < goal
            && !self.tasks.iter().any(|t| t.is_finished())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

/// Waits until a fresh client finds so many instances.
async fn found(etcd: &EtcdCluster, count: usize) {
    let mut watch = registry(etcd).watch(&name());
    let all = async {
        while watch.current().instances.len() != count {
            watch.changed().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn no_call_fails_when_etcd_returns_with_an_empty_store() {
    let mut etcd = EtcdCluster::start(3).unwrap();
    let servers = [
        start(&etcd, "a").await,
        start(&etcd, "b").await,
        start(&etcd, "c").await,
    ];
    let channel = channel(&etcd);
    channel.ready(3).await;
    let load = Load::start(&channel);
    load.progress(200).await;
    etcd.kill_all().unwrap();
    load.progress(500).await;
    etcd.wipe_all().unwrap();
    etcd.start_all().unwrap();
    load.progress(500).await;
    // Every registration returns by itself.
    found(&etcd, 3).await;
    load.progress(500).await;
    load.finish().await;
    for server in servers {
        assert!(!server.leave().await.cut());
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn a_service_starts_and_serves_without_etcd_and_registers_later() {
    let mut etcd = EtcdCluster::start(1).unwrap();
    etcd.kill_all().unwrap();
    let server = start(&etcd, "early").await;
    // It serves: a client that knows the address reaches it.
    let direct = Cluster::new(Net::Grpc);
    let _registration = direct.register(server.address.clone()).await;
    let reply = direct.client().0.say(SayRequest::default()).await.unwrap();
    assert_eq!(reply.server_id, "early");
    etcd.start_all().unwrap();
    found(&etcd, 1).await;
    server.leave().await;
    found(&etcd, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs etcd"]
async fn a_rolling_restart_over_etcd_fails_no_call() {
    let etcd = EtcdCluster::start(1).unwrap();
    let mut servers = vec![
        start(&etcd, "a").await,
        start(&etcd, "b").await,
        start(&etcd, "c").await,
    ];
    let channel = channel(&etcd);
    channel.ready(3).await;
    let load = Load::start(&channel);
    for id in ["a2", "b2", "c2"] {
        load.progress(100).await;
        assert!(!servers.remove(0).leave().await.cut());
        servers.push(start(&etcd, id).await);
        load.progress(100).await;
    }
    load.finish().await;
}
