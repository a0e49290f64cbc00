//! Serves what tonic generated, with its interceptor, on rzero: `cargo run`.
//!
//! It listens, becomes ready, registers, has health and reflection, and drains when told to stop.

use rzero::tonic::{Contract, service};
use rzero::tower::from_tower;
use tonic_migration::pb::inventory_server::InventoryServer;
use tonic_migration::{FILES, Shelves, check_token};
use tower::limit::ConcurrencyLimitLayer;

/// Nothing beside the sections of rzero.
#[derive(serde::Deserialize)]
struct Config {}

#[tokio::main]
async fn main() -> rzero::Exit {
    rzero::run(async {
        let config = rzero::config::load::<Config>("etc/inventory.toml")?;
        let inventory = InventoryServer::with_interceptor(Shelves, check_token);
        let inventory = service(inventory, &Contract::from_files(FILES)?)?;
        rzero::App::new(&config)?
            .layer(from_tower(ConcurrencyLimitLayer::new(256)))
            .serve(inventory)
            .run()
            .await
    })
    .await
}
