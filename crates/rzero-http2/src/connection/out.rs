//! The output buffer, and how much of it the peer provoked.

use super::error::ConnectionError;

/// What has to be written. Frames are appended whole; the shell takes bytes off the head.
#[derive(Debug, Default)]
pub(super) struct Out {
    bytes: Vec<u8>,
    /// Answers that the peer provoked, in bytes: no less than what of them stands in `bytes`, as far
    /// as the peer can tell.
    answers_bytes: usize,
    /// The length when the shell got hold of the buffer.
    lent: Option<usize>,
}

impl Out {
    /// The buffer for the core itself.
    pub(super) fn buf(&mut self) -> &mut Vec<u8> {
        if self.lent.is_some() {
            self.settle();
        }
        &mut self.bytes
    }

    /// The buffer for the shell.
    pub(super) fn lend(&mut self) -> &mut Vec<u8> {
        self.settle();
        self.lent = Some(self.bytes.len());
        &mut self.bytes
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Counts an answer that was just appended.
    pub(super) fn answered(
        &mut self,
        bytes: usize,
        bytes_max: usize,
    ) -> Result<(), ConnectionError> {
        self.answers_bytes = (self.answers_bytes + bytes).min(self.bytes.len());
        if self.answers_bytes > bytes_max {
            let rule =
                "the peer provokes answers and does not read them (limits.answers_bytes_max)";
            return Err(ConnectionError::calm(rule));
        }
        Ok(())
    }

    /// Takes what the shell wrote off the account. What was written first is counted as answers,
    /// which is lenient by no more than `out_bytes_max`.
    fn settle(&mut self) {
        if let Some(before) = self.lent.take() {
            let written = before.saturating_sub(self.bytes.len());
            self.answers_bytes = self.answers_bytes.saturating_sub(written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_answers_are_forgotten() {
        let mut out = Out::default();
        out.buf().push(0); // so that it is never quite empty
        for _ in 0..100 {
            out.buf().extend_from_slice(&[0; 17]);
            assert_eq!(out.answered(17, 20), Ok(()));
            out.lend().drain(..17);
        }
        out.buf().extend_from_slice(&[0; 34]);
        assert!(out.answered(34, 20).is_err());
    }
}
