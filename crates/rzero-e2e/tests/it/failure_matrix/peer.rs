//! A server of frames: it answers every call by a script, as no honest server would.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rzero::parts::core::Address;
use rzero_http2::frame::{
    Data, ErrorCode, Frame, GoAway, HeadersHead, Ping, Reset, Settings, Splitter, SplitterConfig,
    StreamId, write_block, write_settings,
};
use rzero_http2::hpack::{Encoder, Indexing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const PREFACE_BYTES: usize = 24;
const PAYLOAD_BYTES_MAX: usize = 16_384;

/// A step of a script.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Wait(Duration),
    /// The head of an answer.
    Head,
    /// A head that is none of gRPC.
    Http(&'static str),
    /// A whole message: an empty one.
    Message,
    /// The first bytes of a message.
    HalfMessage,
    /// The end of the answer with this status.
    Trailers(u32),
    /// Head and end in one.
    TrailersOnly(u32),
    /// The end of the stream, without trailers.
    EndOfData,
    Reset(ErrorCode),
    /// The last stream that is served is this call's, or none.
    GoAway(Last, ErrorCode),
    /// The first bytes of a frame.
    HalfFrame,
    /// A frame that breaks a rule.
    BadFrame,
    /// The end of the connection, in order.
    Close,
    /// The end of the connection by a reset.
    Cut,
}

/// What a GOAWAY says of the call.
#[derive(Clone, Copy, Debug)]
pub(super) enum Last {
    ThisCall,
    None,
}

/// A server that takes one connection; whoever comes later is refused.
pub(super) struct Peer {
    pub(super) address: Address,
    calls: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Peer {
    /// One that answers every call by `script`.
    pub(super) async fn start(script: Vec<Step>) -> Self {
        Self::with(move |socket, calls| serve(socket, script, calls)).await
    }

    /// One that does no more than a step when it is connected to.
    pub(super) async fn silent(step: Option<Step>) -> Self {
        Self::with(move |mut socket, _| async move {
            if let Some(Step::Cut) = step {
                socket.set_zero_linger().unwrap();
                return;
            }
            while socket.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {}
        })
        .await
    }

    async fn with<F>(serve: impl FnOnce(TcpStream, Arc<AtomicUsize>) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let task = tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            drop(listener);
            serve(socket, counted).await;
        });
        Self {
            address: Address::tcp("127.0.0.1", port),
            calls,
            task,
        }
    }

    /// Calls that arrived whole.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, script: Vec<Step>, calls: Arc<AtomicUsize>) {
    let mut preface = [0; PREFACE_BYTES];
    let mut out = Vec::new();
    write_settings(&mut out, &[]);
    socket.write_all(&out).await.unwrap();
    if socket.read_exact(&mut preface).await.is_err() {
        return;
    }
    let mut splitter = Splitter::new(SplitterConfig::default());
    let mut bytes = vec![0; PAYLOAD_BYTES_MAX];
    loop {
        let Ok(read @ 1..) = socket.read(&mut bytes).await else {
            return;
        };
        let (mut out, mut requests) = (Vec::new(), Vec::new());
        let mut input = &bytes[..read];
        while let Some(frame) = splitter.next(&mut input).unwrap() {
            heed(&frame, &mut out, &mut requests);
        }
        socket.write_all(&out).await.unwrap();
        for stream in requests {
            calls.fetch_add(1, SeqCst);
            if !answer(&mut socket, stream, &script).await {
                return;
            }
        }
    }
}

/// What every server does: gives signs of life, and notes the calls that are whole.
fn heed(frame: &Frame<'_>, out: &mut Vec<u8>, requests: &mut Vec<StreamId>) {
    match *frame {
        Frame::Settings(Settings::List(_)) => Frame::Settings(Settings::Ack).write(out),
        Frame::Ping(Ping { payload, is_ack }) if !is_ack => {
            let is_ack = true;
            Frame::Ping(Ping { payload, is_ack }).write(out);
        }
        Frame::Data(Data {
            stream,
            end_stream: true,
            ..
        }) => requests.push(stream),
        _ => {}
    }
}

/// Plays the script; whether the connection lives on.
async fn answer(socket: &mut TcpStream, stream: StreamId, script: &[Step]) -> bool {
    for step in script {
        let mut out = Vec::new();
        match *step {
            Step::Wait(time) => tokio::time::sleep(time).await,
            Step::Close => {
                // The client may have closed it first.
                drop(socket.shutdown().await);
                return false;
            }
            Step::Cut => {
                socket.set_zero_linger().unwrap();
                return false;
            }
            step => write(step, stream, &mut out),
        }
        if socket.write_all(&out).await.is_err() {
            return false;
        }
    }
    true
}

fn write(step: Step, stream: StreamId, out: &mut Vec<u8>) {
    let grpc = [(":status", "200"), ("content-type", "application/grpc")];
    match step {
        Step::Head => block(out, stream, &grpc, false),
        Step::Http(status) => block(out, stream, &[(":status", status)], true),
        Step::Trailers(status) => {
            let status = status.to_string();
            block(out, stream, &[("grpc-status", status.as_str())], true);
        }
        Step::TrailersOnly(status) => {
            let status = status.to_string();
            let fields = [grpc[0], grpc[1], ("grpc-status", status.as_str())];
            block(out, stream, &fields, true);
        }
        Step::Message => data(out, stream, &[0; 5], false),
        Step::HalfMessage => data(out, stream, &[0, 0, 0, 0, 100, 1, 2, 3], false),
        Step::EndOfData => data(out, stream, &[], true),
        Step::Reset(code) => Frame::Reset(Reset { stream, code }).write(out),
        Step::GoAway(last, code) => {
            let last_stream = match last {
                Last::ThisCall => Some(stream),
                Last::None => None,
            };
            let debug_data = b"scripted";
            Frame::GoAway(GoAway {
                last_stream,
                code,
                debug_data,
            })
            .write(out);
        }
        // 100 bytes of DATA are announced, and none comes.
        Step::HalfFrame => out.extend_from_slice(&[0, 0, 100, 0, 0]),
        // DATA belongs to a stream, and 0 is none.
        Step::BadFrame => out.extend_from_slice(&[0, 0, 1, 0, 0, 0, 0, 0, 0, 7]),
        Step::Wait(_) | Step::Close | Step::Cut => {}
    }
}

fn block(out: &mut Vec<u8>, stream: StreamId, fields: &[(&str, &str)], end_stream: bool) {
    let (mut bytes, mut encoder) = (Vec::new(), Encoder::new());
    let mut block = encoder.block(&mut bytes);
    for (name, value) in fields {
        block.field(name.as_bytes(), value.as_bytes(), Indexing::Plain);
    }
    let head = HeadersHead { stream, end_stream };
    write_block(out, head, &bytes, PAYLOAD_BYTES_MAX);
}

fn data(out: &mut Vec<u8>, stream: StreamId, payload: &[u8], end_stream: bool) {
    let padding = None;
    Frame::Data(Data {
        stream,
        payload,
        end_stream,
        padding,
    })
    .write(out);
}
