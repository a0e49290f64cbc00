//! What is tried again, where and how often.

use std::sync::Arc;
use std::time::Duration;

use rzero::parts::core::Error;
use rzero::{CallOptions, Class};
use rzero_testing::Echo;
use tokio::time::Instant;

use super::fleet::{Fleet, MS, Mode};

#[tokio::test(start_paused = true)]
async fn idempotent_calls_go_to_another_node_and_say_so() {
    let fleet = Fleet::start(2, "").await;
    fleet.switches[0].set(Mode::Fail(Class::Unavailable));
    for _ in 0..10 {
        fleet.say(true).await.unwrap();
    }
    assert!(fleet.switches[0].calls() > 0);
    assert_eq!(fleet.switches[0].retries(), 0);
    assert_eq!(fleet.switches[1].retries(), fleet.switches[0].calls());
}

#[tokio::test(start_paused = true)]
async fn delays_double_and_a_fourth_retry_never_comes() {
    let fleet = Fleet::start(2, "[policy]\nretry.jitter = 0.0\noff = ['outlier']").await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    let start = Instant::now();
    let error = fleet.say(true).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert_eq!(start.elapsed(), 175 * MS);
    assert_eq!(fleet.calls(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_run_is_never_sent_twice_unless_idempotent() {
    for class in [
        Class::ConnectionLost,
        Class::Unavailable,
        Class::DeadlineExceeded,
    ] {
        let fleet = Fleet::start(3, "").await;
        fleet.set_all(Mode::Fail(class));
        fleet.say(false).await.unwrap_err();
        assert_eq!(fleet.calls(), 1, "{class:?}");
    }
    // A connection that is lost under the call, too.
    let fleet = Fleet::start(2, "").await;
    fleet.set_all(Mode::Hang);
    let call = fleet.say(false);
    let kill = async {
        fleet.until(|fleet| fleet.calls() == 1).await;
        let hit = fleet.switches.iter().position(|s| s.calls() == 1).unwrap();
        fleet.net.kill(&format!("node-{hit:03}"));
    };
    let (result, ()) = tokio::join!(call, kill);
    assert_eq!(result.unwrap_err().class(), Class::ConnectionLost);
    assert_eq!(fleet.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_over_the_buffer_are_not_sent_again() {
    let fleet = Fleet::start(2, "").await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    let options = CallOptions::new().idempotent(true);
    for (bytes, calls) in [(64 << 10, 4), ((64 << 10) + 1, 1)] {
        let before = fleet.calls();
        let message = vec![0; bytes].into();
        let call = fleet.channel.unary(Echo::SAY, message, &options);
        call.await.unwrap_err();
        assert_eq!(fleet.calls() - before, calls, "{bytes}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_ask_for_a_pause_get_it() {
    let fleet = Fleet::start(4, "").await;
    let pause = 1500 * MS;
    fleet.switches[0].set(Mode::Busy(pause));
    // Even a call that must not run twice is safe to repeat: nothing ran.
    let mut calls = 0;
    while fleet.switches[0].calls() == 0 {
        fleet.say(false).await.unwrap();
        calls += 1;
        assert!(calls < 1000);
    }
    let asked = Instant::now();
    assert!(fleet.node(0).pushed_back);
    while asked.elapsed() < pause - 10 * MS {
        fleet.say(false).await.unwrap();
        tokio::time::sleep(MS).await;
    }
    assert_eq!(fleet.switches[0].calls(), 1, "no call in its pause");
    assert!(!fleet.node(0).ejected, "overload does not eject");
}

#[tokio::test(start_paused = true)]
async fn the_only_node_is_asked_again_after_its_pause_and_not_before() {
    let fleet = Fleet::start(1, "").await;
    fleet.set_all(Mode::Busy(600 * MS));
    let start = Instant::now();
    let error = fleet.say(false).await.unwrap_err();
    assert_eq!(error.class(), Class::Overloaded);
    // 2 s hold three pauses: at 0, 0.6, 1.2 and 1.8 s.
    assert_eq!(fleet.calls(), 4);
    assert!(start.elapsed() >= 1800 * MS);
    // A pause that is longer than the time left is not waited for.
    fleet.set_all(Mode::Busy(3000 * MS));
    tokio::time::sleep(700 * MS).await;
    let start = Instant::now();
    fleet.say(false).await.unwrap_err();
    assert!(start.elapsed() < 100 * MS);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_when_all_else_failed() {
    let fleet = Fleet::start(2, "").await;
    let codec = rzero::parts::core::Codec::bytes();
    fleet.channel.fallback(Echo::SAY, codec, codec, |failed| {
        let answer = match failed.error.class() {
            Class::Unavailable => Ok(failed.message),
            _ => Err(failed.error),
        };
        std::future::ready(answer)
    });
    fleet.set_all(Mode::Fail(Class::Unavailable));
    fleet.say(true).await.unwrap();
    assert_eq!(fleet.calls(), 4, "it comes after the retries");
    fleet.set_all(Mode::Fail(Class::Internal));
    let error = fleet.say(true).await.unwrap_err();
    assert_eq!(error.class(), Class::Internal);
    assert!(fleet.channel.governance().methods[0].fallback);
}

#[tokio::test(start_paused = true)]
async fn mistakes_of_callers_are_answers_and_ask_no_fallback() {
    let fleet = Fleet::start(2, "").await;
    let codec = rzero::parts::core::Codec::bytes();
    let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let told = Arc::clone(&asked);
    fleet.channel.fallback(Echo::SAY, codec, codec, move |_| {
        told.store(true, std::sync::atomic::Ordering::SeqCst);
        std::future::ready(Err(Error::internal("never")))
    });
    fleet.set_all(Mode::Fail(Class::NotFound));
    let error = fleet.say(true).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert!(!asked.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(fleet.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn cancelled_retries_leak_nothing() {
    let fleet = Fleet::start(3, "[policy]\noff = ['breaker', 'outlier']").await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    let budget = |fleet: &Fleet| fleet.channel.governance().budget.extra;
    let options = CallOptions::new().idempotent(true);
    for n in 0..10_000_u32 {
        // It ends in the delay before the first retry, or in an attempt behind it.
        let call = fleet.say_with(&options);
        let limit = MS * (n % 60);
        drop(tokio::time::timeout(limit, call).await);
    }
    let nodes = fleet.channel.nodes();
    assert!(nodes.iter().all(|node| node.in_flight == 0), "{nodes:?}");
    assert_eq!(fleet.switches.iter().map(|s| s.running()).sum::<usize>(), 0);
    // What was taken for retries that never began is back: the window has passed.
    tokio::time::sleep(Duration::from_secs(11)).await;
    fleet.set_all(Mode::Answer);
    fleet.say(true).await.unwrap();
    assert_eq!(budget(&fleet), 30);
}

#[tokio::test(start_paused = true)]
async fn retries_can_be_switched_off_and_on_while_calls_run() {
    let off = "[policy]\n[[policy.rule]]\nmatch.method = 'rzero.testing.Echo/Say'\nmatch.target = 'fleet'\noff = ['retry']";
    let fleet = Fleet::start(2, off).await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    fleet.say(true).await.unwrap_err();
    assert_eq!(fleet.calls(), 1);
    let seen = |fleet: &Fleet| fleet.channel.governance().methods[0].breaker.failed;
    assert_eq!(seen(&fleet), 1);
    let on = rzero_policy::Policies::from_toml("[policy]\nretry.attempts = 3").unwrap();
    fleet.policies.send_replace(on);
    tokio::time::sleep(MS).await;
    fleet.say(true).await.unwrap_err();
    assert_eq!(fleet.calls(), 1 + 3);
    assert_eq!(seen(&fleet), 4, "what was counted before is still there");
}
