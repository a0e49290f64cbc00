//! The picture: throughput against latency, a line for each system.

use crate::bench::chart::{self, Chart, Line, Point, Scale, Side};

use super::case::{CONCURRENCY, Case, Id, Load};
use super::row::Rows;
use super::system::ALL;

/// Draws the unpinned calls with 128 bytes.
pub(super) fn draw(rows: &Rows, cases: &[Case]) -> String {
    let side = |label, unit| Side {
        label,
        unit,
        scale: Scale::Log,
    };
    chart::draw(&[Chart {
        title: "Unary calls with 128 bytes, one machine, two processes".to_owned(),
        subtitle: "1, 16, 64 and 256 callers along each line; right and low is better".to_owned(),
        x: side("calls per second", ""),
        y: side("median latency", " µs"),
        lines: lines(rows, cases),
    }])
}

fn lines(rows: &Rows, cases: &[Case]) -> Vec<Line> {
    let point = |name, concurrency| {
        let id = Id::Unary {
            pinned: false,
            concurrency,
            load: Load::B128,
        };
        cases.iter().find(|case| case.id == id)?;
        let row = rows.get(name, id)?;
        let (x, y) = (row.qps, row.p50_us?);
        let text = format!("c={concurrency}: {x:.0} calls/s, {y:.0} µs");
        Some(Point { x, y, text })
    };
    let lines = ALL.iter().map(|system| Line {
        name: system.name.to_owned(),
        points: (CONCURRENCY.iter())
            .filter_map(|c| point(system.name, *c))
            .collect(),
    });
    lines.filter(|line| !line.points.is_empty()).collect()
}
