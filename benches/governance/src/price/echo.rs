//! The yardstick: a whole call over the gRPC wire on loopback, with the default policies of both
//! ends, in this process.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rzero_client::{CallOptions, Channel};
use rzero_core::{Address, Error};
use rzero_grpc::{GrpcDialer, GrpcWire};
use rzero_registry::{Instance, MemoryRegistry, Registry, ServiceName};
use rzero_testing::Echo;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::CALLERS;
use super::turns::{Subject, Work};
use crate::Result;
use crate::server::{BUSY, anywhere, start};

/// What both ends speak.
const PROTOCOL: &str = "grpc";

/// Server and client on one runtime, with as many workers as threads are asked for. It lives on
/// between the slices, so that connections stay.
pub(super) fn subject() -> Result<Subject> {
    let ends = |workers| {
        let mut runtime = Builder::new_multi_thread();
        Ends::new(runtime.worker_threads(workers).enable_all().build()?)
    };
    let (one, two) = (ends(1)?, ends(2)?);
    let work = move |threads: usize, count| match threads {
        1 => one.calls(1, count),
        _ => two.calls(2, count),
    };
    Ok(Subject {
        group: "echo",
        name: "loopback",
        work: Work::Whole(Box::new(work)),
    })
}

struct Ends {
    runtime: Runtime,
    channel: Channel,
}

impl Ends {
    fn new(runtime: Runtime) -> Result<Self> {
        let wire = Arc::new(GrpcWire::new(anywhere()?));
        let handle = start(runtime.handle(), Echo, wire, BUSY)?;
        let channel = runtime.block_on(async {
            let address = handle.address(PROTOCOL).await;
            channel(address.ok_or("the server is gone")?).await
        })?;
        Ok(Self { runtime, channel })
    }

    /// The time of `count` calls of each thread.
    fn calls(&self, threads: u64, count: u64) -> Duration {
        let callers = CALLERS * threads;
        let each = (count * threads).div_ceil(callers);
        let begun = Instant::now();
        let all = self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for _ in 0..callers {
                let channel = self.channel.clone();
                tasks.spawn(async move {
                    let options = CallOptions::new();
                    for _ in 0..each {
                        let body = Bytes::from_static(b"hello");
                        channel.unary(Echo::SAY, body, &options).await?;
                    }
                    Ok::<_, Error>(())
                });
            }
            tasks.join_all().await
        });
        let took = begun.elapsed();
        let failed = all.into_iter().find_map(std::result::Result::err);
        assert!(failed.is_none(), "{failed:?}");
        // So many are asked of each thread; rounding up to whole callers is taken out again.
        took.mul_f64((count * threads) as f64 / (each * callers) as f64)
    }
}

async fn channel(address: Address) -> Result<Channel> {
    let name: ServiceName = "echo".parse()?;
    let registry = MemoryRegistry::new();
    let instance = Instance::new(name.clone(), "one".parse()?, PROTOCOL, address);
    // Dropped, a registration would take its instance back.
    std::mem::forget(registry.register(instance).await?);
    let watch = registry.watch(&name);
    let channel = Channel::builder(name, watch, PROTOCOL, Arc::new(GrpcDialer::new()))
        .caller(Some("bench@1.0.0".into()))
        .build();
    channel.ready(1).await;
    Ok(channel)
}
