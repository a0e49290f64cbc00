//! Streams are governed as unary calls are.

use rzero::parts::core::Duplex;
use rzero::{CallOptions, Class, Result};
use rzero_testing::Echo;

use super::fleet::{Fleet, MS, Mode};

async fn open(fleet: &Fleet, options: &CallOptions) -> Result<Duplex> {
    fleet.channel.open(Echo::CHAT, options).await
}

/// Sends one message and gives the answer.
async fn chat(fleet: &Fleet) -> Result<()> {
    let mut duplex = open(fleet, &CallOptions::new()).await?;
    // A peer that refused the stream says why on the other direction.
    drop(duplex.tx.send("hello".into()).await);
    duplex.tx.close();
    while duplex.rx.recv().await?.is_some() {}
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn failing_streams_open_the_breaker_and_eject_the_node() {
    let fleet = Fleet::start(4, "").await;
    fleet.switches[0].set(Mode::Fail(Class::Internal));
    let mut failed = 0;
    while !fleet.node(0).ejected {
        failed += usize::from(chat(&fleet).await.is_err());
        tokio::time::sleep(MS).await;
    }
    assert_eq!(failed, 5);
    fleet.set_all(Mode::Fail(Class::Internal));
    let rejected = async {
        while chat(&fleet).await.unwrap_err().class() != Class::BreakerOpen {
            tokio::time::sleep(MS).await;
        }
    };
    let patience = std::time::Duration::from_secs(60);
    tokio::time::timeout(patience, rejected).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn streams_are_never_sent_twice() {
    let fleet = Fleet::start(2, "").await;
    fleet.set_all(Mode::Fail(Class::Unavailable));
    let options = CallOptions::new().idempotent(true);
    let mut duplex = open(&fleet, &options).await.unwrap();
    let error = duplex.rx.recv().await.unwrap_err();
    assert_eq!((error.class(), fleet.calls()), (Class::Unavailable, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_was_answered_and_is_cut_as_planned_is_no_timeout() {
    let fleet = Fleet::start(3, "[policy]\nstream_timeout = '100ms'").await;
    for _ in 0..20 {
        let mut duplex = open(&fleet, &CallOptions::new()).await.unwrap();
        duplex.tx.send("hello".into()).await.unwrap();
        duplex.rx.recv().await.unwrap().unwrap();
        let error = duplex.rx.recv().await.unwrap_err();
        assert_eq!(error.class(), Class::DeadlineExceeded);
    }
    let view = fleet.channel.governance();
    assert_eq!(view.methods[0].breaker.failed, 0);
    assert!(view.nodes.iter().all(|n| !n.ejected && n.in_flight == 0));
    assert!(
        view.nodes.iter().all(|n| n.latency_us == 0),
        "a life is no latency"
    );
}

#[tokio::test(start_paused = true)]
async fn streams_that_get_no_answer_in_time_are_timeouts() {
    let fleet = Fleet::start(3, "[policy]\nstream_timeout = '100ms'").await;
    fleet.switches[1].set(Mode::Hang);
    for _ in 0..100 {
        drop(chat(&fleet).await);
        tokio::time::sleep(50 * MS).await;
        if fleet.node(1).ejected {
            return;
        }
    }
    panic!("{:?}", fleet.node(1));
}

#[tokio::test(start_paused = true)]
async fn dropped_streams_give_everything_back() {
    let fleet = Fleet::start(3, "").await;
    for _ in 0..1000 {
        drop(open(&fleet, &CallOptions::new()).await.unwrap());
    }
    let view = fleet.channel.governance();
    assert!(view.nodes.iter().all(|n| n.in_flight == 0));
    assert_eq!(
        view.methods[0].breaker.total, 0,
        "neither success nor failure"
    );
}
