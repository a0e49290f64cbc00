//! etcd as a configuration centre: one key that holds a document, followed for ever.

mod config;
mod follow;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use rzero_config::{RemoteCell, RemoteSource, RemoteState};
use rzero_core::Error;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

pub use self::config::CentreConfig;
use self::follow::Follower;
use crate::config::EtcdConfig;

/// A key of etcd that holds one layer of a service's configuration.
///
/// It connects, reads and watches in a thread of its own, so that a program can wait for its
/// configuration before it has a runtime, and inside one. What was read last stays when etcd is
/// away, when it says no, and when it comes back without its data; a key that was deleted is gone.
/// Dropping it ends the thread.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use rzero_config::{Loader, RemoteSource};
/// use rzero_etcd::{CentreConfig, EtcdCentre, EtcdConfig};
///
/// # fn main() -> rzero_core::Result<()> {
/// let centre = EtcdCentre::open(&CentreConfig::default(), &EtcdConfig::default(), "greeter")?;
/// assert_eq!(centre.name(), "etcd:/rzero/config/greeter");
/// let loader = Loader::new().file("etc/greeter.toml").remote(Arc::new(centre));
/// # Ok(())
/// # }
/// ```
pub struct EtcdCentre {
    name: String,
    cell: Arc<RemoteCell>,
    /// Held for its drop, which ends the thread.
    _stop: oneshot::Sender<()>,
}

impl EtcdCentre {
    /// Follows the document of `service`, on the cluster of `registry` where `config` names no
    /// other. Returns at once and connects behind: a cluster that is away is no error.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: the configuration can never work; the message names the key. Class
    /// `Internal`: the system gives no thread.
    pub fn open(
        config: &CentreConfig,
        registry: &EtcdConfig,
        service: &str,
    ) -> Result<Self, Error> {
        let (settings, key) = config.check(registry, service)?;
        let name = format!("etcd:{key}");
        let cell = Arc::new(RemoteCell::default());
        let follower = Follower::new(Arc::new(settings), key, Arc::clone(&cell));
        let (stop, stopped) = oneshot::channel();
        let no_thread =
            |error: std::io::Error| Error::internal(format!("cannot follow {name}: {error}"));
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(no_thread)?;
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    // Never sent: it ends with the handle.
                    _ = stopped => {}
                    () = follower.follow() => {}
                }
            });
        };
        let thread = std::thread::Builder::new().name("rzero-centre".to_owned());
        thread.spawn(run).map_err(no_thread)?;
        Ok(Self {
            name,
            cell,
            _stop: stop,
        })
    }
}

impl RemoteSource for EtcdCentre {
    fn name(&self) -> &str {
        &self.name
    }

    fn current(&self) -> RemoteState {
        self.cell.current()
    }

    fn wake_on_change(&self, wake: SyncSender<()>) {
        self.cell.wake_on_change(wake);
    }
}

/// Does not print the document, which may hold secrets.
impl fmt::Debug for EtcdCentre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EtcdCentre").field(&self.name).finish()
    }
}
