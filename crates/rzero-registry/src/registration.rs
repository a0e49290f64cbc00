//! The guard of a registered instance, and the end of it that a back end serves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rzero_core::Error;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::{Instance, Weight};

/// How long [`Registration::close`] and [`Registration::update`] wait for the back end.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// An instance that stays registered as long as this guard lives.
///
/// [`close`](Self::close) deregisters and waits for it. Dropping deregisters too, but nobody
/// waits; with a runtime that ends at the same moment the back end may notice only when a lease
/// runs out.
#[must_use = "dropping the guard deregisters the instance"]
pub struct Registration {
    desired: watch::Sender<Desired>,
    state: watch::Receiver<State>,
}

/// Where a registration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationStatus {
    /// The back end has it.
    Registered,
    /// The back end does not have it, or nobody can tell; it is tried again for ever.
    Retrying {
        /// What went wrong last, for people.
        why: Arc<str>,
    },
}

/// A reader of the status of a registration, independent of the guard.
#[derive(Clone, Debug)]
pub struct StatusWatch(watch::Receiver<State>);

/// What [`Registration::update`] changes; what is not set stays.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Update {
    weight: Option<Weight>,
    tags: Option<BTreeMap<String, String>>,
}

/// The back end's end of a [`Registration`]: what is wanted comes in, what was reached goes out.
///
/// Dropping it tells the guard that nobody works for it any more.
#[derive(Debug)]
pub struct Registrar {
    desired: watch::Receiver<Desired>,
    state: watch::Sender<State>,
}

/// What a guard wants at one moment.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The instance as it is to be published.
    pub instance: Arc<Instance>,
    /// Rises with each change of it.
    pub version: u64,
}

#[derive(Clone, Debug)]
struct Desired {
    /// `None` once it is to leave.
    instance: Option<Arc<Instance>>,
    version: u64,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// `None` before the first attempt was made.
    status: Option<RegistrationStatus>,
    /// The version that was last published.
    applied: u64,
    deregistered: bool,
}

impl Registration {
    /// A guard and the end of it that a back end serves. The instance is checked, and stamped
    /// with the time unless it has one.
    ///
    /// # Errors
    ///
    /// Class `InvalidInput`: the instance breaks a limit.
    pub fn new(mut instance: Instance) -> Result<(Self, Registrar), Error> {
        instance
            .check()
            .map_err(|error| Error::invalid_input(error.to_string()))?;
        instance.stamp();
        let (desired, wanted) = watch::channel(Desired {
            instance: Some(Arc::new(instance)),
            version: 1,
        });
        let (reached, state) = watch::channel(State::default());
        let registrar = Registrar {
            desired: wanted,
            state: reached,
        };
        Ok((Self { desired, state }, registrar))
    }

    /// Waits until the back end has made its first attempt.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn first_attempt(&self) {
        let mut state = self.state.clone();
        // An error means that the back end gave up, which its status tells.
        let _ = state.wait_for(|state| state.status.is_some()).await;
    }

    /// The instance as it is to be published.
    #[must_use]
    pub fn instance(&self) -> Arc<Instance> {
        let desired = self.desired.borrow();
        Arc::clone(
            desired
                .instance
                .as_ref()
                .expect("only close and drop take the instance away, and both consume the guard"),
        )
    }

    /// A reader of where the registration stands.
    #[must_use]
    pub fn status(&self) -> StatusWatch {
        StatusWatch(self.state.clone())
    }

    /// Changes weight or tags and waits until the back end has the change, at most 2 s.
    ///
    /// # Errors
    ///
    /// `InvalidInput` when the tags break a limit; nothing has changed then. `Unavailable` when
    /// the back end did not confirm in time; it gets the change as soon as it can be reached.
    ///
    /// # Cancel safety
    ///
    /// The change is made in any case once the future was polled.
    pub async fn update(&self, update: Update) -> Result<(), Error> {
        let mut instance = Instance::clone(&self.instance());
        if let Some(weight) = update.weight {
            instance.weight = weight;
        }
        if let Some(tags) = update.tags {
            instance.tags = tags;
        }
        instance
            .check()
            .map_err(|error| Error::invalid_input(error.to_string()))?;
        let mut version = 0;
        self.desired.send_modify(|desired| {
            desired.version += 1;
            version = desired.version;
            desired.instance = Some(Arc::new(instance));
        });
        let mut state = self.state.clone();
        let applied = state.wait_for(|state| state.applied >= version);
        match timeout(CONFIRM_WITHIN, applied).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Error::unavailable(
                "the registry has stopped; register again",
            )),
            Err(_) => Err(Error::unavailable(
                "the registry has not confirmed the change yet; it gets it when it can be reached",
            )),
        }
    }

    /// Deregisters and waits until the back end has confirmed it, at most 2 s.
    ///
    /// # Errors
    ///
    /// `Unavailable` when the back end did not confirm in time: the entry ends with its lease.
    ///
    /// # Cancel safety
    ///
    /// The instance is deregistered in any case once the future was polled.
    pub async fn close(self) -> Result<(), Error> {
        self.leave();
        let mut state = self.state.clone();
        let ended = async {
            // The back end drops its end when it has done what it could.
            while state.changed().await.is_ok() {}
        };
        let in_time = timeout(CONFIRM_WITHIN, ended).await.is_ok();
        if in_time && self.state.borrow().deregistered {
            return Ok(());
        }
        Err(Error::unavailable(
            "the registry has not confirmed that the instance left; its entry ends by itself",
        ))
    }

    fn leave(&self) {
        self.desired.send_modify(|desired| {
            desired.instance = None;
            desired.version += 1;
        });
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("desired", &*self.desired.borrow())
            .field("state", &*self.state.borrow())
            .finish()
    }
}

