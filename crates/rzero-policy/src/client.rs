//! What holds for all calls to one target.

use rzero_balance::{OutlierConfig, SlowStart, SubsetConfig};
use rzero_resilience::retry::{BudgetConfig, Hedge};

use crate::Off;

/// What holds for all calls to one target, ready to be used: what is switched off by name has no
/// effect already.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ClientPolicy {
    /// How much extra load retries, re-picks and hedges may cause together.
    pub budget: BudgetConfig,
    /// The caps on hedges of the target; whether a method is hedged is said by its own policy.
    pub hedge: Hedge,
    /// When nodes are ejected.
    pub outlier: OutlierConfig,
    /// How new and recovered nodes are warmed up.
    pub slow_start: SlowStart,
    /// Which of very many nodes are kept.
    pub subset: SubsetConfig,
    /// Whether the own zone is preferred.
    pub zone: ZonePolicy,
    /// What is switched off by name.
    pub off: Off,
}

/// Whether calls stay in the client's own zone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ZonePolicy {
    /// Whether they do as long as it has the capacity. Default true; a client without a zone has
    /// no preference.
    pub prefer: bool,
    /// The ready part of the local capacity below which calls leave the zone, 0 to 1; with 0 none
    /// leave while a local node is ready. Default 0.7.
    pub spill_below: f64,
}

impl Default for ZonePolicy {
    fn default() -> Self {
        Self {
            prefer: true,
            spill_below: 0.7,
        }
    }
}
