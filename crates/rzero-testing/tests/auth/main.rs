//! Authentication of a whole server, asked by whole clients.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may fail loudly, as tests do"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rzero_client::CallOptions;
use rzero_config::Secret;
use rzero_core::{
    CallInfo, Class, Duplex, Error, Idempotency, Identity, InterceptLayer, Interceptor, Kind,
    Method, Result,
};
use rzero_server::{AuthHooks, ServerConfig};
use rzero_testing::{Echo, TestServer};

/// Notes who called, as a layer of the user and a handler see it.
#[derive(Clone, Default)]
struct Callers(Arc<Mutex<Vec<String>>>);

impl Callers {
    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Interceptor for Callers {
    fn before(&self, call: &mut CallInfo) -> Result<()> {
        let name = call.identity().map(|caller| caller.name().to_owned());
        self.0.lock().unwrap().push(name.unwrap_or_default());
        Ok(())
    }
}

async fn start(config: &str, hooks: AuthHooks, callers: &Callers) -> TestServer {
    let config = ServerConfig {
        auth: toml::from_str(config).unwrap(),
        ..ServerConfig::default()
    };
    let layer = InterceptLayer::new(callers.clone());
    let build = |app: rzero_server::App| app.auth(hooks).layer(layer).serve(Echo);
    TestServer::start_with(config, build).await.unwrap()
}

fn with(pairs: &[(&'static str, &'static str)]) -> CallOptions {
    pairs.iter().fold(CallOptions::new(), |options, (k, v)| {
        options.metadata(*k, *v).unwrap()
    })
}

async fn say(server: &TestServer, options: &CallOptions) -> Result<()> {
    let channel = server.channel();
    channel.unary(Echo::SAY, "hi".into(), options).await?;
    Ok(())
}

async fn chat(server: &TestServer, options: &CallOptions) -> Result<()> {
    let Duplex { mut rx, mut tx } = server.channel().open(Echo::CHAT, options).await?;
    // A stream that is refused says why when it is read.
    let _ = tx.send("hi".into()).await;
    tx.close();
    while rx.recv().await?.is_some() {}
    Ok(())
}

const APP: &str = "require = ['app']\napp.tokens.stock = 's3cret'";
const GOOD: [(&str, &str); 2] = [("app", "stock"), ("token", "s3cret")];
const BAD: [(&str, &str); 2] = [("app", "stock"), ("token", "secret")];

#[tokio::test]
async fn unary_calls_and_streams_are_let_in_or_refused_alike() {
    let callers = Callers::default();
    let server = start(APP, AuthHooks::new(), &callers).await;
    for options in [with(&[]), with(&BAD)] {
        let unary = say(&server, &options).await.unwrap_err();
        let stream = chat(&server, &options).await.unwrap_err();
        for error in [unary, stream] {
            assert_eq!(error.class(), Class::Unauthenticated);
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    // Nobody inside has seen them.
    assert!(callers.seen().is_empty());
    say(&server, &with(&GOOD)).await.unwrap();
    chat(&server, &with(&GOOD)).await.unwrap();
    assert_eq!(callers.seen(), ["stock", "stock"]);
}

#[tokio::test]
async fn health_stays_open() {
    let server = start(APP, AuthHooks::new(), &Callers::default()).await;
    let path = "/grpc.health.v1.Health/Check";
    let check = Method::dynamic(path, Kind::Unary, Idempotency::NoSideEffects).unwrap();
    let (channel, options) = (server.channel(), CallOptions::new());
    let reply = channel.unary(check, Vec::new().into(), &options).await;
    // Field 1, SERVING.
    assert_eq!(&reply.unwrap().body[..], [0x08, 0x01]);
}

#[tokio::test]
async fn users_function_that_panics_or_fails_refuses_and_the_server_lives_on() {
    let judge = |_: CallInfo, token: Secret| async move {
        match token.expose() {
            "good" => Ok(Identity::new("alice")),
            "bomb" => panic!("on purpose"),
            _ => Err(Error::internal("hunter2 is not known")),
        }
    };
    let hooks = AuthHooks::new().bearer(judge);
    let callers = Callers::default();
    let server = start("require = ['bearer']", hooks, &callers).await;
    for bad in ["Bearer bomb", "Bearer hunter2"] {
        let error = say(&server, &with(&[("authorization", bad)])).await;
        let error = error.unwrap_err();
        assert_eq!(error.class(), Class::Unavailable);
        // What went wrong is for the log alone.
        assert!(!error.message().contains("hunter2"), "{error}");
    }
    let good = with(&[("authorization", "Bearer good")]);
    say(&server, &good).await.unwrap();
    assert_eq!(callers.seen(), ["alice"]);
}

#[tokio::test(start_paused = true)]
async fn a_check_ends_with_the_deadline_of_its_call() {
    let judge = |_: CallInfo, _: Secret| std::future::pending();
    let config = "require = ['bearer']\nbearer.timeout = '1m'";
    let hooks = AuthHooks::new().bearer(judge);
    let server = start(config, hooks, &Callers::default()).await;
    let options = with(&[("authorization", "Bearer good")]);
    let error = say(&server, &options.deadline(Duration::from_millis(100))).await;
    assert_eq!(error.unwrap_err().class(), Class::DeadlineExceeded);
}

#[tokio::test]
async fn server_with_a_wrong_configuration_does_not_start() {
    let config = ServerConfig {
        auth: toml::from_str("require = ['app']").unwrap(),
        ..ServerConfig::default()
    };
    let started = TestServer::start_with(config, |app| app.serve(Echo)).await;
    let error = started.err().unwrap();
    assert!(
        error.message().contains("server.auth.app.tokens"),
        "{error}"
    );
}
