//! What governs the calls of a client, end to end: real servers and the whole chain of both sides.
//! Where time matters, the wire is that in memory and the clock is paused.

mod balance;
mod breaker;
mod fleet;
mod hang;
mod hedge;
mod retry;
mod storm;
mod stream;
mod wire;
