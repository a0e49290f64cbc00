//! Makes a fault, calls, and looks what came of it.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use rzero::parts::client::{Channel, ClientConfig};
use rzero::parts::core::{Address, Dial};
use rzero::parts::grpc::{ClientTls, GrpcDialer, GrpcWire, ServerTls};
use rzero::parts::registry::{Registration, Registry, Status, Watch};
use rzero::parts::server::App;
use rzero::{CallOptions, Class};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer, SayRequest};
use rzero_policy::Policies;
use rzero_testing::{FailN, MemoryNet};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::peer::Peer;
use super::{Effect, Fault, Retry, Wire};
use crate::support::{Cluster, Net, Running, name, server_config, service_config};

/// Nodes that fail in the same way.
const NODES: usize = 2;
/// No row takes as long; a call that does has hung.
const PATIENCE: Duration = Duration::from_secs(20);
/// Of an attempt, where the peer never answers.
const ATTEMPT: &str = "[policy]\nattempt_timeout = '250ms'";

impl Wire {
    pub(super) fn nets(self) -> Vec<Net> {
        match self {
            Self::Grpc => vec![Net::Grpc],
            Self::Both => Net::both().into(),
        }
    }
}

/// What the fault comes to.
pub(super) async fn effect(fault: &Fault, net: &Net) -> Effect {
    let plain = call(fault, fresh(net), false).await;
    let idempotent = call(fault, fresh(net), true).await;
    assert_eq!(plain.class, idempotent.class, "{fault:?}");
    let retry = match (plain.class, plain.attempts, idempotent.attempts) {
        (None, ..) | (_, 0, 0) => Retry::Nothing,
        (_, 1, 1) => Retry::Never,
        (_, 1, _) => Retry::IfIdempotent,
        _ => Retry::Always,
    };
    Effect {
        class: plain.class,
        retry,
        breaker: plain.breaker,
        outlier: plain.outlier,
    }
}

/// A net without the servers of an earlier call.
fn fresh(net: &Net) -> Net {
    match net {
        Net::Grpc => Net::Grpc,
        Net::Memory(_) => Net::Memory(MemoryNet::new()),
    }
}

struct Seen {
    class: Option<Class>,
    attempts: usize,
    breaker: bool,
    outlier: bool,
}

/// The servers of a row, and what keeps them.
#[derive(Default)]
struct Servers {
    peers: Vec<Peer>,
    fails: Vec<FailN>,
    running: Vec<Running>,
    registered: Vec<Registration>,
    dialer: Option<GrpcDialer>,
    /// Nodes that take calls before the first one is made.
    ready: usize,
}

impl Servers {
    /// Calls that reached any of them.
    fn attempts(&self) -> usize {
        let peers: usize = self.peers.iter().map(Peer::calls).sum();
        peers + self.fails.iter().map(FailN::hits).sum::<usize>()
    }
}

/// One call into the fault.
async fn call(fault: &Fault, net: Net, idempotent: bool) -> Seen {
    let cluster = Cluster::new(net);
    let servers = start(fault, &cluster).await;
    let mut instances = cluster.registry.watch(&name());
    if matches!(fault, Fault::NoRegistry) {
        while instances.current().instances.is_empty() {
            instances.changed().await;
        }
        // What was last known, from a registry that says nothing more.
        let mut last = (*instances.current()).clone();
        last.status = Status::Stale("the registry is gone".into());
        instances = Watch::fixed(last);
    }
    let hangs = matches!(fault, Fault::Peer(script) if script.is_empty());
    let policies = Policies::from_toml(if hangs { ATTEMPT } else { "" }).unwrap();
    let (_policies, policies) = watch::channel(policies);
    let dial: Arc<dyn Dial> = match servers.dialer.clone() {
        Some(dialer) => Arc::new(dialer),
        None => cluster.net.dial(),
    };
    let config = ClientConfig {
        connect_timeout: Duration::from_millis(500),
        ..ClientConfig::default()
    };
    let channel = Channel::builder(name(), instances, cluster.net.protocol(), dial)
        .config(&config)
        .policies(policies)
        .build();
    channel.ready(servers.ready).await;
    let options = CallOptions::new()
        .idempotent(idempotent)
        .deadline(PATIENCE / 4);
    let client = EchoClient::new(channel.clone());
    let call = client.say_with(SayRequest::default(), &options);
    let result = tokio::time::timeout(PATIENCE, call).await.unwrap();
    let governance = channel.governance();
    Seen {
        class: result.err().map(|error| error.class()),
        attempts: servers.attempts(),
        breaker: governance
            .methods
            .iter()
            .any(|method| method.breaker.failed > 0),
        outlier: governance.nodes.iter().any(|node| node.failures_in_row > 0),
    }
}

