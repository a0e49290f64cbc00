//! What is shown of the attacks.

use std::fmt::Write;

use serde_json::{Value, json};

use super::play::{Outcome, Rules};
use super::row::Row;

/// Mebibytes with one digit.
pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / (1024.0 * 1024.0))
}

/// What the server did: the most frequent end, or how streams ended.
pub(super) fn end(outcome: &Outcome) -> String {
    let most = |key: &str| {
        let counts = outcome.attack[key].as_object().into_iter().flatten();
        let most = counts.max_by_key(|(_, count)| count.as_u64());
        most.map(|(end, _)| end.clone())
    };
    match (most("ends"), most("marks")) {
        (Some(end), _) => end,
        (None, Some(mark)) => format!("streams: {mark}"),
        (None, None) => "lives".to_owned(),
    }
}

/// When the first connection ended, in seconds.
pub(super) fn first_end(outcome: &Outcome) -> String {
    let first = outcome.attack["first_end_s"].as_f64();
    first.map_or_else(|| "-".to_owned(), |first| format!("{first:.3}"))
}

/// The share of a core that the server used while `seconds` passed.
fn share(time: std::time::Duration, report: &Value) -> f64 {
    let took = report["took_s"].as_f64().unwrap_or(1.0).max(0.001);
    time.as_secs_f64() * 100.0 / took
}

/// One attack in one line.
pub(super) fn line(row: &Row, outcome: &Outcome) -> String {
    let server = outcome
        .during
        .processor_time
        .saturating_sub(outcome.before.processor_time);
    format!(
        "{}; first end {} s; memory +{} MiB (bound {}); server {:.0} % of a core, harmless {:.0} %; \
         p99 {} us, harmless {} us; {} connections, {} MiB sent; {} log lines",
        end(outcome),
        first_end(outcome),
        mib(outcome.memory_peak()),
        mib(row.memory_bytes_max),
        share(server, &outcome.attack),
        share(outcome.harmless_processor_time, &outcome.harmless),
        Outcome::p99(&outcome.beside_attack),
        Outcome::p99(&outcome.beside_harmless),
        outcome.attack["connections"],
        mib(outcome.attack["bytes_sent"].as_u64().unwrap_or(0)),
        outcome.log_lines,
    )
}

/// All attacks.
pub(super) fn table(outcomes: &[(Row, Outcome)]) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "  {:27} {:>8} {:>8} {:>8} {:>8} {:>6}  {:44} verdict",
        "attack", "peak MiB", "end s", "p99 us", "harmless", "failed", "what the server did"
    );
    for (row, outcome) in outcomes {
        let verdict = match outcome.verdict() {
            Ok(()) => "ok".to_owned(),
            Err(error) => format!("FAILED: {error}"),
        };
        let did: String = end(outcome).chars().take(44).collect();
        let _ = writeln!(
            out,
            "  {:27} {:>8} {:>8} {:>8} {:>8} {:>6}  {did:44} {verdict}",
            row.name,
            mib(outcome.memory_peak()),
            first_end(outcome),
            Outcome::p99(&outcome.beside_attack),
            Outcome::p99(&outcome.beside_harmless),
            outcome.beside_attack["failed"],
        );
    }
    out
}

/// All that was measured, and what was asked for.
pub(super) fn json(outcomes: &[(Row, Outcome)], rules: &Rules) -> String {
    let rows: Vec<Value> = outcomes
        .iter()
        .map(|(row, outcome)| row_json(row, outcome))
        .collect();
    let reach: Vec<Value> = outcomes
        .iter()
        .flat_map(|(row, outcome)| reach(row, outcome))
        .collect();
    let all = json!({
        "seconds": rules.duration.as_secs_f64(),
        "victim": rules.options,
        "rows": rows,
        "reach": reach,
    });
    format!("{all:#}\n")
}

fn row_json(row: &Row, outcome: &Outcome) -> Value {
    let usage = |usage: &super::procs::Usage| {
        json!({
            "memory_bytes": usage.memory,
            "memory_peak_bytes": usage.memory_peak,
            "files": usage.files,
            "processor_s": usage.processor_time.as_secs_f64(),
        })
    };
    json!({
        "name": row.name,
        "reference": row.reference,
        "what": row.what,
        "limits": row.limits,
        "expect": row.expect,
        "connections": row.connections,
        "attack": outcome.attack,
        "harmless": outcome.harmless,
        "neighbours": { "attack": outcome.beside_attack, "harmless": outcome.beside_harmless },
        "server": {
            "before": usage(&outcome.before),
            "during": usage(&outcome.during),
            "after": usage(&outcome.after),
            "after_again": outcome.again.as_ref().map(usage),
            "harmless_processor_s": outcome.harmless_processor_time.as_secs_f64(),
        },
        "log_line": outcome.log_line,
        "log_lines": outcome.log_lines,
        "attempts": outcome.attempts,
        "machine_load": outcome.load,
        "ok": outcome.failures.is_empty(),
        "failures": outcome.failures,
    })
}

fn reach(row: &Row, outcome: &Outcome) -> Vec<Value> {
    let one = |what: &str, want: Value, got: Value, ok: bool| json!({ "name": format!("{}: {what}", row.name), "want": want, "got": got, "ok": ok });
    let (p99, most) = (Outcome::p99(&outcome.beside_attack), outcome.p99_max());
    let failed = outcome.beside_attack["failed"].as_u64().unwrap_or(u64::MAX);
    let peak = outcome.memory_peak();
    vec![
        one(
            "end",
            row.expect.clone().into(),
            end(outcome).into(),
            outcome.attack["right_end"] == true,
        ),
        one(
            "neighbours' p99 in us, at most",
            most.into(),
            p99.into(),
            p99 <= most,
        ),
        one(
            "neighbours' failed calls",
            0.into(),
            failed.into(),
            failed == 0,
        ),
        one(
            "memory peak in bytes, at most",
            row.memory_bytes_max.into(),
            peak.into(),
            peak <= row.memory_bytes_max,
        ),
    ]
}
