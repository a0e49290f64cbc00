//! Tasks that somebody owns.
//!
//! A task that nobody owns leaks, dies unseen and is cut in the middle when the process ends.
//! [`Tasks`] is the owner of everything that runs beside calls: each task has a name and is counted
//! under it, a panic is caught, counted and logged, and [`Tasks::stop`] asks first, then cuts and
//! says what it cut. Tasks of a call are owned by the call: [`spawn`](crate::spawn),
//! [`JoinSet`](crate::JoinSet).

mod counts;
mod handle;
mod owner;
mod restart;
#[cfg(test)]
mod tests;

pub use counts::{RunningTask, TaskStats};
pub use handle::Task;
pub use owner::{Stopped, Tasks};
pub use restart::Restart;
