//! What is known about a service at one moment.

use std::sync::Arc;

use crate::{Instance, InstanceId};

/// All instances of a service that are known at one moment, ordered by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The instances, each id once, ordered by id.
    pub instances: Vec<Arc<Instance>>,
    /// How far they can be trusted.
    pub status: Status,
}

/// How far a [`Snapshot`] can be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// The source has not answered yet: nothing is known.
    Pending,
    /// The source says so right now.
    Live,
    /// The source is away, or says something that is kept back until it is confirmed: this is
    /// what was last known to be good. The text is the reason, for people.
    Stale(Arc<str>),
}

impl Snapshot {
    /// A snapshot of which nothing is known yet.
    #[must_use]
    pub const fn pending() -> Self {
        Self {
            instances: Vec::new(),
            status: Status::Pending,
        }
    }

    /// A snapshot that the source says is true right now.
    #[must_use]
    pub fn live(instances: Vec<Arc<Instance>>) -> Self {
        Self {
            instances,
            status: Status::Live,
        }
    }

    /// The instance with this id.
    #[must_use]
    pub fn get(&self, id: &InstanceId) -> Option<&Arc<Instance>> {
        self.instances.iter().find(|instance| instance.id == *id)
    }
}

impl Status {
    /// Whether the source has answered at least once.
    #[must_use]
    pub fn is_known(&self) -> bool {
        *self != Self::Pending
    }
}
