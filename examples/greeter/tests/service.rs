//! The service called in process: a real client, the real logic, no network.

use greeter::api::greeter::{GreeterClient, GreeterServer, HelloRequest, WatchRequest};
use greeter::{Config, Logic};
use rzero::Code;
use rzero_testing::TestServer;

async fn start() -> TestServer {
    let logic = Logic::new(&Config::default());
    rzero_testing::serve(GreeterServer::new(logic)).await
}

#[tokio::test]
async fn greets_by_name() {
    let server = start().await;
    let client = GreeterClient::new(server.channel());
    let request = HelloRequest { name: "Li".into() };
    let reply = client.say_hello(request).await.unwrap();
    assert_eq!(reply.text, "Hello, Li!");
}

#[tokio::test]
async fn empty_name_is_refused() {
    let server = start().await;
    let client = GreeterClient::new(server.channel());
    let request = HelloRequest::default();
    let error = client.say_hello(request).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn watch_sends_as_many_as_asked_for() {
    let server = start().await;
    let client = GreeterClient::new(server.channel());
    let events = client.watch(WatchRequest { count: 3 }).await.unwrap();
    assert_eq!(events.collect().await.unwrap().len(), 3);
}
