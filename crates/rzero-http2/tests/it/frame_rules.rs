//! The rules of RFC 9113 for single frames and for their order.

use rzero_http2::frame::{
    ErrorCode, Frame, FrameError, HeadersHead, Scope, Setting, Settings, Splitter, SplitterConfig,
    StreamId, write_block, write_data_head, write_settings,
};

use crate::support::hex;

fn stream(number: u32) -> StreamId {
    StreamId::new(number).unwrap()
}

/// What the last of the frames in `wire` is refused with.
fn refused(wire: &str) -> FrameError {
    let wire = hex(wire);
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    loop {
        match splitter.next(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("nothing was refused"),
            Err(error) => return error,
        }
    }
}

/// Whether every one of the frames in `wire` is accepted.
fn accepted(wire: &str) -> usize {
    let wire = hex(wire);
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let mut frames = 0;
    while splitter.next(&mut input).unwrap().is_some() {
        frames += 1;
    }
    assert!(input.is_empty());
    frames
}

fn assert_refused(cases: &[(&str, Scope, ErrorCode)]) {
    for (wire, scope, code) in cases {
        let error = refused(wire);
        assert_eq!(
            (error.scope, error.code),
            (*scope, *code),
            "{wire}: {error}"
        );
    }
}

const CONNECTION: Scope = Scope::Connection;

#[test]
fn frames_of_streams_are_refused_on_stream_0() {
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        ("000001 00 00 00000000 61", CONNECTION, code),
        ("000001 01 04 00000000 82", CONNECTION, code),
        ("000005 02 00 00000000 0000000110", CONNECTION, code),
        ("000004 03 00 00000000 00000008", CONNECTION, code),
        ("000005 05 04 00000000 0000000282", CONNECTION, code),
        ("000001 09 04 00000000 82", CONNECTION, code),
    ]);
}

#[test]
fn frames_of_the_connection_are_refused_on_streams() {
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        ("000000 04 00 00000001", CONNECTION, code),
        ("000008 06 00 00000001 0000000000000000", CONNECTION, code),
        ("000008 07 00 00000001 0000000000000000", CONNECTION, code),
    ]);
}

#[test]
fn wrong_lengths_are_frame_size_errors() {
    let code = ErrorCode::FRAME_SIZE_ERROR;
    assert_refused(&[
        // Padded frames without a padding length; HEADERS and PUSH_PROMISE without their fields.
        ("000000 00 08 00000001", CONNECTION, code),
        ("000000 01 0c 00000001", CONNECTION, code),
        ("000004 01 24 00000001 00000003", CONNECTION, code),
        ("000003 05 04 00000001 000000", CONNECTION, code),
        (
            "000004 02 00 00000001 00000003",
            Scope::Stream(stream(1)),
            code,
        ),
        (
            "000006 02 00 00000001 000000031000",
            Scope::Stream(stream(1)),
            code,
        ),
        ("000003 03 00 00000001 000000", CONNECTION, code),
        ("000005 04 00 00000000 0003000000", CONNECTION, code),
        ("000006 04 01 00000000 000300000064", CONNECTION, code),
        ("000007 06 00 00000000 00000000000000", CONNECTION, code),
        ("000007 07 00 00000000 00000000000000", CONNECTION, code),
        ("000003 08 00 00000000 000001", CONNECTION, code),
        ("000005 08 00 00000001 0000000100", CONNECTION, code),
    ]);
}

#[test]
fn frame_above_the_limit_is_refused_by_its_head() {
    let code = ErrorCode::FRAME_SIZE_ERROR;
    assert_refused(&[
        ("004001 00 00 00000001", CONNECTION, code),
        ("004001 fe 00 00000000", CONNECTION, code),
    ]);
}

