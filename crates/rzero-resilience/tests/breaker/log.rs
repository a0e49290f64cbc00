//! What a breaker says in the log.

use std::sync::{Arc, Mutex};

use rzero_core::Outcome;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::support::{BAD, Bench};

/// Keeps the states that warnings tell.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct State<'a>(&'a Lines);

impl Visit for State<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "state" {
            self.0.0.lock().unwrap().push(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut State(self));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn outage(bench: &mut Bench) {
    for _ in 0..2_000 {
        bench.offer(1, BAD);
        bench.wait(1);
    }
    for _ in 0..4_000 {
        bench.offer(1, Outcome::OK);
        bench.wait(1);
    }
}

#[test]
fn a_change_of_state_is_one_line_and_a_repeat_one_in_five_minutes() {
    let lines = Lines::default();
    tracing::subscriber::with_default(lines.clone(), || {
        let mut bench = Bench::new();
        outage(&mut bench);
        assert_eq!(lines.take(), ["throttling", "open", "closed"]);
        for _ in 0..5 {
            outage(&mut bench);
        }
        assert_eq!(lines.take(), [""; 0]);
        bench.wait(5 * 60 * 1_000);
        outage(&mut bench);
        assert_eq!(lines.take(), ["throttling", "open", "closed"]);
    });
}
