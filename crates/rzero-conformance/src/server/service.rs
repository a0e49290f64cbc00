//! `ConformanceService`: answers as each request says, and echoes what it saw of the request.

use std::time::Duration;

use rzero::bytes::Bytes;
use rzero::prost::Name;
use rzero::prost_types::Any;
use rzero::{Cx, Error, Receiver, Result, Sender, Value};

use crate::api::connectrpc::conformance::v1::conformance_payload::RequestInfo;
use crate::api::connectrpc::conformance::v1::unary_response_definition::Response;
use crate::api::connectrpc::conformance::v1::{
    BidiStreamRequest, BidiStreamResponse, ClientStreamRequest, ClientStreamResponse,
    ConformancePayload, ConformanceService, Header, IdempotentUnaryRequest,
    IdempotentUnaryResponse, ServerStreamRequest, ServerStreamResponse, StreamResponseDefinition,
    UnaryRequest, UnaryResponse, UnaryResponseDefinition, UnimplementedRequest,
    UnimplementedResponse,
};
use crate::convert;

/// The logic of the service under test.
#[derive(Clone, Copy, Debug)]
pub struct Conformance;

/// What the server saw of a call: metadata, time left, and these requests.
fn request_info(cx: &Cx, requests: Vec<Any>) -> RequestInfo {
    let millis = |left: Duration| i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
    RequestInfo {
        request_headers: cx
            .info()
            .metadata()
            .map(convert::headers)
            .unwrap_or_default(),
        timeout_ms: cx.remaining().map(millis),
        requests,
        connect_get_info: None,
    }
}

fn payload(data: Bytes, request_info: Option<RequestInfo>) -> ConformancePayload {
    ConformancePayload { data, request_info }
}

/// Sets the metadata that an answer is to have; the head of a stream goes out at once.
fn set_metadata(cx: &Cx, headers: &[Header], trailers: &[Header]) -> Result<()> {
    for (key, value) in convert::pairs(headers)? {
        match value {
            Value::Text(text) => cx.set_header(key, text)?,
            Value::Binary(bytes) => cx.set_header_binary(key, bytes)?,
        }
    }
    for (key, value) in convert::pairs(trailers)? {
        match value {
            Value::Text(text) => cx.set_trailer(key, text)?,
            Value::Binary(bytes) => cx.set_trailer_binary(key, bytes)?,
        }
    }
    cx.send_headers();
    Ok(())
}

async fn wait(millis: u32) {
    if millis > 0 {
        tokio::time::sleep(Duration::from_millis(millis.into())).await;
    }
}

/// The one answer of a unary call or an upload.
async fn answer(
    cx: &Cx,
    definition: Option<UnaryResponseDefinition>,
    requests: Vec<Any>,
) -> Result<Option<ConformancePayload>> {
    let info = request_info(cx, requests);
    let Some(definition) = definition else {
        return Ok(Some(payload(Bytes::new(), Some(info))));
    };
    set_metadata(
        cx,
        &definition.response_headers,
        &definition.response_trailers,
    )?;
    wait(definition.response_delay_ms).await;
    match definition.response {
        Some(Response::Error(asked)) => {
            Err(convert::asked_error(asked, Some(Any::from_msg(&info)?)))
        }
        Some(Response::ResponseData(data)) => Ok(Some(payload(data, Some(info)))),
        None => Ok(Some(payload(Bytes::new(), Some(info)))),
    }
}

/// The answers of a stream that were asked for and not yet given.
struct Answers {
    definition: StreamResponseDefinition,
    sent: usize,
}

impl Answers {
    fn begin(cx: &Cx, definition: StreamResponseDefinition) -> Result<Self> {
        set_metadata(
            cx,
            &definition.response_headers,
            &definition.response_trailers,
        )?;
        Ok(Self {
            definition,
            sent: 0,
        })
    }

    /// The data of the next answer, after the delay that goes before it.
    async fn next(&mut self) -> Option<Bytes> {
        let data = self.definition.response_data.get(self.sent)?.clone();
        wait(self.definition.response_delay_ms).await;
        self.sent += 1;
        Some(data)
    }

    /// How the call ends. An error without an answer before it tells what the server saw.
    fn end(self, info: impl FnOnce() -> RequestInfo) -> Result<()> {
        match self.definition.error {
            None => Ok(()),
            Some(asked) if self.sent > 0 => Err(convert::asked_error(asked, None)),
            Some(asked) => Err(convert::asked_error(asked, Some(Any::from_msg(&info())?))),
        }
    }
}

