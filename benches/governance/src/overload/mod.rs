//! A server under more load than it can bear, with and without governance.
//!
//! The handler computes for 2 ms and the server has one worker, so it can answer some 500 calls a
//! second; how many exactly is measured first, by callers that wait for their answers. Then calls
//! arrive at random moments (a Poisson process) whether or not earlier ones were answered, over
//! the gRPC wire on loopback, from callers without policies of their own. Each has a deadline,
//! which the server is told in both cases.

mod arrivals;
mod capacity;
mod spin;

use std::sync::Arc;
use std::time::Duration;

use rzero_core::{Connection, Dial};
use rzero_grpc::{GrpcDialer, GrpcWire};
use rzero_server::AppHandle;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::Result;
use crate::server::{OFF, anywhere, start};
use spin::Spin;

/// What a handler computes.
const COST: Duration = Duration::from_millis(2);
/// How long a caller waits for its answer.
const DEADLINE: Duration = Duration::from_secs(1);
/// So many that no bound of a connection stands in the way of the queue that is shown.
const CONNECTIONS: usize = 16;
/// How long tasks of a server that is done with may still run.
const FAREWELL: Duration = Duration::from_millis(500);

/// Load in parts of the capacity; the first one is what "unloaded" means.
const LOADS: [f64; 8] = [0.1, 0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0];
const QUICK_LOADS: [f64; 4] = [0.1, 0.5, 1.0, 3.0];

/// Seconds of load before calls count, and while they do.
struct Plan {
    loads: &'static [f64],
    warm_up: Duration,
    measure: Duration,
}

/// Measures every load, with governance and without.
pub(crate) fn run(quick: bool) -> Result<Value> {
    let seconds = Duration::from_secs;
    let plan = match quick {
        false => Plan {
            loads: &LOADS,
            warm_up: seconds(2),
            measure: seconds(4),
        },
        true => Plan {
            loads: &QUICK_LOADS,
            warm_up: seconds(1),
            measure: seconds(2),
        },
    };
    let callers = Builder::new_current_thread().enable_all().build()?;
    let capacity = Site::open(&callers, OFF)?.close(|site| {
        let measured = capacity::measure(&site.connections, plan.measure / 2);
        callers.block_on(measured)
    })?;
    let mut rows = Vec::new();
    for load in plan.loads {
        for (mode, policies) in [("governed", "[policy]"), ("off", OFF)] {
            let site = Site::open(&callers, policies)?;
            let row = site.close(|site| {
                let rate = capacity * load;
                let arrivals = arrivals::run(&site.connections, rate, plan.warm_up, plan.measure);
                Ok(callers.block_on(arrivals))
            })?;
            rows.push(row.json(mode, *load, plan.measure));
        }
    }
    Ok(json!({
        "rows": rows,
        "capacity": capacity,
        "cost_ms": COST.as_millis(),
        "deadline_ms": DEADLINE.as_millis(),
        "warm_up_s": plan.warm_up.as_secs_f64(),
        "measure_s": plan.measure.as_secs_f64(),
        "connections": CONNECTIONS,
    }))
}

/// A server that nothing has called yet, with a worker of its own, and connections to it.
struct Site {
    server: Runtime,
    handle: AppHandle,
    connections: Vec<Arc<dyn Connection>>,
}

impl Site {
    fn open(callers: &Runtime, policies: &str) -> Result<Self> {
        let server = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let wire = Arc::new(GrpcWire::new(anywhere()?));
        let handle = start(server.handle(), Spin, wire, policies)?;
        let connections = callers.block_on(async {
            let address = handle.address("grpc").await;
            let address = address.ok_or("the server is gone")?;
            let mut connections = Vec::new();
            for _ in 0..CONNECTIONS {
                let by = Instant::now() + Duration::from_secs(3);
                connections.push(GrpcDialer::new().dial(&address, by).await?);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(connections)
        })?;
        Ok(Self {
            server,
            handle,
            connections,
        })
    }

    /// Does `work` with it and takes it down, whatever is left to be answered.
    fn close<T>(self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let done = work(&self);
        self.handle.shutdown();
        drop(self.connections);
        self.server.shutdown_timeout(FAREWELL);
        done
    }
}
