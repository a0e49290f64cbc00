//! What a server answers under more load than it can bear.

use serde_json::Value;

use crate::bench::chart::{Chart, Line, Point, Scale, Side};
use crate::bench::figure::{Figure, Want};
use crate::error::Result;

use super::program::{number, rows, setting, text};
use super::{Outcome, Part, table};

/// The load at which figures are judged, in parts of the capacity.
const LOAD: f64 = 3.0;
/// Part of the capacity that is answered there.
const GOODPUT: f64 = 0.9;
/// By how much accepted calls may be slower than on an idle server.
const SLOWER: f64 = 3.0;

/// The two servers, as the program names them and as people do.
const MODES: [(&str, &str); 2] = [
    ("governed", "default policies"),
    ("off", "all policies off"),
];

/// One load on one server.
struct Row {
    mode: String,
    load: f64,
    goodput: f64,
    refused: f64,
    late: f64,
    failed: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Row {
    fn read(row: &Value) -> Result<Self> {
        let number = |key| number(row, key);
        Ok(Self {
            mode: text(row, "mode")?.to_owned(),
            load: number("load")?,
            goodput: number("goodput")?,
            refused: number("refused")?,
            late: number("late")?,
            failed: number("failed")?,
            p50_ms: number("p50_ms")?,
            p99_ms: number("p99_ms")?,
        })
    }
}

/// Computes figures and draws them.
pub(super) fn read(told: &Value) -> Result<Outcome> {
    let (raw, capacity) = (rows(told)?, number(told, "capacity")?);
    let read: Result<Vec<Row>> = raw.iter().map(Row::read).collect();
    let read = read?;
    let setting = setting(told);
    Ok(Outcome {
        part: Part::Overload,
        table: shown(&read, capacity, &setting)?,
        rows: raw.clone(),
        figures: figures(&read, capacity),
        charts: charts(&read, capacity, &how(&setting)?),
        setting,
    })
}

fn figures(rows: &[Row], capacity: f64) -> Vec<Figure> {
    let governed = || rows.iter().filter(|row| row.mode == MODES[0].0);
    let at_load = governed().find(|row| row.load.total_cmp(&LOAD).is_eq());
    let idle = governed().min_by(|a, b| a.load.total_cmp(&b.load));
    let slower = at_load
        .zip(idle)
        .map(|(row, idle)| row.p99_ms / idle.p99_ms);
    vec![
        Figure {
            name: format!("goodput at {LOAD}x overload, part of the capacity"),
            want: Want::AtLeast(GOODPUT),
            got: at_load.map(|row| row.goodput / capacity),
        },
        Figure {
            name: format!("p99 of accepted calls at {LOAD}x overload / unloaded"),
            want: Want::AtMost(SLOWER),
            got: slower,
        },
    ]
}

/// How it was done, in a line.
fn how(setting: &Value) -> Result<String> {
    let number = |key| number(setting, key);
    Ok(format!(
        "Capacity {:.0} calls/s (a handler of {} ms of computing, one worker); deadline {:.0} ms; \
         {} s of warm-up and {} s measured for each load",
        number("capacity")?,
        number("cost_ms")?,
        number("deadline_ms")?,
        number("warm_up_s")?,
        number("measure_s")?,
    ))
}

fn shown(rows: &[Row], capacity: f64, setting: &Value) -> Result<String> {
    let head = [
        "load",
        "server",
        "answered/s",
        "of capacity",
        "refused/s",
        "late/s",
        "failed/s",
        "p50 ms",
        "p99 ms",
    ];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for row in rows {
        let mode = MODES.iter().find(|(known, _)| *known == row.mode);
        lines.push(vec![
            format!("{:.1}x", row.load),
            mode.map_or(row.mode.clone(), |(_, name)| (*name).to_owned()),
            format!("{:.0}", row.goodput),
            format!("{:.0} %", row.goodput / capacity * 100.0),
            format!("{:.0}", row.refused),
            format!("{:.0}", row.late),
            format!("{:.0}", row.failed),
            format!("{:.1}", row.p50_ms),
            format!("{:.1}", row.p99_ms),
        ]);
    }
    Ok(format!("{}.\n\n{}", how(setting)?, table(&lines)))
}

fn charts(rows: &[Row], capacity: f64, how: &str) -> Vec<Chart> {
    let lines = |y: &dyn Fn(&Row) -> f64| -> Vec<Line> {
        let line = |(mode, name): &(&str, &str)| Line {
            name: (*name).to_owned(),
            points: (rows.iter().filter(|row| row.mode == *mode))
                .map(|row| Point {
                    x: row.load,
                    y: y(row),
                    text: format!(
                        "{:.1}x: {:.0} answers/s, p99 {:.1} ms",
                        row.load, row.goodput, row.p99_ms
                    ),
                })
                .collect(),
        };
        MODES.iter().map(line).collect()
    };
    let x = || Side {
        label: "offered load, in parts of the capacity",
        unit: "x",
        scale: Scale::Linear,
    };
    let goodput = Chart {
        title: "Overload: calls answered in time".to_owned(),
        subtitle: how.to_owned(),
        x: x(),
        y: Side {
            label: "goodput, of the capacity",
            unit: " %",
            scale: Scale::Linear,
        },
        lines: lines(&|row| row.goodput / capacity * 100.0),
    };
    let latency = Chart {
        title: "Overload: p99 of the calls that were let in".to_owned(),
        subtitle: "late calls count with all of their time; low is better".to_owned(),
        x: x(),
        y: Side {
            label: "p99",
            unit: " ms",
            scale: Scale::Log,
        },
        lines: lines(&|row| row.p99_ms),
    };
    vec![goodput, latency]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told() -> Value {
        let row = |mode: &str, load: f64, goodput: f64, p99: f64| {
            json!({
                "mode": mode, "load": load, "goodput": goodput, "refused": 1.0, "late": 2.0,
                "failed": 0.0, "p50_ms": 2.0, "p99_ms": p99,
            })
        };
        json!({
            "rows": [
                row("governed", 0.1, 50.0, 4.0),
                row("off", 0.1, 50.0, 4.0),
                row("governed", 3.0, 460.0, 12.0),
                row("off", 3.0, 200.0, 1000.0),
            ],
            "capacity": 500.0, "cost_ms": 2, "deadline_ms": 1000, "warm_up_s": 2.0,
            "measure_s": 4.0,
        })
    }

    #[test]
    fn figures_are_those_of_the_governed_server() {
        let outcome = read(&told()).unwrap();
        let got: Vec<_> = outcome.figures.iter().map(|figure| figure.got).collect();
        assert_eq!(got, [Some(0.92), Some(3.0)]);
        assert!(outcome.figures.iter().all(Figure::is_met));
    }

    #[test]
    fn each_server_has_a_line_in_each_chart() {
        let outcome = read(&told()).unwrap();
        assert_eq!(outcome.charts.len(), 2);
        for chart in &outcome.charts {
            let points: Vec<usize> = chart.lines.iter().map(|l| l.points.len()).collect();
            assert_eq!(points, [2, 2]);
        }
    }

    #[test]
    fn row_that_lacks_a_number_is_named() {
        let mut told = told();
        told["rows"][0] = json!({ "mode": "off", "load": 1.0 });
        let error = read(&told).unwrap_err().to_string();
        assert!(error.contains("goodput"), "{error}");
    }
}
