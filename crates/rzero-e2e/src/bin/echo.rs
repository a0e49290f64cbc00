//! Serves the echo service: `echo ID`, configured by RZ_… variables. For tests against peers.

use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::EchoServer;

/// No keys of its own.
#[derive(Debug, serde::Deserialize)]
struct Config {}

#[tokio::main]
async fn main() -> rzero::Exit {
    rzero::run(async {
        let config = rzero::config::load::<Config>("etc/echo.toml")?;
        let id = std::env::args().nth(1).unwrap_or_default();
        rzero::App::new(&config)?
            .serve(EchoServer::new(EchoLogic::new(id)))
            .run()
            .await
    })
    .await
}
