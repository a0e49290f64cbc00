//! The response times of the last ten seconds, second by second, in made-up time.
//!
//! `cargo run -p rzero-resilience --example rolling_window`
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::time::Duration;

use rzero_resilience::window::RollingWindow;
use tokio::time::Instant;

fn main() {
    let start = Instant::now();
    let times_ms = RollingWindow::new(Duration::from_secs(10), 10, start);

    // Twenty seconds of calls, ten a second; from the eighth to the eleventh they are slow.
    for tick in 0..200 {
        let now = start + Duration::from_millis(100) * tick;
        let slow = (80..120).contains(&tick);
        times_ms.add(
            if slow {
                250.0
            } else {
                20.0 + f64::from(tick % 7)
            },
            now,
        );

        if tick % 20 == 19 {
            let last = times_ms.summary(now);
            println!(
                "after {:>2} s: {:>3} calls, mean {:>5.1} ms, from {:.0} to {:.0} ms",
                (tick + 1) / 10,
                last.count,
                last.mean().unwrap_or_default(),
                last.min,
                last.max,
            );
        }
    }
}
