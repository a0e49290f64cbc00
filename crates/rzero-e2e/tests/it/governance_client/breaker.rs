//! The breaker of a method.

use std::time::Duration;

use rzero::parts::client::{Governance, MethodView};
use rzero::{CallOptions, Class};
use rzero_testing::Echo;

use super::fleet::{Fleet, MS, Mode};

fn say(governance: Governance) -> MethodView {
    let mut methods = governance.methods.into_iter();
    methods.find(|m| m.path.ends_with("/Say")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn breaker_opens_rejects_and_recovers() {
    let fleet = Fleet::start(3, "").await;
    for _ in 0..50 {
        fleet.say(false).await.unwrap();
    }
    fleet.set_all(Mode::Fail(Class::Internal));
    let (mut rejected, mut sent) = (0, 0);
    for _ in 0..2000 {
        match fleet.say(false).await.unwrap_err().class() {
            Class::BreakerOpen => rejected += 1,
            Class::Internal => sent += 1,
            other => panic!("{other:?}"),
        }
        tokio::time::sleep(10 * MS).await;
    }
    assert!(rejected > 1500, "{rejected} of 2000");
    let view = say(fleet.channel.governance()).breaker;
    assert_eq!(view.rejected_ever, rejected, "counted apart");
    assert_eq!(fleet.calls(), 50 + sent);
    fleet.set_all(Mode::Answer);
    let mut passed = 0;
    for n in 0..800 {
        let result = fleet.say(false).await;
        assert!(n < 500 || result.is_ok(), "{n}: after 5 s all pass");
        passed += usize::from(n >= 300 && result.is_ok());
        tokio::time::sleep(10 * MS).await;
    }
    assert!(passed >= 475, "{passed} of 500");
}

#[tokio::test(start_paused = true)]
async fn overload_counts_and_mistakes_of_callers_do_not() {
    for class in [Class::NotFound, Class::InvalidInput, Class::RateLimited] {
        let fleet = Fleet::start(2, "").await;
        fleet.set_all(Mode::Fail(class));
        for _ in 0..200 {
            assert_eq!(fleet.say(false).await.unwrap_err().class(), class);
        }
        let view = say(fleet.channel.governance()).breaker;
        assert_eq!((view.failed, view.rejected), (0, 0), "{class:?}");
    }
    let fleet = Fleet::start(2, "[policy]\noff = ['retry']").await;
    fleet.set_all(Mode::Fail(Class::Overloaded));
    fleet.say(false).await.unwrap_err();
    assert_eq!(say(fleet.channel.governance()).breaker.failed, 1);
}

#[tokio::test(start_paused = true)]
async fn one_method_does_not_open_the_breaker_of_another() {
    let fleet = Fleet::start(2, "").await;
    fleet.set_all(Mode::Fail(Class::Internal));
    for _ in 0..300 {
        fleet.say(false).await.unwrap_err();
    }
    fleet.set_all(Mode::Answer);
    let mut chat = fleet.channel.open(Echo::CHAT, &CallOptions::new()).await;
    let duplex = chat.as_mut().unwrap();
    duplex.tx.send("hello".into()).await.unwrap();
    assert_eq!(duplex.rx.recv().await.unwrap().unwrap(), "hello");
}

#[tokio::test(start_paused = true)]
async fn probes_that_never_end_wedge_nothing() {
    let fleet = Fleet::start(3, "[policy]\noff = ['outlier', 'retry']").await;
    fleet.set_all(Mode::Fail(Class::Internal));
    for _ in 0..500 {
        fleet.say(false).await.unwrap_err();
    }
    // Whatever passes now hangs and is dropped by its caller.
    fleet.set_all(Mode::Hang);
    for _ in 0..200 {
        let options = CallOptions::new();
        let call = fleet.say_with(&options);
        drop(tokio::time::timeout(50 * MS, call).await);
    }
    fleet.set_all(Mode::Answer);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut passed = 0;
    for _ in 0..1000 {
        passed += usize::from(fleet.say(false).await.is_ok());
        tokio::time::sleep(10 * MS).await;
    }
    assert!(passed > 700, "{passed} of 1000");
    assert!(fleet.channel.nodes().iter().all(|node| node.in_flight == 0));
}

#[tokio::test(start_paused = true)]
async fn breaker_can_be_switched_off() {
    let fleet = Fleet::start(2, "[policy]\noff = ['breaker', 'retry']").await;
    fleet.set_all(Mode::Fail(Class::Internal));
    for _ in 0..500 {
        assert_eq!(fleet.say(false).await.unwrap_err().class(), Class::Internal);
    }
    assert_eq!(fleet.calls(), 500);
}
