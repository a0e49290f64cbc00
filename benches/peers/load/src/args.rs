//! The command line of a server and of a client.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A server or a client of the bench.
#[derive(Debug, Parser)]
pub struct Cli {
    /// Which of the two.
    #[command(subcommand)]
    pub role: Role,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Role {
    /// Serve until standard input ends
    Serve(ServeArgs),
    /// Call and print one line of JSON
    Call(CallArgs),
}

/// Options of a server.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// System to serve
    pub system: String,
    /// Address to listen on
    #[arg(long)]
    pub listen: SocketAddr,
}

/// Options of a client.
#[derive(Clone, Debug, Args)]
pub struct CallArgs {
    /// System to call with
    pub system: String,
    /// Address of the server
    #[arg(long)]
    pub address: SocketAddr,
    /// Process of the server, whose CPU time and memory are measured
    #[arg(long)]
    pub server_pid: u32,
    /// What to do
    #[arg(long, value_enum, default_value_t = Kind::Echo)]
    pub kind: Kind,
    /// Calls at a time, or idle connections
    #[arg(long, short = 'c', default_value_t = 1)]
    pub concurrency: usize,
    /// Connections that share the calls
    #[arg(long, default_value_t = 1)]
    pub connections: usize,
    /// Bytes of payload in a call, or in a message of a stream
    #[arg(long, default_value_t = 128)]
    pub payload: u32,
    /// Messages of a stream
    #[arg(long, default_value_t = 1)]
    pub count: u64,
    /// Microseconds that the handler waits on a timer
    #[arg(long, default_value_t = 0)]
    pub wait_us: u32,
    /// Microseconds that the handler computes
    #[arg(long, default_value_t = 0)]
    pub spin_us: u32,
    /// Milliseconds of warm-up
    #[arg(long, default_value_t = 200)]
    pub warmup_ms: u64,
    /// Milliseconds measured
    #[arg(long, default_value_t = 1000)]
    pub measure_ms: u64,
}

impl CallArgs {
    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_millis(self.warmup_ms)
    }

    pub(crate) fn measure(&self) -> Duration {
        Duration::from_millis(self.measure_ms)
    }
}

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Unary calls with a payload
    Echo,
    /// Unary calls with an order
    Order,
    /// Unary calls, of which the first caller's alone spin
    Mixed,
    /// One stream of many messages
    Feed,
    /// Connections that make one call each and stay
    Idle,
}
