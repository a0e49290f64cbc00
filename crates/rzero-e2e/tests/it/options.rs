//! What an operator writes about the wire is what the wire does.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rzero::config::Settings;
use rzero::{App, Code};
use rzero_e2e::EchoLogic;
use rzero_e2e::api::peers::v1::{EchoClient, EchoServer, SayRequest};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(serde::Deserialize)]
struct Nothing {}

fn settings(dir: &Path, text: &str) -> Settings<Nothing> {
    let path = dir.join("echo.toml");
    let registry = dir.join("registry");
    let common = format!(
        "[service]\nname = \"echo\"\nmode = \"test\"\n[registry]\ndir = {registry:?}\n\
         [server.drain]\nwait = \"10ms\"\n"
    );
    std::fs::write(&path, format!("{common}{text}")).unwrap();
    rzero::config::load(path).unwrap()
}

/// A text that is easily compressed.
fn request(bytes: usize) -> SayRequest {
    SayRequest {
        payload: vec![b'a'; bytes].into(),
        ..SayRequest::default()
    }
}

/// Bytes that passed: to the server, and back.
#[derive(Default)]
struct Passed([AtomicUsize; 2]);

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    passed: &AtomicUsize,
) {
    let mut buf = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buf).await {
        passed.fetch_add(read, Ordering::SeqCst);
        if to.write_all(&buf[..read]).await.is_err() {
            break;
        }
    }
}

/// Counts what passes between one client and the server at `server`. Gives its own address.
async fn counting(server: String, passed: Arc<Passed>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(server).await.unwrap();
        let ((from, to), (back_from, back_to)) = (client.into_split(), server.into_split());
        tokio::join!(
            pass(from, back_to, &passed.0[0]),
            pass(back_from, to, &passed.0[1]),
        );
    });
    address
}

/// Sends a payload and gets it back; gives the bytes that passed there and back.
async fn exchange(server_keys: &str, client_keys: &str, bytes: usize) -> [usize; 2] {
    let dir = tempfile::tempdir().unwrap();
    let server = settings(dir.path(), &format!("[server.rpc]\n{server_keys}\n"));
    let app = App::new(&server).unwrap();
    let app = app.serve(EchoServer::new(EchoLogic::new("one")));
    let handle = app.handle();
    let task = tokio::spawn(app.run());
    let address = handle.address("grpc").await.unwrap().to_string();

    let passed = Arc::new(Passed::default());
    let address = counting(address, Arc::clone(&passed)).await;
    let client = format!("[client.echo]\naddresses = [{address:?}]\n{client_keys}\n");
    let client = App::new(&settings(dir.path(), &client)).unwrap();
    let client = EchoClient::new(client.channel("echo").unwrap());
    let reply = client.say(request(bytes)).await.unwrap();
    assert_eq!(reply.payload, request(bytes).payload);
    drop(client);
    handle.shutdown();
    task.await.unwrap().unwrap();
    [0, 1].map(|way| passed.0[way].load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_message_over_the_configured_size_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let text = "[server.rpc]\nmax_message = \"1KiB\"\n[client.echo]\nwait_for_ready = true\n";
    let settings = settings(dir.path(), text);
    let app = App::new(&settings).unwrap();
    let client = EchoClient::new(app.channel("echo").unwrap());
    let app = app.serve(EchoServer::new(EchoLogic::new("one")));
    let handle = app.handle();
    let task = tokio::spawn(app.run());
    handle.address("grpc").await.unwrap();

    let reply = client.say(request(900)).await.unwrap();
    assert_eq!(reply.payload.len(), 900);
    let error = client.say(request(2000)).await.unwrap_err();
    assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
    assert!(error.message().contains("1024"), "{error}");
    // The connection lives on.
    client.say(request(900)).await.unwrap();
    drop(client);
    handle.shutdown();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_are_compressed_as_configured_and_answers_alike() {
    const BYTES: usize = 64 * 1024;
    let [there, back] = exchange("", "", BYTES).await;
    assert!(there > BYTES && back > BYTES, "{there} {back}");
    let [there, back] = exchange("", "compression = \"gzip\"", BYTES).await;
    assert!(there < BYTES / 8 && back < BYTES / 8, "{there} {back}");
}

#[tokio::test]
async fn answers_are_compressed_as_the_server_says() {
    const BYTES: usize = 64 * 1024;
    let never = "compression = \"never\"";
    let [there, back] = exchange(never, "compression = \"gzip\"", BYTES).await;
    assert!(there < BYTES / 8 && back > BYTES, "{there} {back}");
    let [there, back] = exchange("compression = \"gzip\"", "", BYTES).await;
    assert!(there > BYTES && back < BYTES / 8, "{there} {back}");
}

/// Passes every connection on to `server`, and counts them. Gives its own address.
async fn gate(server: String, connections: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            connections.fetch_add(1, Ordering::SeqCst);
            let mut server = TcpStream::connect(&server).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    address
}

/// How many connections a client opens whose server allows four streams, for 64 calls at a time.
async fn connections_of(client_keys: &str) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let server = settings(dir.path(), "[server.rpc]\nmax_streams = 4\n");
    let app = App::new(&server).unwrap();
    let app = app.serve(EchoServer::new(EchoLogic::new("one")));
    let handle = app.handle();
    let task = tokio::spawn(app.run());
    let address = handle.address("grpc").await.unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let address = gate(address, Arc::clone(&connections)).await;
    let client = format!("[client.echo]\naddresses = [{address:?}]\n{client_keys}\n");
    let client = App::new(&settings(dir.path(), &client)).unwrap();
    let client = EchoClient::new(client.channel("echo").unwrap());
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let client = client.clone();
        calls.spawn(async move {
            for _ in 0..10 {
                let request = SayRequest {
                    delay_ms: 2,
                    ..SayRequest::default()
                };
                client.say(request).await.unwrap();
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    drop(client);
    handle.shutdown();
    task.await.unwrap().unwrap();
    connections.load(Ordering::SeqCst)
}

#[tokio::test]
async fn saturated_client_opens_further_connections_as_far_as_it_may() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let most = cores.min(3);
    assert_eq!(connections_of("max_connections = 3").await, most);
    assert_eq!(connections_of("max_connections = 1").await, 1);
}
