//! Rate limits that all processes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use rzero_core::{BoxFuture, CallInfo, Class, Error, Method};
use rzero_resilience::limit::{RateRule, SharedRates};
use tokio::time::Instant;

use crate::support::{serve, serve_with};

const SHARED: &str = r#"
    [[policy.rate]]
    name = "all"
    rate = 2
    scope = "distributed"
    [[policy.rule]]
    match.method = "test.Shop/Fail"
    off = ["rate"]
"#;

/// Allows as many calls as the first rule says, whenever they come.
#[derive(Debug, Default)]
struct Store {
    left: AtomicU32,
}

impl SharedRates for Store {
    fn covers(&self, method: Method) -> bool {
        method.name() != "Hang"
    }

    fn admit<'a>(&'a self, _: &'a CallInfo) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async {
            tokio::task::yield_now().await;
            let less = |left: u32| left.checked_sub(1);
            let taken = self.left.fetch_update(Relaxed, Relaxed, less);
            taken.map(drop).map_err(|_| Error::rate_limited("used up"))
        })
    }

    fn reconfigure(&self, rules: &[RateRule], _: Instant) -> Result<(), Error> {
        self.left
            .store(rules.first().map_or(0, |r| r.rate), Relaxed);
        Ok(())
    }
}

#[tokio::test]
async fn calls_ask_the_store_and_hold_their_place_meanwhile() {
    let server = serve_with(SHARED, |app| app.shared_rates(Arc::new(Store::default()))).await;
    let call = server.begin(server.info("Echo")).await;
    assert_eq!(server.in_flight("Echo").0, 1);
    call.await.unwrap().unwrap();
    server.call("Echo").await.unwrap();
    let error = server.call("Echo").await.unwrap_err();
    assert_eq!(error.class(), Class::RateLimited);
    assert_eq!(server.in_flight("Echo"), (0, 0, 0));
    let error = server.call("Fail").await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable, "off for this method");
}

#[tokio::test]
async fn a_reload_reaches_the_store() {
    let server = serve_with(SHARED, |app| app.shared_rates(Arc::new(Store::default()))).await;
    let more = SHARED.replace("rate = 2", "rate = 5");
    let more = format!("[policy]\ntimeout = \"7s\"\n{more}");
    let timeout = Some(Duration::from_secs(7));
    let loaded = |now: &rzero_server::Governance| now.methods[0].timeout == timeout;
    server.reload(&more, loaded).await;
    for _ in 0..5 {
        server.call("Echo").await.unwrap();
    }
    assert!(server.call("Echo").await.is_err());
}

#[tokio::test]
#[should_panic(expected = "shared_rates")]
async fn a_shared_rule_without_a_store_does_not_start() {
    serve(SHARED).await;
}
