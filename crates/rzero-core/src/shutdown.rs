//! The phases of a drain, as a signal.

use tokio::sync::watch;

/// How far a shutdown has come; phases only move forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Serving.
    #[default]
    Serving,
    /// Not ready any more: health says NOT_SERVING.
    Announce,
    /// Leaving the registry.
    Deregister,
    /// Serving on while peers learn of it.
    Wait,
    /// Listeners close; peers are told to go.
    Close,
    /// Requests in flight finish.
    InFlight,
    /// What is left is cancelled.
    Cut,
    /// Back ends close.
    BackEnds,
    /// Telemetry is flushed; then all is done.
    Done,
}

/// Moves a shutdown forward.
#[derive(Debug)]
pub struct Shutdown(watch::Sender<Phase>);

impl Shutdown {
    /// A shutdown that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Serving))
    }

    /// Enters `phase`; earlier phases are ignored.
    pub fn enter(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let forward = phase > *now;
            *now = phase.max(*now);
            forward
        });
    }

    /// A handle that sees the phases.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

/// Sees the phases of a shutdown. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Phase>);

impl Stop {
    /// The phase now.
    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Waits until `phase` or a later one is reached, or the owner is gone.
    ///
    /// # Cancel safety
    /// Safe: nothing is consumed.
    pub async fn reached(&self, phase: Phase) {
        // An error means that the owner is gone, which is the end of everything it guarded.
        let _ = self.0.clone().wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_only_move_forward() {
        let shutdown = Shutdown::new();
        let stop = shutdown.stop();
        shutdown.enter(Phase::Cut);
        shutdown.enter(Phase::Wait);
        assert_eq!(stop.phase(), Phase::Cut);
        stop.reached(Phase::Close).await;
        drop(shutdown);
        stop.reached(Phase::Done).await;
    }
}
