//! What the core reports to a server: requests become work to do.

use std::sync::Arc;
use std::task::Waker;

use rzero_core::{CallInfo, Class, Error, Peer};
use rzero_http2::connection::{Credit, Ended, Events, Request};
use rzero_http2::frame::{ErrorCode, StreamId};
use rzero_http2::hpack::Field;
use tokio::time::Instant;

use super::context::{Context, MESSAGE_WITHIN};
use super::served::{Gather, Running, Served, Streaming};
use super::shared::Shared;
use crate::engine::{Budget, Cell, Intake, Room, Rules, Side, Touch};
use crate::fields::{Refusal, RequestFields};
use crate::message::{self, Assembler, Encoding, Raw};
use crate::options::AnswerCompression;

/// What has to be done once the bytes that were read are used up.
pub(super) enum Work {
    /// A unary call is complete.
    Unary {
        stream: StreamId,
        info: CallInfo,
        message: Raw,
        encoding: Encoding,
    },
    /// A call that streams begins.
    Stream {
        stream: StreamId,
        info: CallInfo,
        cell: Arc<Cell>,
    },
    /// A call fails before its handler begins, or because of what its caller sent.
    Fail { stream: StreamId, error: Error },
    /// A request that is not gRPC.
    Refuse { stream: StreamId, refusal: Refusal },
    /// A stream's cell wants to be looked at.
    Pour { stream: StreamId },
}

impl Work {
    /// Whether a handler starts here.
    pub(super) const fn begins_a_call(&self) -> bool {
        matches!(self, Self::Unary { .. } | Self::Stream { .. })
    }

    /// Bytes of the message that it holds.
    pub(super) fn message_bytes(&self) -> usize {
        match self {
            Self::Unary { message, .. } => message.bytes.len(),
            _ => 0,
        }
    }

    pub(super) const fn stream(&self) -> StreamId {
        match self {
            Self::Unary { stream, .. }
            | Self::Stream { stream, .. }
            | Self::Fail { stream, .. }
            | Self::Refuse { stream, .. }
            | Self::Pour { stream } => *stream,
        }
    }
}

/// Takes what the core reports while it is fed one batch.
pub(super) struct Requests {
    context: Arc<Context>,
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    fields: RequestFields,
    /// When the batch was read: every call in it counts from here.
    pub(super) now: Instant,
    pub(super) work: Vec<Work>,
    /// Handlers of unary calls that work on tasks of their own.
    pub(super) running: usize,
    /// Room for messages that are longer than a window.
    pub(super) budget: Budget,
    pub(super) woken: Vec<Waker>,
    /// A call's frames came, not only answers to pings.
    pub(super) is_call: bool,
    pub(super) pong: bool,
    /// The peer says that it leaves.
    pub(super) is_leaving: bool,
}

impl Requests {
    pub(super) fn new(
        context: Arc<Context>,
        shared: Arc<Shared>,
        peer: Arc<Peer>,
        now: Instant,
    ) -> Self {
        let options = &context.options;
        let window = options.http2.stream_window_bytes;
        Self {
            budget: Budget::new(options.receive_buffer_max, window),
            context,
            shared,
            peer,
            fields: RequestFields::default(),
            now,
            work: Vec::new(),
            running: 0,
            woken: Vec::new(),
            is_call: false,
            pong: false,
            is_leaving: false,
        }
    }

    /// Begins a batch that was read at `now`.
    pub(super) fn begin(&mut self, now: Instant) {
        self.now = now;
        (self.is_call, self.pong) = (false, false);
    }

    fn fail(&mut self, stream: StreamId, error: Error) -> Served {
        self.work.push(Work::Fail { stream, error });
        self.answered()
    }

    fn answered(&self) -> Served {
        Served::Answered {
            by: self.now + self.context.options.handshake_timeout,
        }
    }

    fn call(&mut self, stream: StreamId) -> Result<Served, Error> {
        let path = self.fields.path();
        let Some(method) = self.context.dispatch.resolve(path) else {
            let path = String::from_utf8_lossy(path);
            return Err(Error::unimplemented(format!("no method {path} here")));
        };
        let encoding = self.fields.encoding()?;
        let options = &self.context.options;
        let answers = match (options.compression, encoding) {
            (AnswerCompression::Always(compression), _) => Some(compression),
            (AnswerCompression::LikeRequest, Encoding::Known(compression)) => Some(compression),
            _ => None,
        };
        let answers = answers.filter(|compression| self.fields.accepts(*compression));
        let info = self
            .fields
            .call_info(method, self.now, Arc::clone(&self.peer))?;
        if !method.kind().is_stream() {
            let by = info.deadline().unwrap_or(self.now + MESSAGE_WITHIN);
            return Ok(Served::Gathering(Gather {
                info,
                assembler: Assembler::new(options.receive_bytes_max),
                message: None,
                room: Room::None,
                encoding,
                answers,
                received: 0,
                by,
            }));
        }
        let rules = Rules {
            side: Side::Server,
            receive_bytes_max: options.receive_bytes_max,
            send_bytes_max: options.send_bytes_max,
            window_bytes: options.http2.stream_window_bytes,
            compression: answers,
        };
        let owner = Arc::clone(&self.shared) as Arc<dyn Touch>;
        let cell = Cell::new(owner, rules, encoding);
        cell.opened(stream);
        self.work.push(Work::Stream {
            stream,
            info,
            cell: Arc::clone(&cell),
        });
        Ok(Served::Streaming(Streaming {
            intake: Intake::new(cell, options.receive_bytes_max),
            answers,
            task: None,
            finish: None,
            since: self.now,
        }))
    }

