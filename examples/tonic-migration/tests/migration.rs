//! Both directions in process: tonic's client, our channel, our server, tonic's service.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly")]

use std::path::Path;

use protox::prost::Message;
use rzero::tonic::{Contract, TonicChannel, service};
use rzero_testing::TestServer;
use tonic::{Code, Request};
use tonic_migration::pb::StockRequest;
use tonic_migration::pb::inventory_client::InventoryClient;
use tonic_migration::pb::inventory_server::InventoryServer;
use tonic_migration::{FILES, Shelves, check_token};

async fn start() -> (TestServer, InventoryClient<TonicChannel>) {
    let contract = Contract::from_files(FILES).unwrap();
    let inventory = InventoryServer::with_interceptor(Shelves, check_token);
    let server = rzero_testing::serve(service(inventory, &contract).unwrap()).await;
    let channel = TonicChannel::new(server.channel()).with_contract(&contract);
    (server, InventoryClient::new(channel))
}

fn request(item: &str) -> Request<StockRequest> {
    let item = item.to_owned();
    let mut request = Request::new(StockRequest { item });
    let token = "secret".parse().unwrap();
    request.metadata_mut().insert("x-token", token);
    request
}

#[tokio::test]
async fn stock_is_told() {
    let (_server, mut client) = start().await;
    let reply = client.stock(request("bolt")).await.unwrap();
    assert_eq!(reply.into_inner().pieces, 120);
    let status = client.stock(request("gear")).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::NotFound, "there are no gears")
    );
}

#[tokio::test]
async fn changes_are_told() {
    let (_server, mut client) = start().await;
    let mut changes = client.watch(request("nut")).await.unwrap().into_inner();
    assert_eq!(changes.message().await.unwrap().unwrap().pieces, 80);
    assert_eq!(changes.message().await.unwrap().unwrap().pieces, 79);
    assert!(changes.message().await.unwrap().is_none());
}

#[tokio::test]
async fn interceptor_still_asks_for_the_token() {
    let (_server, mut client) = start().await;
    let status = client.stock(StockRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[test]
fn generated_code_is_fresh() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let set = protox::compile(["inventory.proto"], [here.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("inventory.binpb"), set.encode_to_vec()).unwrap();
    tonic_prost_build::configure()
        .out_dir(out.path())
        .compile_fds(set)
        .unwrap();
    for file in ["inventory.v1.rs", "inventory.binpb"] {
        let fresh = std::fs::read(out.path().join(file)).unwrap();
        let kept = here.join("src/gen").join(file);
        if std::env::var_os("RZERO_UPDATE").is_some() {
            std::fs::write(&kept, &fresh).unwrap();
        }
        assert!(
            std::fs::read(&kept).unwrap_or_default() == fresh,
            "{file} is stale: run once with RZERO_UPDATE=1 set"
        );
    }
}
