//! `rz-conformance server|client`: the program that the conformance suite's runner starts.

use rzero::parts::server;
use rzero::{Drained, Error, Exit, Result};
use rzero_conformance::{client, server as under_test};
use tokio::io::{stdin, stdout};

#[tokio::main]
async fn main() -> Exit {
    let role = std::env::args().nth(1).unwrap_or_default();
    server::run(play(&role)).await
}

async fn play(role: &str) -> Result<Drained> {
    match role {
        "server" => under_test::run(stdin(), stdout()).await,
        "client" => client::run(stdin(), stdout())
            .await
            .map(|()| Drained::default()),
        other => Err(Error::invalid_input(format!(
            "`{other}` is no role: run `rz-conformance server` or `rz-conformance client`"
        ))),
    }
}
