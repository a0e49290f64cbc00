//! What holds for the calls of one method, in one word, so that a call reads it with one load and a
//! reload swaps it with one store.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::{CallInfo, Priority};
use rzero_policy::OnCancel;
use tokio::time::Instant;

/// What holds for the calls of one method: switches below, its time in µs above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules(u64);

/// A policy that looks at calls of a method, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Switch {
    Shed = 1,
    /// Both limits on calls at once.
    Concurrency = 1 << 1,
    Rate = 1 << 2,
    Breaker = 1 << 3,
    /// Whether some callers have rules of their own.
    ByCaller = 1 << 4,
    /// Rate limits that all processes share, which have to be waited for.
    SharedRate = 1 << 7,
}

/// The time holds for callers that gave a longer one too.
const CUTS: u64 = 1 << 5;
const FINISHES: u64 = 1 << 6;
const PRIORITY_SHIFT: u32 = 8;
const PRIORITY_BITS: u64 = 0b11;
const TIME_SHIFT: u32 = 16;
/// No time: 48 bits of one, or some nine years.
const FOR_EVER: u64 = u64::MAX >> TIME_SHIFT;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// As long as its caller waits.
    Asked,
    /// So long, when its caller did not say.
    Default(Duration),
    /// So long at most, whatever its caller says.
    Max(Duration),
}

impl Rules {
    /// No policy looks at the calls.
    pub(super) fn free(time: Time) -> Self {
        let (time, cuts) = match time {
            Time::Asked => (FOR_EVER, 0),
            Time::Default(time) => (micros(time), 0),
            Time::Max(time) => (micros(time), CUTS),
        };
        let rules = Self(time << TIME_SHIFT | cuts);
        rules.with_priority(Priority::Normal)
    }

    pub(super) fn with(self, switch: Switch, on: bool) -> Self {
        self.bit(switch as u64, on)
    }

    pub(super) fn with_priority(self, priority: Priority) -> Self {
        let bits: u64 = match priority {
            Priority::Sheddable => 0,
            Priority::Normal => 1,
            Priority::Critical => 2,
        };
        Self(self.0 & !(PRIORITY_BITS << PRIORITY_SHIFT) | bits << PRIORITY_SHIFT)
    }

    pub(super) fn with_on_cancel(self, on_cancel: OnCancel) -> Self {
        self.bit(FINISHES, on_cancel == OnCancel::Finish)
    }

    fn bit(self, bit: u64, on: bool) -> Self {
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }

    #[inline]
    pub(super) const fn has(self, switch: Switch) -> bool {
        self.0 & switch as u64 != 0
    }

    /// Whether a handler runs to its end when its caller has left.
    pub(super) const fn finishes(self) -> bool {
        self.0 & FINISHES != 0
    }

    pub(super) const fn priority(self) -> Priority {
        match self.0 >> PRIORITY_SHIFT & PRIORITY_BITS {
            0 => Priority::Sheddable,
            1 => Priority::Normal,
            _ => Priority::Critical,
        }
    }

    pub(super) const fn time(self) -> Time {
        let time = Duration::from_micros(self.0 >> TIME_SHIFT);
        match (self.0 >> TIME_SHIFT, self.0 & CUTS) {
            (FOR_EVER, _) => Time::Asked,
            (_, 0) => Time::Default(time),
            _ => Time::Max(time),
        }
    }

    /// When the time of a call is up.
    pub(super) fn deadline(self, call: &CallInfo) -> Option<Instant> {
        let (asked, received) = (call.deadline(), call.received());
        match self.time() {
            Time::Asked => asked,
            Time::Default(time) => asked.or_else(|| received.checked_add(time)),
            Time::Max(time) => {
                let until = received.checked_add(time);
                asked.map_or(until, |asked| Some(until.map_or(asked, |at| at.min(asked))))
            }
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).map_or(FOR_EVER, |us| us.min(FOR_EVER))
}

/// [`Rules`] that can be swapped while calls read them.
#[derive(Debug)]
pub(super) struct SharedRules(AtomicU64);

impl SharedRules {
    pub(super) const fn new(rules: Rules) -> Self {
        Self(AtomicU64::new(rules.0))
    }

    #[inline]
    pub(super) fn get(&self) -> Rules {
        Rules(self.0.load(Relaxed))
    }

    pub(super) fn set(&self, rules: Rules) {
        self.0.store(rules.0, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rzero_core::{Idempotency, Kind, Method};

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn call(now: Instant, deadline: Option<Duration>) -> CallInfo {
        let method = Method::dynamic("/a.B/C", Kind::Unary, Idempotency::Unknown).unwrap();
        let mut call = CallInfo::new(method, now);
        call.set_deadline(deadline.map(|left| now + left));
        call
    }

    #[test]
    fn every_part_is_kept() {
        for time in [
            Time::Asked,
            Time::Default(2 * MS),
            Time::Max(Duration::from_micros(7)),
        ] {
            for priority in [Priority::Sheddable, Priority::Normal, Priority::Critical] {
                let rules = Rules::free(time)
                    .with_priority(priority)
                    .with(Switch::Rate, true)
                    .with_on_cancel(OnCancel::Finish);
                assert_eq!((rules.time(), rules.priority()), (time, priority));
                assert!(rules.has(Switch::Rate) && rules.finishes());
                assert!(!rules.has(Switch::Shed) && !rules.has(Switch::ByCaller));
            }
        }
        assert_eq!(Rules::free(Time::Max(Duration::MAX)).time(), Time::Asked);
    }

    #[test]
    fn default_time_is_for_callers_that_give_none() {
        let now = Instant::now();
        let rules = Rules::free(Time::Default(100 * MS));
        assert_eq!(rules.deadline(&call(now, None)), Some(now + 100 * MS));
        assert_eq!(
            rules.deadline(&call(now, Some(300 * MS))),
            Some(now + 300 * MS)
        );
    }

    #[test]
    fn longest_time_cuts_what_callers_ask_for() {
        let now = Instant::now();
        let rules = Rules::free(Time::Max(100 * MS));
        for (asked, until) in [(None, 100), (Some(300), 100), (Some(30), 30)] {
            let call = call(now, asked.map(|ms| ms * MS));
            assert_eq!(rules.deadline(&call), Some(now + until * MS));
        }
        assert_eq!(Rules::free(Time::Asked).deadline(&call(now, None)), None);
    }
}
