//! What the core reports to a client: answers of calls.

use std::task::Waker;

use rzero_core::{Class, Error, Metadata, ReplyMetadata, StreamIo};
use rzero_http2::connection::{Credit, Ended, Events, Request};
use rzero_http2::frame::{ErrorCode, StreamId};
use rzero_http2::hpack::Field;

use super::calling::{Calling, StreamingCall, UnaryCall};
use super::slot::Answer;
use crate::engine::Budget;
use crate::fields::{ReplyFields, no_status, reset_error};
use crate::message::{self, Raw};
use crate::options::ClientOptions;

/// Takes what the core reports.
pub(super) struct Replies {
    fields: ReplyFields,
    /// Room for messages that are longer than a window.
    pub(super) budget: Budget,
    pub(super) woken: Vec<Waker>,
    /// Streams whose answer is complete, or of no use: ours has to end too.
    pub(super) done: Vec<StreamId>,
    /// Streams that have room for more messages.
    pub(super) writable: Vec<StreamId>,
    /// Frames of a call came, not only answers to pings.
    pub(super) is_call: bool,
    /// Why the peer leaves, when it does.
    pub(super) leaving: Option<(ErrorCode, String)>,
}

impl Replies {
    pub(super) fn new(options: &ClientOptions) -> Self {
        let window = options.http2.stream_window_bytes;
        Self {
            fields: ReplyFields::default(),
            budget: Budget::new(options.receive_buffer_max, window),
            woken: Vec::new(),
            done: Vec::new(),
            writable: Vec::new(),
            is_call: false,
            leaving: None,
        }
    }

    fn unary_head(&mut self, stream: StreamId, call: &mut UnaryCall, end: bool) {
        let outcome = if call.head.is_some() {
            self.fields.trailers()
        } else if end {
            self.fields.trailers_only()
        } else {
            match self.fields.head() {
                Ok(head) => {
                    call.head = Some(head);
                    return;
                }
                Err(error) => Err(error),
            }
        };
        let outcome = match outcome {
            Ok(trailers) => call.answer(trailers),
            Err(error) => Err(call.with_headers(error)),
        };
        self.complete(stream, call, outcome);
    }

    fn complete(&mut self, stream: StreamId, call: &UnaryCall, outcome: Result<Answer, Error>) {
        call.slot.complete(outcome, &mut self.woken);
        self.done.push(stream);
    }

    fn unary_data(
        &mut self,
        stream: StreamId,
        call: &mut UnaryCall,
        bytes: &[u8],
        end: bool,
    ) -> Credit {
        let mut taken = call.take(bytes);
        if taken.is_ok() && end {
            taken = Err(no_status());
        }
        match taken {
            Ok(()) => {
                let missing = self.budget.missing(&call.assembler);
                Credit {
                    consumed: 0,
                    widen: self.budget.widen(stream, &mut call.room, missing),
                }
            }
            Err(error) => {
                self.complete(stream, call, Err(error));
                Credit::consumed(bytes.len())
            }
        }
    }

    fn stream_head(&mut self, stream: StreamId, call: &mut StreamingCall, end: bool) {
        let outcome = if call.has_head {
            self.fields.trailers()
        } else if end {
            call.intake
                .cell
                .set_headers(Metadata::new(), &mut self.woken);
            self.fields.trailers_only()
        } else {
            match self.fields.head() {
                Ok(head) => {
                    call.has_head = true;
                    call.intake.cell.set_encoding(head.encoding);
                    call.intake.cell.set_headers(head.metadata, &mut self.woken);
                    return;
                }
                Err(error) => Err(error),
            }
        };
        match outcome {
            Ok(_) if call.intake.is_torn() => self.fail(stream, call, torn()),
            Ok(trailers) => {
                call.intake.cell.end(Some(trailers), &mut self.woken);
                self.done.push(stream);
            }
            Err(error) => {
                let trailers = error.trailers().cloned();
                let headers = call.intake.cell.headers().unwrap_or_default();
                let error = with_headers(error, headers);
                call.intake.cell.fail(error, trailers, &mut self.woken);
                self.done.push(stream);
            }
        }
    }

    fn fail(&mut self, stream: StreamId, call: &StreamingCall, error: Error) {
        call.intake.cell.fail(error, None, &mut self.woken);
        self.done.push(stream);
    }

