use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use rzero_resilience::limit::gcra::Cell;
use rzero_resilience::limit::{Gcra, RateLimit};
use tokio::time::Instant;

use crate::support::ms;

proptest! {
    #[test]
    fn many_keys_are_limited_as_if_each_had_a_cell(
        requests in prop::collection::vec((0_u8..40, 0_u64..30), 1..400),
    ) {
        let gcra = Gcra::new(2, ms(100), 3);
        let mut now = Instant::now();
        let start = now;
        let limit = RateLimit::starting(gcra, 4096, now);
        let mut cells: HashMap<u8, Cell> = HashMap::new();
        for (key, gap) in requests {
            now += ms(gap);
            let cell = cells.entry(key).or_default();
            let nanos = u64::try_from((now - start).as_nanos()).unwrap();
            let expected = gcra.decide(cell, nanos, 1);
            prop_assert_eq!(limit.check(&key, now), expected);
        }
    }

    #[test]
    fn a_table_too_small_refuses_nobody_wrongly(
        requests in prop::collection::vec((0_u8..40, 0_u64..30), 1..400),
    ) {
        let gcra = Gcra::new(2, ms(100), 3);
        let mut now = Instant::now();
        let start = now;
        let small = RateLimit::starting(gcra, 8, now);
        // What each key has used of what it was given; the table may know less, never more.
        let mut used: HashMap<u8, u64> = HashMap::new();
        for (key, gap) in requests {
            now += ms(gap);
            let nanos = u64::try_from((now - start).as_nanos()).unwrap();
            let tat = used.entry(key).or_default();
            let next = (*tat).max(nanos) + gcra.interval();
            if small.check(&key, now).allowed {
                *tat = next;
            } else {
                prop_assert!(next - nanos > gcra.tolerance());
            }
        }
    }
}

#[test]
fn keys_that_are_idle_make_room_unnoticed() {
    let mut now = Instant::now();
    let limit = RateLimit::starting(Gcra::new(1, ms(10), 1), 8, now);
    for round in 0..1_000_u32 {
        for key in 0..8 {
            assert!(limit.check(&(round, key), now).allowed);
            assert!(!limit.check(&(round, key), now).allowed);
        }
        now += ms(10);
    }
    assert_eq!(limit.forgotten(), 0);
}

#[test]
fn active_keys_beyond_the_capacity_are_counted() {
    let now = Instant::now();
    let limit = RateLimit::starting(Gcra::new(1, ms(1_000), 1), 8, now);
    assert!((0..20).all(|key| limit.check(&key, now).allowed));
    assert_eq!((limit.capacity(), limit.forgotten()), (8, 12));
}

#[test]
fn a_peek_takes_nothing() {
    let now = Instant::now();
    let limit = RateLimit::starting(Gcra::new(1, ms(1_000), 2), 8, now);
    assert_eq!(limit.peek("ann", now, 2).remaining, 0);
    assert!(limit.peek("ann", now, 2).allowed);
    assert!(limit.check_n("ann", now, 2).allowed);
    assert!(!limit.peek("ann", now, 1).allowed);
}

#[test]
fn a_new_rate_keeps_what_was_used() {
    let now = Instant::now();
    let limit = RateLimit::starting(Gcra::new(1, ms(3_600_000), 10), 64, now);
    assert!(limit.check_n("ann", now, 10).allowed);
    assert!(limit.check_n("bob", now, 2).allowed);
    limit.reconfigure(Gcra::new(1, ms(100), 4), now);
    let ann = limit.check("ann", now);
    assert_eq!((ann.allowed, ann.retry_after), (false, ms(100)));
    assert!(limit.check("ann", now + ms(100)).allowed);
    assert_eq!(limit.peek("bob", now, 0).remaining, 2);
    assert_eq!(limit.peek("eve", now, 0).remaining, 4);
}

#[test]
fn threads_share_the_burst_of_each_key_exactly() {
    let now = Instant::now();
    let limit = RateLimit::starting(Gcra::new(1, ms(60_000), 100), 4096, now);
    let admitted: usize = std::thread::scope(|scope| {
        let work = || {
            let requests = (0..4_000_u32).filter(|n| limit.check(&(n % 20), now).allowed);
            requests.count()
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(admitted, 2_000);
}

#[test]
fn keys_that_take_each_others_places_on_threads_are_not_mixed_up() {
    let start = Instant::now();
    // A key is idle a nanosecond after its use, and no two uses are at the same one. So every
    // use of a key is allowed, unless another key's use is counted for it.
    let limit = RateLimit::starting(Gcra::with_ticks(1, 1, 1), 8, start);
    let clock = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (limit, clock) = (&limit, &clock);
            scope.spawn(move || {
                for n in 0..20_000_u32 {
                    let nanos = clock.fetch_add(1, Ordering::Relaxed);
                    let now = start + Duration::from_nanos(nanos);
                    assert!(limit.check(&(thread, n % 5), now).allowed);
                }
            });
        }
    });
}
