//! Frames in general: random frames, cuts and noise.

use std::num::NonZeroU32;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rzero_http2::frame::{
    Continuation, Data, Dependency, ErrorCode, Frame, FrameError, GoAway, Headers, Ping, Priority,
    PushPromise, Reset, Scope, Setting, Settings, Splitter, SplitterConfig, StreamId, Unknown,
    WindowUpdate, write_settings,
};

fn stream() -> impl Strategy<Value = StreamId> {
    (1..=StreamId::MAX).prop_map(|number| StreamId::new(number).unwrap())
}

fn dependency() -> impl Strategy<Value = Dependency> {
    (option::of(stream()), any::<bool>(), any::<u8>()).prop_map(|(on, is_exclusive, weight)| {
        Dependency {
            on,
            is_exclusive,
            weight,
        }
    })
}

fn setting() -> impl Strategy<Value = Setting> {
    prop_oneof![
        any::<u32>().prop_map(Setting::HeaderTableSize),
        any::<bool>().prop_map(Setting::EnablePush),
        any::<u32>().prop_map(Setting::MaxConcurrentStreams),
        (0_u32..1 << 31).prop_map(Setting::InitialWindowSize),
        (1_u32 << 14..1 << 24).prop_map(Setting::MaxFrameSize),
        any::<u32>().prop_map(Setting::MaxHeaderListSize),
        (7_u16.., any::<u32>()).prop_map(|(id, value)| Setting::Unknown { id, value }),
    ]
}

/// What a frame is made of; the frames themselves borrow from it.
#[derive(Debug, Clone)]
struct Parts {
    which: u8,
    stream: StreamId,
    other: Option<StreamId>,
    payload: Vec<u8>,
    flags: (bool, bool),
    padding: Option<u8>,
    dependency: Option<Dependency>,
    word: u32,
    settings: Vec<Setting>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let numbers = (0_u8..11, stream(), option::of(stream()), any::<u32>());
    let bytes = (vec(any::<u8>(), 0..100), option::of(any::<u8>()));
    let rest = (
        any::<(bool, bool)>(),
        option::of(dependency()),
        vec(setting(), 0..10),
    );
    (numbers, bytes, rest).prop_map(|(numbers, bytes, rest)| Parts {
        which: numbers.0,
        stream: numbers.1,
        other: numbers.2,
        word: numbers.3,
        payload: bytes.0,
        padding: bytes.1,
        flags: rest.0,
        // A stream that depends on itself is an error.
        dependency: rest.1.filter(|dependency| dependency.on != Some(numbers.1)),
        settings: rest.2,
    })
}

impl Parts {
    /// The frame, with a block that is complete, and for CONTINUATION the HEADERS before it.
    fn frames(&self) -> Vec<Frame<'_>> {
        let (stream, padding, payload) = (self.stream, self.padding, &self.payload[..]);
        let headers = Headers {
            stream,
            fragment: payload,
            end_stream: self.flags.0,
            end_headers: true,
            dependency: self.dependency,
            padding,
        };
        vec![match self.which {
            0 => Frame::Data(Data {
                stream,
                payload,
                end_stream: self.flags.0,
                padding,
            }),
            1 => Frame::Headers(headers),
            2 => Frame::Priority(Priority {
                stream,
                dependency: self.dependency.unwrap_or(Dependency {
                    on: None,
                    is_exclusive: self.flags.0,
                    weight: 7,
                }),
            }),
            3 => Frame::Reset(Reset {
                stream,
                code: ErrorCode(self.word),
            }),
            4 => Frame::Settings(Settings::Ack),
            5 => Frame::PushPromise(PushPromise {
                stream,
                promised: self.other.unwrap_or(stream),
                fragment: payload,
                end_headers: true,
                padding,
            }),
            6 => Frame::Ping(Ping {
                payload: u64::from(self.word).to_be_bytes(),
                is_ack: self.flags.0,
            }),
            7 => Frame::GoAway(GoAway {
                last_stream: self.other,
                code: ErrorCode(self.word),
                debug_data: payload,
            }),
            8 => Frame::WindowUpdate(WindowUpdate {
                stream: self.other,
                increment: NonZeroU32::new(self.word >> 1).unwrap_or(NonZeroU32::MIN),
            }),
            9 => {
                return vec![
                    Frame::Headers(Headers {
                        end_headers: false,
                        ..headers
                    }),
                    Frame::Continuation(Continuation {
                        stream,
                        fragment: payload,
                        end_headers: true,
                    }),
                ];
            }
            _ => Frame::Unknown(Unknown {
                kind: 10 + u8::try_from(self.word % 200).unwrap(),
                flags: self.word.to_be_bytes()[0],
                stream: self.other,
                payload,
            }),
        }]
    }
}

