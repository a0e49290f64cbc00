//! Finding the frames in a byte stream.

use super::error::{ErrorCode, FrameError, Scope};
use super::head::{HEAD_BYTES, Head, PAYLOAD_BYTES_MIN_MAX, StreamId, flag, kind};
use super::{Frame, Piece};

/// What a splitter keeps allocated between frames, so that an idle connection stays small.
const KEPT_BYTES_MAX: usize = 1024;

/// The bounds of a [`Splitter`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitterConfig {
    /// The longest payload, in bytes: what SETTINGS_MAX_FRAME_SIZE told the peer. Default 16 KiB,
    /// the protocol's own.
    pub payload_bytes_max: usize,
    /// How many CONTINUATION frames a header block may have. Default 32: a block of the largest
    /// size needs one or two, and empty ones would never end.
    pub continuations_max: usize,
}

impl Default for SplitterConfig {
    fn default() -> Self {
        Self {
            payload_bytes_max: PAYLOAD_BYTES_MIN_MAX,
            continuations_max: 32,
        }
    }
}

/// Finds frames in bytes that arrive in any pieces.
///
/// A frame that lies whole in the given piece is borrowed from it. Only a frame that spans pieces
/// is gathered, in a buffer that grows with what arrives and never by what a head announces: at
/// most twice the bytes that arrived of that frame.
///
/// ```
/// use rzero_http2::frame::{Frame, Ping, Splitter, SplitterConfig};
///
/// let ping = Frame::Ping(Ping { payload: *b"are you?", is_ack: false });
/// let mut wire = Vec::new();
/// ping.write(&mut wire);
/// ping.write(&mut wire);
///
/// let mut splitter = Splitter::new(SplitterConfig::default());
/// let mut seen = 0;
/// for mut piece in wire.chunks(5) {
///     while let Some(frame) = splitter.next(&mut piece)? {
///         assert_eq!(frame, ping);
///         seen += 1;
///     }
/// }
/// assert_eq!(seen, 2);
/// # Ok::<(), rzero_http2::frame::FrameError>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    config: SplitterConfig,
    /// The beginning of a frame, or, when `is_spent`, the frame given out last.
    gathered: Vec<u8>,
    is_spent: bool,
    /// What has not arrived of a DATA frame that is given out in pieces.
    torn: Option<Torn>,
    open_block: Option<OpenBlock>,
    failed: Option<FrameError>,
}

/// A DATA frame that is given out in pieces.
#[derive(Debug, Clone, Copy)]
struct Torn {
    stream: StreamId,
    missing_bytes: usize,
    end_stream: bool,
}

/// A header block that has not ended (RFC 9113 section 4.3).
#[derive(Debug, Clone, Copy)]
struct OpenBlock {
    stream: StreamId,
    continuations: usize,
}

impl Splitter {
    /// A splitter at the beginning of a frame: behind the preface, on a server.
    #[must_use]
    pub const fn new(config: SplitterConfig) -> Self {
        Self {
            config,
            gathered: Vec::new(),
            is_spent: false,
            torn: None,
            open_block: None,
            failed: None,
        }
    }

    /// Sets the longest payload, in bytes: when the peer acknowledges a SETTINGS_MAX_FRAME_SIZE.
    pub const fn set_payload_bytes_max(&mut self, bytes_max: usize) {
        self.config.payload_bytes_max = bytes_max;
    }

    /// Whether nothing of a next frame and nothing but the end of a header block has arrived: where
    /// a connection may close without cutting anything.
    #[must_use]
    pub const fn is_between_frames(&self) -> bool {
        !self.is_in_block() && self.torn.is_none()
    }

    /// Whether a header block has begun and not ended, or a frame that is not given out in pieces:
    /// what a peer should not take long for.
    #[must_use]
    pub const fn is_in_block(&self) -> bool {
        (!self.gathered.is_empty() && !self.is_spent) || self.open_block.is_some()
    }

