//! Calls through generated clients and servers, in process.

use rzero::rt::{Describe, Idempotency, Kind};
use rzero::{CallOptions, Code};
use rzero_codegen_tests::api::common::v1::item::Nested;
use rzero_codegen_tests::api::root::{PlainClient, PlainServer};
use rzero_codegen_tests::api::shop::orders_package::{
    EmptyServer, Item, ORDERS, OrdersClient, OrdersServer,
};
use rzero_codegen_tests::{Config, Logic};
use rzero_testing::TestServer;

use crate::orders::Shop;

async fn start() -> (TestServer, OrdersClient) {
    let server = rzero_testing::serve(OrdersServer::new(Shop)).await;
    let client = OrdersClient::new(server.channel());
    (server, client)
}

fn item(sku: &str) -> Item {
    Item {
        sku: sku.to_owned(),
        ..Item::default()
    }
}

#[tokio::test]
async fn unary_call_carries_metadata_and_errors() {
    let (_server, client) = start().await;
    let reply = client
        .place_with(item("a"), &CallOptions::new())
        .await
        .unwrap();
    assert_eq!(reply.headers.get("x-seen"), Some("a"));
    assert_eq!(reply.into_inner().id, "a");
    let error = client.place(item("")).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert_eq!(error.violations().len(), 1);
}

#[tokio::test]
async fn well_known_types_are_requests_and_replies() {
    let (_server, client) = start().await;
    client.ping(()).await.unwrap();
    assert_eq!(client.now(()).await.unwrap().seconds, 7);
    assert_eq!(client.upper("abc".to_owned()).await.unwrap(), "ABC");
}

#[tokio::test]
async fn server_stream_ends_with_success_or_error() {
    let (_server, client) = start().await;
    let changes = client
        .follow(Nested {
            state: 2,
            deep: None,
        })
        .await
        .unwrap();
    assert_eq!(changes.collect().await.unwrap().len(), 2);
    let mut none = client.follow(Nested::default()).await.unwrap();
    assert_eq!(none.recv().await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn client_stream_is_summed_up() {
    let (_server, client) = start().await;
    let mut numbers = client.sum().await.unwrap();
    for number in [1, 2, 3] {
        numbers.send(number).await.unwrap();
    }
    assert_eq!(numbers.finish().await.unwrap().into_inner(), 6);
}

#[tokio::test]
async fn both_sides_of_a_bidi_stream_flow() {
    let (_server, client) = start().await;
    let (mut tx, mut rx) = client.talk().await.unwrap();
    for sku in ["a", "b"] {
        tx.send(item(sku)).await.unwrap();
        assert_eq!(rx.recv().await.unwrap().unwrap().sku, format!("{sku}!"));
    }
    tx.close();
    assert!(rx.recv().await.unwrap().is_none());

    let (mut tx, rx) = client.r#async().await.unwrap();
    tx.send(item("x")).await.unwrap();
    tx.close();
    assert_eq!(rx.collect().await.unwrap()[0].sku, "1");
}

#[tokio::test]
async fn each_awkward_name_reaches_its_method() {
    let (_server, client) = start().await;
    let client = client.clone();
    let options = CallOptions::new();
    let replies = [
        (client.new_(item("")).await, "new"),
        (client.connect(item("")).await, "connect"),
        (client.clone_(item("")).await, "clone"),
        (client.call(item("")).await, "call"),
        (client.get(item("")).await, "Get"),
        (client.get_with(item("")).await, "GetWith"),
        (client.get_method(item("")).await, "get"),
        (client.r#type(item("")).await, "type"),
        (client.self_(item("")).await, "self"),
        (client.drop(item("")).await, "drop"),
        (client.describe(item("")).await, "describe"),
        (client.default(item("")).await, "default"),
    ];
    for (reply, expected) in replies {
        assert_eq!(reply.unwrap().sku, expected);
    }
    let replies = [
        (client.new_with(item(""), &options).await, "new"),
        (client.get_with_options(item(""), &options).await, "Get"),
        (client.get_with_with(item(""), &options).await, "GetWith"),
        (client.type_with(item(""), &options).await, "type"),
    ];
    for (reply, expected) in replies {
        assert_eq!(reply.unwrap().into_inner().sku, expected);
    }
}

#[tokio::test]
async fn unwritten_logic_answers_unimplemented() {
    let logic = Logic::new(&Config::default());
    let server = rzero_testing::serve(PlainServer::new(logic)).await;
    let client = PlainClient::new(server.channel());
    let error = client.echo(Default::default()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unimplemented);
    let mut replies = client.opt(Default::default()).await.unwrap();
    assert_eq!(
        replies.recv().await.unwrap_err().code(),
        Code::Unimplemented
    );
}

#[test]
fn table_tells_what_the_contract_says() {
    let place = &ORDERS.methods[0];
    assert_eq!(place.path, "/shop.orders.Orders/Place");
    assert_eq!(place.idempotency, Idempotency::Idempotent);
    let kinds: Vec<Kind> = ORDERS.methods[5..8]
        .iter()
        .map(|method| method.kind)
        .collect();
    assert_eq!(kinds, [Kind::ServerStream, Kind::ClientStream, Kind::Bidi]);
    let indexes = ORDERS
        .methods
        .iter()
        .map(|method| usize::from(method.index));
    assert!(indexes.eq(0..ORDERS.methods.len()));
    let server = EmptyServer::new(Logic::new(&Config::default()));
    assert_eq!(server.describe().name, "shop.orders.Empty");
    assert!(server.clone().describe().methods.is_empty());
}
