//! What back ends are made of: a pure [`Keeper`] of what was last known to be good, a
//! [`Publisher`] that feeds watches through it, the [`Sources`] that run while somebody watches,
//! and the [`Registrar`] that serves a registration.

mod keeper;
mod publisher;
mod sources;

pub use keeper::{Keeper, KeeperConfig};
pub use publisher::Publisher;
pub use sources::Sources;

pub use crate::registration::{Registrar, Wanted};
