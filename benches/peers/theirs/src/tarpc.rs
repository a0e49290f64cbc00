//! tarpc with bincode over TCP.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench_load::Result;
use bench_load::messages::{Answer, Ask, Order};
use bytes::Bytes;
use futures::StreamExt;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{context, serde_transport};

/// Longer than any call of the bench.
const DEADLINE: Duration = Duration::from_secs(20);

#[tarpc::service]
pub trait Bench {
    /// Returns the payload.
    async fn echo(ask: Ask) -> Answer;
    /// Returns the order.
    async fn place(order: Order) -> Order;
}

#[derive(Clone)]
struct Logic;

impl Bench for Logic {
    async fn echo(self, _: context::Context, ask: Ask) -> Answer {
        bench_load::work(ask.wait_us, ask.spin_us).await;
        let payload = ask.payload;
        Answer { payload }
    }

    async fn place(self, _: context::Context, order: Order) -> Order {
        order
    }
}

pub fn serve(listen: SocketAddr) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        let mut incoming = serde_transport::tcp::listen(listen, Bincode::default).await?;
        while let Some(transport) = incoming.next().await {
            let transport = transport?;
            transport.get_ref().set_nodelay(true)?;
            let calls = BaseChannel::with_defaults(transport).execute(Logic.serve());
            tokio::spawn(calls.for_each(|call| async {
                tokio::spawn(call);
            }));
        }
        Ok(())
    })
}

/// One connection.
#[derive(Clone)]
pub struct Client(BenchClient);

fn context() -> context::Context {
    let mut context = context::current();
    context.deadline = Instant::now() + DEADLINE;
    context
}

impl bench_load::Client for Client {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        let transport = serde_transport::tcp::connect(address, Bincode::default).await?;
        transport.get_ref().set_nodelay(true)?;
        let client = BenchClient::new(tarpc::client::Config::default(), transport);
        Ok(Self(client.spawn()))
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
        Ok(self.0.echo(context(), ask).await?.payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        Ok(self.0.place(context(), order).await?.items.len())
    }

    async fn feed(&mut self, _: u64, _: u32) -> Result<(u64, u64)> {
        bench_load::unsupported("streams")
    }
}
