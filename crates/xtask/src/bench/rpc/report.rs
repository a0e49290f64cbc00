//! Tables for people and JSON for programs.

use serde_json::{Map, Value};

use crate::bench::figure::{Figure, significant};
use crate::error::Result;

use super::case::{Case, Kind};
use super::row::{Row, Rows};

/// The rows of one case, fastest first.
pub(super) fn case(rows: &Rows, case: &Case) -> String {
    let mut of_case: Vec<&Row> = rows.all().iter().filter(|row| row.id == case.id).collect();
    of_case.sort_by(|a, b| b.qps.total_cmp(&a.qps));
    let mut lines = vec![head(case)];
    for row in of_case {
        let times = |name| {
            let other = rows.get(name, case.id);
            other.map_or("-".to_owned(), |other| {
                significant(row.qps / other.qps.max(f64::MIN_POSITIVE))
            })
        };
        let mut cells = vec![
            format!("  {:22}", row.system),
            format!("{:>11.0}", row.qps),
            format!("{:>4.0}%", row.spread * 50.0),
            format!("{:>8}", times("tonic")),
            format!("{:>8}", times("raw")),
        ];
        if case.has_latency() {
            cells.push(format!("{:>10.1}", row.p50_us.unwrap_or_default()));
            cells.push(format!("{:>10.1}", row.p99_us.unwrap_or_default()));
        } else {
            cells.push(format!("{:>10.1}", row.server_rss_mb.unwrap_or_default()));
            cells.push(format!("{:>10.1}", row.growth_mb.unwrap_or_default()));
        }
        cells.push(format!("{:>9.2}", row.server_cpu_us));
        cells.push(format!("{:>9.2}", row.client_cpu_us));
        lines.push(cells.join(" "));
    }
    lines.join("\n")
}

fn head(case: &Case) -> String {
    let unit = match case.kind {
        Kind::Feed => "messages/s",
        Kind::Idle => "opened/s",
        _ => "calls/s",
    };
    let (first, second) = match case.has_latency() {
        true => ("p50 us", "p99 us"),
        false => ("server MB", "grown MB"),
    };
    format!(
        "  {:22} {unit:>11} {:>5} {:>8} {:>8} {first:>10} {second:>10} {:>9} {:>9}",
        "", "+-", "x tonic", "x raw", "CPU serv.", "CPU cl."
    )
}

/// Rows and figures for programs.
pub(super) fn json(rows: &Rows, figures: &[Figure]) -> Result<String> {
    let reach: Vec<Value> = figures.iter().map(Figure::json).collect();
    let mut document = Map::new();
    document.insert("rows".into(), rows.all().iter().map(Row::json).collect());
    document.insert("reach".into(), reach.into());
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}
