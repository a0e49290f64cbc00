use proptest::prelude::*;
use prost::Message;
use protox::prost_reflect::{DescriptorPool, DynamicMessage};
use rzero_core::Class;

use super::*;
use crate::builtin::memory::{Caller, block_on, unary};

fn health() -> Health {
    Health::new(["shop.Items", "shop.Carts"])
}

fn ask(service: &str) -> Vec<u8> {
    HealthCheckRequest {
        service: service.to_owned(),
    }
    .encode_to_vec()
}

async fn check(health: &Health, service: &str) -> Result<Status> {
    let server = HealthServer::new(health.clone());
    let reply = unary(&server, &SERVICE, "Check", ask(service).into()).await?;
    Ok(HealthCheckResponse::decode(reply)?.status())
}

async fn list(health: &Health) -> Result<HealthListResponse> {
    let reply = unary(
        &HealthServer::new(health.clone()),
        &SERVICE,
        "List",
        Bytes::new(),
    )
    .await?;
    Ok(HealthListResponse::decode(reply)?)
}

fn watch(health: &Health, service: &str, room: usize) -> Caller {
    let caller = Caller::open(HealthServer::new(health.clone()), &SERVICE, "Watch", room);
    caller.send(ask(service));
    caller.close();
    caller
}

async fn told(caller: &Caller) -> Status {
    caller.recv::<HealthCheckResponse>().await.status()
}

#[tokio::test]
async fn nothing_serves_until_it_is_told_so() {
    let health = health();
    assert_eq!(check(&health, "").await.unwrap(), Status::NotServing);
    assert_eq!(
        check(&health, "shop.Items").await.unwrap(),
        Status::NotServing
    );
    health.set_serving(true);
    assert_eq!(check(&health, "").await.unwrap(), Status::Serving);
    assert_eq!(check(&health, "shop.Items").await.unwrap(), Status::Serving);
}

#[tokio::test]
async fn one_service_fails_alone() {
    let health = health();
    health.set_serving(true);
    health.set_service("shop.Items", false);
    assert_eq!(
        check(&health, "shop.Items").await.unwrap(),
        Status::NotServing
    );
    assert_eq!(check(&health, "shop.Carts").await.unwrap(), Status::Serving);
    assert_eq!(check(&health, "").await.unwrap(), Status::Serving);
    health.set_serving(true);
    assert_eq!(check(&health, "shop.Items").await.unwrap(), Status::Serving);
}

#[tokio::test]
async fn check_of_unknown_service_is_not_found() {
    assert_eq!(
        check(&health(), "shop.Nothing").await.unwrap_err().class(),
        Class::NotFound
    );
}

#[tokio::test]
async fn list_tells_every_service() {
    let health = health();
    health.set_service("shop.Carts", true);
    let statuses = list(&health).await.unwrap().statuses;
    let all: Vec<_> = statuses
        .iter()
        .map(|(name, told)| (name.as_str(), told.status()))
        .collect();
    let (up, down) = (Status::Serving, Status::NotServing);
    assert_eq!(all, [("", down), ("shop.Carts", up), ("shop.Items", down)]);
}

#[tokio::test]
async fn list_refuses_more_than_100_services() {
    let health = Health::new((1..LISTED_MAX).map(|n| n.to_string()));
    assert_eq!(list(&health).await.unwrap().statuses.len(), LISTED_MAX);
    health.set_service("one more", true);
    assert_eq!(
        list(&health).await.unwrap_err().code(),
        Code::ResourceExhausted
    );
}

#[tokio::test]
async fn watch_tells_changes_of_its_service_only() {
    let health = health();
    let items = watch(&health, "shop.Items", 9);
    assert_eq!(told(&items).await, Status::NotServing);
    health.set_service("shop.Items", true);
    assert_eq!(told(&items).await, Status::Serving);
    health.set_service("shop.Carts", true);
    health.set_service("shop.Items", true);
    tokio::task::yield_now().await;
    health.set_serving(false);
    assert_eq!(told(&items).await, Status::NotServing);
    health.close();
    let (end, unread) = items.end().await;
    assert!(end.is_ok());
    assert_eq!(unread, 0);
}

