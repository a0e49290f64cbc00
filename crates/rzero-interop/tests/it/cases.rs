//! Every case passes against our own server.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rzero::{AppHandle, Drained, Result};
use rzero_interop::TestLogic;
use rzero_interop::certificates::{Certificates, SERVER_NAME};
use rzero_interop::client::{self, Case, Target};
use rzero_interop::serve;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A running server.
pub(crate) struct Running {
    logic: Arc<TestLogic>,
    handle: AppHandle,
    task: JoinHandle<Result<Drained>>,
    pub(crate) addr: String,
}

impl Running {
    pub(crate) async fn start(certificates: Option<&Certificates>) -> Self {
        let logic = Arc::new(TestLogic::default());
        let tls = certificates.map(|files| (files.cert.clone(), files.key.clone()));
        let app = serve::app(&serve::Options { port: 0, tls }, Arc::clone(&logic)).unwrap();
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let addr = handle.address("grpc").await.unwrap().to_string();
        Self {
            logic,
            handle,
            task,
            addr,
        }
    }

    pub(crate) async fn connect(&self, certificates: Option<&Certificates>) -> Target {
        let tls = certificates.map(|files| (files.ca.clone(), Some(SERVER_NAME.to_owned())));
        let addr = self.addr.clone();
        Target::connect(&client::Options { addr, tls })
            .await
            .unwrap()
    }

    pub(crate) async fn leave(self) {
        self.handle.shutdown();
        self.task.await.unwrap().unwrap();
    }
}

async fn run_all(certificates: Option<&Certificates>) {
    let server = Running::start(certificates).await;
    let target = server.connect(certificates).await;
    for case in Case::ALL {
        if let Err(failure) = case.run(&target).await {
            panic!("{}: {failure}", case.name());
        }
    }
    drop(target);
    server.leave().await;
}

/// Waits until a condition holds that the other side brings about.
async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    let safety_net = Duration::from_secs(30);
    assert!(timeout(safety_net, wait).await.is_ok(), "{what}");
}

/// The server must hear of a call that its client gave up.
async fn is_heard_by_the_server<F: Future<Output = ()>>(give_up: impl FnOnce(Target) -> F) {
    let server = Running::start(None).await;
    give_up(server.connect(None).await).await;
    let logic = Arc::clone(&server.logic);
    eventually("the handler of the cancelled call ends", || {
        logic.in_flight() == 0
    })
    .await;
    server.leave().await;
}

#[tokio::test]
async fn every_case_passes_in_plaintext() {
    run_all(None).await;
}

#[tokio::test]
async fn every_case_passes_over_tls() {
    let home = tempfile::tempdir().unwrap();
    let folder: &Path = &home.path().join("tls");
    run_all(Some(&Certificates::in_folder(folder).unwrap())).await;
}

#[tokio::test]
async fn cancel_after_begin_is_heard_by_the_server() {
    is_heard_by_the_server(|target| async move {
        Case::CancelAfterBegin.run(&target).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn cancel_after_first_response_is_heard_by_the_server() {
    is_heard_by_the_server(|target| async move {
        Case::CancelAfterFirstResponse.run(&target).await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn server_that_is_not_there_is_named() {
    let addr = "127.0.0.1:1".to_owned();
    let options = client::Options { addr, tls: None };
    let safety_net = Duration::from_secs(60);
    let connected = timeout(safety_net, Target::connect(&options))
        .await
        .unwrap();
    let error = connected.unwrap_err();
    assert!(error.message().starts_with("127.0.0.1:1: "), "{error}");
}
