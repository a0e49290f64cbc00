//! The W3C trace context of a call.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Longest trace state that is carried on, in bytes; the W3C recommendation asks for 512.
const STATE_BYTES_MAX: usize = 512;

/// The trace that a call belongs to, as in the W3C `traceparent` and `tracestate` fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Identifies the trace; never zero.
    pub trace_id: [u8; 16],
    /// Identifies the parent span; never zero.
    pub span_id: [u8; 8],
    /// Trace flags; bit 0 means sampled.
    pub flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// The vendor state, when the caller sent one.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Takes over a vendor state; one longer than 512 bytes is dropped, as the standard allows.
    #[must_use]
    pub fn with_state(mut self, state: &str) -> Self {
        self.state = (!state.is_empty() && state.len() <= STATE_BYTES_MAX).then(|| state.into());
        self
    }
}

/// The text is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTraceParent;

impl fmt::Display for InvalidTraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a W3C traceparent")
    }
}

impl std::error::Error for InvalidTraceParent {}

impl FromStr for TraceContext {
    type Err = InvalidTraceParent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceParent> {
        let b = text.as_bytes();
        let dashes = b.len() >= 55 && b[2] == b'-' && b[35] == b'-' && b[52] == b'-';
        // Version ff is forbidden; version 00 is exactly 55 bytes; later ones may go on after a dash.
        let version = dashes
            .then(|| hex::<1>(&b[..2]))
            .flatten()
            .ok_or(InvalidTraceParent)?[0];
        let tail_ok = b.len() == 55 || (version != 0 && b[55] == b'-');
        if version == 0xff || !tail_ok {
            return Err(InvalidTraceParent);
        }
        let trace_id = hex::<16>(&b[3..35]).ok_or(InvalidTraceParent)?;
        let span_id = hex::<8>(&b[36..52]).ok_or(InvalidTraceParent)?;
        let flags = hex::<1>(&b[53..55]).ok_or(InvalidTraceParent)?[0];
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(InvalidTraceParent);
        }
        Ok(Self {
            trace_id,
            span_id,
            flags,
            state: None,
        })
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("00-")?;
        self.trace_id
            .iter()
            .try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("-")?;
        self.span_id.iter().try_for_each(|b| write!(f, "{b:02x}"))?;
        write!(f, "-{:02x}", self.flags)
    }
}

/// Lower-case hexadecimal, as the standard demands.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn parent_round_trips() {
        assert_eq!(GOOD.parse::<TraceContext>().unwrap().to_string(), GOOD);
    }

    #[test]
    fn zero_ids_and_version_ff_are_refused() {
        assert!(
            GOOD.replacen("00-", "ff-", 1)
                .parse::<TraceContext>()
                .is_err()
        );
        assert!(format!("{GOOD}-x").parse::<TraceContext>().is_err());
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        assert!(zero.parse::<TraceContext>().is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,80}") {
            let _ = text.parse::<TraceContext>();
        }
    }
}
