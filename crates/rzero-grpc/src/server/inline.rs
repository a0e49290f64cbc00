//! Which handlers begin on the task of the connection.
//!
//! A handler that answers at once is cheapest there: no task, no queue, no wake-up. One that works
//! for long holds up its neighbours there. What a handler does cannot be known, so its first step
//! is measured, once in sixteen times, and the average decides, for each method.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rzero_core::Method;

/// One call in this many is measured, less one: the first of a method always is.
const SAMPLE_MASK: u32 = 15;
/// Messages over this length are decoded elsewhere.
pub(super) const BYTES_MAX: usize = 64 << 10;
/// A step counts as no longer than this: a slow first call is soon forgotten.
const STEP_MAX: Duration = Duration::from_micros(80);
/// Methods that are remembered; a server has some dozens.
const METHODS_MAX: usize = 4096;

/// What is known of the methods of a server, shared by its connections.
#[derive(Debug)]
pub(super) struct Book {
    inline_max: Duration,
    pages: Mutex<Vec<(usize, Arc<Page>)>>,
}

/// What is known of a method: the average time of its first step in nanoseconds, 0 before the
/// first.
#[derive(Debug, Default)]
pub(super) struct Page(AtomicU32);

/// Where a call has to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// On the task of the connection.
    Here,
    /// There too, and it is measured.
    HereMeasured,
    /// On a task of its own; it is measured when `true`.
    Elsewhere { measured: bool },
}

impl Book {
    pub(super) fn new(inline_max: Duration) -> Self {
        Self {
            inline_max,
            pages: Mutex::new(Vec::new()),
        }
    }

    fn page(&self, key: usize) -> Arc<Page> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, page)) = pages.iter().find(|(k, _)| *k == key) {
            return Arc::clone(page);
        }
        let page = Arc::<Page>::default();
        if pages.len() < METHODS_MAX {
            pages.push((key, Arc::clone(&page)));
        }
        page
    }
}

/// A connection's view of the book: no lock for a method that it has seen.
#[derive(Debug)]
pub(super) struct Reader {
    book: Arc<Book>,
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    key: usize,
    page: Arc<Page>,
    /// Calls of this connection.
    calls: u32,
}

impl Reader {
    pub(super) const fn new(book: Arc<Book>) -> Self {
        Self {
            book,
            seen: Vec::new(),
        }
    }

    fn seen(&mut self, method: Method) -> &mut Seen {
        let key = method.path().as_ptr().addr();
        let at = self.seen.iter().position(|seen| seen.key == key);
        let at = at.unwrap_or_else(|| {
            let page = self.book.page(key);
            self.seen.push(Seen {
                key,
                page,
                calls: 0,
            });
            self.seen.len() - 1
        });
        &mut self.seen[at]
    }

    /// The page of a method.
    pub(super) fn page(&mut self, method: Method) -> &Arc<Page> {
        &self.seen(method).page
    }

    /// Where the next call of a method begins.
    pub(super) fn begin(&mut self, method: Method) -> Begin {
        let inline_max = self.book.inline_max.as_nanos();
        let seen = self.seen(method);
        let measured = seen.calls & SAMPLE_MASK == 0;
        seen.calls = seen.calls.wrapping_add(1);
        match (seen.page.is_quick(inline_max), measured) {
            (true, false) => Begin::Here,
            (true, true) => Begin::HereMeasured,
            (false, measured) => Begin::Elsewhere { measured },
        }
    }
}

impl Page {
    fn is_quick(&self, inline_max: u128) -> bool {
        u128::from(self.0.load(Ordering::Relaxed)) <= inline_max
    }

    /// Learns how long a first step took.
    pub(super) fn learn(&self, took: Duration) {
        let took = u32::try_from(took.min(STEP_MAX).as_nanos()).unwrap_or(u32::MAX);
        let before = self.0.load(Ordering::Relaxed);
        let now = match before {
            0 => took.max(1),
            // An eighth of the news: one slow call in a quick row changes little.
            before => before - before / 8 + took / 8,
        };
        self.0.store(now, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind};

    use super::*;

    const MAX: u128 = 5_000;

    fn after(steps: &[u64]) -> bool {
        let page = Page::default();
        for &nanos in steps {
            page.learn(Duration::from_nanos(nanos));
        }
        page.is_quick(MAX)
    }

    #[test]
    fn quick_handler_begins_here() {
        assert!(after(&[]));
        assert!(after(&[900, 1_100]));
    }

    #[test]
    fn slow_handler_gets_a_task() {
        assert!(!after(&[50_000]));
    }

    #[test]
    fn handler_that_became_quick_comes_back() {
        let steps: Vec<u64> = [3_000_000].into_iter().chain([1_000; 40]).collect();
        assert!(after(&steps));
    }

    #[test]
    fn first_call_and_one_in_sixteen_are_measured() {
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
        let mut reader = Reader::new(Arc::new(Book::new(Duration::from_micros(5))));
        let measured = (0..32).filter(|_| reader.begin(method) == Begin::HereMeasured);
        assert_eq!(measured.count(), 2);
    }
}
