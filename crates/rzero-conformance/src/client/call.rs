//! One call: what the suite wants done, and what came of it.

use std::future::Future;
use std::time::Duration;

use rzero::prost::{Message, Name};
use rzero::prost_types::Any;
use rzero::{CallOptions, ClientStream, Error, Metadata, Receiver, Reply, Result, Value};
use tokio::time::sleep;

use crate::api::connectrpc::conformance::v1::client_compat_request::cancel::CancelTiming;
use crate::api::connectrpc::conformance::v1::{
    self as api, BidiStreamResponse, ClientCompatRequest, ClientResponseResult,
    ClientStreamRequest, ClientStreamResponse, Code, ConformancePayload, ConformanceServiceClient,
    IdempotentUnaryResponse, ServerStreamResponse, StreamType, UnaryResponse,
    UnimplementedResponse,
};
use crate::convert;

/// The service whose methods can be called.
const SERVICE: &str = "connectrpc.conformance.v1.ConformanceService";

/// When the call is to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    Never,
    /// Instead of the end of sending.
    BeforeClose,
    /// So long after the end of sending.
    AfterClose(Duration),
    /// When so many answers have come.
    AfterAnswers(usize),
}

impl Cancel {
    fn of(request: &ClientCompatRequest) -> Result<Self> {
        let Some(cancel) = &request.cancel else {
            return Ok(Self::Never);
        };
        Ok(match cancel.cancel_timing {
            None => Self::AfterClose(Duration::ZERO),
            Some(CancelTiming::BeforeCloseSend(())) => Self::BeforeClose,
            Some(CancelTiming::AfterCloseSendMs(millis)) => {
                Self::AfterClose(Duration::from_millis(millis.into()))
            }
            Some(CancelTiming::AfterNumResponses(count)) => {
                Self::AfterAnswers(usize::try_from(count)?)
            }
        })
    }

    /// Waits until the call is to be cancelled; the sending side was just closed.
    async fn after_close(self) {
        match self {
            Self::AfterClose(wait) => sleep(wait).await,
            _ => std::future::pending().await,
        }
    }
}

/// An answer of any method: all carry the same payload.
trait Answer: Message + Default {
    fn payload(self) -> ConformancePayload;
}

macro_rules! answers {
    ($($name:ident)*) => {$(
        impl Answer for $name {
            fn payload(self) -> ConformancePayload {
                self.payload.unwrap_or_default()
            }
        }
    )*};
}

answers! { UnaryResponse IdempotentUnaryResponse ServerStreamResponse ClientStreamResponse BidiStreamResponse }

impl Answer for UnimplementedResponse {
    fn payload(self) -> ConformancePayload {
        ConformancePayload::default()
    }
}

/// A call that the suite wants.
pub(super) struct Plan<'a> {
    request: &'a ClientCompatRequest,
    options: CallOptions,
    cancel: Cancel,
    /// Time before each message.
    delay: Duration,
}

impl<'a> Plan<'a> {
    pub(super) fn new(request: &'a ClientCompatRequest) -> Result<Self> {
        let mut options = CallOptions::new();
        for (key, value) in convert::pairs(&request.request_headers)? {
            options = match value {
                Value::Text(text) => options.metadata(key, text)?,
                Value::Binary(bytes) => options.metadata_binary(key, bytes)?,
            };
        }
        if let Some(millis) = request.timeout_ms {
            options = options.deadline(Duration::from_millis(millis.into()));
        }
        Ok(Self {
            request,
            options,
            cancel: Cancel::of(request)?,
            delay: Duration::from_millis(request.request_delay_ms.into()),
        })
    }

    pub(super) async fn perform(
        &self,
        client: &ConformanceServiceClient,
    ) -> Result<ClientResponseResult> {
        let options = &self.options;
        if self.request.service() != SERVICE && self.request.service.is_some() {
            return Err(Error::invalid_input(format!(
                "service `{}` is not known here",
                self.request.service()
            )));
        }
        match self.request.method() {
            "Unary" => {
                let message = self.only_message().await?;
                self.unary(client.unary_with(message, options)).await
            }
            "IdempotentUnary" => {
                let message = self.only_message().await?;
                self.unary(client.idempotent_unary_with(message, options))
                    .await
            }
            "Unimplemented" => {
                let message = self.only_message().await?;
                self.unary(client.unimplemented_with(message, options))
                    .await
            }
            "ServerStream" => {
                let message = self.only_message().await?;
                self.download(client.server_stream_with(message, options).await)
                    .await
            }
            "ClientStream" => self.upload(client.client_stream_with(options).await).await,
            "BidiStream" => self.exchange(client).await,
            other => Err(Error::invalid_input(format!(
                "method `{other}` is not known here"
            ))),
        }
    }

    /// The one message of a call that has one, when it is time to send it.
    async fn only_message<M: Name + Default>(&self) -> Result<M> {
        let [message] = &*self.request.request_messages else {
            let count = self.request.request_messages.len();
            let text = format!("{count} messages for a method that takes one");
            return Err(Error::invalid_input(text));
        };
        self.pause().await;
        Ok(message.to_msg()?)
    }

    async fn pause(&self) {
        if !self.delay.is_zero() {
            sleep(self.delay).await;
        }
    }

