//! Governance allocates nothing.

use bytes::Bytes;
use rzero_core::{Call, Class};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::counting;
use crate::support::{Server, serve};

const EVERYTHING: &str = r#"
    [policy]
    breaker.enabled = true
    concurrency.max = 100
    server.concurrency.max = 1000
    [[policy.rate]]
    name = "all"
    rate = 1000000
    [[policy.rule]]
    match.caller = "batch-*"
    match.method = "test.Shop/Echo"
    priority = "sheddable"
"#;

const NOTHING: &str = r#"
    [policy]
    off = ["shed", "concurrency", "rate", "breaker"]
"#;

/// Allocations of a call that ends in its first step.
fn allocations(server: &Server, caller: &str) -> (u64, Option<Class>) {
    let info = server.from(caller, "Echo");
    let body = Bytes::from_static(b"hello");
    let before = counting::count();
    let mut work = pin!(server.dispatch.unary(Call { info, body }));
    let mut cx = Context::from_waker(Waker::noop());
    let polled = work.as_mut().poll(&mut cx);
    let count = counting::count() - before;
    let Poll::Ready(result) = polled else {
        panic!("an echo does not wait");
    };
    (count, result.err().map(|error| error.class()))
}

#[tokio::test]
async fn a_governed_call_allocates_as_often_as_an_ungoverned_one() {
    let (governed, free) = (serve(EVERYTHING).await, serve(NOTHING).await);
    let mut counts = Vec::new();
    for caller in ["web@1", "batch-7@1"] {
        for server in [&governed, &free] {
            // The first call makes what is kept for all of its kind.
            allocations(server, caller);
            counts.push(allocations(server, caller));
        }
    }
    // One box for the call, one for the name of its caller, which travels on.
    assert_eq!(counts, [(2, None); 4]);
}

#[tokio::test]
async fn a_refusal_allocates_its_box_alone() {
    let text = "[[policy.rate]]\nname = \"few\"\nrate = 1\nperiod = \"1h\"";
    let server = serve(text).await;
    assert_eq!(allocations(&server, "web").1, None);
    allocations(&server, "web");
    assert_eq!(allocations(&server, "web"), (1, Some(Class::RateLimited)));
}