#[test]
fn padding_must_leave_room_for_the_fields() {
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        ("000001 00 08 00000001 01", CONNECTION, code),
        ("000003 01 0c 00000001 03 8282", CONNECTION, code),
        ("000007 01 2c 00000001 02 0000000010 82", CONNECTION, code),
        ("000006 05 0c 00000001 02 00000002 82", CONNECTION, code),
    ]);
    assert_eq!(accepted("000001 00 08 00000001 00"), 1);
    assert_eq!(accepted("000003 00 08 00000001 02 0000"), 1);
    assert_eq!(accepted("000007 01 2c 00000001 01 0000000010 00"), 1);
}

#[test]
fn stream_may_not_depend_on_itself() {
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        (
            "000005 02 00 00000003 0000000310",
            Scope::Stream(stream(3)),
            code,
        ),
        ("000006 01 24 00000003 0000000310 82", CONNECTION, code),
    ]);
}

#[test]
fn settings_out_of_range_are_refused() {
    let protocol = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        ("000006 04 00 00000000 0002 00000002", CONNECTION, protocol),
        (
            "000006 04 00 00000000 0004 80000000",
            CONNECTION,
            ErrorCode::FLOW_CONTROL_ERROR,
        ),
        ("000006 04 00 00000000 0005 00003fff", CONNECTION, protocol),
        ("000006 04 00 00000000 0005 01000000", CONNECTION, protocol),
    ]);
    assert_eq!(accepted("000006 04 00 00000000 0005 00ffffff"), 1);
}

#[test]
fn promise_of_stream_0_is_refused() {
    let wire = "000005 05 04 00000001 00000000 82";
    assert_refused(&[(wire, CONNECTION, ErrorCode::PROTOCOL_ERROR)]);
}

#[test]
fn window_update_by_0_ends_whom_it_concerns() {
    let code = ErrorCode::PROTOCOL_ERROR;
    assert_refused(&[
        ("000004 08 00 00000000 80000000", CONNECTION, code),
        (
            "000004 08 00 00000005 00000000",
            Scope::Stream(stream(5)),
            code,
        ),
    ]);
}

#[test]
fn header_block_is_not_interrupted() {
    let code = ErrorCode::PROTOCOL_ERROR;
    let open = "000001 01 00 00000001 82";
    for next in [
        "000001 00 00 00000001 61",
        "000001 01 04 00000003 82",
        "000008 06 00 00000000 0000000000000000",
        "000000 fe 00 00000000",
        "000001 09 04 00000003 82",
    ] {
        assert_refused(&[(&format!("{open} {next}"), CONNECTION, code)]);
    }
    let end = "000001 09 04 00000001 82";
    assert_eq!(accepted(&format!("{open} 000000 09 00 00000001 {end}")), 3);
}

#[test]
fn continuation_needs_an_open_block() {
    let code = ErrorCode::PROTOCOL_ERROR;
    let continuation = "000001 09 04 00000001 82";
    let headers = "000001 01 04 00000001 82";
    assert_refused(&[
        (continuation, CONNECTION, code),
        (&format!("{headers} {continuation}"), CONNECTION, code),
    ]);
}

#[test]
fn empty_continuations_end() {
    let wire = format!(
        "000000 01 00 00000001 {}",
        "000000 09 00 00000001 ".repeat(33)
    );
    assert_refused(&[(&wire, CONNECTION, ErrorCode::ENHANCE_YOUR_CALM)]);
}

#[test]
fn stream_error_lets_the_next_frame_through() {
    let wire = hex("000004 08 00 00000005 00000000 000000 04 01 00000000");
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    assert!(splitter.next(&mut input).is_err());
    let next = splitter.next(&mut input);
    assert_eq!(next, Ok(Some(Frame::Settings(Settings::Ack))));
}

#[test]
fn connection_error_is_final() {
    let wire = hex("000000 04 00 00000001 000000 04 01 00000000");
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let first = splitter.next(&mut input).unwrap_err();
    assert_eq!(splitter.next(&mut input), Err(first));
}

