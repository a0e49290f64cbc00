//! What callers see while nodes are slow, failing or gone.

use serde_json::Value;

use crate::bench::figure::{Figure, Want};
use crate::error::Result;

use super::program::{number, rows, setting, text};
use super::{Outcome, Part, table};

/// Computes figures.
pub(super) fn read(told: &Value) -> Result<Outcome> {
    let (rows, setting) = (rows(told)?, setting(told));
    Ok(Outcome {
        part: Part::Brownout,
        table: shown(rows, &setting)?,
        rows: rows.clone(),
        figures: figures(rows)?,
        setting,
        charts: Vec::new(),
    })
}

/// Under total outage, whatever else is on, the budget holds.
fn figures(rows: &[Value]) -> Result<Vec<Figure>> {
    let outages = rows.iter().filter(|row| row["outage"] == true);
    let bounded = outages.filter(|row| row["budgeted"] == true);
    let figure = |row: &Value| {
        let (scenario, mode) = (text(row, "scenario")?, text(row, "mode")?);
        Ok(Figure {
            name: format!("amplification, {scenario}, {mode}"),
            want: Want::AtMost(number(row, "allowed")?),
            got: row["amplification"].as_f64(),
        })
    };
    bounded.map(figure).collect()
}

fn shown(rows: &[Value], setting: &Value) -> Result<String> {
    let head = [
        "trouble",
        "client",
        "failed",
        "p50 ms",
        "p99 ms",
        "p99 before",
        "attempts a call",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let number = |key| number(row, key);
        let failed = number("failed")? / number("calls")?.max(1.0) * 100.0;
        lines.push(vec![
            text(row, "scenario")?.to_owned(),
            text(row, "mode")?.to_owned(),
            format!("{failed:.2} %"),
            format!("{:.0}", number("p50_ms")?),
            format!("{:.0}", number("p99_ms")?),
            format!("{:.0}", number("quiet_p99_ms")?),
            format!("{:.3}", number("amplification")?),
        ]);
    }
    let (warm_up, trouble) = (number(setting, "warm_up_s")?, number(setting, "trouble_s")?);
    Ok(format!(
        "{warm_up} simulated seconds of quiet, then {trouble} of trouble, its onset included; \
         calls are idempotent.\n\n{}",
        table(&lines)
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_budgeted_outages_are_judged() {
        let row = |outage: bool, budgeted: bool, amplification: f64| {
            json!({
                "scenario": "s", "mode": "m", "outage": outage, "budgeted": budgeted,
                "calls": 6000, "failed": 60, "p50_ms": 8.0, "p99_ms": 30.0,
                "quiet_p99_ms": 28.0, "attempts": 6600, "amplification": amplification,
                "allowed": 1.135,
            })
        };
        let rows = [
            row(true, true, 1.136),
            row(true, true, 0.3),
            row(true, false, 3.0),
            row(false, true, 1.05),
        ];
        let told = json!({ "rows": rows, "warm_up_s": 20, "trouble_s": 60 });
        let outcome = read(&told).unwrap();
        let met: Vec<bool> = outcome.figures.iter().map(Figure::is_met).collect();
        assert_eq!(met, [false, true]);
        assert!(outcome.table.contains("1.00 %"), "{}", outcome.table);
    }
}
