//! Governance of a server: what every call passes before it runs, and gives back when it ends.
//!
//! A [`Governor`] is made once for a server; each service gets a [`Guard`] of it, which the chain
//! of `mounted.rs` asks once for a call and tells once of its end. Outside in:
//!
//! 1. deadline: dead requests are refused, before their message is decoded;
//! 2. shedding, by the signals of the process and what is in flight;
//! 3. calls at once, of the whole server and of the method;
//! 4. rate limits;
//! 5. the breaker of the method, which is off unless a policy switches it on.
//!
//! Rate limits that all processes share have to be waited for, so the chain asks them behind this
//! step, while the call holds its places.
//!
//! All of it holds for the whole server, not for a connection, and for streams as for unary calls:
//! what a call holds, it holds to its trailers. Deciding takes no lock, allocates nothing and reads
//! no clock. A reload changes what is compared with, never what was counted.

mod admit;
mod callers;
mod governor;
mod reload;
mod rules;
mod view;

pub(crate) use admit::{Admitted, Guard};
pub(crate) use governor::{Common, Governor};
pub(crate) use reload::follow;
pub use view::{Governance, LimitView, MethodView, RateView};
