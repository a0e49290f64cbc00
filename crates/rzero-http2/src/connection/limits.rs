//! What a peer may not do without end.

/// How often something may happen: `burst` times in a row, and `per_second` on the average after
/// that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many are free at once.
    pub burst: u32,
    /// How many more become free each second.
    pub per_second: u32,
}

/// The bounds on what costs work and brings nothing. Reaching one ends the connection with
/// ENHANCE_YOUR_CALM and a rule that names the limit.
///
/// Progress earns credit, so that a busy peer is never mistaken for a hostile one: see each field.
/// No credit goes beyond the field's `burst`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Streams of the peer that ended by its fault or will (server only): RST_STREAM of a stream
    /// younger than [`young_millis`](Self::young_millis), streams reset here because the peer broke
    /// a rule, streams over the limit. Each stream that ends as it should earns one. Default 1,000
    /// and 200 a second: a client may drop all its calls at once, and 10,000 within a minute.
    ///
    /// Against rapid reset (CVE-2023-44487) and "made you reset" (CVE-2025-8671).
    pub resets: Rate,
    /// How old a stream has to be for its reset to be free, in milliseconds. Default 100: what
    /// makes resets dangerous is that they get around the limit of streams, and a stream of that
    /// age has counted against it for long enough.
    pub young_millis: u32,
    /// Frames that bring nothing: empty DATA that ends nothing, PRIORITY, PING, frames of unknown
    /// types, frames of streams that are gone, window updates by less than 1 KiB. HEADERS and DATA
    /// of the peer earn one each; DATA sent to it earns one and one more for each 128 bytes, since a
    /// receiver measures by PING and gives back windows. Default 1,000 and 200 a second.
    ///
    /// Against floods of such frames (CVE-2019-9512, -9513, -9515, -9518).
    pub idle_frames: Rate,
    /// DATA of one to four bytes that end nothing. Default 100,000 and 1,000 a second: a peer may
    /// send a message of 64 KiB byte by byte, but not for ever.
    ///
    /// Against 1-byte DATA (CVE-2019-9511).
    pub small_data: Rate,
    /// SETTINGS frames: each costs work on every open stream. Default 100 and 10 a second: peers
    /// that tune their windows send some dozens in a lifetime.
    pub settings: Rate,
    /// How many CONTINUATION frames a header block may have. Default 32: a block of the largest
    /// size needs one or two (CVE-2024-27316).
    pub continuations_max: usize,
    /// How many bytes of answers that the peer provoked (acknowledgements, RST_STREAM) may wait in
    /// the output buffer. Default 64 KiB: 3,800 answers that the peer did not read.
    pub answers_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            resets: Rate {
                burst: 1_000,
                per_second: 200,
            },
            young_millis: 100,
            idle_frames: Rate {
                burst: 1_000,
                per_second: 200,
            },
            small_data: Rate {
                burst: 100_000,
                per_second: 1_000,
            },
            settings: Rate {
                burst: 100,
                per_second: 10,
            },
            continuations_max: 32,
            answers_bytes_max: 64 * 1024,
        }
    }
}
