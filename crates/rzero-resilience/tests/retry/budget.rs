//! The budget against a naive model, over a minute of failures, and among threads.

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;
use rzero_resilience::retry::{Budget, BudgetConfig};
use tokio::time::Instant;

/// The rule, written down: what the last ten slots of a second hold.
#[derive(Default)]
struct Model(HashMap<u64, (u64, u64)>);

impl Model {
    fn window(&self, second: u64) -> (u64, u64) {
        let slots = second.saturating_sub(9)..=second;
        slots
            .filter_map(|slot| self.0.get(&slot))
            .fold((0, 0), |all, slot| (all.0 + slot.0, all.1 + slot.1))
    }

    fn withdraw(&mut self, second: u64) -> bool {
        let (first, extra) = self.window(second);
        // Tenths: 30 is the floor of 3 per second over 10 s.
        let yes = (extra + 1) * 10 <= first + 300;
        if yes {
            self.0.entry(second).or_default().1 += 1;
        }
        yes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn budget_decides_as_the_model(
        steps in prop::collection::vec((0..4000_u64, 0..60_u64, 0..20_u64, 0..4_u64), 1..60)
    ) {
        let start = Instant::now();
        let budget = Budget::new(&BudgetConfig::default(), start);
        let (mut model, mut millis) = (Model::default(), 0);
        for (pause, first, extra, returned) in steps {
            millis += pause;
            let now = start + Duration::from_millis(millis);
            let second = millis / 1000;
            (0..first).for_each(|_| budget.deposit(now));
            model.0.entry(second).or_default().0 += first;
            for n in 0..extra {
                let got = budget.withdraw(now);
                prop_assert_eq!(got.is_some(), model.withdraw(second));
                match got {
                    Some(withdrawal) if n >= returned => withdrawal.spend(),
                    // Dropped, it goes back.
                    Some(_) => model.0.entry(second).or_default().1 -= 1,
                    None => {}
                }
            }
        }
    }

    #[test]
    fn extra_load_of_a_minute_stays_below_its_bound(
        rates in prop::collection::vec(0..300_u64, 60), retries in 1..4_u64
    ) {
        let start = Instant::now();
        let budget = Budget::new(&BudgetConfig::default(), start);
        let (mut first, mut extra) = (0, 0);
        for (second, rate) in rates.into_iter().enumerate() {
            for n in 0..rate {
                let now = start + Duration::from_millis(second as u64 * 1000 + n * 1000 / rate);
                budget.deposit(now);
                first += 1;
                for _ in 0..retries {
                    if let Some(withdrawal) = budget.withdraw(now) {
                        withdrawal.spend();
                        extra += 1;
                    }
                }
            }
        }
        prop_assert!(extra * 10 <= first + 3 * 60 * 10, "{} of {}", extra, first);
    }
}

#[test]
fn minute_of_failures_uses_the_whole_budget() {
    let start = Instant::now();
    let budget = Budget::new(&BudgetConfig::default(), start);
    let mut extra = 0;
    for n in 0..60_000 {
        let now = start + Duration::from_millis(n);
        budget.deposit(now);
        if let Some(withdrawal) = budget.withdraw(now) {
            withdrawal.spend();
            extra += 1;
        }
    }
    assert!((6000..=6180).contains(&extra), "{extra}");
}

#[test]
fn rare_calls_are_always_repeated() {
    let start = Instant::now();
    let budget = Budget::new(&BudgetConfig::default(), start);
    for n in 0..600 {
        let now = start + Duration::from_millis(n * 350);
        budget.deposit(now);
        budget
            .withdraw(now)
            .expect("the floor is 3 per second")
            .spend();
    }
}

#[test]
fn threads_never_exceed_the_budget_together() {
    let start = Instant::now();
    let budget = Budget::new(&BudgetConfig::default(), start);
    let granted: u64 = std::thread::scope(|s| {
        let work = |thread: u64| {
            let budget = &budget;
            move || {
                let mut granted = 0;
                for n in 0..4000 {
                    // Threads disagree about the time by up to 2 s, over a window's length.
                    let now = start + Duration::from_millis((n * 9 / 4 + thread * 500) % 9_900);
                    budget.deposit(now);
                    if let Some(withdrawal) = budget.withdraw(now) {
                        withdrawal.spend();
                        granted += 1;
                    }
                }
                granted
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| s.spawn(work(thread))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert!(granted <= 1600 + 30, "{granted}");
    let end = start + Duration::from_millis(9_999);
    let mut rest = 0;
    while let Some(withdrawal) = budget.withdraw(end) {
        withdrawal.spend();
        rest += 1;
    }
    assert_eq!(granted + rest, 1630, "nothing is lost either");
}

#[test]
fn new_limits_keep_what_was_counted() {
    let start = Instant::now();
    let config = BudgetConfig::default();
    let budget = Budget::new(&config, start);
    (0..1000).for_each(|_| budget.deposit(start));
    assert_eq!(budget.balance(start), 130);
    let half = BudgetConfig {
        ratio: 0.5,
        floor_per_second: 0.0,
        ..config
    };
    budget.reconfigure(&half);
    assert_eq!(budget.balance(start), 500);
    assert_eq!(budget.balance(start + Duration::from_secs(10)), 0);
}

#[test]
fn wrong_values_are_named() {
    let config = BudgetConfig::default();
    config.validate().unwrap();
    let key = |config: BudgetConfig| config.validate().unwrap_err();
    assert!(
        key(BudgetConfig {
            ratio: 1.1,
            ..config
        })
        .starts_with("ratio")
    );
    assert!(
        key(BudgetConfig {
            window: Duration::ZERO,
            ..config
        })
        .starts_with("window")
    );
    assert!(
        key(BudgetConfig {
            floor_per_second: -1.0,
            ..config
        })
        .starts_with("floor_per_second")
    );
}
