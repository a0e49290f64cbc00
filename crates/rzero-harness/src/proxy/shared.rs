//! What the proxy's threads share: the present fault, and the count of open links.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Fault;

/// How long a switch waits for the threads to follow. They need about [`TICK`].
const FOLLOW_WITHIN: Duration = Duration::from_secs(5);
/// How often a thread that waits for bytes looks whether the fault has changed.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// More links than this are reset at once: a client that leaks connections must not eat the host.
const LINKS_MAX: usize = 512;

#[derive(Debug)]
pub(super) struct Shared {
    address: SocketAddr,
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    /// Links of an older generation have been cut.
    generation: u64,
    listening: bool,
    links: usize,
    accepted: usize,
    stopped: bool,
}

/// Whether a link may pass bytes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// Yes, after this delay.
    After(Duration),
    /// Never again: the link is to be reset.
    Cut,
}

/// What the acceptor is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Duty {
    Listen,
    Refuse,
    Stop,
}

impl Shared {
    pub(super) fn new(address: SocketAddr, server: SocketAddr) -> Self {
        let state = State {
            fault: Fault::Forward,
            generation: 0,
            listening: true,
            links: 0,
            accepted: 0,
            stopped: false,
        };
        Self {
            address,
            server,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    pub(super) fn fault(&self) -> Fault {
        self.state().fault
    }

    pub(super) fn connections(&self) -> usize {
        self.state().links
    }

    pub(super) fn accepted(&self) -> usize {
        self.state().accepted
    }

    /// Changes the fault and waits until the threads have followed.
    pub(super) fn set(&self, fault: Fault) {
        let cuts = matches!(fault, Fault::Reset | Fault::Refuse);
        let mut state = self.state();
        state.fault = fault;
        state.generation += u64::from(cuts);
        self.changed.notify_all();
        self.follow(state, |state| {
            (!cuts || state.links == 0) && state.listening == (state.fault != Fault::Refuse)
        });
    }

    /// Condemns the links of the present generation; their threads notice within a tick. Does not
    /// wait: links of the next generation may be opened meanwhile and are counted together.
    pub(super) fn cut(&self) {
        let mut state = self.state();
        state.generation += 1;
        self.changed.notify_all();
    }

    /// Ends everything, and waits until no link is left.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        self.changed.notify_all();
        self.follow(state, |state| state.links == 0);
    }

    /// The acceptor's next duty; says that nobody listens while it is [`Duty::Refuse`].
    pub(super) fn duty(&self) -> Duty {
        let state = self.state();
        match (state.stopped, state.fault) {
            (true, _) => Duty::Stop,
            (false, Fault::Refuse) => Duty::Refuse,
            (false, _) => Duty::Listen,
        }
    }

    pub(super) fn set_listening(&self, listening: bool) {
        self.state().listening = listening;
        self.changed.notify_all();
    }

    /// Waits a moment, less if something changes.
    pub(super) fn idle(&self) {
        drop(self.changed.wait_timeout(self.state(), TICK));
    }

    /// Counts a new link and gives its generation; `None` if it is to be reset at once.
    pub(super) fn admit(&self) -> Option<u64> {
        let mut state = self.state();
        state.accepted += 1;
        let refused = matches!(state.fault, Fault::Reset | Fault::Refuse);
        if state.stopped || refused || state.links >= LINKS_MAX {
            return None;
        }
        state.links += 1;
        Some(state.generation)
    }

    /// Counts a link out.
    pub(super) fn leave(&self) {
        self.state().links -= 1;
        self.changed.notify_all();
    }

    /// Waits while bytes are held back, and says what to do with them then.
    pub(super) fn pass(&self, generation: u64, broken: impl Fn() -> bool) -> Passage {
        let mut state = self.state();
        loop {
            if state.stopped || state.generation != generation || broken() {
                return Passage::Cut;
            }
            match state.fault {
                Fault::Delay(delay) => return Passage::After(delay),
                Fault::Blackhole => {
                    let waited = self.changed.wait_timeout(state, TICK);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                // A cutting fault has changed the generation, so this link came after it.
                Fault::Forward | Fault::Reset | Fault::Refuse => {
                    return Passage::After(Duration::ZERO);
                }
            }
        }
    }

    fn follow(&self, state: MutexGuard<'_, State>, mut done: impl FnMut(&State) -> bool) {
        let waited = self
            .changed
            .wait_timeout_while(state, FOLLOW_WITHIN, |state| !done(state));
        drop(waited);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
