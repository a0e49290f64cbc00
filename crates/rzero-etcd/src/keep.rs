//! The registration of one instance: a loop of sessions, each of which makes sure of the lease,
//! writes the keys and guards them.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions, WatchStream};
use rzero_registry::Instance;
use rzero_registry::backend::{Registrar, Wanted};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use crate::backoff::Backoff;
use crate::failure::{Failure, answered};
use crate::layout::{Keys, Meta, public_address};
use crate::link::Link;
use crate::registry::Shared;
use crate::store::Store;

/// How long deregistering is tried. Whoever closes waits that long too.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// Least time between two times that a deleted key is put back: somebody may insist.
const PUT_BACK_EVERY: Duration = Duration::from_millis(100);

/// Keeps one instance registered until it is to leave.
pub(crate) async fn keep(shared: Arc<Shared>, registrar: Registrar, instance: Arc<Instance>) {
    let keys = Keys::of(&shared.settings.key_prefix, &instance.service);
    let mut keeper = Keeper {
        shared,
        registrar,
        keys,
        published: instance,
        lease: None,
        backoff: Backoff::default(),
    };
    while keeper.registrar.wanted().is_some() {
        if let Err(failure) = keeper.session().await {
            keeper.recover(failure).await;
        }
    }
    keeper.leave().await;
}

struct Keeper {
    shared: Arc<Shared>,
    registrar: Registrar,
    keys: Keys,
    /// What was written last, or is about to be.
    published: Arc<Instance>,
    lease: Option<i64>,
    backoff: Backoff,
}

impl Keeper {
    /// One session; ends with a failure, or when the instance is to leave.
    async fn session(&mut self) -> Result<(), Failure> {
        let mut link = self.shared.links.get().await?;
        let outcome = self.run(&mut link).await;
        if let Err(Failure::Away(_)) = &outcome {
            self.shared.links.failed(&link).await;
        }
        outcome
    }

    /// Waits as long as the failure asks for.
    async fn recover(&mut self, failure: Failure) {
        let service = &self.published.service;
        if self.backoff.is_fresh() {
            tracing::warn!(%service, %failure, "not registered in etcd, trying for ever");
        } else {
            tracing::debug!(%service, %failure, "still not registered in etcd");
        }
        self.registrar.retrying(failure.to_string());
        if failure == Failure::LeaseLost {
            self.lease = None;
        }
        let wait = self
            .backoff
            .next(Instant::now(), self.shared.settings.lease / 2);
        let wait = match failure {
            // A new lease is all it takes; only one that is lost again and again has to wait.
            Failure::LeaseLost | Failure::Compacted => wait.min(PUT_BACK_EVERY) / 2,
            Failure::Away(_) | Failure::Refused(_) => wait,
        };
        let left = async {
            while self.registrar.wanted().is_some() {
                self.registrar.changed().await;
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = left => {}
        }
    }

    async fn run(&mut self, link: &mut Link) -> Result<(), Failure> {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.settings;
        let mut store = Store { link, settings };
        match self.lease {
            Some(lease) => store.renew(lease).await?,
            None => self.lease = Some(store.grant().await?),
        }
        let Some(mut written) = self.write(&mut store).await? else {
            return Ok(());
        };
        let mut guard = self.guard(store.link, written.revision + 1).await?;
        // Only a session that lasts ends the trouble: one that etcd takes and ends at once, again
        // and again, must not be begun ten times a second.
        let lasts = Instant::now() + settings.heartbeat();
        let every = settings.renew_every();
        let mut renewal = interval_at(Instant::now() + every, every);
        renewal.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // Not biased: no branch can starve another, since each is rare beside its own work.
            tokio::select! {
                _ = renewal.tick() => {
                    if let Some(lease) = self.lease {
                        store.renew(lease).await?;
                    }
                    continue;
                }
                message = guard.message() => {
                    let closed = || Failure::Away("it closed the watch".to_owned());
                    let message = message?.ok_or_else(closed)?;
                    if message.canceled() {
                        // The next session writes the keys and looks anew.
                        return Err(Failure::of_canceled(&message));
                    }
                    let deleted = |event: &etcd_client::Event| {
                        let revision = event.kv().map_or(0, |kv| kv.mod_revision());
                        event.event_type() == EventType::Delete && revision > written.revision
                    };
                    if !message.events().iter().any(deleted) {
                        continue;
                    }
                    let service = &self.published.service;
                    tracing::info!(%service, "own key in etcd was deleted, putting it back");
                    let pause = (written.at + PUT_BACK_EVERY).saturating_duration_since(Instant::now());
                    sleep(pause).await;
                }
                () = sleep_until(lasts), if !self.backoff.is_fresh() => {
                    self.backoff.reset();
                    continue;
                }
                () = self.registrar.changed() => {}
            }
            match self.write(&mut store).await? {
                Some(again) => written = again,
                None => return Ok(()),
            }
        }
    }