    /// Bytes of the message of a unary call.
    fn gather(&mut self, stream: StreamId, data: &mut Served, bytes: &[u8], end: bool) -> Credit {
        let Served::Gathering(gather) = data else {
            return Credit::consumed(bytes.len());
        };
        gather.received += bytes.len();
        if let Err(error) = gather.take(bytes).and_then(|()| gather.check(end)) {
            let received = gather.received;
            *data = self.fail(stream, error);
            return Credit::consumed(received);
        }
        if !end {
            let missing = self.budget.missing(&gather.assembler);
            return Credit {
                consumed: 0,
                widen: self.budget.widen(stream, &mut gather.room, missing),
            };
        }
        let (received, answers) = (gather.received, gather.answers);
        let running = Served::Running(Running {
            task: None,
            answers,
        });
        if let Served::Gathering(mut gather) = std::mem::replace(data, running)
            && let Some(message) = gather.message
        {
            // The time that a message takes to arrive is no time in a queue of ours.
            gather.info.set_received(self.now);
            self.work.push(Work::Unary {
                stream,
                info: gather.info,
                message,
                encoding: gather.encoding,
            });
        }
        Credit::consumed(received)
    }

    /// Bytes of a call that streams.
    fn deliver(
        &mut self,
        stream: StreamId,
        streaming: &mut Streaming,
        bytes: &[u8],
        end: bool,
    ) -> Credit {
        let intake = &mut streaming.intake;
        let fed = match intake.feed(stream, bytes, &mut self.budget, &mut self.woken) {
            Ok(_) if end && intake.is_torn() => Err(torn()),
            fed => fed,
        };
        match fed {
            Ok(credit) => {
                if end {
                    intake.cell.end(None, &mut self.woken);
                }
                credit
            }
            Err(error) => {
                let ended = Error::new(Class::Cancelled, "the call has failed");
                intake.cell.fail(ended, None, &mut self.woken);
                self.work.push(Work::Fail { stream, error });
                Credit::consumed(bytes.len())
            }
        }
    }
}

impl Gather {
    fn take(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        while let Some(message) = self.assembler.next(&mut bytes)? {
            if self.message.replace(message).is_some() {
                let text = "more than one message in a unary request";
                return Err(Error::unimplemented(text));
            }
        }
        Ok(())
    }

    /// At its end a request has to have its one message.
    fn check(&self, end: bool) -> Result<(), Error> {
        match () {
            () if !end => Ok(()),
            () if self.assembler.is_torn() => Err(torn()),
            () if self.message.is_none() => {
                Err(Error::unimplemented("no message in a unary request"))
            }
            () => Ok(()),
        }
    }
}

fn torn() -> Error {
    message::malformed("the request ended inside a message")
}

impl Events<Served> for Requests {
    fn block(&mut self) {
        self.fields.reset();
    }

    fn field(&mut self, field: Field<'_>) {
        self.fields.field(field);
    }

    fn request(&mut self, stream: StreamId, end: bool) -> Request<Served> {
        self.is_call = true;
        let mut served = match self.fields.refusal() {
            Some(refusal) => Served::Refused {
                refusal,
                by: self.now + self.context.options.handshake_timeout,
            },
            None => match self.call(stream) {
                Ok(served) => served,
                Err(error) => self.fail(stream, error),
            },
        };
        if end {
            self.data(stream, &mut served, &[], true);
        }
        Request::Take(served)
    }

    /// Trailers of a request say no more than its end.
    fn headers(&mut self, stream: StreamId, data: &mut Served, end: bool) {
        self.data(stream, data, &[], end);
    }

    fn data(&mut self, stream: StreamId, data: &mut Served, bytes: &[u8], end: bool) -> Credit {
        self.is_call = true;
        match data {
            Served::Gathering(_) => self.gather(stream, data, bytes, end),
            Served::Streaming(streaming) => self.deliver(stream, streaming, bytes, end),
            Served::Refused { refusal, .. } => {
                if end {
                    let refusal = *refusal;
                    self.work.push(Work::Refuse { stream, refusal });
                    *data = self.answered();
                }
                Credit::consumed(bytes.len())
            }
            Served::Running(_) | Served::Answered { .. } => Credit::consumed(bytes.len()),
        }
    }

    fn ended(&mut self, _: StreamId, mut data: Served, why: Ended) {
        self.is_call = true;
        if let Served::Running(running) = &data {
            self.running -= usize::from(running.task.is_some());
        }
        data.abort();
        if let Served::Streaming(streaming) = data {
            streaming.intake.cell.fail(left(why), None, &mut self.woken);
        }
    }

    fn writable(&mut self, stream: StreamId, data: &mut Served) {
        if matches!(data, Served::Streaming(_)) {
            self.work.push(Work::Pour { stream });
        }
    }

    fn go_away(&mut self, _: u32, _: ErrorCode, _: &[u8]) {
        self.is_leaving = true;
    }

    fn pong(&mut self, _: [u8; 8]) {
        self.pong = true;
    }
}

fn left(why: Ended) -> Error {
    Error::new(
        Class::Cancelled,
        match why {
            Ended::Reset(_) | Ended::Refused => "the caller cancelled the call",
            Ended::Broken(_) => "the caller broke a rule of the protocol",
        },
    )
}
