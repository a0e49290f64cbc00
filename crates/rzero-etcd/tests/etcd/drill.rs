//! A fleet of three instances and two watchers on a cluster that is about to suffer.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_client::{Client, GetOptions};
use rzero_etcd::{EtcdConfig, EtcdRegistry};
use rzero_harness::{EtcdCluster, EtcdOptions};
use rzero_registry::conformance::{instance, unique_service};
use rzero_registry::{Registration, RegistrationStatus, Registry, ServiceName, Status, Watch};
use tokio::task::{JoinHandle, block_in_place};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// The lease in all drills.
pub(crate) const LEASE: Duration = Duration::from_secs(2);
/// In which time after recovery every registration has to be back.
pub(crate) const RETURN_WITHIN: Duration = Duration::from_secs(5);
/// Instances in the fleet.
pub(crate) const FLEET: u16 = 3;
/// A safety net only.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn config(endpoints: Vec<String>) -> EtcdConfig {
    EtcdConfig {
        endpoints,
        lease: LEASE,
        ..EtcdConfig::default()
    }
}

pub(crate) fn registry(config: &EtcdConfig) -> EtcdRegistry {
    EtcdRegistry::connect(config).unwrap()
}

/// Starts a cluster without holding up the tasks of this test.
pub(crate) fn cluster(options: EtcdOptions) -> EtcdCluster {
    block_in_place(|| EtcdCluster::start_with(options)).unwrap()
}

/// Waits on a condition that can only be asked for.
pub(crate) async fn until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let mut asking = interval(Duration::from_millis(20));
    asking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let holding = async {
        while !holds().await {
            asking.tick().await;
        }
    };
    assert!(
        timeout(within, holding).await.is_ok(),
        "not within {within:?}: {what}"
    );
}

pub(crate) struct Drill {
    pub(crate) etcd: EtcdCluster,
    pub(crate) service: ServiceName,
    pub(crate) config: EtcdConfig,
    pub(crate) guards: Vec<Registration>,
    pub(crate) observers: Vec<Observer>,
}

/// Notes the fewest instances that a watch ever showed since the fleet was complete.
pub(crate) struct Observer {
    pub(crate) watch: Watch,
    fewest: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drill {
    /// Three members, plaintext, no users.
    pub(crate) async fn start() -> Self {
        let etcd = cluster(EtcdOptions::new(3));
        let config = config(etcd.endpoints());
        Self::on(etcd, config).await
    }

    pub(crate) async fn on(etcd: EtcdCluster, config: EtcdConfig) -> Self {
        let service = unique_service("drill");
        let mut guards = Vec::new();
        for port in 1..=FLEET {
            // Each as a process of its own would have it.
            let registry = registry(&config);
            let guard = registry.register(instance(&service, port)).await.unwrap();
            assert!(
                timeout(PATIENCE, guard.status().registered())
                    .await
                    .unwrap()
            );
            guards.push(guard);
        }
        let mut observers = Vec::new();
        for _ in 0..2 {
            observers.push(Observer::start(registry(&config).watch(&service)).await);
        }
        Self {
            etcd,
            service,
            config,
            guards,
            observers,
        }
    }

    /// Does something to the cluster without holding up the tasks of this test.
    pub(crate) fn hurt<T>(&mut self, deed: impl FnOnce(&mut EtcdCluster) -> T) -> T {
        block_in_place(|| deed(&mut self.etcd))
    }

    /// Starts all members again. Another test may have taken the port of one that was down, and
    /// gives it back when it ends.
    pub(crate) async fn revive(&mut self) {
        let mut last = None;
        let revived = async {
            loop {
                match self.hurt(EtcdCluster::start_all) {
                    Ok(()) => return,
                    Err(error) => last = Some(error),
                }
                tokio::task::yield_now().await;
            }
        };
        let revived = timeout(PATIENCE, revived).await;
        assert!(revived.is_ok(), "the members do not start: {last:?}");
    }

    /// A client that knows nothing of registries.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.etcd.endpoints(), None).await.unwrap()
    }

