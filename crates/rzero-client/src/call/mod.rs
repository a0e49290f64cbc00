//! The path of one call: deadline budget → fallback → hedging → retry → attempts.
//!
//! Each attempt asks the breaker of its method and the balancer, has a timeout of its own and ends
//! on a connection (`attempt.rs`). What follows a failure is in `again.rs`. A plain successful call
//! takes no lock and reads the clock twice.

mod again;
mod attempt;
mod context;
mod fallback;
mod hedged;

use std::sync::Arc;

use bytes::Bytes;
use rzero_core::{CallInfo, Duplex, Method, Reply, Result};
use tokio::time::Instant;

use crate::flight::Flight;
use crate::governance::MethodState;
use crate::stream::Tracked;
use crate::{CallOptions, Channel};

pub(crate) use attempt::is_overdue;
pub use fallback::FailedCall;
pub(crate) use fallback::Fallback;

/// A stream that was never sent goes to another node at once, this often.
const REPICKS_MAX: u8 = 2;

impl Channel {
    /// Calls a unary method with an encoded message.
    ///
    /// What failed is tried again on another node as the policies of the method allow: a call that
    /// was never sent at once, one that may have run only when it is idempotent.
    ///
    /// # Errors
    /// The callee's, or why it could not be reached; the answer of a [fallback](Self::fallback)
    /// stands before it.
    ///
    /// # Cancel safety
    /// Dropping the future cancels the call.
    pub async fn unary(
        &self,
        method: Method,
        message: Bytes,
        options: &CallOptions,
    ) -> Result<Reply<Bytes>> {
        let now = Instant::now();
        let mut info = self.prepare(method, options, now);
        let state = self.0.methods.of(method, now);
        let (limit, hedged) = {
            let rules = state.rules.load();
            rules.budget(&mut info, options.timeout, now)?;
            match rules.hedges(&info) {
                true => (None, Some(Arc::clone(&rules))),
                false => (
                    rules.attempt_timeout(&info, &state.target.latency, now),
                    None,
                ),
            }
        };
        let result = match hedged {
            // Boxed: few calls are hedged, and the future of every call would be as large.
            Some(rules) => Box::pin(self.hedged(state, &rules, &info, &message, now)).await,
            None => {
                state.target.budget.deposit(now);
                let placed = self.place(state, &info, now, None);
                self.repeated(state, &mut info, &message, placed, limit, now)
                    .await
            }
        };
        match result {
            Ok(reply) => Ok(reply),
            Err(error) => {
                let fallback = Box::pin(self.fall_back(info, message, error, now));
                let result = fallback.await;
                result.map_err(rzero_core::Error::relayed)
            }
        }
    }

    /// Begins a call that streams.
    ///
    /// # Errors
    /// When the breaker rejects it or no node can take it; what happens later comes out of the
    /// stream.
    ///
    /// # Cancel safety
    /// Dropping the future begins nothing.
    pub async fn open(&self, method: Method, options: &CallOptions) -> Result<Duplex> {
        let now = Instant::now();
        let mut info = self.prepare(method, options, now);
        let state = self.0.methods.of(method, now);
        state.rules.load().budget(&mut info, options.timeout, now)?;
        state.target.budget.deposit(now);
        let mut flight = self.begin(state, &info, now, None).await?;
        let mut repicks = 0;
        loop {
            let duplex = flight.node().connection.open(info.clone());
            // A node that began to leave in this very moment says so at once: nothing was sent.
            if !flight.node().connection.is_open() && repicks < REPICKS_MAX {
                let now = Instant::now();
                if let Some(extra) = state.target.budget.withdraw(now) {
                    repicks += 1;
                    flight.abandon();
                    flight = self.begin(state, &info, now, Some(&flight)).await?;
                    extra.spend();
                    continue;
                }
            }
            flight.deadline = info.deadline();
            return Ok(duplex.wrap(|io| Arc::new(Tracked::new(io, flight))));
        }
    }

    /// Takes a place for a stream, on another node than that of `failed`.
    async fn begin(
        &self,
        state: &MethodState,
        info: &CallInfo,
        now: Instant,
        failed: Option<&Flight>,
    ) -> Result<Flight> {
        let failed = failed.map(|flight| &**flight.node());
        let placed = self.place(state, info, now, failed)?;
        Ok(self.settle(placed, info, now).await?.0)
    }
}
