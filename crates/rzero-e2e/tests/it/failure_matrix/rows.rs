//! The table.

use std::time::Duration;

use rzero::Class::{self, *};
use rzero_http2::frame::ErrorCode;

use super::peer::{Last, Step};
use super::{Effect, Fault, Retry, Row, Wire};

/// Breaker and ejection: neither counts it.
const NEITHER: (bool, bool) = (false, false);
/// Both do.
const BOTH: (bool, bool) = (true, true);
/// The breaker alone does.
const BREAKER: (bool, bool) = (true, false);

fn effect(class: Class, retry: Retry, (breaker, outlier): (bool, bool)) -> Effect {
    Effect {
        class: Some(class),
        retry,
        breaker,
        outlier,
    }
}

const ANSWERED: Effect = Effect {
    class: None,
    retry: Retry::Nothing,
    breaker: false,
    outlier: false,
};

fn row(fault: impl Into<String>, how: Fault, effect: Effect) -> Row {
    let wire = match how {
        Fault::Handler(_) | Fault::Empty | Fault::NoRegistry => Wire::Both,
        _ => Wire::Grpc,
    };
    Row {
        fault: fault.into(),
        how,
        wire,
        effect,
    }
}

fn peer(fault: impl Into<String>, script: &[Step], effect: Effect) -> Row {
    row(fault, Fault::Peer(script.to_vec()), effect)
}

/// All of it.
pub(super) fn all() -> Vec<Row> {
    let mut rows = connections();
    rows.extend(answers());
    rows.extend(leaving());
    rows.extend(codes());
    rows.extend(resets());
    rows.extend(classes());
    rows
}

/// Discovery, and what happens before a call is sent.
fn connections() -> Vec<Row> {
    let nobody = effect(NoEndpoint, Retry::Nothing, NEITHER);
    vec![
        row("discovery empty", Fault::Empty, nobody),
        row(
            "discovery stale: one instance is gone, one lives",
            Fault::Stale,
            ANSWERED,
        ),
        row(
            "discovery gone, instances live",
            Fault::NoRegistry,
            ANSWERED,
        ),
        row("connection refused", Fault::Refused, nobody),
        row(
            "reset when connected",
            Fault::Connection(Some(Step::Cut)),
            nobody,
        ),
        row("silent when connected", Fault::Connection(None), nobody),
        row("TLS certificate expired", Fault::ExpiredCertificate, nobody),
    ]
}

/// Answers that come late, in part or not at all.
fn answers() -> Vec<Row> {
    use Step::*;
    let lost = effect(ConnectionLost, Retry::IfIdempotent, BOTH);
    let bad = effect(BadAnswer, Retry::Never, BOTH);
    let delay = Wait(Duration::from_millis(30));
    vec![
        peer("delay", &[delay, Head, Message, Trailers(0)], ANSWERED),
        peer(
            "hang, until the timeout of the attempt",
            &[],
            effect(DeadlineExceeded, Retry::IfIdempotent, BOTH),
        ),
        peer("reset before headers", &[Cut], lost),
        peer("closed before headers", &[Close], lost),
        peer("reset mid-body", &[Head, HalfMessage, Cut], lost),
        peer("reset before trailers", &[Head, Message, Cut], lost),
        peer(
            "partial frame, then closed",
            &[Head, HalfFrame, Close],
            lost,
        ),
        peer(
            "frame that breaks a rule of HTTP/2",
            &[Head, BadFrame],
            lost,
        ),
        peer(
            "partial message, then trailers",
            &[Head, HalfMessage, Trailers(0)],
            bad,
        ),
        peer("no trailers", &[Head, Message, EndOfData], bad),
        peer("no message", &[Head, Trailers(0)], bad),
        peer(
            "HTTP 503 without gRPC",
            &[Http("503")],
            effect(Unavailable, Retry::IfIdempotent, BOTH),
        ),
        peer(
            "HTTP 404 without gRPC",
            &[Http("404")],
            effect(Unimplemented, Retry::Never, NEITHER),
        ),
    ]
}

/// Servers that go away.
fn leaving() -> Vec<Row> {
    use Step::*;
    let unsent = effect(Draining, Retry::Always, NEITHER);
    let lost = effect(ConnectionLost, Retry::IfIdempotent, BOTH);
    vec![
        peer(
            "GOAWAY, the call is below: answered",
            &[
                GoAway(Last::ThisCall, ErrorCode::NO_ERROR),
                Head,
                Message,
                Trailers(0),
            ],
            ANSWERED,
        ),
        peer(
            "GOAWAY, the call is above",
            &[GoAway(Last::None, ErrorCode::NO_ERROR)],
            unsent,
        ),
        peer(
            "GOAWAY with ENHANCE_YOUR_CALM, the call is above",
            &[GoAway(Last::None, ErrorCode::ENHANCE_YOUR_CALM), Close],
            unsent,
        ),
        peer(
            "GOAWAY with INTERNAL_ERROR, the call is below, then closed",
            &[GoAway(Last::ThisCall, ErrorCode::INTERNAL_ERROR), Close],
            lost,
        ),
    ]
}

