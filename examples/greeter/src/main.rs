//! Starts the service: reads its configuration, listens, registers, and drains when told to stop.

use greeter::api::greeter::GreeterServer;
use greeter::{Config, Logic};

/// Where the configuration is, from the folder the service runs in.
const CONFIG_FILE: &str = "etc/greeter.toml";

#[tokio::main]
async fn main() -> rzero::Exit {
    rzero::run(async {
        let config = rzero::config::load::<Config>(CONFIG_FILE)?;
        let app = rzero::App::new(&config)?;
        let server = GreeterServer::new(Logic::new(&config));
        app.serve(server).run().await
    })
    .await
}
