//! What the demo showed, and whether that is what was promised.

use std::fmt::Write;

use serde_json::Value;

use crate::error::Result;

/// A change that was made under load.
pub(super) struct Change {
    instance: &'static str,
    what: &'static str,
    at_ms: u64,
    joined: bool,
}

impl Change {
    pub(super) fn left(instance: &'static str, what: &'static str, at_ms: u64) -> Self {
        Self {
            instance,
            what,
            at_ms,
            joined: false,
        }
    }

    pub(super) fn joined(instance: &'static str, what: &'static str, at_ms: u64) -> Self {
        Self {
            instance,
            what,
            at_ms,
            joined: true,
        }
    }

    /// Milliseconds until the client acted on it: its last answer from an instance that left, its
    /// first from one that joined. Answers can precede the moment at which we saw "ready".
    fn noticed_ms(&self, last: &Value) -> Option<u64> {
        let seen = &last["instances"][self.instance];
        let at = seen[if self.joined { "first_ms" } else { "last_ms" }].as_u64()?;
        Some(at.saturating_sub(self.at_ms))
    }
}

pub(super) struct Report {
    /// The client's last numbers.
    pub(super) last: Value,
    pub(super) changes: Vec<Change>,
    /// Failures from the SIGTERM until its instance had left.
    pub(super) graceful_failures: u64,
    pub(super) concurrency: u32,
}

/// Calls of this kind must not fail, whatever is killed.
const IDEMPOTENT: &str = "unary, idempotent";

impl Report {
    fn kinds(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.last["kinds"].as_object().into_iter().flatten()
    }

    fn count(&self, field: &str) -> u64 {
        self.kinds()
            .filter_map(|(_, kind)| kind[field].as_u64())
            .sum()
    }

    pub(super) fn table(&self) -> String {
        let mut out = String::new();
        let seconds = self.last["seconds"].as_f64().unwrap_or(1.0);
        // Writing into a string does not fail.
        let _ = writeln!(
            out,
            "  {:24} {:>9} {:>9} {:>9} {:>9}",
            "calls", "total", "failed", "p50 ms", "p99 ms"
        );
        for (name, kind) in self.kinds() {
            let ms = |field: &str| kind[field].as_f64().unwrap_or(0.0) / 1000.0;
            let count = |field: &str| kind[field].as_u64().unwrap_or(0);
            let _ = writeln!(
                out,
                "  {name:24} {:>9} {:>9} {:>9.2} {:>9.2}",
                count("calls"),
                count("failures"),
                ms("p50_us"),
                ms("p99_us")
            );
        }
        let (calls, failures) = (self.count("calls"), self.count("failures"));
        let rate = self.count("calls") as f64 / seconds;
        let _ = writeln!(
            out,
            "  {:24} {calls:>9} {failures:>9}   {rate:.0} calls/s\n",
            "all"
        );
        let _ = writeln!(out, "  {:24} {:>9} {:>9}", "instance", "answers", "share");
        for (name, seen) in self.last["instances"].as_object().into_iter().flatten() {
            let answers = seen["calls"].as_u64().unwrap_or(0);
            let share = answers as f64 * 100.0 / calls.max(1) as f64;
            let _ = writeln!(out, "  {name:24} {answers:>9} {share:>8.1}%");
        }
        self.write_failures(&mut out);
        let _ = writeln!(out, "\n  {:24} {:>9}", "change", "noticed");
        for change in &self.changes {
            let name = format!("{}: {}", change.instance, change.what);
            let noticed = change.noticed_ms(&self.last);
            let noticed = noticed.map_or("never".to_owned(), |ms| format!("{ms} ms"));
            let _ = writeln!(out, "  {name:24} {noticed:>9}");
        }
        out
    }

    /// What the failed calls were told, so that a surprise can be followed up.
    fn write_failures(&self, out: &mut String) {
        let errors = |kind: &'_ Value| kind["errors"].as_object().cloned().unwrap_or_default();
        let told: Vec<(&String, String, Value)> = self
            .kinds()
            .flat_map(|(name, kind)| errors(kind).into_iter().map(move |(e, n)| (name, e, n)))
            .collect();
        if !told.is_empty() {
            let _ = writeln!(out, "\n  failed calls");
        }
        for (name, error, count) in told {
            let _ = writeln!(out, "  {name:24} {count:>9}  {error}");
        }
    }

    /// Whether the promises held.
    pub(super) fn judge(&self) -> Result<()> {
        let mut broken = Vec::new();
        if self.graceful_failures > 0 {
            broken.push(format!(
                "{} calls failed during a graceful stop",
                self.graceful_failures
            ));
        }
        let idempotent = self.last["kinds"][IDEMPOTENT]["failures"]
            .as_u64()
            .unwrap_or(u64::MAX);
        if idempotent > 0 {
            broken.push(format!("{idempotent} idempotent calls failed"));
        }
        // What was in flight on the killed instance may fail, and no more.
        if self.count("failures") > self.concurrency.into() {
            broken.push(format!(
                "{} calls failed, more than were in flight",
                self.count("failures")
            ));
        }
        for change in &self.changes {
            match change.noticed_ms(&self.last) {
                Some(ms) if ms <= 5_000 => {}
                _ => broken.push(format!(
                    "{} ({}) was not noticed",
                    change.instance, change.what
                )),
            }
        }
        let calls = self.count("calls");
        if calls < 1_000 {
            broken.push(format!("only {calls} calls were made"));
        }
        if broken.is_empty() {
            Ok(())
        } else {
            Err(broken.join("; ").into())
        }
    }
}
