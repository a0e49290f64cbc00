//! The facade as a user has it.

use std::net::SocketAddr;
use std::path::PathBuf;

use bench_load::Result;
use bytes::Bytes;
use rzero::{CallOptions, Cx, Sender};

use crate::api::bench::v1::{Answer, Ask, Bench, BenchClient, BenchServer, FeedRequest, Order};

/// No keys of its own.
#[derive(serde::Deserialize)]
struct Config {}

struct Logic;

impl Bench for Logic {
    async fn echo(&self, _: &Cx, ask: Ask) -> rzero::Result<Answer> {
        bench_load::work(ask.wait_us, ask.spin_us).await;
        Ok(Answer {
            payload: ask.payload,
        })
    }

    async fn place(&self, _: &Cx, order: Order) -> rzero::Result<Order> {
        Ok(order)
    }

    async fn feed(
        &self,
        _: &Cx,
        request: FeedRequest,
        mut tx: Sender<Answer>,
    ) -> rzero::Result<()> {
        let payload = Bytes::from(vec![b'r'; request.bytes as usize]);
        for _ in 0..request.count {
            let payload = payload.clone();
            tx.send(Answer { payload }).await?;
        }
        Ok(())
    }
}

/// Serves with all default layers.
pub fn serve(listen: SocketAddr) -> Result<()> {
    let server = format!("[server.rpc]\nlisten = \"{listen}\"\n");
    let settings = load("server", &server)?;
    bench_load::runtime()?.block_on(async {
        let app = rzero::App::new(&settings)?.serve(BenchServer::new(Logic));
        app.run().await?;
        Ok(())
    })
}

/// A client over a channel.
#[derive(Clone)]
pub struct Client(BenchClient);

impl bench_load::Client for Client {
    type Order = Order;

    async fn connect(address: SocketAddr) -> Result<Self> {
        // Long enough for any case; calls with a deadline are the default, so they keep one.
        let registry = format!("[registry.services]\nbench = [\"{address}\"]\n");
        let client = format!("{registry}[client.bench]\ntimeout = \"20s\"\n");
        let settings = load("client", &client)?;
        let channel = rzero::App::new(&settings)?.channel("bench")?;
        channel.ready(1).await;
        Ok(Self(BenchClient::new(channel)))
    }

    fn order(order: &bench_load::messages::Order) -> Result<Order> {
        crate::order(order)
    }

    async fn echo(&mut self, payload: Bytes, wait_us: u32, spin_us: u32) -> Result<usize> {
        let ask = Ask {
            payload,
            wait_us,
            spin_us,
        };
        Ok(self.0.echo(ask).await?.payload.len())
    }

    async fn place(&mut self, order: Order) -> Result<usize> {
        Ok(self.0.place(order).await?.items.len())
    }

    async fn feed(&mut self, count: u64, bytes: u32) -> Result<(u64, u64)> {
        let request = FeedRequest { count, bytes };
        let mut answers = self.0.feed_with(request, &CallOptions::new()).await?;
        let (mut messages, mut sum) = (0, 0);
        while let Some(answer) = answers.recv().await? {
            messages += 1;
            sum += answer.payload.len() as u64;
        }
        Ok((messages, sum))
    }
}

/// Settings as they come out of a file: what is measured includes what configuration brings.
fn load(role: &str, section: &str) -> Result<rzero::config::Settings<Config>> {
    let head = "[service]\nname = \"bench\"\n[registry]\nkind = \"static\"\n";
    let name = format!("rz-bench-{}-{role}.toml", std::process::id());
    let path: PathBuf = std::env::temp_dir().join(name);
    std::fs::write(&path, format!("{head}{section}"))?;
    let settings = rzero::config::load::<Config>(&path);
    // Read once: nothing is left behind.
    let _ = std::fs::remove_file(&path);
    Ok(settings?)
}
