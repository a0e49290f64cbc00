//! Padding of DATA, HEADERS and PUSH_PROMISE (RFC 9113 sections 6.1, 6.2 and 6.6).

use super::error::FrameError;
use super::head::{Head, flag};

/// Takes the padding off: what is left, and how many bytes of padding there were, if any were
/// announced. `fields_bytes` of the rest belong to fields that the padding must not reach into.
pub(super) fn strip<'a>(
    head: &Head,
    payload: &'a [u8],
    fields_bytes: usize,
) -> Result<(&'a [u8], Option<u8>), FrameError> {
    let (rest, padding) = if head.has(flag::PADDED) {
        let (padding, rest) = payload
            .split_first()
            .ok_or(FrameError::size("a padded frame has no padding length"))?;
        (rest, Some(*padding))
    } else {
        (payload, None)
    };
    let room = rest
        .len()
        .checked_sub(fields_bytes)
        .ok_or(FrameError::size("the frame is too short for its fields"))?;
    let Some(padding_bytes) = padding else {
        return Ok((rest, None));
    };
    if usize::from(padding_bytes) > room {
        return Err(FrameError::protocol("the padding is longer than the frame"));
    }
    Ok((&rest[..rest.len() - usize::from(padding_bytes)], padding))
}

/// What padding adds to a payload, with its length byte.
pub(super) fn bytes(padding: Option<u8>) -> usize {
    padding.map_or(0, |padding| 1 + usize::from(padding))
}

/// Appends the length byte, which stands in front of everything else.
pub(super) fn write_length(out: &mut Vec<u8>, padding: Option<u8>) {
    out.extend(padding);
}

/// Appends the zeros, which stand behind everything else.
pub(super) fn write_zeros(out: &mut Vec<u8>, padding: Option<u8>) {
    let zeros = padding.map_or(0, usize::from);
    out.resize(out.len() + zeros, 0);
}
