//! The way to running services: registry, target, connection, schema.

pub(crate) mod reflection;
pub(crate) mod registry;
pub(crate) mod schema;
pub(crate) mod target;
mod trail;

use std::future::Future;
use std::time::Duration;

use crate::failure::{Failure, Result};

/// How long a registry may take to answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// Runs a command that talks to services.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::broken("cannot start the runtime").because(&error))?;
    let result = runtime.block_on(work);
    // A read of a terminal cannot be cancelled, so it is not waited for.
    runtime.shutdown_background();
    result
}
