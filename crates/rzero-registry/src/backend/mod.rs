//! What back ends are made of: a pure [`Keeper`] of what was last known to be good, a
//! [`Publisher`] that feeds watches through it, and the [`Sources`] that run while somebody
//! watches.

mod keeper;
mod publisher;
mod sources;

pub use keeper::{Keeper, KeeperConfig};
pub use publisher::Publisher;
pub use sources::Sources;
