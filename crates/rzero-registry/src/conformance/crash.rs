//! A process that is killed, with a real process.

use std::future::pending;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::time::Instant;

use super::{Subject, instance, unique_service};
use crate::{InstanceId, Registration, Registry, ServiceName, Snapshot, Status, Watch};

/// Tells a test binary that it was started as the process to be killed, and for which service.
const CHILD: &str = "RZ_TEST_CHILD_SERVICE";

/// Kills its process when dropped.
struct Guard(Child);

impl Guard {
    fn signal(&self, signal: Signal) {
        let sent = rustix::process::kill_process(Pid::from_child(&self.0), signal);
        sent.unwrap_or_else(|e| panic!("cannot signal the child: {e}"));
    }
}

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
    let mut pair = Pair::start(subject, child_test, "killed").await;
    drop(pair.child);
    let killed = Instant::now();
    see_survivor(subject, &mut pair.watch, &pair.survivor).await;
    killed.elapsed()
}

/// The entry of a process that hangs vanishes from watchers, and returns when the process goes on.
/// Gives back how long the first took. For the rest as [`killed_process_vanishes`].
///
/// # Panics
///
/// When it does not hold.
pub async fn hung_process_vanishes_and_returns(subject: &Subject, child_test: &str) -> Duration {
    let mut pair = Pair::start(subject, child_test, "hung").await;
    pair.child.signal(Signal::STOP);
    let hung = Instant::now();
    see_survivor(subject, &mut pair.watch, &pair.survivor).await;
    let took = hung.elapsed();
    pair.child.signal(Signal::CONT);
    see_both(subject, &mut pair.watch).await;
    took
}

/// An instance of this process, and one of a child.
struct Pair {
    child: Guard,
    survivor: InstanceId,
    watch: Watch,
    _registration: Registration,
}

impl Pair {
    async fn start(subject: &Subject, child_test: &str, label: &str) -> Self {
        let service = unique_service(label);
        let registry = subject.handle();
        let registration = subject.register(&*registry, instance(&service, 1)).await;
        let mut watch = subject.handle().watch(&service);
        let program = std::env::current_exe();
        let program = program.unwrap_or_else(|e| panic!("no path to this test: {e}"));
        let child = Command::new(program)
            .args([child_test, "--exact", "--include-ignored"])
            .env(CHILD, service.as_str())
            .stdout(Stdio::null())
            .spawn();
        let child = Guard(child.unwrap_or_else(|e| panic!("cannot start the child: {e}")));
        see_both(subject, &mut watch).await;
        Self {
            child,
            survivor: registration.instance().id.clone(),
            watch,
            _registration: registration,
        }
    }
}

async fn see_both(subject: &Subject, watch: &mut Watch) {
    let both = |snapshot: &Snapshot| snapshot.instances.len() == 2;
    subject.see(watch, "the child's instance too", both).await;
}

async fn see_survivor(subject: &Subject, watch: &mut Watch, survivor: &InstanceId) {
    let alone = |snapshot: &Snapshot| {
        let [only] = &snapshot.instances[..] else {
            return false;
        };
        snapshot.status == Status::Live && only.id == *survivor
    };
    subject.see(watch, "only the survivor", alone).await;
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