    /// Writes what is wanted; `None` when it is to leave.
    async fn write(&mut self, store: &mut Store<'_>) -> Result<Option<Written>, Failure> {
        let (Some(Wanted { instance, version }), Some(lease)) =
            (self.registrar.wanted(), self.lease)
        else {
            return Ok(None);
        };
        self.published = Arc::clone(&instance);
        let meta = Meta::to_json(&instance, false).map_err(refused)?;
        let address = public_address(&instance, self.shared.settings.expose_lanes);
        let revision = store.write(&self.keys, lease, meta, address).await?;
        self.registrar.registered(version);
        if !self.backoff.is_fresh() {
            let service = &instance.service;
            tracing::info!(%service, "registered in etcd again");
        }
        let at = Instant::now();
        Ok(Some(Written { revision, at }))
    }

    /// Watches the own keys.
    async fn guard(&self, link: &mut Link, revision: i64) -> Result<WatchStream, Failure> {
        let within = self.shared.settings.request_timeout;
        let lease = self.lease.unwrap_or_default();
        let options = || Some(WatchOptions::new().with_start_revision(revision));
        let metadata = link.client.watch(self.keys.metadata(lease), options());
        let mut stream = answered(within, "a watch", metadata).await?;
        let exposed = self.shared.settings.expose_lanes;
        if public_address(&self.published, exposed).is_some() {
            let address = stream.watch(self.keys.address(lease), options());
            answered(within, "a watch", address).await?;
        }
        Ok(stream)
    }

    /// Says that the instance left. Its lease is left to end by itself: until then the note stays,
    /// for watchers that are away just now.
    async fn leave(mut self) {
        let Some(lease) = self.lease else {
            self.registrar.deregistered();
            return;
        };
        let left = timeout(LEAVE_WITHIN, async {
            loop {
                match self.write_left(lease).await {
                    Ok(()) | Err(Failure::LeaseLost) => return,
                    Err(_) => sleep(PUT_BACK_EVERY).await,
                }
            }
        });
        if left.await.is_ok() {
            self.registrar.deregistered();
            return;
        }
        let service = &self.published.service;
        let lease = self.shared.settings.lease;
        tracing::warn!(%service, ?lease, "etcd is away, the instance leaves with its lease");
    }

    async fn write_left(&mut self, lease: i64) -> Result<(), Failure> {
        let mut link = self.shared.links.get().await?;
        let meta = Meta::to_json(&self.published, true).map_err(refused)?;
        let mut store = Store {
            link: &mut link,
            settings: &self.shared.settings,
        };
        let outcome = store.write(&self.keys, lease, meta, None).await;
        if let Err(Failure::Away(_)) = &outcome {
            self.shared.links.failed(&link).await;
        }
        outcome.map(|_| ())
    }
}

/// The last write.
struct Written {
    revision: i64,
    at: Instant,
}

fn refused(error: serde_json::Error) -> Failure {
    Failure::Refused(error.to_string())
}