    /// Takes the next frame off the head of `input`; `None` when its rest has not arrived, with
    /// `input` empty then.
    ///
    /// # Errors
    ///
    /// A [`FrameError`]. After one of [`Scope::Stream`] the frame is gone and the next call goes on
    /// behind it; one of [`Scope::Connection`] is final, later calls give it again.
    ///
    /// # Panics
    ///
    /// In the middle of a DATA frame that [`next_piece`](Self::next_piece) gives out in pieces: one
    /// splitter serves one of the two.
    pub fn next<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'a>>, FrameError> {
        assert!(self.torn.is_none(), "the rest of a DATA frame comes first");
        self.begin()?;
        let taken = self
            .take(input, Tearing::Never)
            .inspect_err(|error| self.failed = Some(*error))?;
        match taken {
            Some(Taken::Borrowed(head, payload)) => parse(&mut self.failed, &head, payload),
            Some(Taken::Gathered(head)) => {
                parse(&mut self.failed, &head, &self.gathered[HEAD_BYTES..])
            }
            Some(Taken::Torn(_)) | None => return Ok(None),
        }
        .map(Some)
    }

    /// Like [`next`](Self::next), but a DATA frame without padding that has not arrived whole is
    /// given out as it arrives, so that nothing of it is copied.
    ///
    /// # Errors
    ///
    /// As for [`next`](Self::next).
    #[inline]
    pub fn next_piece<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Piece<'a>>, FrameError> {
        self.begin()?;
        if let Some(torn) = self.torn {
            return Ok(self.next_bytes(torn, input));
        }
        let taken = self
            .take(input, Tearing::Data)
            .inspect_err(|error| self.failed = Some(*error))?;
        let frame = match taken {
            Some(Taken::Borrowed(head, payload)) => parse(&mut self.failed, &head, payload)?,
            Some(Taken::Gathered(head)) => {
                parse(&mut self.failed, &head, &self.gathered[HEAD_BYTES..])?
            }
            Some(Taken::Torn(torn)) => {
                self.torn = Some(torn);
                return Ok(Some(Piece::DataHead {
                    stream: torn.stream,
                    payload_bytes: torn.missing_bytes,
                    end_stream: torn.end_stream,
                }));
            }
            None => return Ok(None),
        };
        Ok(Some(Piece::Frame(frame)))
    }

    fn next_bytes<'i>(&mut self, torn: Torn, input: &mut &'i [u8]) -> Option<Piece<'i>> {
        if input.is_empty() {
            return None;
        }
        let (bytes, rest) = input.split_at(torn.missing_bytes.min(input.len()));
        *input = rest;
        let missing_bytes = torn.missing_bytes - bytes.len();
        let is_last = missing_bytes == 0;
        self.torn = (!is_last).then_some(Torn {
            missing_bytes,
            ..torn
        });
        Some(Piece::DataBytes {
            stream: torn.stream,
            bytes,
            end_stream: is_last && torn.end_stream,
        })
    }

    /// What every call begins with: the frame given out before is no longer looked at.
    #[inline]
    fn begin(&mut self) -> Result<(), FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.is_spent {
            self.is_spent = false;
            self.gathered.clear();
            self.gathered.shrink_to(KEPT_BYTES_MAX);
        }
        Ok(())
    }

    /// Takes a whole frame, or all that there is of one.
    #[inline]
    fn take<'a>(
        &mut self,
        input: &mut &'a [u8],
        tearing: Tearing,
    ) -> Result<Option<Taken<'a>>, FrameError> {
        let head = if self.gathered.is_empty()
            && let Some((bytes, rest)) = input.split_first_chunk()
        {
            let head = Head::parse(*bytes);
            self.check_size(&head)?;
            if let Some((payload, rest)) = rest.split_at_checked(head.payload_bytes) {
                *input = rest;
                self.check_order(&head)?;
                return Ok(Some(Taken::Borrowed(head, payload)));
            }
            if let Some(torn) = torn(&head, tearing) {
                *input = rest;
                self.check_order(&head)?;
                return Ok(Some(Taken::Torn(torn)));
            }
            head
        } else {
            if !self.gather(input, HEAD_BYTES) {
                return Ok(None);
            }
            let Some((bytes, _)) = self.gathered.split_first_chunk() else {
                return Ok(None);
            };
            let head = Head::parse(*bytes);
            self.check_size(&head)?;
            if self.gathered.len() == HEAD_BYTES {
                if let Some((payload, rest)) = input.split_at_checked(head.payload_bytes) {
                    *input = rest;
                    self.gathered.clear();
                    self.check_order(&head)?;
                    return Ok(Some(Taken::Borrowed(head, payload)));
                }
                if let Some(torn) = torn(&head, tearing) {
                    self.gathered.clear();
                    self.check_order(&head)?;
                    return Ok(Some(Taken::Torn(torn)));
                }
            }
            head
        };
        if !self.gather(input, HEAD_BYTES + head.payload_bytes) {
            return Ok(None);
        }
        self.is_spent = true;
        self.check_order(&head)?;
        Ok(Some(Taken::Gathered(head)))
    }

    /// Moves bytes until `bytes` are gathered; whether they are.
    fn gather(&mut self, input: &mut &[u8], bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.gathered.len());
        let (moved, rest) = input.split_at(missing.min(input.len()));
        self.gathered.extend_from_slice(moved);
        *input = rest;
        self.gathered.len() >= bytes
    }

    /// RFC 9113 section 4.2. On a stream this could be an error of the stream alone, at the price
    /// of skipping up to 16 MiB for a peer that knew the limit.
    const fn check_size(&self, head: &Head) -> Result<(), FrameError> {
        if head.payload_bytes > self.config.payload_bytes_max {
            return Err(FrameError::size("a frame is longer than MAX_FRAME_SIZE"));
        }
        Ok(())
    }

    /// RFC 9113 sections 4.3 and 6.10: a header block is not interrupted.
    fn check_order(&mut self, head: &Head) -> Result<(), FrameError> {
        let is_continuation = head.kind == kind::CONTINUATION;
        let continuations = match self.open_block {
            None if is_continuation => {
                return Err(FrameError::protocol("CONTINUATION without a header block"));
            }
            None => 0,
            Some(open) if !is_continuation || head.stream != Some(open.stream) => {
                return Err(FrameError::protocol("a header block is interrupted"));
            }
            Some(open) => open.continuations + 1,
        };
        if continuations > self.config.continuations_max {
            return Err(FrameError::connection(
                ErrorCode::ENHANCE_YOUR_CALM,
                "a header block has too many frames (limits.continuations_max)",
            ));
        }
        let is_block = matches!(
            head.kind,
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION
        );
        if is_block {
            let goes_on = !head.has(flag::END_HEADERS);
            self.open_block = head.stream.filter(|_| goes_on).map(|stream| OpenBlock {
                stream,
                continuations,
            });
        }
        Ok(())
    }
}

