//! A call that gets a second attempt beside a slow first one.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use rzero_core::{CallInfo, Error, Reply, Result};
use rzero_resilience::retry::{self, Attempt, CancelCap, Hedge, Side, Work};
use tokio::time::Instant;

use super::attempt::send;
use super::context::mark;
use crate::Channel;
use crate::governance::{MethodState, Rules};
use crate::snapshot::Ready;

/// Where the two sides of a hedged call run.
#[derive(Default)]
struct Seats(Mutex<[Option<Arc<Ready>>; 2]>);

impl Seats {
    fn take(&self, side: Side, node: &Arc<Ready>) {
        let mut seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats[place(side)] = Some(Arc::clone(node));
    }

    fn of(&self, side: Side) -> Option<Arc<Ready>> {
        let seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seats[place(side)].clone()
    }

    /// The node that an attempt should not go to: its last one, or that of the other side.
    fn to_avoid(&self, attempt: Attempt) -> Option<Arc<Ready>> {
        match (attempt.side, attempt.before) {
            (Side::Hedge, 0) => self.of(Side::First),
            (side, _) => self.of(side),
        }
    }

    /// Whether the loser may be cancelled: its node has not seen too many cancels lately.
    fn may_cancel(&self, loser: Side, hedge: &Hedge) -> bool {
        let now = Instant::now();
        self.of(loser).is_none_or(|node| {
            let cap = || CancelCap::new(hedge.cancels_per_second, now);
            node.cancels.get_or_init(cap).try_cancel(now)
        })
    }
}

const fn place(side: Side) -> usize {
    match side {
        Side::First => 0,
        Side::Hedge => 1,
    }
}

impl Channel {
    /// The attempts of a hedged call. The loser counts nowhere.
    pub(super) async fn hedged(
        &self,
        state: &Arc<MethodState>,
        rules: &Rules,
        info: &CallInfo,
        message: &Bytes,
        now: Instant,
    ) -> Result<Reply<Bytes>> {
        let limit = rules.attempt_timeout(info, &state.target.latency, now);
        let work = Work::of(info).taking(state.target.p50(now));
        let seats = Arc::new(Seats::default());
        let hedge = rules.hedge;
        let may_cancel = {
            let seats = Arc::clone(&seats);
            move |loser| seats.may_cancel(loser, &hedge)
        };
        let racer = Racer {
            channel: self.clone(),
            state: Arc::clone(state),
            info: info.clone(),
            message: message.clone(),
            seats,
        };
        let attempt = move |attempt: Attempt| racer.clone().run(attempt);
        let policy = rules.retries(limit);
        retry::hedged(&policy, &hedge, &state.target, work, may_cancel, attempt).await
    }
}

/// What an attempt of a hedged call needs, whichever task it ends in.
#[derive(Clone)]
struct Racer {
    channel: Channel,
    state: Arc<MethodState>,
    info: CallInfo,
    message: Bytes,
    seats: Arc<Seats>,
}

impl Racer {
    async fn run(mut self, attempt: Attempt) -> Result<Reply<Bytes>, Error> {
        let now = Instant::now();
        mark(&mut self.info, attempt.number);
        let avoid = self.seats.to_avoid(attempt);
        let (channel, state) = (&self.channel, &*self.state);
        let placed = channel.place(state, &self.info, now, avoid.as_deref())?;
        let (mut flight, begun) = channel.settle(placed, &self.info, now).await?;
        self.seats.take(attempt.side, flight.node());
        let limit = attempt
            .deadline
            .map(|at| at.saturating_duration_since(begun));
        let sent = send(&mut flight, &self.info, &self.message, limit, begun);
        sent.await.0
    }
}
