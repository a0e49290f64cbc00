//! A process that is killed, with a real process.

use std::future::pending;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::{Subject, instance, unique_service};
use crate::{Registry, ServiceName, Status};

/// Tells a test binary that it was started as the process to be killed, and for which service.
const CHILD: &str = "RZ_TEST_CHILD_SERVICE";

/// Kills its process when dropped.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        // It fails only when the process has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The entry of a process that was killed with SIGKILL vanishes from watchers. Gives back how long
/// that took.
///
/// `child_test` is a test of the same test binary that calls [`live_as_child`] when
/// [`child_service`] tells it to. A second instance, of this process, stays: a registry may keep
/// the last one of a service longer.
///
/// # Panics
///
/// When it does not hold.
pub async fn killed_process_vanishes(subject: &Subject, child_test: &str) -> Duration {
    let service = unique_service("killed");
    let registry = subject.handle();
    let guard = subject.register(&*registry, instance(&service, 1)).await;
    let stays = guard.instance().id.clone();
    let mut watch = subject.handle().watch(&service);
    let program = std::env::current_exe().unwrap_or_else(|e| panic!("no path to this test: {e}"));
    let child = Command::new(program)
        .args([child_test, "--exact", "--include-ignored"])
        .env(CHILD, service.as_str())
        .stdout(Stdio::null())
        .spawn();
    let child = Guard(child.unwrap_or_else(|e| panic!("cannot start the child: {e}")));
    subject
        .see(&mut watch, "the child's instance", |snapshot| {
            snapshot.instances.len() == 2
        })
        .await;
    drop(child);
    let killed = Instant::now();
    subject
        .see(&mut watch, "only the survivor", |snapshot| {
            snapshot.status == Status::Live
                && snapshot.instances.len() == 1
                && snapshot.instances[0].id == stays
        })
        .await;
    killed.elapsed()
}

/// The service to register, if this process was started to be killed.
#[must_use]
pub fn child_service() -> Option<ServiceName> {
    std::env::var(CHILD).ok()?.parse().ok()
}

/// Registers an instance and waits to be killed.
///
/// # Panics
///
/// When registering fails.
pub async fn live_as_child(registry: &dyn Registry, service: &ServiceName) {
    let guard = registry.register(instance(service, 2)).await;
    let _guard = guard.unwrap_or_else(|error| panic!("registering failed: {error}"));
    pending().await
}