/// Reads an upload to its end: its first message, and all of them.
async fn read_all<M: Name + Clone>(rx: &mut Receiver<M>) -> Result<(Option<M>, Vec<Any>)> {
    let (mut first, mut seen) = (None, Vec::new());
    while let Some(request) = rx.recv().await? {
        seen.push(Any::from_msg(&request)?);
        first.get_or_insert(request);
    }
    Ok((first, seen))
}

/// One answer for each request as it comes; when no answers are left the call ends. Gives the
/// requests that no answer has told of.
async fn ping_pong(
    cx: &Cx,
    first: Any,
    rx: &mut Receiver<BidiStreamRequest>,
    tx: &mut Sender<BidiStreamResponse>,
    answers: &mut Answers,
) -> Result<Vec<Any>> {
    let mut seen = vec![first];
    loop {
        let is_first = answers.sent == 0;
        let Some(data) = answers.next().await else {
            return Ok(seen);
        };
        let requests = std::mem::take(&mut seen);
        let info = match is_first {
            true => request_info(cx, requests),
            false => RequestInfo {
                requests,
                ..RequestInfo::default()
            },
        };
        let payload = Some(payload(data, Some(info)));
        tx.send(BidiStreamResponse { payload }).await?;
        match rx.recv().await? {
            Some(request) => seen.push(Any::from_msg(&request)?),
            None => return Ok(seen),
        }
    }
}

impl ConformanceService for Conformance {
    async fn unary(&self, cx: &Cx, req: UnaryRequest) -> Result<UnaryResponse> {
        let seen = vec![Any::from_msg(&req)?];
        let payload = answer(cx, req.response_definition, seen).await?;
        Ok(UnaryResponse { payload })
    }

    async fn idempotent_unary(
        &self,
        cx: &Cx,
        req: IdempotentUnaryRequest,
    ) -> Result<IdempotentUnaryResponse> {
        let seen = vec![Any::from_msg(&req)?];
        let payload = answer(cx, req.response_definition, seen).await?;
        Ok(IdempotentUnaryResponse { payload })
    }

    async fn unimplemented(
        &self,
        _: &Cx,
        _: UnimplementedRequest,
    ) -> Result<UnimplementedResponse> {
        Err(Error::unimplemented("this method is not implemented"))
    }

    async fn client_stream(
        &self,
        cx: &Cx,
        mut rx: Receiver<ClientStreamRequest>,
    ) -> Result<ClientStreamResponse> {
        let (first, seen) = read_all(&mut rx).await?;
        let definition = first.and_then(|request| request.response_definition);
        let payload = answer(cx, definition, seen).await?;
        Ok(ClientStreamResponse { payload })
    }

    async fn server_stream(
        &self,
        cx: &Cx,
        req: ServerStreamRequest,
        mut tx: Sender<ServerStreamResponse>,
    ) -> Result<()> {
        let mut info = Some(request_info(cx, vec![Any::from_msg(&req)?]));
        let Some(definition) = req.response_definition else {
            return Ok(());
        };
        let mut answers = Answers::begin(cx, definition)?;
        while let Some(data) = answers.next().await {
            let payload = Some(payload(data, info.take()));
            tx.send(ServerStreamResponse { payload }).await?;
        }
        answers.end(|| info.unwrap_or_default())
    }

    async fn bidi_stream(
        &self,
        cx: &Cx,
        mut rx: Receiver<BidiStreamRequest>,
        mut tx: Sender<BidiStreamResponse>,
    ) -> Result<()> {
        let Some(first) = rx.recv().await? else {
            return Ok(());
        };
        let mut seen = vec![Any::from_msg(&first)?];
        let definition = first.response_definition;
        let mut answers = Answers::begin(cx, definition.unwrap_or_default())?;
        if first.full_duplex {
            let first = seen.remove(0);
            seen = ping_pong(cx, first, &mut rx, &mut tx, &mut answers).await?;
        } else {
            seen.extend(read_all(&mut rx).await?.1);
        }
        let mut info = (answers.sent == 0).then(|| request_info(cx, seen));
        while let Some(data) = answers.next().await {
            let payload = Some(payload(data, info.take()));
            tx.send(BidiStreamResponse { payload }).await?;
        }
        answers.end(|| info.unwrap_or_default())
    }
}
