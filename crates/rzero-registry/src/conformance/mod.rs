//! What every back end must hold, as plain async functions that panic when it does not.
//!
//! A back end's tests make a [`Subject`] and call [`run`]; those with several processes call
//! [`killed_process_vanishes`] and [`hung_process_vanishes_and_returns`] too. Each fact uses services of its own, so a store may be shared.

mod crash;
mod facts;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::Address;
use tokio::time::timeout;

use crate::{Instance, InstanceId, Registration, Registry, ServiceName, Snapshot, Status, Watch};

pub use crash::{
    child_service, hung_process_vanishes_and_returns, killed_process_vanishes, live_as_child,
};
pub use facts::{
    back_end_lists_its_services, closed_instance_is_gone, dropped_guard_deregisters,
    instance_of_every_kind_arrives_intact, last_instances_that_close_leave_nothing,
    many_services_do_not_mix, two_instances_are_both_seen, two_watchers_see_the_same,
    unknown_service_is_empty_and_known, update_is_seen,
};

/// The back end under test.
pub struct Subject {
    handle: Box<dyn Fn() -> Arc<dyn Registry> + Send + Sync>,
    within: Duration,
}

impl Subject {
    /// A back end of which `handle` makes one more handle on the same store, as another process
    /// would have it. What happens must show within 5 s; [`within`](Self::within) changes that.
    pub fn new(handle: impl Fn() -> Arc<dyn Registry> + Send + Sync + 'static) -> Self {
        Self {
            handle: Box::new(handle),
            within: Duration::from_secs(5),
        }
    }

    /// Sets the time in which everything must show.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// One more handle.
    #[must_use]
    pub fn handle(&self) -> Arc<dyn Registry> {
        (self.handle)()
    }

    /// Registers, and waits until the back end has it.
    async fn register(&self, registry: &dyn Registry, instance: Instance) -> Registration {
        let guard = registry.register(instance).await;
        let guard = guard.unwrap_or_else(|error| panic!("registering failed: {error}"));
        let registered = async { guard.status().registered().await };
        match timeout(self.within, registered).await {
            Ok(true) => guard,
            _ => panic!("not registered in time: {:?}", guard.status().current()),
        }
    }

    /// Waits until what is watched satisfies `fact`.
    async fn see(&self, watch: &mut Watch, fact: &str, holds: impl Fn(&Snapshot) -> bool) {
        let seen = async {
            while !holds(&watch.current()) {
                assert!(
                    watch.changed().await,
                    "the watch ended, waiting for: {fact}"
                );
            }
        };
        if timeout(self.within, seen).await.is_err() {
            panic!(
                "not within {:?}: {fact}; seen: {:?}",
                self.within,
                watch.current()
            );
        }
    }

    /// Waits until exactly these instances are seen.
    async fn see_ids(&self, watch: &mut Watch, ids: &[&InstanceId]) {
        let mut ids = ids.to_vec();
        ids.sort();
        self.see(watch, &format!("instances {ids:?}"), |snapshot| {
            snapshot.status == Status::Live
                && snapshot
                    .instances
                    .iter()
                    .map(|i| &i.id)
                    .eq(ids.iter().copied())
        })
        .await;
    }
}

/// Checks all facts that need one process only, one after the other.
///
/// # Panics
///
/// When one does not hold.
pub async fn run(subject: &Subject) {
    facts::unknown_service_is_empty_and_known(subject).await;
    facts::instance_of_every_kind_arrives_intact(subject).await;
    facts::update_is_seen(subject).await;
    facts::closed_instance_is_gone(subject).await;
    facts::dropped_guard_deregisters(subject).await;
    facts::two_instances_are_both_seen(subject).await;
    facts::last_instances_that_close_leave_nothing(subject).await;
    facts::two_watchers_see_the_same(subject).await;
    facts::many_services_do_not_mix(subject).await;
    facts::back_end_lists_its_services(subject).await;
}

/// A service that no other test uses.
#[must_use]
pub fn unique_service(label: &str) -> ServiceName {
    let name = format!("conformance/{label}.{}", InstanceId::generate());
    name.parse()
        .unwrap_or_else(|error| panic!("the label is part of a service name: {error}"))
}

/// An instance of `service` with a fresh id, at a port that tells it from others.
#[must_use]
pub fn instance(service: &ServiceName, port: u16) -> Instance {
    let address = Address::tcp("127.0.0.1", port);
    Instance::new(service.clone(), InstanceId::generate(), "grpc", address)
}

/// Tags of one pair.
fn tags(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}