    /// The addresses that go-zero would see.
    pub(crate) async fn public(&self) -> BTreeSet<String> {
        let Ok(mut client) = Client::connect(self.etcd.endpoints(), None).await else {
            return BTreeSet::new();
        };
        addresses(&mut client, &self.service).await
    }

    /// Waits until everything is as it was before the trouble.
    pub(crate) async fn recovers(&self) -> Duration {
        let start = Instant::now();
        until(
            "all addresses are in the store",
            RETURN_WITHIN,
            async || self.public().await.len() == usize::from(FLEET),
        )
        .await;
        let returned = start.elapsed();
        for guard in &self.guards {
            let registered = async || guard.status().current() == RegistrationStatus::Registered;
            until("the guard knows", RETURN_WITHIN, registered).await;
        }
        for observer in &self.observers {
            until("watchers trust etcd again", PATIENCE, async || {
                let snapshot = observer.watch.current();
                snapshot.status == Status::Live && snapshot.instances.len() == usize::from(FLEET)
            })
            .await;
        }
        returned
    }

    /// Waits until the watchers have noticed that etcd is away.
    pub(crate) async fn is_noticed(&self) {
        for observer in &self.observers {
            until("the trouble is noticed", PATIENCE, async || {
                matches!(observer.watch.current().status, Status::Stale(_))
            })
            .await;
        }
    }

    /// Nobody ever saw less than the whole fleet.
    pub(crate) fn nobody_went_short(&self) {
        for observer in &self.observers {
            observer.never_below(usize::from(FLEET));
        }
    }

    /// The fleet can still be closed, and then all watchers know at once.
    pub(crate) async fn closes(self) {
        for guard in self.guards {
            guard.close().await.unwrap();
        }
        for observer in &self.observers {
            let empty = async || observer.watch.current().instances.is_empty();
            until("the list is empty", RETURN_WITHIN, empty).await;
        }
    }
}

pub(crate) async fn addresses(client: &mut Client, service: &ServiceName) -> BTreeSet<String> {
    let options = GetOptions::new().with_prefix();
    let answer = timeout(
        Duration::from_secs(1),
        client.get(format!("{service}/"), Some(options)),
    );
    let Ok(Ok(answer)) = answer.await else {
        return BTreeSet::new();
    };
    let values = answer
        .kvs()
        .iter()
        .map(|kv| kv.value_str().unwrap().to_owned());
    values.collect()
}

impl Observer {
    /// Waits for the whole fleet, and notes from then on.
    pub(crate) async fn start(mut watch: Watch) -> Self {
        let complete = async {
            while watch.current().instances.len() < usize::from(FLEET) {
                assert!(watch.changed().await);
            }
        };
        assert!(timeout(PATIENCE, complete).await.is_ok(), "{watch:?}");
        let fewest = Arc::new(AtomicUsize::new(usize::MAX));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, least, notes) = (watch.clone(), Arc::clone(&fewest), Arc::clone(&seen));
        let start = Instant::now();
        let task = tokio::spawn(async move {
            loop {
                let snapshot = reader.current();
                least.fetch_min(snapshot.instances.len(), Ordering::Relaxed);
                let (count, status) = (snapshot.instances.len(), &snapshot.status);
                let note = format!("{:?}: {count}, {status:?}", start.elapsed());
                notes.lock().unwrap().push(note);
                if !reader.changed().await {
                    return;
                }
            }
        });
        Self {
            watch,
            fewest,
            seen,
            task,
        }
    }

    pub(crate) fn never_below(&self, count: usize) {
        let fewest = self.fewest.load(Ordering::Relaxed);
        let seen = self.seen.lock().unwrap();
        assert!(fewest >= count, "only {fewest} were seen: {seen:#?}");
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