#[tokio::test]
async fn watch_of_unknown_service_stays_open() {
    let health = health();
    let new = watch(&health, "shop.New", 9);
    assert_eq!(told(&new).await, Status::ServiceUnknown);
    health.set_serving(true);
    health.set_service("shop.New", true);
    assert_eq!(told(&new).await, Status::Serving);
}

#[tokio::test]
async fn close_tells_watchers_before_it_ends_them() {
    let health = health();
    health.set_serving(true);
    let caller = watch(&health, "", 9);
    assert_eq!(told(&caller).await, Status::Serving);
    health.close();
    assert_eq!(told(&caller).await, Status::NotServing);
    assert!(caller.end().await.0.is_ok());
}

#[tokio::test]
async fn close_ends_watchers_that_read_nothing() {
    let health = health();
    let caller = watch(&health, "", 0);
    caller.all_read().await;
    health.close();
    assert!(caller.end().await.0.is_ok());
}

#[tokio::test]
async fn close_ends_watchers_that_asked_nothing() {
    let health = health();
    let caller = Caller::open(HealthServer::new(health.clone()), &SERVICE, "Watch", 9);
    tokio::task::yield_now().await;
    health.close();
    assert!(caller.end().await.0.is_ok());
}

#[tokio::test]
async fn watch_after_close_tells_once_and_ends() {
    let health = health();
    health.close();
    let (end, unread) = watch(&health, "", 9).end().await;
    assert!(end.is_ok());
    assert_eq!(unread, 1);
}

#[tokio::test]
async fn nothing_serves_again_after_close() {
    let health = health();
    health.close();
    health.set_serving(true);
    health.set_service("shop.Items", true);
    assert_eq!(check(&health, "").await.unwrap(), Status::NotServing);
    assert_eq!(
        check(&health, "shop.Items").await.unwrap(),
        Status::NotServing
    );
}

#[tokio::test]
async fn methods_of_the_wrong_shape_are_unimplemented() {
    let server = HealthServer::new(health());
    let error = unary(&server, &SERVICE, "Watch", Bytes::new())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Unimplemented);
    let (end, _) = Caller::open(server, &SERVICE, "Check", 9).end().await;
    assert_eq!(end.unwrap_err().class(), Class::Unimplemented);
}

#[test]
fn messages_match_their_contract() {
    let pool = DescriptorPool::decode(SERVICE.files).unwrap();
    let read = |name: &str, bytes: Vec<u8>| {
        let desc = pool
            .get_message_by_name(&format!("grpc.health.v1.{name}"))
            .unwrap();
        DynamicMessage::decode(desc, bytes.as_slice()).unwrap()
    };
    let request = read("HealthCheckRequest", ask("shop.Items"));
    assert_eq!(
        request.get_field_by_name("service").unwrap().as_str(),
        Some("shop.Items")
    );
    let all = Health::new([""]).list().unwrap();
    let listed = read("HealthListResponse", all.encode_to_vec());
    let text = listed.to_string();
    assert!(text.contains("NOT_SERVING"), "{text}");
    for status in ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] {
        let known = pool.get_enum_by_name("grpc.health.v1.HealthCheckResponse.ServingStatus");
        let number = known.unwrap().get_value_by_name(status).unwrap().number();
        assert!(Status::try_from(number).is_ok());
    }
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes: Vec<u8>) {
        let server = HealthServer::new(health());
        let body = Bytes::from(bytes);
        block_on(async {
            let _ = unary(&server, &SERVICE, "Check", body.clone()).await;
            let _ = unary(&server, &SERVICE, "List", body.clone()).await;
            let caller = Caller::open(server.clone(), &SERVICE, "Watch", 9);
            caller.send(body);
            caller.close();
            caller.all_read().await;
            server.health.close();
            let _ = caller.end().await;
        });
    }
}
