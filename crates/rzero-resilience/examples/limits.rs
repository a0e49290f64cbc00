//! Limits of each kind, with a clock that the example moves itself.
//!
//! `cargo run -p rzero-resilience --example limits`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use rzero_core::{
    Admission, CallInfo, Idempotency, Kind, Method, MethodDesc, Outcome, Permit, ServiceDesc,
};
use rzero_resilience::limit::{
    Bulkhead, BulkheadConfig, Concurrency, ConcurrencyConfig, GradientConfig, PeriodConfig,
    PeriodLimit, RateKey, RateLimits, RateRule, SlidingLog, SlidingLogConfig,
};
use tokio::time::Instant;

// Generated code has these.
static METHODS: [MethodDesc; 1] = [MethodDesc {
    path: "/shop.Orders/Get",
    service: "shop.Orders",
    name: "Get",
    kind: Kind::Unary,
    idempotency: Idempotency::NoSideEffects,
    index: 0,
}];
static ORDERS: ServiceDesc = ServiceDesc {
    name: "shop.Orders",
    methods: &METHODS,
    files: &[],
};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    rates()?;
    quotas()?;
    concurrency()?;
    bulkhead().await
}

/// Rules as a server has them: 2 calls per second for each caller.
fn rates() -> Result<(), Failure> {
    let rule = RateRule {
        name: "each caller".into(),
        methods: "shop.Orders/*".into(),
        key: RateKey::Caller,
        rate: 2,
        ..RateRule::default()
    };
    let limits = RateLimits::new(&[&ORDERS], std::slice::from_ref(&rule))?;
    let now = Instant::now();
    for caller in ["cart@1", "cart@1", "cart@1", "web@7"] {
        let mut call = CallInfo::new(Method::new(&METHODS[0]), now);
        call.metadata_mut().insert("x-rz-caller", caller)?;
        match limits.admit(&call, now) {
            Ok(()) => println!("rate: {caller} is let in"),
            Err(error) => println!(
                "rate: {caller}: {error}, again in {:?}",
                error.retry_after()
            ),
        }
    }
    // A reload: what was used stays used.
    limits.reconfigure(&[RateRule { rate: 10, ..rule }], now)?;
    Ok(())
}

/// Quotas, for work that is not a call.
fn quotas() -> Result<(), Failure> {
    let daily = PeriodLimit::new(&PeriodConfig {
        quota: 2,
        period: Duration::from_secs(86_400),
        align: true,
        utc_offset_seconds: 2 * 3600,
        ..PeriodConfig::default()
    })?;
    let logins = SlidingLog::new(&SlidingLogConfig {
        quota: 1,
        ..SlidingLogConfig::default()
    })?;
    let now = Instant::now();
    for _ in 0..3 {
        println!("period: mail to ann: {:?}", daily.take("ann", now));
    }
    logins.take("ann", now);
    let wait = logins.take("ann", now).retry_after;
    println!("log: ann may try to log in again in {wait:?}");
    Ok(())
}

/// A server that finds out how much it can take: 10 calls at once take 5 ms, beyond that they queue.
fn concurrency() -> Result<(), Failure> {
    let limit = Concurrency::new(&ConcurrencyConfig {
        adaptive: Some(GradientConfig {
            initial: 40,
            min: 4,
            ..GradientConfig::default()
        }),
        ..ConcurrencyConfig::default()
    })?;
    let call = CallInfo::new(Method::new(&METHODS[0]), Instant::now());
    let mut now = Instant::now();
    for second in 0..5 {
        println!("concurrency: second {second}, limit {:?}", limit.limit());
        let end = now + Duration::from_secs(1);
        while now < end {
            // In the first second few ask; then as many as are let in.
            let asked = if second == 0 { 8 } else { 100 };
            let permits: Vec<_> = (0..asked)
                .filter_map(|_| limit.admit(&call, now).ok())
                .collect();
            let queued = permits.len().div_ceil(10).max(1);
            now += Duration::from_millis(5 * queued as u64);
            for permit in permits {
                permit.finish(Outcome::OK, now);
            }
        }
    }
    Ok(())
}

/// One report at a time, one more may wait.
async fn bulkhead() -> Result<(), Failure> {
    let reports = Bulkhead::new(
        "reports",
        BulkheadConfig {
            max: 1,
            queue_max: 1,
            ..BulkheadConfig::default()
        },
    )?;
    let report = async |n: u32| match reports.enter(None).await {
        Ok(_inside) => {
            tokio::task::yield_now().await;
            println!("bulkhead: report {n} is done");
        }
        Err(error) => println!("bulkhead: report {n}: {error}"),
    };
    tokio::join!(report(1), report(2), report(3));
    println!("bulkhead: {:?}", reports.stats());
    Ok(())
}