async fn start(fault: &Fault, cluster: &Cluster) -> Servers {
    let mut servers = Servers::default();
    match fault {
        Fault::Peer(_) | Fault::Connection(_) => {
            for _ in 0..NODES {
                let peer = match fault {
                    Fault::Peer(script) => Peer::start(script.clone()).await,
                    Fault::Connection(step) => Peer::silent(*step).await,
                    _ => continue,
                };
                servers
                    .registered
                    .push(cluster.register(peer.address.clone()).await);
                servers.peers.push(peer);
            }
            servers.ready = if matches!(fault, Fault::Peer(_)) {
                NODES
            } else {
                0
            };
        }
        Fault::Handler(class) => {
            for number in 0..NODES {
                let fail = FailN::new(usize::MAX, *class);
                servers
                    .running
                    .push(failing(cluster, number, fail.clone()).await);
                servers.fails.push(fail);
            }
            servers.ready = NODES;
        }
        Fault::Refused => {
            for _ in 0..NODES {
                servers
                    .registered
                    .push(cluster.register(nowhere().await).await);
            }
        }
        Fault::ExpiredCertificate => expired(cluster, &mut servers).await,
        Fault::Empty => {}
        Fault::Stale => {
            servers
                .registered
                .push(cluster.register(nowhere().await).await);
            servers.running.push(cluster.start("alive").await);
            servers.ready = 1;
        }
        Fault::NoRegistry => {
            servers.running.push(cluster.start("alive").await);
            servers.ready = 1;
        }
    }
    servers
}

/// An address at which nobody listens.
async fn nowhere() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Address::tcp("127.0.0.1", listener.local_addr().unwrap().port())
}

/// A server whose calls all fail.
async fn failing(cluster: &Cluster, number: usize, fail: FailN) -> Running {
    let id = format!("failing-{number}");
    let logic = Arc::new(EchoLogic::new(&*id));
    let app = App::new(service_config(), server_config())
        .unwrap()
        .layer(fail)
        .serve(EchoServer::from_arc(Arc::clone(&logic)))
        .wire(cluster.net.wire(&id))
        .registry(Arc::clone(&cluster.registry) as _);
    cluster.run(app, logic).await
}

/// Servers whose certificate was valid once, and a dialer that trusts who signed it.
async fn expired(cluster: &Cluster, servers: &mut Servers) {
    let dir = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = date_time_ymd(2001, 1, 1);
    params.not_after = date_time_ymd(2002, 1, 1);
    let cert = params.signed_by(&key, &issuer).unwrap();
    let [ca_file, cert_file, key_file] = ["ca", "cert", "key"].map(|file| dir.path().join(file));
    std::fs::write(&ca_file, issuer.pem()).unwrap();
    std::fs::write(&cert_file, cert.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let tls = ServerTls::from_files(&cert_file, &key_file, None).unwrap();
    for number in 0..NODES {
        let logic = Arc::new(EchoLogic::new(format!("expired-{number}")));
        let wire = GrpcWire::new(Address::tcp("127.0.0.1", 0)).with_tls(tls.clone());
        let app = App::new(service_config(), server_config())
            .unwrap()
            .serve(EchoServer::from_arc(Arc::clone(&logic)))
            .wire(Arc::new(wire))
            .registry(Arc::clone(&cluster.registry) as _);
        servers.running.push(cluster.run(app, logic).await);
    }
    let tls = ClientTls::from_files(&ca_file, None, Some("localhost")).unwrap();
    servers.dialer = Some(GrpcDialer::new().with_tls(tls));
}
