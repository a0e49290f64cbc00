//! A server in this process, and a neighbour beside it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rzero::{AppHandle, Channel};
use rzero_attack::neighbour::{self, Counts, Rate};
use rzero_attack::victim::{self, Logic};
use rzero_e2e::api::peers::v1::{EchoClient, SayRequest};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A safety net: nothing here takes that long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server in this process.
pub(crate) struct Victim {
    pub(crate) address: SocketAddr,
    pub(crate) logic: Arc<Logic>,
    folder: TempDir,
    tls: bool,
    handle: AppHandle,
    task: JoinHandle<rzero::Result<rzero::Drained>>,
}

impl Victim {
    pub(crate) async fn start(tls: bool, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let config = victim::configure(folder.path(), tls, &more).unwrap();
        let (app, logic) = victim::assemble(&config).unwrap();
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let address = victim::address(&handle).await.unwrap();
        Self {
            address,
            logic,
            folder,
            tls,
            handle,
            task,
        }
    }

    pub(crate) fn channels<const N: usize>(&self) -> [Channel; N] {
        let ca = self.tls.then(|| victim::authority(self.folder.path()));
        let target = self.address.to_string();
        let channels = neighbour::channels(&target, ca.as_deref(), self.folder.path(), N).unwrap();
        channels.try_into().unwrap()
    }

    /// Runs `work` while a neighbour calls; none of its calls may fail.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let [unary, stream] = self.channels();
        unary.ready(1).await;
        stream.ready(1).await;
        let rate = Rate {
            unary: Duration::from_millis(5),
            stream: Duration::from_millis(20),
        };
        let counts = Counts::default();
        let done = tokio::select! {
            () = neighbour::run(unary, stream, rate, counts.clone()) => unreachable!("it calls for ever"),
            done = work => done,
        };
        let window = counts.take();
        assert!(window.errors().is_empty(), "{:?}", window.errors());
        assert!(window.answered() > 0);
        done
    }

    /// A new client is answered, and no handler is left.
    pub(crate) async fn is_as_before(&self) {
        let [channel] = self.channels();
        let client = EchoClient::new(channel);
        let text = "still there?".to_owned();
        let request = SayRequest {
            text: text.clone(),
            ..Default::default()
        };
        assert_eq!(client.say(request).await.unwrap().text, text);
        let quiet = async {
            while self.logic.in_flight() != 0 {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, quiet)
            .await
            .expect("handlers of the attack are left");
    }

    /// Leaves; whatever is left of the attack must not hold it up.
    pub(crate) async fn leave(mut self) {
        self.handle.shutdown();
        timeout(PATIENCE, &mut self.task)
            .await
            .expect("a drain ends")
            .unwrap()
            .unwrap();
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.task.abort();
    }
}
