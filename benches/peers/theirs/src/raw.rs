//! The practical limit: frames with a length over one TCP connection, shared by all callers, with
//! the batching that any good protocol can have. A frame is its length, the number of the call
//! (both 32 bits, big endian) and a body.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bench_load::Result;
use bench_load::messages::{Answer, Ask, Order};
use bytes::{Buf, Bytes, BytesMut};
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes that one read may bring.
const READ: usize = 128 << 10;
/// Bytes of answers after which they are written although more requests wait.
const WRITE: usize = 64 << 10;
/// Length and number.
const HEAD: usize = 8;
/// Bit of a call's number that says: the body is an order.
const IS_ORDER: u32 = 1 << 31;
/// The number that asks for a stream: its body is a count and a size.
const STREAM: u32 = u32::MAX;

/// What a server does with a body.
#[derive(Clone, Copy)]
pub enum Body {
    /// Sends it back as it is.
    Opaque,
    /// Decodes it and encodes an answer.
    Prost,
}

pub fn serve(listen: SocketAddr, body: Body) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(async move {
                // The end of a connection, whatever its reason, is the client's affair.
                let _ = connection(stream, body).await;
            });
        }
    })
}

async fn connection(mut stream: TcpStream, body: Body) -> Result<()> {
    let mut input = BytesMut::with_capacity(READ);
    let mut out = Vec::with_capacity(2 * WRITE);
    loop {
        input.reserve(READ);
        if stream.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        while let Some((number, size)) = next(&input) {
            let frame = &input[HEAD..HEAD + size];
            if number == STREAM {
                let (count, bytes) = wanted(frame);
                feed(&mut stream, count, bytes).await?;
            } else {
                answer(&mut out, number, frame, body)?;
            }
            input.advance(HEAD + size);
            if out.len() >= WRITE {
                stream.write_all(&out).await?;
                out.clear();
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await?;
            out.clear();
        }
    }
}

/// Number and size of the first frame, once it is whole.
fn next(input: &[u8]) -> Option<(u32, usize)> {
    let (mut head, rest) = input.split_at_checked(HEAD)?;
    let (size, number) = (head.get_u32() as usize, head.get_u32());
    (rest.len() >= size).then_some((number, size))
}

fn head(out: &mut Vec<u8>, number: u32, size: usize) {
    let size = u32::try_from(size).expect("bodies of the bench are small");
    out.extend_from_slice(&size.to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
}

fn answer(out: &mut Vec<u8>, number: u32, frame: &[u8], body: Body) -> Result<()> {
    match body {
        Body::Opaque => {
            head(out, number, frame.len());
            out.extend_from_slice(frame);
        }
        Body::Prost if number & IS_ORDER != 0 => {
            encode(out, number, &Order::decode(frame)?)?;
        }
        Body::Prost => {
            let payload = Ask::decode(frame)?.payload;
            encode(out, number, &Answer { payload })?;
        }
    }
    Ok(())
}

fn encode(out: &mut Vec<u8>, number: u32, message: &impl Message) -> Result<()> {
    head(out, number, message.encoded_len());
    Ok(message.encode(out)?)
}

fn wanted(mut frame: &[u8]) -> (u64, u32) {
    (frame.get_u64(), frame.get_u32())
}

async fn feed(stream: &mut TcpStream, count: u64, bytes: u32) -> Result<()> {
    let payload = vec![b'r'; bytes as usize];
    let mut out = Vec::with_capacity(2 * WRITE);
    for _ in 0..count {
        head(&mut out, STREAM, payload.len());
        out.extend_from_slice(&payload);
        if out.len() >= WRITE {
            stream.write_all(&out).await?;
            out.clear();
        }
    }
    stream.write_all(&out).await?;
    Ok(())
}

/// A call that waits, or its answer.
enum Slot {
    Waiting(Option<Waker>),
    Done(Bytes),
}

/// What callers and the connection's task share.
#[derive(Default)]
struct State {
    out: Vec<u8>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Wakes the connection's task; taken by the first caller of a batch.
    writer: Option<Waker>,
    /// Answers of a stream, and who waits for them.
    stream: VecDeque<usize>,
    reader: Option<Waker>,
    broken: bool,
}

/// One connection; `PROST` says that messages are encoded and decoded.
#[derive(Clone)]
pub struct Client<const PROST: bool>(Arc<Mutex<State>>);

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<const PROST: bool> Client<PROST> {
    /// Puts a frame into the next batch and waits for its answer.
    async fn call(&self, order: bool, write: impl FnOnce(&mut Vec<u8>, u32)) -> Result<Bytes> {
        let (slot, writer) = {
            let mut state = lock(&self.0);
            let slot = state.free.pop().unwrap_or_else(|| {
                state.slots.push(Slot::Waiting(None));
                u32::try_from(state.slots.len() - 1).expect("callers are few")
            });
            state.slots[slot as usize] = Slot::Waiting(None);
            let number = if order { slot | IS_ORDER } else { slot };
            write(&mut state.out, number);
            (slot, state.writer.take())
        };
        if let Some(writer) = writer {
            writer.wake();
        }
        poll_fn(|cx| self.poll_answer(cx, slot)).await
    }

    fn poll_answer(&self, cx: &mut Context<'_>, slot: u32) -> Poll<Result<Bytes>> {
        let mut state = lock(&self.0);
        if state.broken {
            return Poll::Ready(Err("the connection broke".into()));
        }
        let place = &mut state.slots[slot as usize];
        match place {
            Slot::Waiting(waker) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Slot::Done(bytes) => {
                let bytes = std::mem::take(bytes);
                state.free.push(slot);
                Poll::Ready(Ok(bytes))
            }
        }
    }
}

/// Reads all that came, hands it out, then writes all that callers left.
async fn drive(mut stream: TcpStream, shared: Arc<Mutex<State>>) -> Result<()> {
    let mut input = BytesMut::with_capacity(READ);
    let (mut out, mut wakers) = (Vec::new(), Vec::new());
    loop {
        let readable = poll_fn(|cx| {
            {
                let mut state = lock(&shared);
                if !state.out.is_empty() {
                    return Poll::Ready(Ok(false));
                }
                state.writer = Some(cx.waker().clone());
            }
            stream.poll_read_ready(cx).map_ok(|()| true)
        });
        if readable.await? {
            input.reserve(READ);
            match stream.try_read_buf(&mut input) {
                Ok(0) => return Ok(()),
                Ok(_) => hand_out(&mut input, &shared, &mut wakers),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
            continue;
        }
        // The other callers of the batch come first.
        tokio::task::yield_now().await;
        std::mem::swap(&mut out, &mut lock(&shared).out);
        stream.write_all(&out).await?;
        out.clear();
    }
}

fn hand_out(input: &mut BytesMut, shared: &Mutex<State>, wakers: &mut Vec<Waker>) {
    let mut state = lock(shared);
    while let Some((number, size)) = next(input) {
        if number == STREAM {
            state.stream.push_back(size);
            wakers.extend(state.reader.take());
        } else if let Some(slot) = state.slots.get_mut((number & !IS_ORDER) as usize) {
            let body = Bytes::copy_from_slice(&input[HEAD..HEAD + size]);
            if let Slot::Waiting(Some(waker)) = std::mem::replace(slot, Slot::Done(body)) {
                wakers.push(waker);
            }
        }
        input.advance(HEAD + size);
    }
    drop(state);
    wakers.drain(..).for_each(Waker::wake);
}

/// The order, once as it is and once as bytes.
#[derive(Clone)]
pub struct RawOrder {
    order: Order,
    bytes: Bytes,
}

impl<const PROST: bool> bench_load::Client for Client<PROST> {
    type Order = Arc<RawOrder>;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let shared = Arc::new(Mutex::new(State::default()));
        let client = Self(Arc::clone(&shared));
        tokio::spawn(async move {
            let _ = drive(stream, Arc::clone(&shared)).await;
            let mut state = lock(&shared);
            state.broken = true;
            let waiting = state.slots.iter_mut().filter_map(|slot| match slot {
                Slot::Waiting(waker) => waker.take(),
                Slot::Done(_) => None,
            });
            waiting.for_each(Waker::wake);
        });
        Ok(client)
    }

    fn order(order: &Order) -> Result<Self::Order> {
        Ok(Arc::new(RawOrder {
            order: order.clone(),
            bytes: order.encode_to_vec().into(),
        }))
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        if !PROST {
            let write = |out: &mut Vec<u8>, number| {
                head(out, number, payload.len());
                out.extend_from_slice(&payload);
            };
            return Ok(self.call(false, write).await?.len());
        }
        let ask = Ask {
            payload,
            wait_us,
            spin_us,
        };
        let write = |out: &mut Vec<u8>, number| {
            encode(out, number, &ask).expect("a vector takes all");
        };
        let body = self.call(false, write).await?;
        Ok(Answer::decode(body)?.payload.len())
    }

    async fn place(&mut self, order: Self::Order) -> Result<usize> {
        if !PROST {
            let write = |out: &mut Vec<u8>, number| {
                head(out, number, order.bytes.len());
                out.extend_from_slice(&order.bytes);
            };
            let body = self.call(true, write).await?;
            let whole = body.len() == order.bytes.len();
            return Ok(if whole { order.order.items.len() } else { 0 });
        }
        // The others copy the order for each call, because their clients take it by value.
        let copy = order.order.clone();
        let write = |out: &mut Vec<u8>, number| {
            encode(out, number, &copy).expect("a vector takes all");
        };
        let body = self.call(true, write).await?;
        Ok(Order::decode(body)?.items.len())
    }

    async fn feed(&mut self, count: u64, bytes: u32) -> Result<(u64, u64)> {
        let writer = {
            let mut state = lock(&self.0);
            head(&mut state.out, STREAM, 12);
            state.out.extend_from_slice(&count.to_be_bytes());
            state.out.extend_from_slice(&bytes.to_be_bytes());
            state.writer.take()
        };
        writer.into_iter().for_each(Waker::wake);
        let (mut messages, mut sum) = (0, 0);
        while messages < count {
            let size = poll_fn(|cx| {
                let mut state = lock(&self.0);
                if let Some(size) = state.stream.pop_front() {
                    return Poll::Ready(size);
                }
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            });
            sum += size.await as u64;
            messages += 1;
        }
        Ok((messages, sum))
    }
}
