//! One connection, from its making to its end.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rzero_http2::frame::ErrorCode;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::attack::{Next, Reading, Script};
use crate::seen::Seen;
use crate::throttle::Throttle;

/// The address that attackers come from, so that log lines about them are told apart.
pub const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// How long a script waits for a server that says nothing.
const WAIT: Duration = Duration::from_millis(10);

/// How often a connection that nobody reads is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// How long a server may take to close behind a GOAWAY.
const CLOSING: Duration = Duration::from_secs(3);

/// How many bytes are read at a time.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    /// What is read goes here first: thousands of connections hold no buffers of their own.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The server said why.
    GoAway(ErrorCode, String),
    /// The server said why and left the connection open.
    LeftOpen(ErrorCode, String),
    /// The server closed it without a word.
    Closed,
    /// The transport was reset.
    Reset,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GoAway(code, why) => write!(f, "GOAWAY {code}: {why}"),
            Self::LeftOpen(code, why) => write!(f, "GOAWAY {code}: {why} (left open)"),
            Self::Closed => f.write_str("closed"),
            Self::Reset => f.write_str("reset"),
        }
    }
}

/// What came of a connection.
#[derive(Debug)]
pub struct Outcome {
    /// How the server ended it; `None` when it did not.
    pub end: Option<End>,
    /// How long it lived.
    pub lived: Duration,
    /// Bytes that were sent.
    pub bytes_sent: u64,
    /// What the server said.
    pub seen: Seen,
}

/// Connects from [`ATTACKER`].
///
/// # Errors
/// When the server takes no connection.
pub async fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((ATTACKER, 0).into())?;
    let io = socket.connect(target).await?;
    io.set_nodelay(true)?;
    Ok(io)
}

/// Runs a script against the server behind `io`, until it leaves, the server ends the connection,
/// or it is `until`.
pub async fn run(
    io: TcpStream,
    mut script: Script,
    reading: Reading,
    throttle: &Throttle,
    until: Instant,
) -> Outcome {
    let begun = Instant::now();
    let mut talk = Talk::new(io, reading);
    let mut next = Next::More;
    let mut resume = begun;
    while talk.end.is_none() && next != Next::Leave && Instant::now() < until {
        let told = talk.seen.go_away.as_ref().map(|(code, _)| *code);
        let is_over = told.is_some_and(|code| code != ErrorCode::NO_ERROR);
        if is_over && talk.told_at.is_some_and(|at| at.elapsed() > CLOSING) {
            break;
        }
        let is_due = resume <= Instant::now() || (next == Next::Wait && talk.heard);
        if talk.is_flushed() && is_due && !is_over {
            talk.clear();
            next = script(&mut talk.out, &talk.seen);
            resume = match next {
                Next::More | Next::Leave => Instant::now(),
                Next::After(pause) => Instant::now() + pause,
                Next::Wait => Instant::now() + WAIT,
                Next::Hold => until,
            };
        }
        let by = if is_over {
            Instant::now() + GLANCE
        } else {
            resume
        };
        talk.exchange(by.min(until)).await;
        throttle.pace().await;
    }
    if next == Next::Leave {
        while !talk.is_flushed() && talk.end.is_none() && Instant::now() < until {
            talk.exchange(until).await;
        }
    }
    talk.finish(begun.elapsed())
}

/// A connection in the middle of its script.
struct Talk {
    io: TcpStream,
    reading: Reading,
    out: Vec<u8>,
    written: usize,
    bytes_sent: u64,
    seen: Seen,
    /// Something was read since the script was asked.
    heard: bool,
    told_at: Option<Instant>,
    end: Option<End>,
}

impl Talk {
    fn new(io: TcpStream, reading: Reading) -> Self {
        Self {
            io,
            reading,
            out: Vec::new(),
            written: 0,
            bytes_sent: 0,
            seen: Seen::default(),
            heard: false,
            told_at: None,
            end: None,
        }
    }

    fn is_flushed(&self) -> bool {
        self.written == self.out.len()
    }

    fn clear(&mut self) {
        self.out.clear();
        self.written = 0;
        self.heard = false;
        if self.out.capacity() > 1 << 20 {
            self.out = Vec::new();
        }
    }

    /// Reads and writes what can be; returns when something could, and at `by` at the latest.
    async fn exchange(&mut self, by: Instant) {
        if self.reading == Reading::Polite && !self.seen.answers.is_empty() {
            self.out.append(&mut self.seen.answers);
        }
        let reads = self.reading != Reading::Never;
        let interest = match (reads, self.is_flushed()) {
            (true, true) => Interest::READABLE,
            (true, false) => Interest::READABLE | Interest::WRITABLE,
            (false, false) => Interest::WRITABLE,
            (false, true) => return self.glance(by).await,
        };
        let Ok(ready) = timeout_at(by, self.io.ready(interest)).await else {
            return;
        };
        match ready {
            Ok(ready) => {
                if reads && (ready.is_readable() || ready.is_read_closed()) {
                    self.read();
                }
                if !self.is_flushed() && ready.is_writable() {
                    self.write();
                }
            }
            Err(_) => self.ended(End::Reset),
        }
    }

    /// Looks whether the server has closed a connection that is not read.
    async fn glance(&mut self, by: Instant) {
        sleep_until(by.min(Instant::now() + GLANCE)).await;
        let closed = timeout_at(Instant::now(), self.io.ready(Interest::READABLE)).await;
        if let Ok(Ok(ready)) = closed
            && ready.is_read_closed()
        {
            self.read();
        }
    }

    fn read(&mut self) {
        let mut buffer = BUFFER.take();
        buffer.resize(READ_BYTES, 0);
        while self.end.is_none() {
            match self.io.try_read(&mut buffer) {
                Ok(0) => self.ended(End::Closed),
                Ok(bytes) => {
                    self.heard = true;
                    self.seen.take(&buffer[..bytes]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.ended(End::Reset),
            }
        }
        if self.seen.go_away.is_some() {
            self.told_at.get_or_insert_with(Instant::now);
        }
        BUFFER.set(buffer);
    }

    fn write(&mut self) {
        while !self.is_flushed() {
            match self.io.try_write(&self.out[self.written..]) {
                Ok(bytes) => {
                    self.written += bytes;
                    self.bytes_sent += bytes as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // What the server said before it closed may still lie here.
                    self.read();
                    self.ended(End::Reset);
                    break;
                }
            }
        }
    }

    fn ended(&mut self, how: End) {
        let told = self.seen.go_away.take();
        let end = match told {
            Some((code, why)) => End::GoAway(code, why),
            None => how,
        };
        self.end.get_or_insert(end);
    }

    fn finish(mut self, lived: Duration) -> Outcome {
        if self.end.is_none()
            && let Some((code, why)) = self.seen.go_away.clone()
            && code != ErrorCode::NO_ERROR
        {
            self.end = Some(End::LeftOpen(code, why));
        }
        Outcome {
            end: self.end,
            lived,
            bytes_sent: self.bytes_sent,
            seen: self.seen,
        }
    }
}
