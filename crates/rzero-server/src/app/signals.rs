//! Requests to leave: signals of the operating system, and handles.

use std::sync::{Arc, OnceLock};

use rzero_core::{Address, Error, Result, TaskStats, Tasks};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Addresses;
use crate::govern::{Governance, Governor};

/// Counts the requests to leave: the first begins the drain, the second cuts it short.
#[derive(Debug)]
pub(crate) struct Requests {
    count: Arc<watch::Sender<u32>>,
    addresses: Arc<Addresses>,
    governor: Arc<OnceLock<Governor>>,
    /// Owns nothing: counts with the tasks of the server.
    tasks: Tasks,
}

impl Requests {
    pub(crate) fn new(tasks: Tasks) -> Self {
        Self {
            count: Arc::new(watch::Sender::new(0)),
            addresses: Arc::new(watch::Sender::new(None)),
            governor: Arc::default(),
            tasks,
        }
    }

    pub(crate) fn handle(&self) -> AppHandle {
        AppHandle {
            count: Arc::clone(&self.count),
            addresses: self.addresses.subscribe(),
            governor: Arc::clone(&self.governor),
            tasks: self.tasks.clone(),
        }
    }

    /// Counts SIGTERM and ctrl-c, in a task.
    pub(crate) fn listen_to_signals(&self, tasks: &Tasks) -> Result<()> {
        let failed = |e: std::io::Error| {
            Error::internal("cannot listen to signals of the operating system").with_source(e)
        };
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let count = Arc::clone(&self.count);
        drop(tasks.spawn("signals", async move {
            loop {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = interrupt.recv() => {}
                }
                count.send_modify(|n| *n += 1);
            }
        }));
        Ok(())
    }

    pub(crate) fn governed(&self, governor: Governor) {
        // An app runs once.
        let _ = self.governor.set(governor);
    }

    pub(crate) fn ready(&self, addresses: Vec<(&'static str, Address)>) {
        self.addresses.send_replace(Some(addresses));
    }

    /// Waits until so many requests were made.
    pub(crate) async fn asked(&self, times: u32) {
        // We hold the sender, so it cannot be gone.
        let _ = self.count.subscribe().wait_for(|n| *n >= times).await;
    }
}

/// Asks a running server to leave, and tells its addresses and what its governance knows.
#[derive(Clone, Debug)]
pub struct AppHandle {
    count: Arc<watch::Sender<u32>>,
    addresses: watch::Receiver<Option<Vec<(&'static str, Address)>>>,
    governor: Arc<OnceLock<Governor>>,
    tasks: Tasks,
}

impl AppHandle {
    /// Asks it to leave; a second time, to leave at once.
    pub fn shutdown(&self) {
        self.count.send_modify(|n| *n += 1);
    }

    /// What governance knows now: load shedding and its inputs, limits, breakers. `None` before
    /// the server runs.
    #[must_use]
    pub fn governance(&self) -> Option<Governance> {
        let governor = self.governor.get()?;
        Some(governor.view(Instant::now()))
    }

    /// The counts of the tasks and parts of the server by name, those included that have ended.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskStats> {
        self.tasks.snapshot()
    }

    /// Waits until the server is ready and tells the address it listens on for `protocol`;
    /// `None` when it does not speak that, or never became ready.
    ///
    /// # Cancel safety
    /// Safe: nothing is consumed.
    pub async fn address(&self, protocol: &str) -> Option<Address> {
        let mut addresses = self.addresses.clone();
        let ready = addresses.wait_for(Option::is_some).await.ok()?;
        let mut all = ready.iter().flatten();
        all.find(|(p, _)| *p == protocol)
            .map(|(_, address)| address.clone())
    }
}
