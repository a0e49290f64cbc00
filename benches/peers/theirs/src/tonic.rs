//! tonic, as it comes and tuned.

use std::net::SocketAddr;
use std::pin::Pin;

use bench_load::Result;
use bench_load::messages::{Answer, Ask, FeedRequest, Order};
use bytes::Bytes;
use futures::Stream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::generated::tonic::bench_client::BenchClient;
use crate::generated::tonic::bench_server::{Bench, BenchServer};

/// Larger than any message of the bench.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const STREAMS_MAX: u32 = 4096;

struct Logic;

#[tonic::async_trait]
impl Bench for Logic {
    async fn echo(&self, request: Request<Ask>) -> std::result::Result<Response<Answer>, Status> {
        let ask = request.into_inner();
        bench_load::work(ask.wait_us, ask.spin_us).await;
        let payload = ask.payload;
        Ok(Response::new(Answer { payload }))
    }

    async fn place(&self, request: Request<Order>) -> std::result::Result<Response<Order>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    type FeedStream = Pin<Box<dyn Stream<Item = std::result::Result<Answer, Status>> + Send>>;

    async fn feed(
        &self,
        request: Request<FeedRequest>,
    ) -> std::result::Result<Response<Self::FeedStream>, Status> {
        let request = request.into_inner();
        let payload = Bytes::from(vec![b'r'; request.bytes as usize]);
        // Without a channel and a task in between: the fastest form that tonic has.
        let answers = (0..request.count).map(move |_| {
            let payload = payload.clone();
            Ok(Answer { payload })
        });
        Ok(Response::new(Box::pin(futures::stream::iter(answers))))
    }
}

pub fn serve(listen: SocketAddr, tuned: bool) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        let mut server = Server::builder();
        if tuned {
            server = server
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW)
                .max_concurrent_streams(STREAMS_MAX);
        }
        server
            .add_service(BenchServer::new(Logic))
            .serve(listen)
            .await?;
        Ok(())
    })
}

/// One connection, which tonic calls a channel.
#[derive(Clone)]
pub struct Client<const TUNED: bool>(BenchClient<Channel>);

impl<const TUNED: bool> bench_load::Client for Client<TUNED> {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let mut endpoint = Endpoint::from_shared(format!("http://{address}"))?;
        if TUNED {
            endpoint = endpoint
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(CONNECTION_WINDOW);
        }
        Ok(Self(BenchClient::new(endpoint.connect().await?)))
    }

    fn order(order: &Order) -> Result<Order> {
        Ok(order.clone())
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        let ask = Ask {
            payload,
            wait_us,
            spin_us,
        };
        Ok(self.0.echo(ask).await?.into_inner().payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        Ok(self.0.place(order).await?.into_inner().items.len())
    }

    async fn feed(&mut self, count: u64, bytes: u32) -> Result<(u64, u64)> {
        let request = FeedRequest { count, bytes };
        let mut answers = self.0.feed(request).await?.into_inner();
        let (mut messages, mut sum) = (0, 0);
        while let Some(answer) = answers.message().await? {
            messages += 1;
            sum += answer.payload.len() as u64;
        }
        Ok((messages, sum))
    }
}
