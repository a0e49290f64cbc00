//! volo-grpc as it comes.

use std::net::SocketAddr;
use std::time::Duration;

use bench_load::Result;
use bytes::Bytes;
use futures::StreamExt;
use pilota::pb::Message;
use volo::net::Address;
use volo_grpc::server::{Server, ServiceBuilder};
use volo_grpc::{BoxStream, Request, Response, Status};

use crate::generated::volo_grpc::volo_grpc::bench::v1::{
    Answer, Ask, Bench, BenchClient, BenchClientBuilder, BenchServer, FeedRequest, Order,
};

/// Longer than any call of the bench.
const DEADLINE: Duration = Duration::from_secs(120);

struct Logic;

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

    async fn feed(
        &self,
        request: Request<FeedRequest>,
    ) -> std::result::Result<
        Response<BoxStream<'static, std::result::Result<Answer, Status>>>,
        Status,
    > {
        let request = request.into_inner();
        let payload = Bytes::from(vec![b'r'; request.bytes as usize]);
        let answers = (0..request.count).map(move |_| {
            let payload = payload.clone();
            Ok(Answer { payload })
        });
        Ok(Response::new(Box::pin(futures::stream::iter(answers))))
    }
}

pub fn serve(listen: SocketAddr) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        Server::new()
            .add_service(ServiceBuilder::new(BenchServer::new(Logic)).build())
            .run(Address::from(listen))
            .await
    })
}

/// One connection, which the client opens with the first call.
#[derive(Clone)]
pub struct Client(BenchClient);

impl bench_load::Client for Client {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let builder = BenchClientBuilder::new("bench").address(Address::from(address));
        Ok(Self(builder.rpc_timeout(Some(DEADLINE)).build()))
    }

    fn order(order: &bench_load::messages::Order) -> Result<Order> {
        let bytes = prost::Message::encode_to_vec(order);
        Ok(Order::decode(bytes.into())?)
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
        while let Some(answer) = answers.next().await {
            messages += 1;
            sum += answer?.payload.len() as u64;
        }
        Ok((messages, sum))
    }
}
