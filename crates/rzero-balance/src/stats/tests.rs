use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn what_picks_and_calls_touch_is_one_cache_line() {
    assert_eq!(std::mem::offset_of!(NodeStats, recovered), 64);
}

#[test]
fn totals_are_exact_over_threads() {
    let start = Instant::now();
    let stats = NodeStats::new(start);
    let outcomes = [
        Outcome::OK,
        Outcome::failed(Class::Internal),
        Outcome::failed(Class::DeadlineExceeded),
        Outcome::failed(Class::Unimplemented),
        Outcome::failed(Class::Overloaded),
        Outcome::CANCELLED,
    ];
    let earlier = stats.totals();
    let waiting = stats.begin(start);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for outcome in outcomes.iter().cycle().take(6_000) {
                    stats.finish(stats.begin(start), *outcome, start + MS);
                }
            });
        }
    });
    let counts = stats.totals().since(earlier);
    let want = Counts {
        calls: 32_000,
        failed: 16_000,
        missing: 8_000,
    };
    assert_eq!(counts, want);
    stats.abandon(waiting);
    assert_eq!(stats.totals().since(earlier), want);
}

#[test]
fn totals_survive_the_end_of_their_scales() {
    let full = Totals {
        finished: u64::MAX / BEGUN - 1,
        tally: Tally {
            failed: u32::MAX,
            missing: 0,
            silent: u32::MAX - 1,
        },
    };
    let later = Totals {
        finished: 8,
        tally: Tally {
            failed: 1,
            missing: 1,
            silent: 0,
        },
    };
    let want = Counts {
        calls: 8,
        failed: 2,
        missing: 1,
    };
    assert_eq!(later.since(full), want);
}

#[test]
fn overload_with_a_hint_is_heeded() {
    let now = Instant::now();
    let stats = NodeStats::new(now);
    let wait = Duration::from_secs(2);
    stats.heed(&Error::overloaded("full"), now);
    stats.heed(&Error::rate_limited("quota").with_retry_after(wait), now);
    assert!(!stats.is_pushed_back(now));
    stats.heed(&Error::overloaded("full").with_retry_after(wait), now);
    assert!(stats.is_pushed_back(now + wait - MS));
    assert!(!stats.is_pushed_back(now + wait));
}

#[test]
fn recovered_node_forgets_and_keeps_the_estimate_of_its_peers() {
    let start = Instant::now();
    let stats = NodeStats::new(start);
    let finish = |outcome, from, to| {
        stats.finish(stats.begin(from), outcome, to);
    };
    finish(Outcome::failed(Class::Internal), start, start + MS * 900);
    let back = start + Duration::from_secs(40);
    stats.recover(back);
    assert_eq!((stats.ewma_us(), stats.streak()), (0, Streak::default()));
    assert_eq!(stats.warm_since(), back);
    stats.seed(5_000.0, back);
    // The estimate counts from now on: one fast answer does not make it void.
    finish(Outcome::OK, back, back + MS);
    assert!((4_990..=5_000).contains(&stats.ewma_us()));
}

#[test]
fn streams_count_their_failures_and_say_nothing_about_speed() {
    let t0 = Instant::now();
    let stats = NodeStats::new(t0);
    let started = stats.begin(t0);
    let _ = stats.finish_stream(started, Outcome::OK);
    assert_eq!((stats.ewma_us(), stats.in_flight()), (0, 0));
    for failures in 1..=3 {
        let started = stats.begin(t0);
        let streak = stats.finish_stream(started, Outcome::failed(Class::ConnectionLost));
        assert_eq!(streak.failures, failures);
    }
    let started = stats.begin(t0);
    assert_eq!(
        stats.finish_stream(started, Outcome::CANCELLED),
        Streak::default()
    );
    assert_eq!((stats.in_flight(), stats.streak().failures), (0, 3));
}