#[test]
fn reserved_bits_are_ignored() {
    let wire = hex("000001 00 00 80000001 61");
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let Ok(Some(Frame::Data(data))) = splitter.next(&mut input) else {
        panic!("no DATA");
    };
    assert_eq!(data.stream, stream(1));
    assert_eq!(StreamId::new(0), None);
    assert_eq!(StreamId::new(1 << 31), None);
}

#[test]
fn padding_counts_for_flow_control() {
    let wire = hex("000004 00 08 00000001 02 61 0000");
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let Ok(Some(Frame::Data(data))) = splitter.next(&mut input) else {
        panic!("no DATA");
    };
    assert_eq!((data.payload, data.flow_bytes()), (&b"a"[..], 4));
}

#[test]
fn payload_in_one_piece_is_not_copied() {
    let mut wire = Vec::new();
    write_data_head(&mut wire, stream(1), 5, true);
    wire.extend_from_slice(b"hello");
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let Ok(Some(Frame::Data(data))) = splitter.next(&mut input) else {
        panic!("no DATA");
    };
    assert!(std::ptr::eq(data.payload, &wire[9..]));
    assert!(data.end_stream);
}

#[test]
fn settings_are_read_in_order() {
    let want = [
        Setting::HeaderTableSize(1),
        Setting::EnablePush(false),
        Setting::MaxConcurrentStreams(2),
        Setting::InitialWindowSize(3),
        Setting::MaxFrameSize(1 << 14),
        Setting::MaxHeaderListSize(4),
        Setting::Unknown { id: 0x99, value: 5 },
        Setting::InitialWindowSize(6),
    ];
    let mut wire = Vec::new();
    write_settings(&mut wire, &want);
    let mut input = &wire[..];
    let mut splitter = Splitter::new(SplitterConfig::default());
    let Ok(Some(Frame::Settings(Settings::List(list)))) = splitter.next(&mut input) else {
        panic!("no SETTINGS");
    };
    assert_eq!(list.iter().collect::<Vec<_>>(), want);
}

#[test]
fn long_block_is_written_as_continuations() {
    for (block_bytes, frames) in [(0, 1), (10, 1), (11, 2), (30, 3)] {
        let block = vec![0x82; block_bytes];
        let head = HeadersHead {
            stream: stream(1),
            end_stream: true,
        };
        let mut wire = Vec::new();
        write_block(&mut wire, head, &block, 10);
        let mut input = &wire[..];
        let mut splitter = Splitter::new(SplitterConfig::default());
        let mut parts = Vec::new();
        let mut read = Vec::new();
        while let Some(frame) = splitter.next(&mut input).unwrap() {
            let (fragment, end) = match frame {
                Frame::Headers(headers) if headers.end_stream => {
                    (headers.fragment, headers.end_headers)
                }
                Frame::Continuation(next) => (next.fragment, next.end_headers),
                other => panic!("{other:?}"),
            };
            read.extend_from_slice(fragment);
            parts.push(end);
        }
        assert_eq!((read, parts.len()), (block, frames));
        assert_eq!(parts.iter().position(|end| *end), Some(frames - 1));
        assert!(splitter.is_between_frames());
    }
}

#[test]
fn unfinished_frame_and_block_are_visible() {
    let mut splitter = Splitter::new(SplitterConfig::default());
    let wire = hex("000001 01 00 00000001 82 000001 09 04 00000001 82");
    assert!(splitter.is_between_frames());
    for (piece, between) in [
        (0..5, false),
        (5..10, false),
        (10..12, false),
        (12..20, true),
    ] {
        let mut input = &wire[piece];
        while splitter.next(&mut input).unwrap().is_some() {}
        assert_eq!(splitter.is_between_frames(), between);
    }
}

#[test]
#[should_panic(expected = "a payload of 16777216 bytes")]
fn payload_beyond_24_bits_panics() {
    write_data_head(&mut Vec::new(), stream(1), 1 << 24, false);
}
