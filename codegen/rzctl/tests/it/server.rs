//! A real server in this process, registered in a folder of its own.

use std::path::Path;
use std::time::Duration;

use rzero::config::Settings;
use rzero::parts::server::{DrainConfig, Mode, RpcConfig, ServerConfig, ServiceConfig};
use rzero::{AppHandle, Cx, Drained, Error, Receiver, Result, Sender};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::api::calc::v1::{Calc, CalcServer, CountRequest, EchoReply, EchoRequest, Number};
use crate::support::{Ran, rzctl};

struct Logic;

impl Calc for Logic {
    async fn echo(&self, cx: &Cx, req: EchoRequest) -> Result<EchoReply> {
        cx.set_header("x-head", "first")?;
        cx.set_trailer("x-trail", "last")?;
        if req.fail {
            return Err(Error::not_found("no such text")
                .with_reason("NO_TEXT", "calc")
                .with_metadata("text", req.text)
                .with_violation("items[0].sku_code", "must not be empty")
                .with_retry_after(Duration::from_millis(250))
                .with_detail("type.googleapis.com/calc.v1.Number", vec![8, 7])
                .with_detail("type.googleapis.com/other.Thing", vec![1]));
        }
        Ok(EchoReply {
            tenant: cx.metadata("x-tenant").unwrap_or_default().to_owned(),
            request: Some(req),
        })
    }

    async fn count(&self, _: &Cx, req: CountRequest, mut tx: Sender<Number>) -> Result<()> {
        for value in 1..=req.count {
            tx.send(Number { value }).await?;
        }
        match req.count {
            4 => Err(Error::unavailable("tired")),
            _ => Ok(()),
        }
    }

    async fn sum(&self, _: &Cx, mut rx: Receiver<Number>) -> Result<Number> {
        let mut value = 0;
        while let Some(number) = rx.recv().await? {
            value += number.value;
        }
        Ok(Number { value })
    }

    async fn double(&self, _: &Cx, mut rx: Receiver<Number>, mut tx: Sender<Number>) -> Result<()> {
        while let Some(Number { value }) = rx.recv().await? {
            if value < 0 {
                return Err(Error::invalid_input("it is negative"));
            }
            tx.send(Number { value: 2 * value }).await?;
        }
        Ok(())
    }
}

/// A server under a name.
pub(crate) struct Server {
    pub(crate) address: String,
    runtime: Runtime,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
}

impl Server {
    /// Starts it and waits until it is registered in `registry`.
    pub(crate) fn start(registry: &Path, name: &str, change: impl FnOnce(&mut RpcConfig)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut settings = settings(registry, name);
        change(&mut settings.server.rpc);
        let (handle, task, address) = runtime.block_on(async {
            let app = rzero::App::new(&settings).unwrap();
            let mut watch = app.registry().watch(&name.parse().unwrap());
            let handle = app.handle();
            let task = tokio::spawn(app.serve(CalcServer::new(Logic)).run());
            let address = handle.address("grpc").await.unwrap().to_string();
            let is_there = |watch: &rzero::parts::registry::Watch| {
                let snapshot = watch.current();
                let mut all = snapshot.instances.iter();
                all.any(|one| one.addresses.values().any(|at| at.to_string() == address))
            };
            while !is_there(&watch) {
                assert!(watch.changed().await);
            }
            (handle, task, address)
        });
        Self {
            address,
            runtime,
            handle,
            task,
        }
    }

    /// Leaves, deregistered.
    pub(crate) fn leave(self) {
        self.handle.shutdown();
        self.runtime.block_on(self.task).unwrap().unwrap();
    }
}

fn settings(registry: &Path, name: &str) -> Settings<()> {
    let server = ServerConfig {
        drain: DrainConfig {
            wait: Some(Duration::ZERO),
            ..DrainConfig::default()
        },
        ..ServerConfig::default()
    };
    let service = ServiceConfig {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        zone: Some("z1".to_owned()),
        lane: String::new(),
        mode: Mode::Test,
    };
    let mut settings = Settings::new(service, ());
    settings.server = server;
    settings.registry.dir = Some(registry.to_path_buf());
    settings
}

/// A folder with a registry in it.
pub(crate) struct World {
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir }
    }

    pub(crate) fn registry(&self) -> std::path::PathBuf {
        self.dir.path().join("registry")
    }

    /// Starts a server that tells its contracts.
    pub(crate) fn start(&self, name: &str) -> Server {
        Server::start(&self.registry(), name, |_| {})
    }

    /// Runs the program with this world's registry.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let registry = self.registry();
        let mut all = arguments.to_vec();
        all.extend(["--registry-dir", registry.to_str().unwrap()]);
        rzctl(self.dir.path(), &all)
    }
}
