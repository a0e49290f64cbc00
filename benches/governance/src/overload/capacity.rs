//! How many calls a second the server answers at most.

use std::sync::Arc;
use std::time::Duration;

use rzero_core::Connection;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::arrivals::{End, call};
use crate::Result;

/// Callers that call again as soon as they are answered: enough that one always waits.
const CALLERS: usize = 4;
const WARM_UP: Duration = Duration::from_millis(300);

/// Answers a second over `time`.
pub(super) async fn measure(connections: &[Arc<dyn Connection>], time: Duration) -> Result<f64> {
    let begin = Instant::now() + WARM_UP;
    let mut callers = JoinSet::new();
    for connection in connections.iter().take(CALLERS) {
        let connection = Arc::clone(connection);
        callers.spawn(async move {
            let mut answered = 0_u64;
            while Instant::now() < begin + time {
                let end = call(&*connection, Instant::now()).await;
                if end != End::Answered {
                    return Err(format!("a call of four at a time ended as {end:?}"));
                }
                answered += u64::from(Instant::now() >= begin);
            }
            Ok(answered)
        });
    }
    let mut answered = 0;
    while let Some(caller) = callers.join_next().await {
        answered += caller??;
    }
    let took = begin.elapsed();
    Ok(answered as f64 / took.as_secs_f64())
}
