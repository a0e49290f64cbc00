//! The messages of `ours/proto/bench.proto`, as prost-build writes them, with serde for the systems that
//! speak it.

use std::collections::HashMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A request to echo.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Ask {
    /// What comes back.
    #[prost(bytes = "bytes", tag = "1")]
    pub payload: Bytes,
    /// Microseconds that the handler waits on a timer.
    #[prost(uint32, tag = "2")]
    pub wait_us: u32,
    /// Microseconds that the handler computes.
    #[prost(uint32, tag = "3")]
    pub spin_us: u32,
}

/// A payload that came back, or one message of a stream.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Answer {
    /// The payload.
    #[prost(bytes = "bytes", tag = "1")]
    pub payload: Bytes,
}

/// A request for a stream.
#[derive(Clone, Copy, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct FeedRequest {
    /// Messages to send.
    #[prost(uint64, tag = "1")]
    pub count: u64,
    /// Payload of each.
    #[prost(uint32, tag = "2")]
    pub bytes: u32,
}

/// An amount of money.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Money {
    /// ISO 4217.
    #[prost(string, tag = "1")]
    pub currency: String,
    /// Whole units.
    #[prost(int64, tag = "2")]
    pub units: i64,
    /// Billionths of a unit.
    #[prost(int32, tag = "3")]
    pub nanos: i32,
}

/// A point in time.
#[derive(Clone, Copy, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Moment {
    /// Since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// And nanoseconds.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A line of an order.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Item {
    /// Stock keeping unit.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// As the shop shows it.
    #[prost(string, tag = "2")]
    pub title: String,
    /// How many.
    #[prost(uint32, tag = "3")]
    pub quantity: u32,
    /// Of one.
    #[prost(message, optional, tag = "4")]
    pub price: Option<Money>,
    /// Whether it is wrapped.
    #[prost(bool, tag = "5")]
    pub gift: bool,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum OrderStatus {
    /// Not said.
    Unspecified = 0,
    /// New.
    New = 1,
    /// Paid.
    Paid = 2,
    /// Sent.
    Sent = 3,
}

/// An order.
#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(uint64, tag = "2")]
    pub customer_id: u64,
    #[prost(uint64, tag = "3")]
    pub shop_id: u64,
    #[prost(enumeration = "OrderStatus", tag = "4")]
    pub status: i32,
    #[prost(message, optional, tag = "5")]
    pub created_at: Option<Moment>,
    #[prost(message, optional, tag = "6")]
    pub updated_at: Option<Moment>,
    #[prost(message, optional, tag = "7")]
    pub total: Option<Money>,
    #[prost(message, optional, tag = "8")]
    pub tax: Option<Money>,
    #[prost(message, optional, tag = "9")]
    pub shipping: Option<Money>,
    #[prost(double, tag = "10")]
    pub discount_percent: f64,
    #[prost(string, tag = "11")]
    pub customer_name: String,
    #[prost(string, tag = "12")]
    pub email: String,
    #[prost(string, tag = "13")]
    pub phone: String,
    #[prost(string, tag = "14")]
    pub street: String,
    #[prost(string, tag = "15")]
    pub city: String,
    #[prost(string, tag = "16")]
    pub country: String,
    #[prost(message, repeated, tag = "17")]
    pub items: Vec<Item>,
    #[prost(map = "string, string", tag = "18")]
    pub labels: HashMap<String, String>,
    #[prost(string, tag = "19")]
    pub note: String,
    #[prost(bool, tag = "20")]
    pub express: bool,
}

fn money(units: i64, nanos: i32) -> Option<Money> {
    Some(Money {
        currency: "EUR".into(),
        units,
        nanos,
    })
}

/// The order that the bench sends: five items, 607 bytes encoded.
pub fn order() -> Order {
    let moment = |seconds| {
        Some(Moment {
            seconds,
            nanos: 731_209_000,
        })
    };
    let item = |sku: &str, title: &str, quantity, units, gift| Item {
        sku: sku.into(),
        title: title.into(),
        quantity,
        price: money(units, 990_000_000),
        gift,
    };
    Order {
        id: "7b0c6a52-94f1-4d0e-a3c8-5f6be1d2907e".into(),
        customer_id: 8_812_734_551,
        shop_id: 40_217,
        status: OrderStatus::Paid.into(),
        created_at: moment(1_764_045_301),
        updated_at: moment(1_764_045_377),
        total: money(486, 250_000_000),
        tax: money(77, 640_000_000),
        shipping: money(4, 900_000_000),
        discount_percent: 7.5,
        customer_name: "Wilhelmina van der Meer".into(),
        email: "w.vandermeer@mail.example".into(),
        phone: "+31 20 555 01 42".into(),
        street: "Lange Leidsedwarsstraat 117-II".into(),
        city: "Amsterdam".into(),
        country: "NL".into(),
        items: vec![
            item("BK-20931", "Desk lamp, brass", 1, 89, true),
            item("BK-77120", "Fountain pen, fine nib", 2, 54, false),
            item("BK-10044", "Ink bottle 50 ml, blue", 3, 12, false),
            item("BK-55310", "Notebook A5, dotted", 5, 17, false),
            item("BK-90017", "Leather case, cognac", 1, 139, true),
        ],
        labels: HashMap::from([
            ("channel".into(), "web".into()),
            ("campaign".into(), "autumn-2".into()),
        ]),
        note: "Please ring twice, the bell is quiet.".into(),
        express: true,
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    #[test]
    fn order_has_about_600_bytes() {
        let bytes = super::order().encoded_len();
        assert!((560..=640).contains(&bytes), "{bytes}");
    }
}