/// What comes out of a stream given in these pieces, as text: frames, errors of streams, and
/// perhaps an error of the connection at the end.
fn split<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut splitter = Splitter::new(SplitterConfig::default());
    let mut seen = Vec::new();
    for mut piece in pieces {
        loop {
            match splitter.next(&mut piece) {
                Ok(None) => break,
                Ok(Some(frame)) => seen.push(format!("{frame:?}")),
                Err(error) => {
                    seen.push(format!("{error:?}"));
                    if let FrameError {
                        scope: Scope::Connection,
                        ..
                    } = error
                    {
                        return seen;
                    }
                }
            }
        }
        assert!(piece.is_empty());
    }
    seen
}

/// Cuts `wire` at the given places.
fn cut<'a>(wire: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
    places.sort_unstable();
    places.push(wire.len());
    let mut start = 0;
    let pieces = places.into_iter().map(|end| {
        let piece = &wire[start..end];
        start = end;
        piece
    });
    pieces.collect()
}

proptest! {
    #[test]
    fn parse_reverses_write(list in vec(parts(), 1..10)) {
        let mut wire = Vec::new();
        let frames: Vec<Frame<'_>> = list.iter().flat_map(Parts::frames).collect();
        for frame in &frames {
            frame.write(&mut wire);
        }
        let mut splitter = Splitter::new(SplitterConfig::default());
        let mut input = &wire[..];
        for frame in frames {
            prop_assert_eq!(splitter.next(&mut input), Ok(Some(frame)));
        }
        prop_assert_eq!(splitter.next(&mut input), Ok(None));
        prop_assert!(splitter.is_between_frames());
    }

    #[test]
    fn settings_parse_reverses_write(list in vec(setting(), 0..20)) {
        let mut wire = Vec::new();
        write_settings(&mut wire, &list);
        let mut splitter = Splitter::new(SplitterConfig::default());
        let mut input = &wire[..];
        let frame = splitter.next(&mut input).unwrap().unwrap();
        let Frame::Settings(Settings::List(read)) = frame else {
            panic!("no SETTINGS");
        };
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), list);
        let mut again = Vec::new();
        frame.write(&mut again);
        prop_assert_eq!(again, wire);
    }

    #[test]
    fn cuts_change_nothing(
        list in vec(parts(), 1..10),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cuts in vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut wire = Vec::new();
        for parts in &list {
            for frame in parts.frames() {
                frame.write(&mut wire);
            }
            write_settings(&mut wire, &parts.settings);
        }
        for (at, byte) in flips {
            let at = at.index(wire.len());
            wire[at] = byte;
        }
        let whole = split([&wire[..]]);
        prop_assert_eq!(&split(cut(&wire, &cuts)), &whole);
        prop_assert_eq!(&split(wire.chunks(1)), &whole);
    }

    #[test]
    fn noise_never_panics(noise in vec(any::<u8>(), 0..400), small_heads: bool) {
        let mut noise = noise;
        if small_heads {
            // Short frames of known types reach further than pure noise.
            for head in noise.chunks_mut(20) {
                if let [l0, l1, l2, kind, ..] = head {
                    (*l0, *l1, *l2, *kind) = (0, 0, 11, *kind % 11);
                }
            }
        }
        split([&noise[..]]);
    }
}
