//! The path of one call.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use rzero_client::{CallOptions, Channel};
use rzero_core::{Class, Duplex, Error, Fixed, Kind, Method, Result, Value};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::body::Body;

use super::answer::{Answers, Sender, of_reply};
use super::paths;
use super::pump::Pump;
use super::upload::{Begin, Upload};
use crate::inflate::Encoding;
use crate::{Contract, headers, timeout};

/// A request of which nothing ran is placed again this often.
const REPICKS_MAX: u8 = 2;

/// How often an upload is looked at while the head of its answer is awaited; idle at two looks in
/// a row, its caller may be waiting for the head.
const LOOK: Duration = Duration::from_millis(50);

static LATE: Fixed = Fixed::new(
    Class::DeadlineExceeded,
    "the deadline passed before the request was complete",
);

/// Makes the call that `request` stands for.
pub(super) async fn run(
    channel: Channel,
    contract: Option<Contract>,
    request: Request<Body>,
) -> Result<Response<Body>> {
    let (head, body) = request.into_parts();
    let known = contract.and_then(|c| c.method(head.uri.path()));
    let method = known.map_or_else(|| paths::method(head.uri.path()), Ok)?;
    let mut upload = Upload::new(body, Encoding::of(&head.headers)?);
    let call = Call {
        channel,
        method,
        deadline: deadline(&head)?,
        options: options(head)?,
    };
    match call.begin(&mut upload).await? {
        Begin::Whole(message) if method.kind() == Kind::Unary => {
            let reply = call.channel.unary(method, message, &call.options()).await?;
            Ok(of_reply(reply))
        }
        Begin::Whole(message) => call.whole(message).await,
        Begin::Part(first) => call.stream(first, upload).await,
    }
}

/// When the caller wants an answer, by its `grpc-timeout`.
fn deadline(head: &Parts) -> Result<Option<Instant>> {
    let Some(text) = head.headers.get("grpc-timeout") else {
        return Ok(None);
    };
    let timeout = timeout::parse(text.as_bytes());
    let timeout = timeout.ok_or(Error::invalid_input("malformed grpc-timeout"))?;
    Ok(Instant::now().checked_add(timeout))
}

/// The options of the call, with the metadata of the request.
fn options(mut head: Parts) -> Result<CallOptions> {
    let options = head.extensions.remove::<CallOptions>();
    let metadata = headers::read(head.headers)?;
    metadata
        .iter()
        .try_fold(options.unwrap_or_default(), |options, (key, value)| {
            Ok(match value {
                Value::Text(text) => options.metadata(key, text.as_ref())?,
                Value::Binary(bytes) => options.metadata_binary(key, bytes.clone())?,
            })
        })
}

struct Call {
    channel: Channel,
    method: Method,
    deadline: Option<Instant>,
    options: CallOptions,
}

impl Call {
    /// The options at this moment: less time is left than before.
    fn options(&self) -> CallOptions {
        let options = self.options.clone();
        match self.deadline {
            Some(at) => options.deadline(at.saturating_duration_since(Instant::now())),
            None => options,
        }
    }

    /// What of the request is there.
    async fn begin(&self, upload: &mut Upload) -> Result<Begin> {
        let one = matches!(self.method.kind(), Kind::Unary | Kind::ServerStream);
        let begin = upload.begin(one);
        match self.deadline {
            Some(at) => {
                let late = |_| Error::fixed(&LATE);
                timeout_at(at, begin).await.map_err(late)?
            }
            None => begin.await,
        }
    }

    /// Sends a whole request, to another instance if nothing of it ran.
    async fn whole(self, message: Bytes) -> Result<Response<Body>> {
        let mut repicks = 0;
        loop {
            let Duplex { rx, tx } = self.channel.open(self.method, &self.options()).await?;
            let sender = Sender::Whole(tx, Some(message.clone()));
            match respond(Answers::new(rx, sender)).await {
                Err(error) if never_ran(&error) && repicks < REPICKS_MAX => repicks += 1,
                result => return result,
            }
        }
    }

    /// Sends what is there of a request, and what follows.
    async fn stream(self, first: Vec<Bytes>, upload: Upload) -> Result<Response<Body>> {
        let duplex = self.channel.open(self.method, &self.options()).await?;
        let io = Arc::clone(duplex.io());
        let Duplex { rx, tx } = duplex;
        let pump = Pump::start(io, tx, first, upload);
        respond(Answers::new(rx, Sender::Pump(pump))).await
    }
}

/// Whether the call may be placed again, whatever it does.
fn never_ran(error: &Error) -> bool {
    matches!(error.class(), Class::ConnectFailed | Class::Draining)
}

/// The answer, as soon as its head is known or its caller waits for it in vain.
async fn respond(mut answers: Answers) -> Result<Response<Body>> {
    let mut look = pin!(sleep(LOOK));
    let mut seen = None;
    let first = poll_fn(|cx| {
        if let Poll::Ready(message) = answers.poll_next(cx)? {
            return Poll::Ready(Ok(Some(message)));
        }
        if answers.has_head() {
            return Poll::Ready(Ok(None));
        }
        while let Some(shared) = answers.shared()
            && look.as_mut().poll(cx).is_ready()
        {
            let idle_at = shared.idle_at();
            if idle_at.is_some() && idle_at == seen {
                return Poll::Ready(Ok(None));
            }
            seen = idle_at;
            look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    });
    let first: Result<_> = first.await;
    let first = first?;
    Ok(answers.into_response(first))
}