/// A status from a server of others, which says no more than its code.
fn codes() -> Vec<Row> {
    let table = [
        ("CANCELLED", Cancelled, Retry::Never, NEITHER),
        ("UNKNOWN", Unknown, Retry::Never, NEITHER),
        ("INVALID_ARGUMENT", InvalidInput, Retry::Never, NEITHER),
        ("DEADLINE_EXCEEDED", DeadlineExceeded, Retry::Never, BOTH),
        ("NOT_FOUND", NotFound, Retry::Never, NEITHER),
        ("ALREADY_EXISTS", Conflict, Retry::Never, NEITHER),
        ("PERMISSION_DENIED", PermissionDenied, Retry::Never, NEITHER),
        ("RESOURCE_EXHAUSTED", RateLimited, Retry::Never, NEITHER),
        ("FAILED_PRECONDITION", InvalidInput, Retry::Never, NEITHER),
        ("ABORTED", Conflict, Retry::Never, NEITHER),
        ("OUT_OF_RANGE", InvalidInput, Retry::Never, NEITHER),
        ("UNIMPLEMENTED", Unimplemented, Retry::Never, NEITHER),
        ("INTERNAL", Internal, Retry::Never, BOTH),
        ("UNAVAILABLE", Unavailable, Retry::IfIdempotent, BOTH),
        ("DATA_LOSS", DataLoss, Retry::Never, BOTH),
        ("UNAUTHENTICATED", Unauthenticated, Retry::Never, NEITHER),
    ];
    let rows = (1..)
        .zip(table)
        .map(|(number, (code, class, retry, counts))| {
            let script = [Step::TrailersOnly(number)];
            peer(
                format!("abort with code {code}"),
                &script,
                effect(class, retry, counts),
            )
        });
    rows.collect()
}

fn resets() -> Vec<Row> {
    let bug = (Internal, Retry::Never, BOTH);
    let table = [
        (ErrorCode::NO_ERROR, bug),
        (ErrorCode::PROTOCOL_ERROR, bug),
        (ErrorCode::INTERNAL_ERROR, bug),
        (ErrorCode::FLOW_CONTROL_ERROR, bug),
        (ErrorCode::SETTINGS_TIMEOUT, bug),
        (ErrorCode::STREAM_CLOSED, bug),
        (ErrorCode::FRAME_SIZE_ERROR, bug),
        (
            ErrorCode::REFUSED_STREAM,
            (Draining, Retry::Always, NEITHER),
        ),
        (ErrorCode::CANCEL, (Cancelled, Retry::Never, NEITHER)),
        (ErrorCode::COMPRESSION_ERROR, bug),
        (ErrorCode::CONNECT_ERROR, bug),
        (
            ErrorCode::ENHANCE_YOUR_CALM,
            (Unavailable, Retry::IfIdempotent, BOTH),
        ),
        (
            ErrorCode::INADEQUATE_SECURITY,
            (PermissionDenied, Retry::Never, NEITHER),
        ),
        (ErrorCode::HTTP_1_1_REQUIRED, bug),
        (ErrorCode(0x4d), bug),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(code, (class, retry, counts))| {
            let script = [Step::Reset(code)];
            peer(
                format!("RST_STREAM with {code}"),
                &script,
                effect(class, retry, counts),
            )
        })
        .collect();
    rows.push(peer(
        "RST_STREAM with REFUSED_STREAM after headers",
        &[Step::Head, Step::Reset(ErrorCode::REFUSED_STREAM)],
        effect(Unavailable, Retry::IfIdempotent, BOTH),
    ));
    rows
}

/// Errors of a server of ours, which says of which class they are. Those that only a client can
/// have are missing.
fn classes() -> Vec<Row> {
    let table = [
        (InvalidInput, Retry::Never, NEITHER),
        (Decode, Retry::Never, NEITHER),
        (TooLarge, Retry::Never, NEITHER),
        (Unauthenticated, Retry::Never, NEITHER),
        (PermissionDenied, Retry::Never, NEITHER),
        (NotFound, Retry::Never, NEITHER),
        (Conflict, Retry::Never, NEITHER),
        // Without a hint when there will be room again.
        (RateLimited, Retry::Never, NEITHER),
        (Cancelled, Retry::Never, NEITHER),
        (Overloaded, Retry::Always, BREAKER),
        (Draining, Retry::Always, NEITHER),
        (Unavailable, Retry::IfIdempotent, BOTH),
        (ExpiredInQueue, Retry::Never, BREAKER),
        // The time of the call is over, not that of an attempt.
        (DeadlineExceeded, Retry::Never, BOTH),
        (Unimplemented, Retry::Never, NEITHER),
        (Encode, Retry::Never, BREAKER),
        (Internal, Retry::Never, BOTH),
        (DataLoss, Retry::Never, BOTH),
        (Unknown, Retry::Never, NEITHER),
    ];
    let rows = table.into_iter().map(|(class, retry, counts)| {
        let fault = format!("a handler of ours fails with {class}");
        row(fault, Fault::Handler(class), effect(class, retry, counts))
    });
    rows.collect()
}
