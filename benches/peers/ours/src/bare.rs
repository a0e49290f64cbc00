//! The wire without the framework: what the engine alone allows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bench_load::Result;
use bytes::Bytes;
use prost::Message;
use rzero::parts::client::ClientConfig;
use rzero::parts::core::{Address, Connection, Dispatch, Handling, Shutdown, Wire};
use rzero::parts::grpc::GrpcWire;
use rzero::rt::{Duplex, Method, Trailers, only, open_stream, proto};
use rzero::{Call, CallInfo, Receiver, Reply};
use tokio::time::Instant;

use crate::api::bench::v1::{Answer, Ask, BENCH, FeedRequest, Order};

/// Time to connect.
const CONNECT: Duration = Duration::from_secs(3);
const ECHO: Method = Method::new(&BENCH.methods[0]);
const PLACE: Method = Method::new(&BENCH.methods[1]);
const FEED: Method = Method::new(&BENCH.methods[2]);

/// Decodes, answers, encodes.
struct Bare;

impl Dispatch for Bare {
    fn resolve(&self, path: &[u8]) -> Option<Method> {
        [ECHO, PLACE, FEED]
            .into_iter()
            .find(|method| method.path().as_bytes() == path)
    }

    fn unary(&self, call: Call<Bytes>) -> Handling<Reply<Bytes>> {
        Box::pin(async move {
            let body = match call.info.method().index() {
                0 => {
                    let ask = (proto::<Ask>().decode)(call.body)?;
                    bench_load::work(ask.wait_us, ask.spin_us).await;
                    let payload = ask.payload;
                    (proto::<Answer>().encode)(&Answer { payload })
                }
                _ => {
                    let order = (proto::<Order>().decode)(call.body)?;
                    (proto::<Order>().encode)(&order)
                }
            };
            Ok(Reply::new(body))
        })
    }

    fn stream(&self, call: Call<Duplex>) -> Handling<Trailers> {
        Box::pin(async move {
            let (_, rx, mut tx) = open_stream(call, proto::<FeedRequest>(), proto::<Answer>());
            let request = only(rx).await?;
            let payload = Bytes::from(vec![b'r'; request.bytes as usize]);
            for _ in 0..request.count {
                let payload = payload.clone();
                tx.send(Answer { payload }).await?;
            }
            Ok(Trailers::default())
        })
    }
}

/// Serves on the wire alone.
pub fn serve(listen: SocketAddr) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        let shutdown = Shutdown::new();
        let bound = GrpcWire::new(Address::from(listen)).bind().await?;
        bound.serve(Arc::new(Bare), shutdown.stop()).await;
        Ok(())
    })
}

/// A connection without a channel.
#[derive(Clone)]
pub struct Client(Arc<dyn Connection>);

impl Client {
    async fn unary<Req, Rsp>(&self, method: Method, request: Req) -> Result<Rsp>
    where
        Req: Message + Default,
        Rsp: Message + Default,
    {
        let call = Call {
            info: CallInfo::new(method, Instant::now()),
            body: (proto::<Req>().encode)(&request),
        };
        drop(request);
        let reply = self.0.unary(call).await?;
        Ok((proto::<Rsp>().decode)(reply.body)?)
    }
}

impl bench_load::Client for Client {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let dial = rzero::parts::dialer(&ClientConfig::default())?;
        let by = Instant::now() + CONNECT;
        Ok(Self(dial.dial(&Address::from(address), by).await?))
    }

    fn order(order: &bench_load::messages::Order) -> Result<Order> {
        crate::order(order)
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        let ask = Ask {
            payload,
            wait_us,
            spin_us,
        };
        let answer: Answer = self.unary(ECHO, ask).await?;
        Ok(answer.payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        let order: Order = self.unary(PLACE, order).await?;
        Ok(order.items.len())
    }

    async fn feed(&mut self, count: u64, bytes: u32) -> Result<(u64, u64)> {
        let info = CallInfo::new(FEED, Instant::now());
        let Duplex { rx, mut tx } = self.0.open(info);
        let request = FeedRequest { count, bytes };
        tx.send((proto::<FeedRequest>().encode)(&request)).await?;
        tx.close();
        let mut answers = Receiver::new(rx, proto::<Answer>()).of_client();
        let (mut messages, mut sum) = (0, 0);
        while let Some(answer) = answers.recv().await? {
            messages += 1;
            sum += answer.payload.len() as u64;
        }
        // The direction to the server lives as long as the call.
        drop(tx);
        Ok((messages, sum))
    }
}
