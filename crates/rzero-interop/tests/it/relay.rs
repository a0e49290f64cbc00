//! Counts the bytes between a client and a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Passes connections on to a server; they end when it is dropped.
pub(crate) struct Relay {
    pub(crate) addr: String,
    to_server: Arc<AtomicU64>,
    to_client: Arc<AtomicU64>,
    _tasks: JoinSet<()>,
}

impl Relay {
    pub(crate) async fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let (to_server, to_client) = (Arc::default(), Arc::default());
        let (there, back) = (Arc::clone(&to_server), Arc::clone(&to_client));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut links = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&server).await.unwrap();
                let (client, server) = (client.into_split(), server.into_split());
                links.spawn(pass_on(client.0, server.1, Arc::clone(&there)));
                links.spawn(pass_on(server.0, client.1, Arc::clone(&back)));
            }
        });
        Self {
            addr,
            to_server,
            to_client,
            _tasks: tasks,
        }
    }

    /// Bytes since the last question: to the server, to the client.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::SeqCst);
        (take(&self.to_server), take(&self.to_client))
    }
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    counter: Arc<AtomicU64>,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        counter.fetch_add(count as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
