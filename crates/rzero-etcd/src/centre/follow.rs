//! The watch of the document: a loop of sessions, each of which reads it and then follows.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::{EventType, GetOptions, WatchOptions, WatchResponse, WatchStream};
use rzero_config::{RemoteCell, RemoteState};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::backoff::Backoff;
use crate::config::Settings;
use crate::failure::{Failure, answered};
use crate::link::{Link, Links};
use crate::store::{Moment, Store};

/// Longest wait between two attempts.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// Largest message that is taken: some documents of the largest size that etcd allows by far.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Follows the document of one key for ever.
pub(super) struct Follower {
    settings: Arc<Settings>,
    links: Links,
    key: String,
    cell: Arc<RemoteCell>,
    backoff: Backoff,
    /// The store as it was last seen.
    seen: Option<Moment>,
    /// Whether the store lost the document that is in force, as opposed to somebody deleting it.
    lost: bool,
}

impl Follower {
    pub(super) fn new(settings: Arc<Settings>, key: String, cell: Arc<RemoteCell>) -> Self {
        Self {
            links: Links::new(Arc::clone(&settings)),
            settings,
            key,
            cell,
            backoff: Backoff::default(),
            seen: None,
            lost: false,
        }
    }

    /// Never ends.
    pub(super) async fn follow(mut self) {
        loop {
            let failure = self.session().await;
            self.recover(failure).await;
        }
    }

    /// One session; ends only with a failure.
    async fn session(&mut self) -> Failure {
        let mut link = match self.links.get().await {
            Ok(link) => link,
            Err(failure) => return failure,
        };
        let Err(failure) = self.run(&mut link).await;
        if matches!(failure, Failure::Away(_)) {
            self.links.failed(&link).await;
        }
        failure
    }

    /// Waits as long as the failure asks for.
    async fn recover(&mut self, failure: Failure) {
        let key = &self.key;
        if failure == Failure::Compacted {
            // The store is well; reading it anew is all it takes.
            tracing::info!(%key, "watched history was compacted, reading the configuration anew");
            return;
        }
        if self.backoff.is_fresh() {
            tracing::warn!(
                %key, %failure,
                "configuration centre cannot be followed, what was known stays in force"
            );
        } else {
            tracing::debug!(%key, %failure, "configuration centre failed again");
        }
        self.cell.unreachable(&failure.to_string());
        sleep(self.backoff.next(Instant::now(), WAIT_MAX)).await;
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Failure> {
        let settings = Arc::clone(&self.settings);
        let mut store = Store {
            link,
            settings: &settings,
        };
        let key = self.key.clone().into_bytes();
        let answer = store.get(key, GetOptions::new()).await?;
        let moment = Moment::of(&answer)?;
        self.take_read(
            answer.kvs().first().map(etcd_client::KeyValue::value),
            moment,
        );
        let mut stream = self.open(store.link, moment.revision + 1).await?;
        let mut heartbeat = interval(settings.heartbeat());
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Only a session that lasts ends the trouble: one that etcd takes and ends at once, again
        // and again, must not be begun ten times a second.
        let lasts = Instant::now() + settings.heartbeat();
        let mut silent_until = Instant::now() + settings.silence_max();
        loop {
            // Not biased: no branch can starve another, since each is rare beside its own work.
            tokio::select! {
                message = stream.message() => {
                    let closed = || Failure::Away("it closed the watch".to_owned());
                    self.take_message(&message?.ok_or_else(closed)?)?;
                    silent_until = Instant::now() + settings.silence_max();
                }
                tick = heartbeat.tick() => {
                    if tick >= lasts && !self.backoff.is_fresh() {
                        tracing::info!(key = %self.key, "configuration centre is followed again");
                        self.backoff.reset();
                    }
                    answered(settings.request_timeout, "a heartbeat", stream.request_progress())
                        .await?;
                }
                () = sleep_until(silent_until) => {
                    return Err(Failure::Away(format!("silent for {:?}", settings.silence_max())));
                }
            }
        }
    }

    async fn open(&self, link: &Link, revision: i64) -> Result<WatchStream, Failure> {
        let client = link.client.watch_client();
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let options = WatchOptions::new().with_start_revision(revision);
        let watch = client.watch(self.key.clone(), Some(options));
        answered(self.settings.request_timeout, "a watch", watch).await
    }

    /// Takes what a session finds at its beginning.
    fn take_read(&mut self, value: Option<&[u8]>, moment: Moment) {
        let before = self.seen.replace(moment);
        let replaced = before.is_some_and(|seen| seen.was_lost_by(moment));
        let in_force = matches!(self.cell.current(), RemoteState::Document(_));
        if value.is_none() && in_force && (replaced || self.lost) {
            if !std::mem::replace(&mut self.lost, true) {
                tracing::warn!(
                    key = %self.key,
                    "etcd lost its data or was replaced; the configuration that it held stays in \
                     force until it is written again"
                );
            }
            return;
        }
        self.put(value);
    }

    /// Takes the changes of a message, in order.
    fn take_message(&mut self, message: &WatchResponse) -> Result<(), Failure> {
        if message.canceled() {
            return Err(Failure::of_canceled(message));
        }
        for event in message.events() {
            let Some(kv) = event.kv() else { continue };
            if let Some(seen) = &mut self.seen {
                seen.revision = seen.revision.max(kv.mod_revision());
            }
            self.put(match event.event_type() {
                EventType::Put => Some(kv.value()),
                EventType::Delete => None,
            });
        }
        Ok(())
    }

    fn put(&mut self, value: Option<&[u8]>) {
        self.lost = false;
        self.cell.set(match value {
            Some(bytes) => RemoteState::Document(bytes.into()),
            None => RemoteState::Absent,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EtcdConfig;

    fn follower() -> Follower {
        let settings = Settings::check(&EtcdConfig::default()).unwrap();
        Follower::new(Arc::new(settings), "k".to_owned(), Arc::default())
    }

    fn at(cluster: u64, revision: i64) -> Moment {
        Moment { cluster, revision }
    }

    fn holds(follower: &Follower) -> Option<Vec<u8>> {
        match follower.cell.current() {
            RemoteState::Document(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }

    #[test]
    fn key_that_is_missing_in_the_store_that_held_it_was_deleted() {
        let mut follower = follower();
        follower.take_read(Some(b"a"), at(1, 5));
        assert_eq!(holds(&follower).unwrap(), b"a");
        follower.take_read(None, at(1, 6));
        assert_eq!(follower.cell.current(), RemoteState::Absent);
    }

    #[test]
    fn key_that_is_missing_in_another_store_was_not_deleted() {
        for lost in [at(1, 4), at(2, 9)] {
            let mut follower = follower();
            follower.take_read(Some(b"a"), at(1, 5));
            follower.take_read(None, lost);
            // However often the store that lost it is read.
            follower.take_read(None, at(lost.cluster, lost.revision + 9));
            assert_eq!(holds(&follower).unwrap(), b"a");
            // What is written there counts, and can be deleted again.
            follower.take_read(Some(b"b"), at(lost.cluster, lost.revision + 10));
            assert_eq!(holds(&follower).unwrap(), b"b");
            follower.take_read(None, at(lost.cluster, lost.revision + 11));
            assert_eq!(follower.cell.current(), RemoteState::Absent);
        }
    }

    #[test]
    fn key_that_was_never_written_is_absent_in_any_store() {
        let mut follower = follower();
        follower.take_read(None, at(1, 5));
        follower.take_read(None, at(2, 1));
        assert_eq!(follower.cell.current(), RemoteState::Absent);
    }
}
