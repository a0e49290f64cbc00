//! Settings, both ways (RFC 9113 section 6.5).

use std::num::NonZeroU32;

use super::config::{Config, PROTOCOL_WINDOW_BYTES, Role, WINDOW_BYTES_MAX};
use super::error::ConnectionError;
use super::state::State;
use crate::frame::{
    ErrorCode, Frame, PAYLOAD_BYTES_MIN_MAX, Setting, Settings, SettingsList, WindowUpdate,
    write_settings,
};
use crate::hpack::TABLE_BYTES_MAX;

/// What a client's first bytes are (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long an acknowledgement is, with its head, in bytes.
const ACK_BYTES: usize = 9;

/// Appends a connection's first bytes.
pub(super) fn write_first(
    out: &mut Vec<u8>,
    role: Role,
    config: &Config,
    window_update: Option<NonZeroU32>,
) {
    let of_role = match role {
        Role::Client => {
            out.extend_from_slice(PREFACE);
            Setting::EnablePush(false)
        }
        Role::Server => Setting::MaxConcurrentStreams(config.streams_max),
    };
    let table_bytes = config.header_table_bytes;
    let is_usual = [
        (
            Setting::HeaderTableSize(table_bytes),
            table_bytes as usize >= TABLE_BYTES_MAX,
        ),
        (
            Setting::InitialWindowSize(config.stream_window_bytes),
            config.stream_window_bytes == PROTOCOL_WINDOW_BYTES,
        ),
        (
            Setting::MaxFrameSize(config.frame_bytes_max),
            config.frame_bytes_max as usize == PAYLOAD_BYTES_MIN_MAX,
        ),
        (
            Setting::MaxHeaderListSize(config.header_list_bytes_max),
            false,
        ),
    ];
    let mut settings = vec![of_role];
    settings.extend(
        is_usual
            .into_iter()
            .filter(|(_, is_usual)| !is_usual)
            .map(|(setting, _)| setting),
    );
    write_settings(out, &settings);
    if let Some(increment) = window_update {
        let stream = None;
        Frame::WindowUpdate(WindowUpdate { stream, increment }).write(out);
    }
}

/// The values of INITIAL_WINDOW_SIZE in one frame.
#[derive(Debug, Clone, Copy)]
struct Windows {
    largest: i64,
    last: i64,
}

impl<S> State<S> {
    pub(super) fn settings(&mut self, list: &SettingsList<'_>) -> Result<(), ConnectionError> {
        self.abuse.settings()?;
        let mut windows: Option<Windows> = None;
        for setting in list.iter() {
            if let Setting::InitialWindowSize(bytes) = setting {
                let last = i64::from(bytes);
                let largest = windows.map_or(last, |windows| windows.largest.max(last));
                windows = Some(Windows { largest, last });
            } else {
                self.setting(setting)?;
            }
        }
        if let Some(windows) = windows {
            self.initial_window(windows)?;
        }
        if !self.peer.is_known {
            self.peer.is_known = true;
        }
        Frame::Settings(Settings::Ack).write(self.out.buf());
        self.answered(ACK_BYTES)
    }

    fn setting(&mut self, setting: Setting) -> Result<(), ConnectionError> {
        match setting {
            Setting::HeaderTableSize(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                self.encoder.set_table_bytes_max(bytes);
            }
            Setting::EnablePush(true) if self.role == Role::Client => {
                return Err(ConnectionError::protocol("a server sets ENABLE_PUSH"));
            }
            Setting::MaxConcurrentStreams(streams) => self.peer.streams_max = streams,
            Setting::MaxFrameSize(bytes) => {
                let bytes = bytes.min(self.config.frame_bytes_max);
                self.peer.frame_bytes_max = usize::try_from(bytes).unwrap_or(PAYLOAD_BYTES_MIN_MAX);
            }
            Setting::InitialWindowSize(_)
            | Setting::EnablePush(_)
            | Setting::MaxHeaderListSize(_)
            | Setting::Unknown { .. } => {}
        }
        Ok(())
    }

    /// RFC 9113 section 6.9.2: streams that are open move along, below 0 if need be. Once for a
    /// whole frame, however often it sets the window: each time costs work on every stream.
    fn initial_window(
        &mut self,
        Windows { largest, last }: Windows,
    ) -> Result<(), ConnectionError> {
        let before = self.peer.window_initial;
        self.peer.window_initial = last;
        let by = last - before;
        if by == 0 && largest <= before {
            return Ok(());
        }
        for stream in self.streams.iter_mut() {
            if stream.send_window + largest - before > i64::from(WINDOW_BYTES_MAX) {
                return Err(ConnectionError::new(
                    ErrorCode::FLOW_CONTROL_ERROR,
                    "INITIAL_WINDOW_SIZE puts a window above 2^31-1",
                ));
            }
            stream.send_window += by;
            let could_send = stream.pending.is_some() && stream.send_window > 0;
            if could_send && !stream.is_ready {
                self.ready.push_back(stream.id);
            }
            stream.is_ready = could_send;
        }
        if by < 0 {
            let streams = &self.streams;
            self.ready
                .retain(|id| streams.get(*id).is_some_and(|stream| stream.is_ready));
        }
        Ok(())
    }

    /// The peer has applied our settings: from here on its windows are as we told.
    pub(super) fn settings_acknowledged(&mut self) -> Result<(), ConnectionError> {
        if self.peer.has_acknowledged {
            return self.abuse.idle_frame();
        }
        self.peer.has_acknowledged = true;
        let table_bytes = self.config.header_table_bytes;
        self.decoder
            .set_table_bytes_max(usize::try_from(table_bytes).unwrap_or(usize::MAX));
        let target = i64::from(self.config.stream_window_bytes);
        let by = target - self.receive_window_initial;
        self.receive_window_initial = target;
        for stream in self.streams.iter_mut() {
            stream.receive_window.shift(by);
        }
        Ok(())
    }
}
