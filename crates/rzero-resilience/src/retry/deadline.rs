//! How much time a callee gets: less than its caller has.

use std::time::Duration;

use rzero_core::{Class, Error, Fixed};

/// What a hop costs at least: a callee gets this much less than its caller has.
pub const HOP_COST: Duration = Duration::from_millis(2);
/// With less time left than this nothing is sent.
pub const FLOOR: Duration = Duration::from_millis(1);

static NO_TIME: Fixed = Fixed::new(Class::DeadlineExceeded, "no time is left for the call");

/// The cost of a hop to a target whose network time was `measured`: that, and at least
/// [`HOP_COST`].
#[must_use]
pub fn hop_cost(measured: Option<Duration>) -> Duration {
    measured.map_or(HOP_COST, |time| time.max(HOP_COST))
}

/// The time that a call gets: what remains less the hop, or the method's own timeout, whichever is
/// shorter. `None` where neither is known, as for streams.
///
/// ```
/// use std::time::Duration;
/// use rzero_resilience::retry::deadline::{FLOOR, HOP_COST, outgoing};
///
/// let ms = Duration::from_millis;
/// assert_eq!(outgoing(Some(ms(300)), HOP_COST, Some(ms(2000)), FLOOR).unwrap(), Some(ms(298)));
/// assert_eq!(outgoing(Some(ms(300)), HOP_COST, Some(ms(50)), FLOOR).unwrap(), Some(ms(50)));
/// assert!(outgoing(Some(ms(2)), HOP_COST, None, FLOOR).is_err());
/// ```
///
/// # Errors
/// Of class `DeadlineExceeded` when it is less than `floor` ([`FLOOR`] by default): nothing should
/// be sent.
pub fn outgoing(
    remaining: Option<Duration>,
    hop_cost: Duration,
    method_timeout: Option<Duration>,
    floor: Duration,
) -> Result<Option<Duration>, Error> {
    let inherited = remaining.map(|left| left.saturating_sub(hop_cost));
    let time = match (inherited, method_timeout) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    match time {
        Some(time) if time < floor => Err(Error::fixed(&NO_TIME)),
        time => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn each_of_three_hops_has_less_time() {
        let mut left = ms(300);
        for expected in [298, 296, 294] {
            left = outgoing(Some(left), HOP_COST, Some(ms(2000)), FLOOR)
                .unwrap()
                .unwrap();
            assert_eq!(left, ms(expected));
        }
    }

    #[test]
    fn measured_network_time_counts_when_it_is_larger() {
        assert_eq!(hop_cost(None), ms(2));
        assert_eq!(hop_cost(Some(ms(1))), ms(2));
        assert_eq!(hop_cost(Some(ms(40))), ms(40));
    }

    #[test]
    fn without_time_the_call_fails_locally() {
        let error = outgoing(Some(Duration::from_micros(2999)), HOP_COST, None, FLOOR).unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
        assert_eq!(
            outgoing(Some(ms(3)), HOP_COST, None, FLOOR).unwrap(),
            Some(ms(1))
        );
        assert_eq!(outgoing(None, HOP_COST, None, FLOOR).unwrap(), None);
    }
}
