//! The watch of one service: a loop of sessions, each of which reads everything and then follows.

use std::sync::Arc;

use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use rzero_registry::ServiceName;
use rzero_registry::backend::Publisher;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::backoff::Backoff;
use crate::failure::{Failure, answered};
use crate::layout::{Keys, Side};
use crate::link::Link;
use crate::registry::Shared;
use crate::store::{Moment, Store};
use crate::view::View;

/// The two watches of a stream.
const ADDRESSES: i64 = 1;
const METADATA: i64 = 2;
/// Largest message that is taken.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most messages that are published in one go.
const MESSAGES_MAX: usize = 256;

type Message = Result<Option<WatchResponse>, etcd_client::Error>;

/// Follows one service for ever.
pub(crate) async fn follow(shared: Arc<Shared>, service: ServiceName, publisher: Publisher) {
    let keys = Keys::of(&shared.settings.key_prefix, &service);
    let mut follower = Follower {
        shared,
        service,
        keys,
        publisher,
        backoff: Backoff::default(),
        seen: None,
    };
    loop {
        let failure = follower.session().await;
        follower.recover(failure).await;
    }
}

struct Follower {
    shared: Arc<Shared>,
    service: ServiceName,
    keys: Keys,
    publisher: Publisher,
    backoff: Backoff,
    /// The store as it was last seen, by either watch.
    seen: Option<Moment>,
}

impl Follower {
    /// One session; ends only with a failure.
    async fn session(&mut self) -> Failure {
        let mut link = match self.shared.links.get().await {
            Ok(link) => link,
            Err(failure) => return failure,
        };
        let Err(failure) = self.run(&mut link).await;
        if matches!(failure, Failure::Away(_)) {
            self.shared.links.failed(&link).await;
        }
        failure
    }

    /// Waits as long as the failure asks for.
    async fn recover(&mut self, failure: Failure) {
        let service = &self.service;
        if failure == Failure::Compacted {
            // The store is well; reading it anew is all it takes.
            tracing::info!(%service, "watched history was compacted, reading everything");
            return;
        }
        if self.backoff.is_fresh() {
            tracing::warn!(%service, %failure, "watch of etcd failed, known instances are kept");
        } else {
            tracing::debug!(%service, %failure, "watch of etcd failed again");
        }
        self.publisher.down(failure.to_string());
        let wait = self
            .backoff
            .next(Instant::now(), self.shared.settings.lease / 2);
        sleep(wait).await;
    }

    async fn run(&mut self, link: &mut Link) -> Result<std::convert::Infallible, Failure> {
        let shared = Arc::clone(&self.shared);
        let settings = &shared.settings;
        let mut store = Store { link, settings };
        let (mut view, moment) = store.load(&self.service, &self.keys, None).await?;
        self.check_store(moment);
        self.publish(&view);
        let mut stream = self.open(store.link, moment.revision + 1).await?;
        // Only a session that lasts ends the trouble: one that etcd takes and ends at once, again
        // and again, must not be begun ten times a second.
        let mut heartbeat = interval(settings.heartbeat());
        let lasts = Instant::now() + settings.heartbeat();
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut silent_until = Instant::now() + settings.silence_max();
        loop {
            // Not biased: no branch can starve another, since each is rare beside its own work.
            tokio::select! {
                message = stream.message() => {
                    let mut news = self.take(message, &mut view)?;
                    // What has arrived meanwhile is published in one go.
                    for _ in 0..MESSAGES_MAX {
                        let Some(message) = arrived(&mut stream).await else { break };
                        news |= self.take(message, &mut view)?;
                    }
                    if news {
                        // As of the latest that either watch told, not only this one: what the
                        // other has seen leave must not come back.
                        let latest = self.seen.unwrap_or(moment).revision;
                        let (service, keys) = (&self.service, &self.keys);
                        store.resolve(service, keys, &mut view, latest).await?;
                        self.publish(&view);
                    }
                    silent_until = Instant::now() + settings.silence_max();
                }
                tick = heartbeat.tick() => {
                    if tick >= lasts {
                        self.backoff.reset();
                    }
                    answered(settings.request_timeout, "a heartbeat", stream.request_progress())
                        .await?;
                }
                () = sleep_until(silent_until) => {
                    return Err(Failure::Away(format!("silent for {:?}", settings.silence_max())));
                }
                () = self.publisher.give_up() => {}
            }
        }
    }

    /// Watches both sides from `revision` on, in one stream.
    async fn open(&self, link: &Link, revision: i64) -> Result<WatchStream, Failure> {
        let within = self.shared.settings.request_timeout;
        let options = |id| {
            let options = WatchOptions::new()
                .with_prefix()
                .with_start_revision(revision);
            Some(options.with_watch_id(id))
        };
        let client = link.client.watch_client();
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let metadata = client.watch(self.keys.begin(Side::Metadata), options(METADATA));
        let mut stream = answered(within, "a watch", metadata).await?;
        let addresses = stream.watch(self.keys.begin(Side::Address), options(ADDRESSES));
        answered(within, "a watch", addresses).await?;
        Ok(stream)
    }

    /// Takes the events of a message into the view. Says whether it had any.
    fn take(&mut self, message: Message, view: &mut View) -> Result<bool, Failure> {
        let closed = || Failure::Away("it closed the watch".to_owned());
        let message = message?.ok_or_else(closed)?;
        if message.canceled() {
            return Err(Failure::of_canceled(&message));
        }
        let side = match message.watch_id() {
            ADDRESSES => Side::Address,
            METADATA => Side::Metadata,
            _ => return Ok(false), // an answer to a heartbeat
        };
        for event in message.events() {
            let Some(kv) = event.kv() else { continue };
            if let Some(seen) = &mut self.seen {
                seen.revision = seen.revision.max(kv.mod_revision());
            }
            let Some(slot) = Keys::slot(self.keys.begin(side), kv.key()) else {
                continue;
            };
            let value = match event.event_type() {
                EventType::Put => Some(kv.value()),
                EventType::Delete => None,
            };
            view.apply(side, slot, value, kv.mod_revision());
        }
        Ok(!message.events().is_empty())
    }

    fn publish(&mut self, view: &View) {
        let listing = view.listing();
        for id in &listing.left {
            self.publisher.deregistered(id);
        }
        self.publisher.observe(listing.instances);
    }

    /// Tells operators when the store is not the one it was. What was published is protected
    /// either way, since the session before has failed.
    fn check_store(&mut self, moment: Moment) {
        if let Some(seen) = self.seen
            && seen.was_lost_by(moment)
        {
            let service = &self.service;
            tracing::warn!(
                %service,
                revision = moment.revision,
                revision_before = seen.revision,
                "etcd lost its data or was replaced; known instances are kept until they return"
            );
        }
        self.seen = Some(moment);
    }
}

/// The next message, if it is here already.
async fn arrived(stream: &mut WatchStream) -> Option<Message> {
    tokio::select! {
        biased; // the message first, if there is one
        message = stream.message() => Some(message),
        () = std::future::ready(()) => None,
    }
}
