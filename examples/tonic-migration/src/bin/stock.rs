//! Calls the inventory by name, through a client that tonic generated:
//! `cargo run --bin stock -- bolt`.
#![expect(clippy::print_stdout, reason = "a command line shows what it got")]

use std::process::ExitCode;
use std::time::Duration;

use rzero::Result;
use rzero::tonic::{Contract, TonicChannel, from_status};
use tonic::Request;
use tonic_migration::FILES;
use tonic_migration::pb::StockRequest;
use tonic_migration::pb::inventory_client::InventoryClient;

#[derive(serde::Deserialize)]
struct Config {}

async fn ask(item: String) -> Result<()> {
    let config = rzero::config::load::<Config>("etc/inventory.toml")?;
    let channel = rzero::App::new(&config)?.channel("inventory")?;
    let channel = TonicChannel::new(channel).with_contract(&Contract::from_files(FILES)?);
    let mut client = InventoryClient::new(channel);
    let request = || {
        let mut request = Request::new(StockRequest { item: item.clone() });
        let token = "x-token".parse::<tonic::metadata::AsciiMetadataKey>();
        request.metadata_mut().insert(token?, "secret".parse()?);
        request.set_timeout(Duration::from_millis(500));
        Ok::<_, rzero::Error>(request)
    };
    let reply = client.stock(request()?).await.map_err(from_status)?;
    println!("{} pieces of {}", reply.get_ref().pieces, item);
    let changes = client.watch(request()?).await.map_err(from_status)?;
    let mut changes = changes.into_inner();
    while let Some(change) = changes.message().await.map_err(from_status)? {
        println!("now {}", change.pieces);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let item = std::env::args().nth(1).unwrap_or_else(|| "bolt".to_owned());
    match ask(item).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