    fn stream_data(
        &mut self,
        stream: StreamId,
        call: &mut StreamingCall,
        bytes: &[u8],
        end: bool,
    ) -> Credit {
        let fed = call
            .intake
            .feed(stream, bytes, &mut self.budget, &mut self.woken);
        let error = match fed {
            Ok(credit) if !end => return credit,
            // It should have ended with trailers.
            Ok(_) => no_status(),
            Err(error) => message::of_answer(error),
        };
        self.fail(stream, call, error);
        Credit::consumed(bytes.len())
    }
}

impl UnaryCall {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while let Some(message) = self
            .assembler
            .next(&mut bytes)
            .map_err(message::of_answer)?
        {
            if self.message.replace(message).is_some() {
                let text = "more than one message in the answer";
                return Err(Error::with_code(rzero_core::Code::Unimplemented, text)
                    .with_class(Class::BadAnswer));
            }
        }
        Ok(())
    }

    /// The answer of a call that succeeded.
    fn answer(&mut self, trailers: Metadata) -> Result<Answer, Error> {
        if self.assembler.is_torn() {
            return Err(torn());
        }
        let missing = || {
            Error::with_code(rzero_core::Code::Unimplemented, "no message in the answer")
                .with_class(Class::BadAnswer)
        };
        let message: Raw = self.message.take().ok_or_else(missing)?;
        let head = self.head.take().unwrap_or_default();
        Ok(Answer {
            message,
            encoding: head.encoding,
            headers: head.metadata,
            trailers,
        })
    }

    fn with_headers(&mut self, error: Error) -> Error {
        let headers = self.head.take().map(|head| head.metadata);
        with_headers(error, headers.unwrap_or_default())
    }
}

/// An error of the peer, which has its trailers, with the metadata that came before it, too.
fn with_headers(error: Error, headers: Metadata) -> Error {
    error.with_reply_metadata(ReplyMetadata {
        headers,
        trailers: Metadata::new(),
    })
}

fn torn() -> Error {
    Error::new(Class::BadAnswer, "the answer ended inside a message")
}

impl Events<Calling> for Replies {
    fn block(&mut self) {
        self.fields.reset();
    }

    fn field(&mut self, field: Field<'_>) {
        self.fields.field(field);
    }

    /// A client is asked for nothing: the core refuses servers that try.
    fn request(&mut self, _: StreamId, _: bool) -> Request<Calling> {
        Request::Refuse
    }

    fn headers(&mut self, stream: StreamId, data: &mut Calling, end: bool) {
        self.is_call = true;
        if !end && self.fields.is_interim() {
            return;
        }
        match data {
            Calling::Unary(call) => self.unary_head(stream, call, end),
            Calling::Streaming(call) => self.stream_head(stream, call, end),
        }
    }

    fn data(&mut self, stream: StreamId, data: &mut Calling, bytes: &[u8], end: bool) -> Credit {
        self.is_call = true;
        match data {
            Calling::Unary(call) => self.unary_data(stream, call, bytes, end),
            Calling::Streaming(call) => self.stream_data(stream, call, bytes, end),
        }
    }

    fn ended(&mut self, _: StreamId, data: Calling, why: Ended) {
        self.is_call = true;
        let before_anything = match &data {
            Calling::Unary(call) => call.head.is_none(),
            Calling::Streaming(call) => !call.has_head,
        };
        let error = match why {
            Ended::Refused => reset_error(ErrorCode::REFUSED_STREAM, before_anything),
            Ended::Reset(code) => reset_error(code, before_anything),
            Ended::Broken(rule) => Error::new(
                Class::BadAnswer,
                format!("the peer broke a rule of HTTP/2: {rule}"),
            ),
        };
        match data {
            Calling::Unary(call) => call.slot.complete(Err(error), &mut self.woken),
            Calling::Streaming(call) => call.intake.cell.fail(error, None, &mut self.woken),
        }
    }

    fn writable(&mut self, stream: StreamId, _: &mut Calling) {
        self.writable.push(stream);
    }

    fn go_away(&mut self, _: u32, code: ErrorCode, debug: &[u8]) {
        let text: String = String::from_utf8_lossy(debug).chars().take(200).collect();
        self.leaving = Some((code, text));
    }

    fn pong(&mut self, _: [u8; 8]) {}
}
