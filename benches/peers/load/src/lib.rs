//! What all systems of the bench share: the messages, the command line of a server and of a
//! client, the closed loop of callers, the clock and the figures.
//!
//! A system implements [`Client`] and a function that serves; [`main`] does the rest:
//!
//! ```text
//! PROGRAM serve SYSTEM --listen ADDRESS      ends when its standard input ends
//! PROGRAM call SYSTEM --address ADDRESS ...  prints one line of JSON
//! ```

pub mod args;
pub mod drive;
mod histogram;
mod idle;
pub mod messages;
pub mod process;

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// The outcome of anything here.
pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// One connection of a system, as a caller holds it.
pub trait Client: Clone + Send + Sync + 'static {
    /// The order message as this system knows it.
    type Order: Clone + Send + Sync + 'static;

    /// Opens a connection.
    fn connect(address: SocketAddr) -> impl Future<Output = Result<Self>> + Send;

    /// The order in this system's own type.
    fn order(order: &messages::Order) -> Result<Self::Order>;

    /// Sends a payload, returns the size of the payload that came back.
    fn echo(
        &mut self,
        payload: Bytes,
        wait_us: u32,
        spin_us: u32,
    ) -> impl Future<Output = Result<usize>> + Send;

    /// Sends an order, returns the number of items in the order that came back.
    fn place(&mut self, order: Self::Order) -> impl Future<Output = Result<usize>> + Send;

    /// Receives a stream of `count` messages, returns the sum of their payloads' sizes.
    fn feed(&mut self, count: u64, bytes: u32) -> impl Future<Output = Result<(u64, u64)>> + Send;
}

/// The work that a handler was asked to do before it answers.
pub async fn work(wait_us: u32, spin_us: u32) {
    if wait_us > 0 {
        tokio::time::sleep(Duration::from_micros(wait_us.into())).await;
    }
    if spin_us > 0 {
        spin(Duration::from_micros(spin_us.into()));
    }
}

/// Computes for `time`.
pub fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// The default runtime of tokio: as many workers as this process may use cores.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
}

/// An error of a system that cannot do what a case asks.
pub fn unsupported<T>(what: &str) -> Result<T> {
    Err(format!("this system has no {what}").into())
}
