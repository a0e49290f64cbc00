//! The connections to one server: one, as long as that is enough.
//!
//! One connection batches best, so that a further one is opened only when the task of the first is
//! saturated or its server's limit of streams is near; calls go back to the first alone as soon as
//! it is enough, and the others close when they have had nothing to do for a while.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use bytes::Bytes;
use rzero_core::{Address, BoxFuture, Call, CallInfo, Connection, Duplex, Gone, Load, UnaryReply};
use tokio::select;
use tokio::time::{Instant, sleep, timeout_at};

use super::GrpcDialer;
use super::line::Line;

/// How long a further connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(10);
/// How long a further connection may take to open.
const DIAL: Duration = Duration::from_secs(3);
/// How long nothing is tried again after a further connection could not be opened.
const PAUSE: Duration = Duration::from_secs(1);

/// All connections to a server. It lives and ends with the first one.
pub(super) struct Pool {
    me: Weak<Self>,
    first: Arc<Line>,
    further: RwLock<Vec<Arc<Line>>>,
    is_growing: AtomicBool,
    dialer: GrpcDialer,
    address: Address,
}

impl Pool {
    pub(super) fn new(first: Line, dialer: GrpcDialer, address: Address) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            first: Arc::new(first),
            further: RwLock::default(),
            is_growing: AtomicBool::new(false),
            dialer,
            address,
        })
    }

    /// Runs `call` on the connection that takes the next one.
    #[inline]
    fn with<T>(&self, call: impl FnOnce(&Line) -> T) -> T {
        if self.first.shared.is_saturated() {
            return call(&self.least_busy());
        }
        call(&self.first)
    }

    #[cold]
    fn least_busy(&self) -> Arc<Line> {
        let further = self.further.read().unwrap_or_else(PoisonError::into_inner);
        let all = further.iter().filter(|line| line.shared.is_open());
        let all = std::iter::once(&self.first).chain(all);
        let count = all.clone().count();
        let all_saturated = all.clone().all(|line| line.shared.is_saturated());
        if all_saturated && count < self.dialer.options.connections_max.min(cores()) {
            self.grow();
        }
        let least = all.min_by_key(|line| line.shared.in_flight());
        Arc::clone(least.unwrap_or(&self.first))
    }

    /// Opens a further connection, off the path of calls.
    fn grow(&self) {
        if self.is_growing.swap(true, Ordering::AcqRel) {
            return;
        }
        let Some(me) = self.me.upgrade() else { return };
        tokio::spawn(async move {
            let opened = timeout_at(Instant::now() + DIAL, me.dialer.connect(&me.address)).await;
            match opened {
                Ok(Ok(line)) => me.add(Arc::new(line)),
                failed => {
                    let error = failed.ok().and_then(Result::err);
                    tracing::debug!(address = %me.address, ?error, "no further connection");
                    sleep(PAUSE).await;
                }
            }
            me.is_growing.store(false, Ordering::Release);
        });
    }

    fn add(&self, line: Arc<Line>) {
        tracing::debug!(address = %self.address, "one connection is saturated, opened a further one");
        tokio::spawn(keep(Weak::clone(&self.me), Arc::clone(&line)));
        let mut further = self.further.write().unwrap_or_else(PoisonError::into_inner);
        further.push(line);
    }

    fn remove(&self, line: &Arc<Line>) {
        let mut further = self.further.write().unwrap_or_else(PoisonError::into_inner);
        further.retain(|other| !Arc::ptr_eq(other, line));
    }

    fn further(&self) -> Vec<Arc<Line>> {
        let further = self.further.read().unwrap_or_else(PoisonError::into_inner);
        further.clone()
    }
}

/// How many threads can run at a time.
pub(super) fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| available_parallelism().map_or(1, NonZeroUsize::get))
}

/// Waits until a further connection is gone or idle, and takes it out.
async fn keep(pool: Weak<Pool>, line: Arc<Line>) {
    let mut calls = None;
    loop {
        select! {
            _why = line.gone() => break,
            () = sleep(IDLE) => {}
        }
        let now = line.shared.calls();
        let is_idle = line.shared.in_flight() == 0 && calls.replace(now) == Some(now);
        if is_idle || pool.strong_count() == 0 {
            break;
        }
    }
    if let Some(pool) = pool.upgrade() {
        pool.remove(&line);
    }
    line.drain();
}

impl Connection for Pool {
    fn unary(&self, call: Call<Bytes>) -> UnaryReply {
        self.with(|line| line.unary(call))
    }

    fn open(&self, call: CallInfo) -> Duplex {
        self.with(|line| line.open(call))
    }

    fn load(&self) -> Load {
        let further = self.further();
        let all = further.iter().map(|line| line.shared.in_flight());
        Load {
            in_flight: all.sum::<u32>() + self.first.shared.in_flight(),
        }
    }

    fn is_open(&self) -> bool {
        self.first.shared.is_open()
    }

    fn drain(&self) {
        self.first.drain();
        self.further().iter().for_each(|line| line.drain());
    }

    fn gone(&self) -> BoxFuture<'_, Gone> {
        self.first.gone()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.drain();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrpcConnection({})", self.address)
    }
}
