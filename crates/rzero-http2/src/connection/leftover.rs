//! What a connection leaves behind.

use std::fmt;

use super::streams::Stream;
use crate::frame::StreamId;

/// The streams of a connection that is over, one at a time: each item is what the shell kept for
/// one. What waited to be sent on it is freed with it, which takes time when it is much.
pub struct Leftover<S>(pub(super) std::vec::IntoIter<Option<Stream<S>>>);

impl<S> Iterator for Leftover<S> {
    type Item = (StreamId, S);

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.0.find_map(|slot| slot)?;
        Some((stream.id, stream.data))
    }
}

impl<S> fmt::Debug for Leftover<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leftover").finish_non_exhaustive()
    }
}
