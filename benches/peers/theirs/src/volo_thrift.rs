//! volo-thrift, multiplexed on one connection.

use std::net::SocketAddr;
use std::time::Duration;

use bench_load::{Result, messages};
use bytes::Bytes;
use volo::net::Address;
use volo_thrift::ServerError;

use crate::generated::volo_thrift::volo_thrift::bench::{
    Answer, Ask, Bench, BenchClient, BenchClientBuilder, BenchServer, Item, Moment, Money, Order,
};

/// Longer than any call of the bench.
const DEADLINE: Duration = Duration::from_secs(20);

struct Logic;

impl Bench for Logic {
    async fn echo(&self, ask: Ask) -> std::result::Result<Answer, ServerError> {
        let micros = |field: i32| u32::try_from(field).unwrap_or(0);
        bench_load::work(micros(ask.wait_us), micros(ask.spin_us)).await;
        let payload = ask.payload;
        Ok(Answer { payload })
    }

    async fn place(&self, order: Order) -> std::result::Result<Order, ServerError> {
        Ok(order)
    }
}

pub fn serve(listen: SocketAddr) -> Result<()> {
    bench_load::runtime()?.block_on(async {
        BenchServer::new(Logic)
            .multiplex(true)
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
        let builder = builder.rpc_timeout(Some(DEADLINE)).multiplex(true);
        Ok(Self(builder.build()))
    }

    fn order(order: &messages::Order) -> Result<Order> {
        let labels = order.labels.iter();
        let items = order.items.iter().map(item);
        Ok(Order {
            id: order.id.clone().into(),
            customer_id: i64::try_from(order.customer_id)?,
            shop_id: i64::try_from(order.shop_id)?,
            status: order.status,
            created_at: moment(order.created_at),
            updated_at: moment(order.updated_at),
            total: money(order.total.as_ref()),
            tax: money(order.tax.as_ref()),
            shipping: money(order.shipping.as_ref()),
            discount_percent: order.discount_percent,
            customer_name: order.customer_name.clone().into(),
            email: order.email.clone().into(),
            phone: order.phone.clone().into(),
            street: order.street.clone().into(),
            city: order.city.clone().into(),
            country: order.country.clone().into(),
            items: items.collect::<Result<_>>()?,
            labels: labels
                .map(|(key, value)| (key.clone().into(), value.clone().into()))
                .collect(),
            note: order.note.clone().into(),
            express: order.express,
        })
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        let ask = Ask {
            payload,
            wait_us: i32::try_from(wait_us)?,
            spin_us: i32::try_from(spin_us)?,
        };
        Ok(self.0.echo(ask).await?.payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        Ok(self.0.place(order).await?.items.len())
    }

    async fn feed(&mut self, _: u64, _: u32) -> Result<(u64, u64)> {
        bench_load::unsupported("streams")
    }
}

fn money(money: Option<&messages::Money>) -> Money {
    money.map_or_else(Money::default, |money| Money {
        currency: money.currency.clone().into(),
        units: money.units,
        nanos: money.nanos,
    })
}

fn moment(moment: Option<messages::Moment>) -> Moment {
    moment.map_or_else(Moment::default, |moment| Moment {
        seconds: moment.seconds,
        nanos: moment.nanos,
    })
}

fn item(item: &messages::Item) -> Result<Item> {
    Ok(Item {
        sku: item.sku.clone().into(),
        title: item.title.clone().into(),
        quantity: i32::try_from(item.quantity)?,
        price: money(item.price.as_ref()),
        gift: item.gift,
    })
}
