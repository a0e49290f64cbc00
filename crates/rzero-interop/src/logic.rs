//! The test service, as `proto/grpc/testing/test.proto` describes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::{Code, Cx, Error, Receiver, Result, Sender};

use crate::api::grpc::testing::{
    EchoStatus, Empty, Payload, PayloadType, ResponseParameters, SimpleRequest, SimpleResponse,
    StreamingInputCallRequest, StreamingInputCallResponse, StreamingOutputCallRequest,
    StreamingOutputCallResponse, TestService,
};
use crate::{ECHO_INITIAL, ECHO_TRAILING};

/// Largest payload that an answer may be asked to carry, in bytes: more than any test wants, and
/// little enough that a stranger cannot exhaust this process.
const PAYLOAD_BYTES_MAX: usize = 64 << 20;
/// Requests that a half-duplex call may hold back.
const HELD_BACK_MAX: usize = 1024;
/// The longest wait before one message.
const INTERVAL_MAX: Duration = Duration::from_secs(60);

/// The logic of `grpc.testing.TestService`.
#[derive(Debug)]
pub struct TestLogic {
    id: String,
    in_flight: AtomicU64,
}

impl Default for TestLogic {
    fn default() -> Self {
        Self {
            id: format!("rzero-{}", std::process::id()),
            in_flight: AtomicU64::new(0),
        }
    }
}

/// Counts a call while it is handled, also when it is cancelled.
struct InFlight<'a>(&'a AtomicU64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl TestLogic {
    /// Calls that are being handled.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::SeqCst)
    }

    fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
        InFlight(&self.in_flight)
    }

    fn answer(&self, cx: &Cx, request: &SimpleRequest) -> Result<SimpleResponse> {
        echo_metadata(cx)?;
        requested_status(request.response_status.as_ref())?;
        let payload = payload(request.response_type, request.response_size)?;
        let server_id = if request.fill_server_id {
            self.id.clone()
        } else {
            String::new()
        };
        Ok(SimpleResponse {
            payload: Some(payload),
            server_id,
            hostname: self.id.clone(),
            ..Default::default()
        })
    }
}

/// Sends back what the caller wants back.
fn echo_metadata(cx: &Cx) -> Result<()> {
    if let Some(value) = cx.metadata(ECHO_INITIAL) {
        cx.set_header(ECHO_INITIAL, value)?;
    }
    if let Some(value) = cx.metadata_binary(ECHO_TRAILING) {
        cx.set_trailer_binary(ECHO_TRAILING, value.clone())?;
    }
    Ok(())
}

/// Fails as the caller wants it.
fn requested_status(status: Option<&EchoStatus>) -> Result<()> {
    let Some(status) = status else { return Ok(()) };
    match u32::try_from(status.code).ok().and_then(Code::from_number) {
        Some(code) => Err(Error::with_code(code, status.message.clone())),
        None if status.code == 0 => Ok(()),
        None => Err(Error::invalid_input("a status code is not negative")),
    }
}

/// So many zeros.
fn payload(kind: i32, size: i32) -> Result<Payload> {
    if kind != PayloadType::Compressable as i32 {
        return Err(Error::invalid_input(format!("no payload of type {kind}")));
    }
    let size = usize::try_from(size)
        .ok()
        .filter(|size| *size <= PAYLOAD_BYTES_MAX);
    let size = size.ok_or_else(|| {
        Error::invalid_input(format!("a payload has 0 to {PAYLOAD_BYTES_MAX} bytes"))
    })?;
    Ok(Payload {
        r#type: kind,
        body: Bytes::from(vec![0; size]),
    })
}

/// Sends one message for each of the parameters, each after its wait.
async fn send_all(
    cx: &Cx,
    kind: i32,
    parameters: &[ResponseParameters],
    tx: &mut Sender<StreamingOutputCallResponse>,
) -> Result<()> {
    for wanted in parameters {
        if let Ok(micros @ 1..) = u64::try_from(wanted.interval_us) {
            tokio::time::sleep(Duration::from_micros(micros).min(INTERVAL_MAX)).await;
        }
        let tell = wanted
            .fill_peer_socket_address
            .is_some_and(|tell| tell.value);
        let peer = cx.peer().filter(|_| tell);
        tx.send(StreamingOutputCallResponse {
            payload: Some(payload(kind, wanted.size)?),
            peer_socket_address: peer
                .map(|peer| peer.address.to_string())
                .unwrap_or_default(),
        })
        .await?;
    }
    Ok(())
}

fn body_bytes(payload: Option<&Payload>) -> usize {
    payload.map_or(0, |payload| payload.body.len())
}

impl TestService for TestLogic {
    async fn empty_call(&self, _: &Cx, _: Empty) -> Result<Empty> {
        let _entered = self.enter();
        Ok(Empty {})
    }

    async fn unary_call(&self, cx: &Cx, req: SimpleRequest) -> Result<SimpleResponse> {
        let _entered = self.enter();
        self.answer(cx, &req)
    }

    async fn cacheable_unary_call(&self, cx: &Cx, req: SimpleRequest) -> Result<SimpleResponse> {
        let _entered = self.enter();
        cx.set_header("cache-control", "max-age=60, public")?;
        self.answer(cx, &req)
    }

    async fn streaming_output_call(
        &self,
        cx: &Cx,
        req: StreamingOutputCallRequest,
        mut tx: Sender<StreamingOutputCallResponse>,
    ) -> Result<()> {
        let _entered = self.enter();
        echo_metadata(cx)?;
        send_all(cx, req.response_type, &req.response_parameters, &mut tx).await?;
        requested_status(req.response_status.as_ref())
    }

    async fn streaming_input_call(
        &self,
        _: &Cx,
        mut rx: Receiver<StreamingInputCallRequest>,
    ) -> Result<StreamingInputCallResponse> {
        let _entered = self.enter();
        let mut bytes = 0_usize;
        while let Some(message) = rx.recv().await? {
            bytes = bytes.saturating_add(body_bytes(message.payload.as_ref()));
        }
        let aggregated_payload_size = i32::try_from(bytes)
            .map_err(|_| Error::with_code(Code::OutOfRange, "more than 2 GiB of payload"))?;
        Ok(StreamingInputCallResponse {
            aggregated_payload_size,
        })
    }

    async fn full_duplex_call(
        &self,
        cx: &Cx,
        mut rx: Receiver<StreamingOutputCallRequest>,
        mut tx: Sender<StreamingOutputCallResponse>,
    ) -> Result<()> {
        let _entered = self.enter();
        echo_metadata(cx)?;
        while let Some(req) = rx.recv().await? {
            requested_status(req.response_status.as_ref())?;
            send_all(cx, req.response_type, &req.response_parameters, &mut tx).await?;
        }
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        cx: &Cx,
        mut rx: Receiver<StreamingOutputCallRequest>,
        mut tx: Sender<StreamingOutputCallResponse>,
    ) -> Result<()> {
        let _entered = self.enter();
        let mut held_back = Vec::new();
        while let Some(mut req) = rx.recv().await? {
            if held_back.len() == HELD_BACK_MAX {
                return Err(Error::invalid_input(format!(
                    "at most {HELD_BACK_MAX} requests in a half-duplex call"
                )));
            }
            // What the client sent is not answered with, so it need not be kept.
            req.payload = None;
            held_back.push(req);
        }
        for req in held_back {
            send_all(cx, req.response_type, &req.response_parameters, &mut tx).await?;
        }
        Ok(())
    }

    async fn unimplemented_call(&self, _: &Cx, _: Empty) -> Result<Empty> {
        Err(Error::unimplemented("this method is never implemented"))
    }
}
