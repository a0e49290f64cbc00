//! The buffer that sockets are read into.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// Bytes that one read takes at most: many small frames, and four of the largest.
const BYTES: usize = 64 << 10;

thread_local! {
    static SPARE: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// A read buffer on loan from this thread, which keeps one. What was read is used up before the
/// task waits again, so that neither an idle connection nor a pending call holds a buffer.
pub(crate) struct Scratch(Option<Box<[u8]>>);

impl Scratch {
    pub(crate) fn new() -> Self {
        let spare = SPARE.try_with(Cell::take).ok().flatten();
        Self(Some(spare.unwrap_or_else(|| vec![0; BYTES].into())))
    }
}

impl Deref for Scratch {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = self.0.take();
        // A thread that ends frees it.
        let _ = SPARE.try_with(|spare| spare.set(buffer));
    }
}
