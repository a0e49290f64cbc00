//! A layer of the configuration that is kept elsewhere and changes while the program runs.

use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Problem};
use crate::origin::Origin;

/// A place outside of this host that holds one layer of a configuration, such as a key of etcd.
///
/// It follows that place by itself, from the moment it is made until it is dropped, and never
/// waits for anybody: what it knows is asked for, and who wants to know of changes is woken. A
/// place that cannot be reached keeps its last known value.
pub trait RemoteSource: fmt::Debug + Send + Sync + 'static {
    /// What messages and [`Origin`] call it, such as `etcd:/rzero/config/greeter`.
    fn name(&self) -> &str;

    /// What it holds, as far as is known now.
    fn current(&self) -> RemoteState;

    /// Sends to `wake` after every change of [`current`](Self::current), without waiting: a
    /// channel that is full was told already. A channel whose other end is gone may be forgotten.
    fn wake_on_change(&self, wake: SyncSender<()>);
}

/// What is known of a [`RemoteSource`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemoteState {
    /// It has not answered yet. The text is the reason, for people; `None` while the first
    /// attempt is under way.
    Unknown(Option<Arc<str>>),
    /// It answered that nothing is written there.
    Absent,
    /// It holds this document: TOML, YAML or JSON, told apart by [`Format::sniff`]. Bytes as they
    /// came, because whether they are text is for the reader to say.
    ///
    /// [`Format::sniff`]: crate::Format::sniff
    Document(Arc<[u8]>),
}

impl RemoteState {
    /// Whether the source has answered at least once.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}

/// The writing end of a [`RemoteSource`]: the state, and whoever is to be told of it. What a back
/// end keeps in its task and in its handle.
#[derive(Debug)]
pub struct RemoteCell {
    state: Mutex<(RemoteState, Vec<SyncSender<()>>)>,
}

impl Default for RemoteCell {
    fn default() -> Self {
        Self {
            state: Mutex::new((RemoteState::Unknown(None), Vec::new())),
        }
    }
}

impl RemoteCell {
    /// What is known now.
    #[must_use]
    pub fn current(&self) -> RemoteState {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.clone()
    }

    /// Replaces what is known and wakes those who wait, unless it is the same. `false` then.
    pub fn set(&self, new: RemoteState) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 == new {
            return false;
        }
        state.0 = new;
        // Never blocks: a full channel has a signal in it that is not taken yet.
        let alive = |wake: &SyncSender<()>| {
            use std::sync::mpsc::TrySendError::Disconnected;
            !matches!(wake.try_send(()), Err(Disconnected(())))
        };
        state.1.retain(alive);
        true
    }

    /// Says why nothing is known yet; what is known already stays. `false` then.
    pub fn unreachable(&self, why: &str) -> bool {
        let known = self.current().is_known();
        !known && self.set(RemoteState::Unknown(Some(why.into())))
    }

    /// As [`RemoteSource::wake_on_change`].
    pub fn wake_on_change(&self, wake: SyncSender<()>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.push(wake);
    }
}

/// Waits until `source` has answered, `within` at most, and gives back what is known then. Blocks
/// the thread.
pub fn wait_for_remote(source: &dyn RemoteSource, within: Duration) -> RemoteState {
    let (wake, woken) = sync_channel(1);
    // Told of changes first, then asked: none is missed.
    source.wake_on_change(wake);
    let deadline = now().checked_add(within);
    loop {
        let state = source.current();
        if state.is_known() {
            return state;
        }
        let left = deadline.map_or(within, |end| end.saturating_duration_since(now()));
        match woken.recv_timeout(left) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return source.current();
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread is blocked here, and tokio's clock does not drive threads"
)]
fn now() -> Instant {
    Instant::now()
}

/// The error of a source that had to answer and did not `within` the time given.
#[must_use]
pub fn remote_missing(source: &dyn RemoteSource, within: Duration) -> Error {
    let why = match source.current() {
        RemoteState::Unknown(Some(why)) => format!(": {why}"),
        _ => String::new(),
    };
    let message = format!("could not be read within {within:?}{why}");
    Problem::new("", message)
        .with_origin(Origin::Remote {
            name: source.name().into(),
            line: 0,
            column: 0,
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Held(Arc<RemoteCell>);

    impl RemoteSource for Held {
        fn name(&self) -> &str {
            "held:/here"
        }

        fn current(&self) -> RemoteState {
            self.0.current()
        }

        fn wake_on_change(&self, wake: SyncSender<()>) {
            self.0.wake_on_change(wake);
        }
    }

    #[test]
    fn waiting_ends_with_the_first_answer() {
        let held = Held::default();
        let writer = Arc::clone(&held.0);
        let answering = std::thread::spawn(move || {
            writer.unreachable("not yet");
            writer.set(RemoteState::Absent);
        });
        let state = wait_for_remote(&held, Duration::from_secs(60));
        assert_eq!(state, RemoteState::Absent);
        answering.join().unwrap();
    }

    #[test]
    fn waiting_ends_in_time_and_the_error_says_why() {
        let held = Held::default();
        assert!(held.0.unreachable("the cable is out"));
        let within = Duration::from_millis(1);
        assert!(!wait_for_remote(&held, within).is_known());
        assert_eq!(
            remote_missing(&held, within).to_string(),
            "held:/here: could not be read within 1ms: the cable is out"
        );
    }

    #[test]
    fn value_outlives_the_loss_of_its_source() {
        let held = Held::default();
        held.0.set(RemoteState::Document(Arc::from(&b"a = 1"[..])));
        assert!(!held.0.unreachable("away"));
        assert!(held.current().is_known());
    }

    #[test]
    fn equal_state_wakes_nobody_and_closed_channels_are_forgotten() {
        let cell = RemoteCell::default();
        let (wake, woken) = sync_channel(1);
        cell.wake_on_change(wake);
        assert!(cell.set(RemoteState::Absent));
        assert!(!cell.set(RemoteState::Absent));
        assert!(woken.try_recv().is_ok() && woken.try_recv().is_err());
        drop(woken);
        cell.set(RemoteState::Document(Arc::from(&b""[..])));
        assert!(cell.state.lock().unwrap().1.is_empty());
    }
}
