//! What keeps a service alive among slow, overloaded and failing peers, as pure decisions: values
//! and time in, decisions out.
//!
//! Every policy is usable alone. Those that let calls in or refuse them are
//! [`Admission`](rzero_core::Admission)s; several of them in a tuple are one fused step.
#![forbid(unsafe_code)]

pub mod breaker;
pub mod flight;
pub mod limit;
mod push_back;
pub mod retry;
pub mod shed;
pub mod window;