impl StatusWatch {
    /// Where the registration stands now.
    #[must_use]
    pub fn current(&self) -> RegistrationStatus {
        let status = self.0.borrow().status.clone();
        status.unwrap_or_else(|| RegistrationStatus::retrying("the first attempt is under way"))
    }

    /// Waits for a change. `false` when there will be no more: the registration has ended.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost: a change that was not announced is announced next time.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }

    /// Waits until the back end has the instance. `false` when the registration ends before.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn registered(&mut self) -> bool {
        let registered = |state: &State| state.status == Some(RegistrationStatus::Registered);
        self.0.wait_for(registered).await.is_ok()
    }
}

impl RegistrationStatus {
    fn retrying(why: impl Into<Arc<str>>) -> Self {
        Self::Retrying { why: why.into() }
    }
}

impl Update {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the weight.
    pub fn weight(mut self, weight: Weight) -> Self {
        self.weight = Some(weight);
        self
    }

    /// Replaces all tags.
    pub fn tags(mut self, tags: BTreeMap<String, String>) -> Self {
        self.tags = Some(tags);
        self
    }
}

impl Registrar {
    /// What is wanted now; `None` once the instance is to leave.
    #[must_use]
    pub fn wanted(&self) -> Option<Wanted> {
        let desired = self.desired.borrow();
        let instance = desired.instance.clone()?;
        Some(Wanted {
            instance,
            version: desired.version,
        })
    }

    /// Waits until something else is wanted than the last time this returned.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn changed(&mut self) {
        if self.desired.changed().await.is_err() {
            // The guard is gone; its drop has left its last wish, which may have been seen
            // already. There is nothing more to wait for.
            if self.wanted().is_some() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Says that the back end has this version of the instance.
    pub fn registered(&self, version: u64) {
        self.state.send_if_modified(|state| {
            let registered = Some(RegistrationStatus::Registered);
            let news = state.applied != version || state.status != registered;
            state.applied = version;
            state.status = registered;
            news
        });
    }

    /// Says that the back end does not have the instance, and why.
    pub fn retrying(&self, why: impl Into<Arc<str>>) {
        let retrying = Some(RegistrationStatus::retrying(why));
        self.state.send_if_modified(|state| {
            let news = state.status != retrying;
            state.status = retrying;
            news
        });
    }

    /// Says that the back end has let the instance go, and ends.
    pub fn deregistered(self) {
        self.state.send_modify(|state| state.deregistered = true);
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Address, Class};

    use super::*;

    fn instance() -> Instance {
        let address = Address::tcp("127.0.0.1", 1);
        Instance::new("s".parse().unwrap(), "i".parse().unwrap(), "grpc", address)
    }

    #[tokio::test]
    async fn close_waits_for_the_back_end() {
        let (guard, mut registrar) = Registration::new(instance()).unwrap();
        let back_end = tokio::spawn(async move {
            registrar.changed().await;
            assert!(registrar.wanted().is_none());
            registrar.deregistered();
        });
        guard.close().await.unwrap();
        back_end.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn close_gives_up_after_two_seconds() {
        let (guard, registrar) = Registration::new(instance()).unwrap();
        let start = tokio::time::Instant::now();
        assert_eq!(guard.close().await.unwrap_err().class(), Class::Unavailable);
        assert_eq!(start.elapsed(), CONFIRM_WITHIN);
        drop(registrar);
    }

    #[tokio::test]
    async fn back_end_that_stops_ends_close_with_an_error() {
        let (guard, registrar) = Registration::new(instance()).unwrap();
        drop(registrar);
        assert_eq!(guard.close().await.unwrap_err().class(), Class::Unavailable);
    }

    #[tokio::test]
    async fn drop_asks_the_back_end_to_let_go() {
        let (guard, mut registrar) = Registration::new(instance()).unwrap();
        drop(guard);
        registrar.changed().await;
        assert!(registrar.wanted().is_none());
    }

    #[tokio::test]
    async fn update_is_confirmed_by_its_version() {
        let (guard, mut registrar) = Registration::new(instance()).unwrap();
        registrar.registered(1);
        let update = guard.update(Update::new().weight(Weight::ZERO));
        let back_end = async {
            registrar.changed().await;
            let wanted = registrar.wanted().unwrap();
            assert_eq!(wanted.instance.weight, Weight::ZERO);
            registrar.registered(wanted.version);
        };
        let (outcome, ()) = tokio::join!(update, back_end);
        outcome.unwrap();
        assert_eq!(guard.instance().weight, Weight::ZERO);
    }

    #[tokio::test]
    async fn wrong_tags_change_nothing() {
        let (guard, _registrar) = Registration::new(instance()).unwrap();
        let tags = BTreeMap::from([("k".to_owned(), "v".repeat(2000))]);
        let outcome = guard.update(Update::new().tags(tags)).await;
        assert_eq!(outcome.unwrap_err().class(), Class::InvalidInput);
        assert!(guard.instance().tags.is_empty());
    }

    #[tokio::test]
    async fn status_tells_retries_and_success() {
        let (guard, registrar) = Registration::new(instance()).unwrap();
        let mut status = guard.status();
        assert!(matches!(
            status.current(),
            RegistrationStatus::Retrying { .. }
        ));
        registrar.retrying("etcd is away");
        assert!(status.changed().await);
        assert_eq!(
            status.current(),
            RegistrationStatus::retrying("etcd is away")
        );
        registrar.registered(1);
        assert!(status.registered().await);
        assert_eq!(status.current(), RegistrationStatus::Registered);
    }
}
