//! What is shown of the events.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::outcome::{Outcome, Row};
use super::play::Rules;
use super::promise::words;
use super::scenario::go_zero;

/// The least and the most of some numbers.
fn range<T: PartialOrd + Copy>(
    numbers: impl Iterator<Item = T>,
    show: impl Fn(T) -> String,
) -> Option<String> {
    let all: Vec<T> = numbers.collect();
    let first = *all.first()?;
    let (mut low, mut high) = (first, first);
    for number in all {
        if number < low {
            low = number;
        }
        if number > high {
            high = number;
        }
    }
    let (low, high) = (show(low), show(high));
    Some(if low == high {
        low
    } else {
        format!("{low}–{high}")
    })
}

/// Milliseconds, or seconds where those are easier to read.
fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 1.0 => format!("{s:.2} s"),
        s => format!("{:.0} ms", s * 1000.0),
    }
}

/// What a row says, ready to be shown.
pub(super) struct Cells {
    pub(super) calls: u64,
    pub(super) rate: String,
    pub(super) failed: String,
    pub(super) noticed: String,
    pub(super) slowest: String,
    pub(super) go_zero_failed: &'static str,
    pub(super) go_zero_noticed: &'static str,
    pub(super) kept: bool,
}

impl Cells {
    pub(super) fn of(row: &Row) -> Self {
        let rounds = || row.rounds.iter();
        let dash = || "-".to_owned();
        let noticed = rounds().filter_map(|round| round.noticed(row.event));
        let slowest = rounds().map(|round| Duration::from_micros(round.slowest_us));
        let peer = go_zero(row.event, row.load).unwrap_or(("-", "-"));
        Self {
            calls: rounds().map(|round| round.calls).sum(),
            rate: range(rounds().map(Outcome::rate), |rate| format!("{rate:.0}"))
                .unwrap_or_else(dash),
            failed: range(rounds().map(|round| round.failed), |n| n.to_string())
                .unwrap_or_else(dash),
            noticed: range(noticed, time).unwrap_or_else(dash),
            slowest: range(slowest, time).unwrap_or_else(dash),
            go_zero_failed: peer.0,
            go_zero_noticed: peer.1,
            kept: row.faults().next().is_none(),
        }
    }
}

/// One row in one line.
pub(super) fn line(row: &Row) -> String {
    let cells = Cells::of(row);
    let rounds = row.rounds.len();
    let reconnects: u64 = row.rounds.iter().map(|round| round.reconnects).sum();
    format!(
        "{}: {} of {} calls failed in {rounds} rounds ({} calls/s); noticed {}; slowest call {}; \
         {reconnects} reconnects; go-zero: {}",
        row.load.name(),
        cells.failed,
        cells.calls,
        cells.rate,
        cells.noticed,
        cells.slowest,
        cells.go_zero_failed,
    )
}

/// All rows.
pub(super) fn table(rows: &[Row]) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "  {:30} {:>8} {:>10} {:>14} {:>14}  {:22} verdict",
        "event", "calls", "failed", "noticed", "slowest", "go-zero failed"
    );
    for row in rows {
        let cells = Cells::of(row);
        let verdict = match cells.kept {
            true => "ok".to_owned(),
            false => format!("FAILED: {}", row.faults().collect::<Vec<_>>().join("; ")),
        };
        let _ = writeln!(
            out,
            "  {:30} {:>8} {:>10} {:>14} {:>14}  {:22} {verdict}",
            row.name(),
            cells.calls,
            cells.failed,
            cells.noticed,
            cells.slowest,
            cells.go_zero_failed,
        );
    }
    out
}

/// One line for the end.
pub(super) fn verdict(rows: &[Row]) -> String {
    let kept = rows
        .iter()
        .filter(|row| row.faults().next().is_none())
        .count();
    let calls: u64 = rows
        .iter()
        .flat_map(|row| &row.rounds)
        .map(|round| round.calls)
        .sum();
    format!(
        "loss: {kept} of {} promises kept in {calls} calls",
        rows.len()
    )
}

/// All that was measured, and what was asked for.
pub(super) fn json(rows: &[Row], rules: &Rules) -> String {
    let shown: Vec<Value> = rows.iter().map(row_json).collect();
    let reach: Vec<Value> = rows.iter().map(reach).collect();
    let all = json!({
        "quick": rules.quick,
        "rounds": rules.rounds,
        "build": "debug",
        "rows": shown,
        "reach": reach,
    });
    format!("{all:#}\n")
}

fn row_json(row: &Row) -> Value {
    let peer = go_zero(row.event, row.load);
    let rounds: Vec<Value> = row
        .rounds
        .iter()
        .map(|round| round_json(row, round))
        .collect();
    json!({
        "event": row.event.name(),
        "text": row.event.text(),
        "registry": row.registry.name(),
        "load": row.load.name(),
        "promise": words(row.event, row.load),
        "rounds": rounds,
        "go_zero": peer.map(|(failed, noticed)| json!({ "failed": failed, "noticed": noticed })),
    })
}

fn round_json(row: &Row, round: &Outcome) -> Value {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for failure in &round.failures {
        *reasons.entry(&failure.reason).or_default() += 1;
    }
    json!({
        "seconds": round.took.as_secs_f64(),
        "calls": round.calls,
        "calls_per_s": round.rate(),
        "failed": round.failed,
        "reasons": reasons,
        "errors": round.errors,
        "reconnects": round.reconnects,
        "noticed_ms": round.noticed(row.event).map(|time| time.as_secs_f64() * 1000.0),
        "p50_us": round.p50_us,
        "p99_us": round.p99_us,
        "slowest_us": round.slowest_us,
        "ok": round.faults.is_empty(),
        "faults": round.faults,
    })
}

fn reach(row: &Row) -> Value {
    let faults: Vec<String> = row.faults().collect();
    let failed: Vec<u64> = row.rounds.iter().map(|round| round.failed).collect();
    json!({
        "name": row.name(),
        "want": words(row.event, row.load),
        "got": { "failed": failed, "faults": faults },
        "ok": faults.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{range, time};

    #[test]
    fn equal_ends_are_shown_once() {
        let show = |n: u64| n.to_string();
        assert_eq!(range([3, 1, 2].into_iter(), show).as_deref(), Some("1–3"));
        assert_eq!(range([2, 2].into_iter(), show).as_deref(), Some("2"));
        assert_eq!(range(std::iter::empty(), show), None);
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        assert_eq!(time(Duration::from_millis(7)), "7 ms");
        assert_eq!(time(Duration::from_millis(1070)), "1.07 s");
    }
}