/// A whole frame, and where its bytes are.
enum Taken<'a> {
    Borrowed(Head, &'a [u8]),
    Gathered(Head),
    Torn(Torn),
}

/// Which frames may be given out in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tearing {
    Never,
    Data,
}

/// The frame in pieces, if it may be given out so.
fn torn(head: &Head, tearing: Tearing) -> Option<Torn> {
    let stream = head.stream?;
    let may_be_torn = tearing == Tearing::Data && head.kind == kind::DATA;
    (may_be_torn && !head.has(flag::PADDED)).then_some(Torn {
        stream,
        missing_bytes: head.payload_bytes,
        end_stream: head.has(flag::END_STREAM),
    })
}

/// Parses a frame and keeps an error that is final.
fn parse<'a>(
    failed: &mut Option<FrameError>,
    head: &Head,
    payload: &'a [u8],
) -> Result<Frame<'a>, FrameError> {
    let parsed = Frame::parse(head, payload);
    if let Err(error) = parsed
        && error.scope == Scope::Connection
    {
        *failed = Some(error);
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(splitter: &mut Splitter, mut piece: &[u8]) -> bool {
        splitter.next(&mut piece).expect("valid bytes").is_some()
    }

    #[test]
    fn announced_lengths_allocate_nothing() {
        let mut splitter = Splitter::new(SplitterConfig::default());
        assert!(!feed(&mut splitter, &[0, 0x40, 0, 0, 0, 0, 0, 0, 1, b'x']));
        assert!(splitter.gathered.capacity() <= 20);
    }

    #[test]
    fn large_frame_leaves_little_allocated() {
        let mut splitter = Splitter::new(SplitterConfig::default());
        let mut wire = vec![0, 0x40, 0, 0, 0, 0, 0, 0, 1];
        wire.resize(HEAD_BYTES + PAYLOAD_BYTES_MIN_MAX, b'x');
        for byte in &wire {
            feed(&mut splitter, &[*byte]);
            assert!(splitter.gathered.capacity() <= (2 * splitter.gathered.len()).max(16));
        }
        assert!(splitter.is_spent);
        feed(&mut splitter, &[]);
        assert!(splitter.gathered.capacity() <= KEPT_BYTES_MAX);
    }
}
