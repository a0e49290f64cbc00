//! SETTINGS (RFC 9113 section 6.5).

use super::error::{ErrorCode, FrameError};
use super::head::{Head, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN_MAX, flag, kind};

/// The length of a setting, in bytes.
const SETTING_BYTES: usize = 6;

/// The largest flow-control window (RFC 9113 section 6.9.1).
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;

/// What the sender wants, or that it does what the receiver wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settings<'a> {
    /// Settings to apply in their order, then to acknowledge.
    List(SettingsList<'a>),
    /// The sender has applied the receiver's settings.
    Ack,
}

/// Settings as they stand in the frame; each has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsList<'a> {
    entries: &'a [[u8; SETTING_BYTES]],
}

/// One setting (RFC 9113 section 6.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The largest header table that the sender keeps for decoding, in bytes.
    HeaderTableSize(u32),
    /// Whether the receiver may push.
    EnablePush(bool),
    /// How many streams the receiver may have open.
    MaxConcurrentStreams(u32),
    /// The window that new streams begin with, in bytes; at most 2^31-1.
    InitialWindowSize(u32),
    /// The longest payload that the sender accepts, in bytes; 2^14 to 2^24-1.
    MaxFrameSize(u32),
    /// The largest header list that the sender accepts, in bytes.
    MaxHeaderListSize(u32),
    /// A setting that this version of the protocol does not know: to be ignored.
    Unknown {
        /// Its identifier.
        id: u16,
        /// Its value.
        value: u32,
    },
}

impl Setting {
    fn parse(bytes: [u8; SETTING_BYTES]) -> Result<Self, FrameError> {
        let [i0, i1, v0, v1, v2, v3] = bytes;
        let value = u32::from_be_bytes([v0, v1, v2, v3]);
        Ok(match u16::from_be_bytes([i0, i1]) {
            0x1 => Self::HeaderTableSize(value),
            0x2 => match value {
                0 => Self::EnablePush(false),
                1 => Self::EnablePush(true),
                _ => return Err(FrameError::protocol("ENABLE_PUSH is neither 0 nor 1")),
            },
            0x3 => Self::MaxConcurrentStreams(value),
            0x4 if value > WINDOW_BYTES_MAX => {
                return Err(FrameError::connection(
                    ErrorCode::FLOW_CONTROL_ERROR,
                    "INITIAL_WINDOW_SIZE is above 2^31-1",
                ));
            }
            0x4 => Self::InitialWindowSize(value),
            0x5 => {
                let bytes = usize::try_from(value).unwrap_or(usize::MAX);
                if !(PAYLOAD_BYTES_MIN_MAX..=PAYLOAD_BYTES_MAX).contains(&bytes) {
                    let rule = "MAX_FRAME_SIZE is not between 2^14 and 2^24-1";
                    return Err(FrameError::protocol(rule));
                }
                Self::MaxFrameSize(value)
            }
            0x6 => Self::MaxHeaderListSize(value),
            id => Self::Unknown { id, value },
        })
    }

    const fn parts(self) -> (u16, u32) {
        match self {
            Self::HeaderTableSize(value) => (0x1, value),
            Self::EnablePush(value) => (0x2, value as u32),
            Self::MaxConcurrentStreams(value) => (0x3, value),
            Self::InitialWindowSize(value) => (0x4, value),
            Self::MaxFrameSize(value) => (0x5, value),
            Self::MaxHeaderListSize(value) => (0x6, value),
            Self::Unknown { id, value } => (id, value),
        }
    }
}

impl SettingsList<'_> {
    /// The settings, in the order in which they have to be applied.
    pub fn iter(&self) -> impl Iterator<Item = Setting> + '_ {
        // Every entry was parsed once already, so that none is left out here.
        self.entries
            .iter()
            .filter_map(|entry| Setting::parse(*entry).ok())
    }
}

impl<'a> Settings<'a> {
    pub(super) fn parse(head: &Head, payload: &'a [u8]) -> Result<Self, FrameError> {
        head.on_connection("SETTINGS on a stream")?;
        if head.has(flag::ACK) {
            if !payload.is_empty() {
                return Err(FrameError::size("an acknowledgement carries settings"));
            }
            return Ok(Self::Ack);
        }
        let (entries, rest) = payload.as_chunks();
        if !rest.is_empty() {
            return Err(FrameError::size("SETTINGS is not a multiple of 6 bytes"));
        }
        for entry in entries {
            Setting::parse(*entry)?;
        }
        Ok(Self::List(SettingsList { entries }))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let (entries, flags): (&[[u8; SETTING_BYTES]], u8) = match self {
            Self::List(list) => (list.entries, 0),
            Self::Ack => (&[], flag::ACK),
        };
        write_head(out, entries.len(), flags);
        out.extend_from_slice(entries.as_flattened());
    }
}

/// Appends a SETTINGS frame.
///
/// # Panics
///
/// When the list is longer than a frame can be: about 2.7 million settings.
pub fn write_settings(out: &mut Vec<u8>, settings: &[Setting]) {
    write_head(out, settings.len(), 0);
    for setting in settings {
        let (id, value) = setting.parts();
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

fn write_head(out: &mut Vec<u8>, settings: usize, flags: u8) {
    Head {
        payload_bytes: settings * SETTING_BYTES,
        kind: kind::SETTINGS,
        flags,
        stream: None,
    }
    .write(out);
}