    async fn unary<A: Answer>(
        &self,
        call: impl Future<Output = Result<Reply<A>>>,
    ) -> Result<ClientResponseResult> {
        Ok(tokio::select! {
            result = call => result.map_or_else(|e| failed(&e), succeeded),
            () = self.cancel.after_close() => cancelled(),
        })
    }

    async fn download(
        &self,
        opened: Result<Receiver<ServerStreamResponse>>,
    ) -> Result<ClientResponseResult> {
        let mut rx = match opened {
            Ok(rx) => rx,
            Err(error) => return Ok(failed(&error)),
        };
        let mut result = ClientResponseResult::default();
        let error = self.receive(&mut rx, &mut result.payloads).await;
        Ok(ended(result, &rx, error))
    }

    async fn upload(
        &self,
        opened: Result<ClientStream<ClientStreamRequest, ClientStreamResponse>>,
    ) -> Result<ClientResponseResult> {
        let mut call = match opened {
            Ok(call) => call,
            Err(error) => return Ok(failed(&error)),
        };
        let mut unsent = 0;
        for (at, message) in self.request.request_messages.iter().enumerate() {
            self.pause().await;
            if call.send(message.to_msg()?).await.is_err() {
                unsent = self.request.request_messages.len() - at;
                break;
            }
        }
        if self.cancel == Cancel::BeforeClose {
            return Ok(cancelled());
        }
        let mut result = self.unary(call.finish()).await?;
        result.num_unsent_requests = i32::try_from(unsent)?;
        Ok(result)
    }

    async fn exchange(&self, client: &ConformanceServiceClient) -> Result<ClientResponseResult> {
        let (mut tx, mut rx) = match client.bidi_stream_with(&self.options).await {
            Ok(both) => both,
            Err(error) => return Ok(failed(&error)),
        };
        let in_turns = self.request.stream_type() == StreamType::FullDuplexBidiStream;
        let mut result = ClientResponseResult::default();
        let messages = &self.request.request_messages;
        for (at, message) in messages.iter().enumerate() {
            self.pause().await;
            if tx.send(message.to_msg()?).await.is_err() {
                result.num_unsent_requests = i32::try_from(messages.len() - at)?;
                break;
            }
            if !in_turns {
                continue;
            }
            match rx.recv().await {
                Ok(Some(answer)) => result.payloads.push(answer.payload()),
                Ok(None) => break,
                Err(error) => return Ok(ended(result, &rx, Some(convert::told_error(&error)))),
            }
            if self.has_enough(&result.payloads) {
                return Ok(ended(result, &rx, Some(cancellation())));
            }
        }
        if self.cancel == Cancel::BeforeClose {
            return Ok(ended(result, &rx, Some(cancellation())));
        }
        tx.close();
        let error = self.receive(&mut rx, &mut result.payloads).await;
        Ok(ended(result, &rx, error))
    }

    /// Whether the call is to be cancelled now that so many answers have come.
    fn has_enough(&self, payloads: &[ConformancePayload]) -> bool {
        self.cancel == Cancel::AfterAnswers(payloads.len())
    }

    /// Reads answers until there are no more or the call is to be cancelled; the sending side was
    /// just closed.
    async fn receive<A: Answer>(
        &self,
        rx: &mut Receiver<A>,
        payloads: &mut Vec<ConformancePayload>,
    ) -> Option<api::Error> {
        let enough = self.cancel.after_close();
        tokio::pin!(enough);
        loop {
            let next = tokio::select! {
                biased;
                () = &mut enough => return Some(cancellation()),
                next = rx.recv() => next,
            };
            match next {
                Ok(Some(answer)) => payloads.push(answer.payload()),
                Ok(None) => return None,
                Err(error) => return Some(convert::told_error(&error)),
            }
            if self.has_enough(payloads) {
                return Some(cancellation());
            }
        }
    }
}

/// What a caller that cancels its own call would be told: dropping a call tells nothing.
fn cancellation() -> api::Error {
    api::Error {
        code: Code::Canceled.into(),
        message: Some("the caller dropped the call".to_owned()),
        details: Vec::<Any>::new(),
    }
}

fn cancelled() -> ClientResponseResult {
    ClientResponseResult {
        error: Some(cancellation()),
        ..ClientResponseResult::default()
    }
}

fn succeeded<A: Answer>(reply: Reply<A>) -> ClientResponseResult {
    ClientResponseResult {
        response_headers: convert::headers(&reply.headers),
        response_trailers: convert::headers(&reply.trailers),
        payloads: vec![reply.body.payload()],
        ..ClientResponseResult::default()
    }
}

fn failed(error: &Error) -> ClientResponseResult {
    let told = |metadata: Option<&Metadata>| metadata.map(convert::headers).unwrap_or_default();
    let reply = error.reply_metadata();
    ClientResponseResult {
        response_headers: told(reply.map(|reply| &reply.headers)),
        response_trailers: told(reply.map(|reply| &reply.trailers)),
        error: Some(convert::told_error(error)),
        ..ClientResponseResult::default()
    }
}

/// A stream that ended, with the metadata that came.
fn ended<A>(
    mut result: ClientResponseResult,
    rx: &Receiver<A>,
    error: Option<api::Error>,
) -> ClientResponseResult {
    let told = |metadata: Option<Metadata>| metadata.as_ref().map(convert::headers);
    result.response_headers = told(rx.headers()).unwrap_or_default();
    result.response_trailers = told(rx.trailers()).unwrap_or_default();
    result.error = error;
    result
}
