//! The contract of all back ends.

use rzero_core::{BoxFuture, Error};

use crate::{Instance, Registration, ServiceName, Watch};

/// Where instances register and callers look them up.
///
/// Back ends are handles: cheap to share in an `Arc`, and their tasks belong to the guards they
/// hand out, so dropping the registry alone ends nothing.
pub trait Registry: Send + Sync + 'static {
    /// What it is: `local`, `static`, `memory`, `etcd`, `dns`.
    fn name(&self) -> &'static str;

    /// Registers an instance and keeps it registered until the guard is closed or dropped.
    ///
    /// The future ends once the first attempt was made. A back end that cannot be reached is no
    /// error: the guard keeps trying and [tells](Registration::status) so. Two instances with one
    /// id are one instance: the later registration wins.
    ///
    /// The future's error is of class `InvalidInput`: the instance breaks a limit, or what was
    /// configured can never work. Dropping the future takes the registration back.
    fn register(&self, instance: Instance) -> BoxFuture<'_, Result<Registration, Error>>;

    /// Watches a service. Returns at once; a service that nobody knows is empty.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, for back ends that need a task.
    fn watch(&self, service: &ServiceName) -> Watch;

    /// The services of which at least one instance is registered, in order.
    ///
    /// The future's error is of class `Unavailable`: the back end cannot be read.
    fn services(&self) -> BoxFuture<'_, Result<Vec<ServiceName>, Error>>;
}
