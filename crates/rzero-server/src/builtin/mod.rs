//! Services that every server offers: health and reflection.
//!
//! Both are written by hand on prost, so that the framework serves them without generated code of
//! its own. The contracts in `proto/` are compiled into the descriptor sets in `files/`; a test
//! keeps the two and the messages in step.

mod health;
#[cfg(test)]
mod memory;
mod reflection;
#[cfg(test)]
mod tests;

pub use health::{Health, HealthServer};
pub use reflection::{ReflectionServer, reflection};
