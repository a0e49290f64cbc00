//! A server in this process, and a neighbour beside it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rzero::AppHandle;
use rzero_attack::neighbour::{Counts, Neighbour, Rate};
use rzero_attack::victim::{self, Logic, Options};
use rzero_e2e::api::peers::v1::SayRequest;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A safety net: nothing here takes that long unless it hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

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
    pub(crate) async fn start(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (app, logic) = victim::assemble(folder.path(), &options).unwrap();
        let handle = app.handle();
        let task = tokio::spawn(app.run());
        let address = victim::address(&handle).await.unwrap();
        Self {
            address,
            logic,
            folder,
            tls: options.tls,
            handle,
            task,
        }
    }

    fn neighbour(&self) -> Neighbour {
        let ca = self.tls.then(|| victim::authority(self.folder.path()));
        let target = self.address.to_string();
        Neighbour::new(&target, ca.as_deref(), PATIENCE).unwrap()
    }

    /// Runs `work` while a neighbour calls; none of its calls may fail.
    pub(crate) async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        let neighbour = self.neighbour();
        let rate = Rate {
            unary: Duration::from_millis(5),
            stream: Duration::from_millis(20),
            fresh: Duration::from_millis(50),
        };
        let counts = Counts::default();
        let done = tokio::select! {
            () = neighbour.run(rate, counts.clone()) => unreachable!("it calls for ever"),
            done = async {
                counts.ready().await;
                work.await
            } => done,
        };
        let window = counts.take();
        assert!(window.errors().is_empty(), "{:?}", window.errors());
        assert!(window.answered() > 0);
        done
    }

    /// A new client is answered, and no handler is left.
    pub(crate) async fn is_as_before(&self) {
        let client = self.neighbour().client();
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
