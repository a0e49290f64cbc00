//! Layers that make trouble, for tests of what a caller does about it.
//!
//! They wrap any service, and unary calls and streams alike. Clones of a layer, and the services
//! that it wraps, share its counters: keep a clone to ask it what happened.

mod fail;
mod hang;
mod slow;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rzero_core::CallInfo;

pub use fail::{FailN, FailOnce, Failing};
pub use hang::{Hang, Hanging};
pub use slow::{Slow, Slowed};

/// Which calls are meddled with, and how many were.
#[derive(Clone, Debug)]
struct Meddler {
    method: Option<&'static str>,
    rule: Rule,
    counts: Arc<Counts>,
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    All,
    First(usize),
    Every(usize),
}

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    hits: AtomicUsize,
}

impl Meddler {
    fn new(rule: Rule) -> Self {
        Self {
            method: None,
            rule,
            counts: Arc::default(),
        }
    }

    /// Counts the call and says whether it is meddled with.
    fn takes(&self, call: &CallInfo) -> bool {
        if self.method.is_some_and(|path| path != call.method().path()) {
            return false;
        }
        let before = self.counts.calls.fetch_add(1, Relaxed);
        let hit = match self.rule {
            Rule::All => true,
            Rule::First(n) => before < n,
            Rule::Every(n) => (before + 1).is_multiple_of(n),
        };
        if hit {
            self.counts.hits.fetch_add(1, Relaxed);
        }
        hit
    }
}

/// What every layer here has, around its `meddler`.
macro_rules! meddles {
    ($layer:ident $($field:tt).+) => {
        impl $layer {
            /// Only calls of the method at `path`, such as `/package.Service/Method`. Others are
            /// not counted either.
            #[must_use]
            pub fn only(mut self, path: &'static str) -> Self {
                self.$($field).+.method = Some(path);
                self
            }

            /// Calls seen so far, those included that were left alone.
            #[must_use]
            pub fn calls(&self) -> usize {
                self.$($field).+.counts.calls.load(std::sync::atomic::Ordering::Relaxed)
            }

            /// Calls that were not left alone.
            #[must_use]
            pub fn hits(&self) -> usize {
                self.$($field).+.counts.hits.load(std::sync::atomic::Ordering::Relaxed)
            }
        }
    };
}
use meddles;
