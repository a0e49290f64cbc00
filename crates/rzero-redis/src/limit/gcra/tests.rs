//! The script against an exact model, under clocks that tests set.

use std::collections::HashMap;

use proptest::prelude::*;
use rzero_harness::RedisServer;

use super::*;
use crate::{Redis, RedisConfig, Script};

/// The same decisions at times that the test gives: a list of pairs, time and how many. Keys live
/// on, because their lives are counted by the server's own clock.
const REPLAY: &str = r"
local answers = {}
for i = 3, #ARGV, 2 do
  local args = { ARGV[i + 1], ARGV[1], ARGV[2] }
  for _, number in ipairs(decide(tonumber(ARGV[i]), KEYS, args)) do
    answers[#answers + 1] = string.format('%.0f', number)
  end
  redis.call('PERSIST', KEYS[1])
end
return table.concat(answers, ' ')
";

/// What the server should keep and say.
#[derive(Default)]
struct Model {
    tats: HashMap<String, u64>,
}

impl Model {
    fn decide(&mut self, key: &str, gcra: Gcra, now: u64, n: u64) -> [i64; WIDTH] {
        let tat = self.tats.entry(key.to_owned()).or_default();
        let step = gcra.step((*tat).min(now + gcra.tolerance()), now, n);
        *tat = step.tat;
        let number = |value: u64| i64::try_from(value).unwrap_or(-1);
        [
            i64::from(step.allowed),
            number(step.remaining),
            number(step.retry_after),
            number(step.reset_after),
        ]
    }
}

struct Lab {
    _server: RedisServer,
    redis: Redis,
    replay: Script,
}

impl Lab {
    async fn open() -> Self {
        let server = RedisServer::start().unwrap();
        let config = RedisConfig {
            addresses: vec![server.endpoint()],
            response_timeout: Duration::from_secs(30),
            ..RedisConfig::default()
        };
        Self {
            _server: server,
            redis: Redis::connect("lab", &config).await.unwrap(),
            replay: Script::new(format!("{DECIDE}{REPLAY}")),
        }
    }

    async fn replay(&self, key: &str, gcra: Gcra, arrivals: &[(u64, u64)]) -> Vec<[i64; WIDTH]> {
        let mut args = vec![gcra.interval(), gcra.tolerance()];
        args.extend(arrivals.iter().flat_map(|(now, n)| [*now, *n]));
        let answer: String = self.redis.run(&self.replay, &[key], args).await.unwrap();
        let answer: Vec<i64> = answer.split(' ').map(|n| n.parse().unwrap()).collect();
        let (each, rest) = answer.as_chunks::<WIDTH>();
        assert!(rest.is_empty());
        each.to_vec()
    }
}

/// Numbers that look random and are the same in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

const START: u64 = 1_800_000_000_000_000;

#[tokio::test]
#[ignore = "needs redis"]
async fn a_million_arrivals_are_decided_as_by_the_model() {
    let lab = Lab::open().await;
    let mut dice = Dice(7);
    let mut model = Model::default();
    // 100 a second, 50 at once, and twice as many arrivals, for 83 minutes of a clock of its own.
    let gcra = terms(100, Duration::from_secs(1), 50);
    let mut now = START;
    let mut allowed: Vec<u64> = Vec::new();
    for _ in 0..1000 {
        let arrivals: Vec<(u64, u64)> = (0..1000)
            .map(|_| {
                now += dice.below(10_000);
                (now, 1)
            })
            .collect();
        let answers = lab.replay("k", gcra, &arrivals).await;
        for ((at, n), answer) in arrivals.iter().zip(answers) {
            assert_eq!(answer, model.decide("k", gcra, *at, *n), "at {at}");
            if answer[0] == 1 {
                allowed.push(*at);
            }
        }
    }
    // No second, wherever it begins, has more than a burst and what it earns.
    let mut first = 0;
    for (last, at) in allowed.iter().enumerate() {
        while at - allowed[first] >= 1_000_000 {
            first += 1;
        }
        assert!(
            last - first < 50 + 100,
            "{} in one second",
            last - first + 1
        );
    }
    assert!(allowed.len() > 400_000);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn strange_rules_and_clocks_are_decided_as_by_the_model() {
    let lab = Lab::open().await;
    let mut dice = Dice(11);
    let mut model = Model::default();
    for round in 0..200 {
        let key = format!("k{}", round % 20);
        // Rates from one a day to a million a second, changed under way.
        let period = [1, 1_000, 1_000_000, 86_400_000_000][usize::try_from(dice.below(4)).unwrap()];
        let gcra = Gcra::with_ticks(1 + dice.below(1000), period, 1 + dice.below(1000));
        let mut now = START + dice.below(10_000_000_000);
        let arrivals: Vec<(u64, u64)> = (0..200)
            .map(|_| {
                match dice.below(20) {
                    0 => now -= dice.below(3_600_000_000),
                    1 => now += dice.below(3_600_000_000),
                    _ => now += dice.below(gcra.interval() * 2),
                }
                (now, 1 + dice.below(3))
            })
            .collect();
        for ((at, n), answer) in arrivals.iter().zip(lab.replay(&key, gcra, &arrivals).await) {
            assert_eq!(
                answer,
                model.decide(&key, gcra, *at, *n),
                "{gcra:?} at {at} for {n}"
            );
        }
    }
}

#[tokio::test]
#[ignore = "needs redis"]
async fn a_clock_that_goes_back_grants_nothing() {
    let lab = Lab::open().await;
    let gcra = terms(10, Duration::from_secs(1), 5);
    let hour = 3_600_000_000;
    let burst = vec![(START, 1); 6];
    let answers = lab.replay("k", gcra, &burst).await;
    assert_eq!(answers.iter().filter(|answer| answer[0] == 1).count(), 5);
    let back = vec![(START - hour, 1); 6];
    let answers = lab.replay("k", gcra, &back).await;
    assert!(answers.iter().all(|answer| answer[0] == 0), "{answers:?}");
    // And locks nobody out: the rate goes on from there.
    let later = vec![(START - hour + 100_000, 1); 2];
    let answers = lab.replay("k", gcra, &later).await;
    assert_eq!((answers[0][0], answers[1][0]), (1, 0));
}

#[tokio::test]
#[ignore = "needs redis"]
async fn keys_live_as_long_as_they_matter() {
    let lab = Lab::open().await;
    // go-zero's limiter has a life of 0 s here, and is silently off.
    let fast = terms(1000, Duration::from_secs(1), 1);
    let slow = terms(1, Duration::from_secs(60), 10);
    let script = Script::new(script());
    for (key, gcra, least, most) in [("fast", fast, 1, 1), ("slow", slow, 59_000, 60_000)] {
        let read = "\nlocal answer = decide(redis.call('TIME')[1] * 1000000, KEYS, ARGV)\
                    \nreturn redis.call('PTTL', KEYS[1])";
        let read = Script::new(format!("{DECIDE}{read}"));
        let args = args(1, [gcra].into_iter());
        let left: i64 = lab.redis.run(&read, &[key], args).await.unwrap();
        assert!((least..=most).contains(&left), "{key}: {left}");
    }
    let answer: Vec<i64> = lab
        .redis
        .run(&script, &["fresh"], args(1, [slow].into_iter()))
        .await
        .unwrap();
    assert_eq!(answer, [1, 9, 0, 60_000_000]);
}

#[tokio::test]
#[ignore = "needs redis"]
async fn one_refusal_spares_all_keys() {
    let lab = Lab::open().await;
    let script = Script::new(script());
    let (wide, narrow) = (
        terms(1, Duration::from_secs(60), 10),
        terms(1, Duration::from_secs(60), 1),
    );
    let args = args(1, [wide, narrow].into_iter());
    let mut remaining = Vec::new();
    for _ in 0..3 {
        let keys = ["wide", "narrow"];
        let answer: Vec<i64> = lab.redis.run(&script, &keys, args.clone()).await.unwrap();
        let [first, second] = decisions(&answer).unwrap()[..] else {
            panic!("{answer:?}");
        };
        remaining.push((first.remaining, second.allowed));
    }
    assert_eq!(remaining, [(9, true), (9, false), (9, false)]);
}

#[test]
fn answers_of_another_shape_are_none() {
    assert_eq!(decisions(&[]), Some(Vec::new()));
    assert_eq!(decisions(&[1, 2, 3]), None);
    assert_eq!(decisions(&[1, -2, 0, 0]), None);
    assert_eq!(decisions(&[0, 0, -2, 0]), None);
}

proptest! {
    #[test]
    fn answers_survive_the_way(
        allowed: bool,
        remaining in 0..i64::MAX,
        retry in -1..i64::MAX,
        reset in 0..i64::MAX,
    ) {
        let decided = decisions(&[i64::from(allowed), remaining, retry, reset]).unwrap();
        let [decision] = decided[..] else { panic!("one") };
        prop_assert_eq!(decision.allowed, allowed);
        prop_assert_eq!(decision.remaining, u64::try_from(remaining).unwrap());
        let retry = u64::try_from(retry).map_or(Duration::MAX, Duration::from_micros);
        prop_assert_eq!(decision.retry_after, retry);
        prop_assert_eq!(decision.reset_after, Duration::from_micros(u64::try_from(reset).unwrap()));
    }

    #[test]
    fn numbers_of_a_checked_rule_are_exact_in_lua(
        rate in 1_u32..,
        seconds in 1_u64..86_400 * 366,
        burst in 1_u32..,
    ) {
        let rule = rzero_resilience::limit::RateRule {
            name: "r".into(),
            rate,
            period: Duration::from_secs(seconds),
            burst,
            ..Default::default()
        };
        prop_assume!(rule.validate().is_ok());
        let gcra = terms(rate, rule.period, burst);
        // Rounding up adds less than a microsecond for each of a burst.
        let year_2255: u64 = 9_007_199_254_740_992;
        let now = START * 2;
        prop_assert!(gcra.tolerance() <= 3_200_000_000_000_000 + u64::from(burst));
        prop_assert!(now + gcra.tolerance() + gcra.interval() < year_2255);
    }
}
