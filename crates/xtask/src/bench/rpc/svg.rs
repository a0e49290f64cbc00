//! The picture: throughput against latency, a line for each system.

use std::fmt::Write;

use super::case::{CONCURRENCY, Case, Id, Load};
use super::row::Rows;
use super::system::ALL;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 200.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 60.0;
/// Colours that the colour-blind can tell apart, used in turn.
const COLOURS: [&str; 8] = [
    "#d55e00", "#e69f00", "#0072b2", "#56b4e9", "#009e73", "#cc79a7", "#7f7f7f", "#000000",
];
/// Patterns of lines, so that no two systems look alike.
const DASHES: [&str; 3] = ["", "6 3", "2 3"];

/// A power-of-ten axis.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// From the power of ten below all numbers to the one above.
    fn around(numbers: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = numbers.clone().fold(f64::MAX, f64::min).max(1.0);
        let high = numbers.fold(1.0, f64::max);
        let low = low.log10().floor();
        Self {
            low,
            high: high.log10().ceil().max(low + 1.0),
            from,
            to,
        }
    }

    fn place(&self, number: f64) -> f64 {
        let share = (number.max(1.0).log10() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// The powers of ten on it.
    fn marks(&self) -> impl Iterator<Item = f64> {
        let (mut at, high) = (self.low, self.high);
        std::iter::from_fn(move || {
            let mark = (at <= high).then(|| 10_f64.powf(at));
            at += 1.0;
            mark
        })
    }
}

/// One system's line.
struct Line {
    name: &'static str,
    /// Calls per second, latency in microseconds and concurrency.
    points: Vec<(f64, f64, u32)>,
}

/// Draws the unpinned calls with 128 bytes.
pub(super) fn draw(rows: &Rows, cases: &[Case]) -> String {
    let lines = lines(rows, cases);
    let points = lines.iter().flat_map(|line| line.points.iter());
    let x = Axis::around(points.clone().map(|point| point.0), LEFT, WIDTH - RIGHT);
    let y = Axis::around(points.map(|point| point.1), HEIGHT - BOTTOM, TOP);
    let mut out = String::new();
    frame(&mut out, &x, &y);
    for (at, line) in lines.iter().enumerate() {
        let dash = DASHES[(at / COLOURS.len()) % DASHES.len()];
        draw_line(&mut out, line, (at, dash), &x, &y);
    }
    out.push_str("</svg>\n");
    out
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
        Some((row.qps, row.p50_us?, concurrency))
    };
    let line = |name| Line {
        name,
        points: CONCURRENCY.iter().filter_map(|c| point(name, *c)).collect(),
    };
    let lines = ALL.iter().map(|system| line(system.name));
    lines.filter(|line| !line.points.is_empty()).collect()
}

/// Writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {
        let _ = writeln!($out, $($text)*);
    };
}

fn frame(out: &mut String, x: &Axis, y: &Axis) {
    put!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">"#
    );
    put!(
        out,
        r#"<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>"#
    );
    put!(
        out,
        r#"<text x="{LEFT}" y="24" font-size="16">Unary calls with 128 bytes, one machine, two processes</text>"#
    );
    put!(
        out,
        r#"<text x="{LEFT}" y="42" fill="dimgray">1, 16, 64 and 256 callers along each line; right and low is better</text>"#
    );
    let (top, bottom) = (TOP, HEIGHT - BOTTOM);
    for mark in x.marks() {
        let at = x.place(mark);
        put!(
            out,
            r##"<line x1="{at:.1}" y1="{top}" x2="{at:.1}" y2="{bottom}" stroke="#ddd"/>"##
        );
        let label = bottom + 18.0;
        put!(
            out,
            r#"<text x="{at:.1}" y="{label}" text-anchor="middle">{}</text>"#,
            short(mark)
        );
    }
    let right = WIDTH - RIGHT;
    for mark in y.marks() {
        let at = y.place(mark);
        put!(
            out,
            r##"<line x1="{LEFT}" y1="{at:.1}" x2="{right}" y2="{at:.1}" stroke="#ddd"/>"##
        );
        let (label, line) = (LEFT - 8.0, at + 4.0);
        put!(
            out,
            r#"<text x="{label}" y="{line:.1}" text-anchor="end">{} µs</text>"#,
            short(mark)
        );
    }
    let (middle, below) = (f64::midpoint(LEFT, right), HEIGHT - 16.0);
    put!(
        out,
        r#"<text x="{middle}" y="{below}" text-anchor="middle">calls per second</text>"#
    );
    let middle = f64::midpoint(top, bottom);
    put!(
        out,
        r#"<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">median latency</text>"#
    );
}

fn draw_line(out: &mut String, line: &Line, (at, dash): (usize, &str), x: &Axis, y: &Axis) {
    let colour = COLOURS[at % COLOURS.len()];
    let places: Vec<(f64, f64)> = line
        .points
        .iter()
        .map(|(qps, latency, _)| (x.place(*qps), y.place(*latency)))
        .collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect();
    put!(
        out,
        r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"#,
        path.join(" ")
    );
    for ((x, y), (qps, latency, concurrency)) in places.iter().zip(&line.points) {
        put!(
            out,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"><title>{}, c={concurrency}: {qps:.0} calls/s, {latency:.0} µs</title></circle>"#,
            line.name
        );
    }
    let (left, text, row) = (
        WIDTH - RIGHT + 12.0,
        WIDTH - RIGHT + 48.0,
        TOP + at as f64 * 22.0,
    );
    let right = left + 28.0;
    put!(
        out,
        r#"<line x1="{left}" y1="{row}" x2="{right}" y2="{row}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"#
    );
    let row = row + 4.0;
    put!(out, r#"<text x="{text}" y="{row}">{}</text>"#, line.name);
}

/// A power of ten as people write it.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.0} M", n / 1e6),
        n if n >= 1e3 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Axis;

    #[test]
    fn axis_spans_whole_powers_of_ten() {
        let axis = Axis::around([150.0, 40_000.0].into_iter(), 0.0, 300.0);
        assert_eq!(axis.marks().collect::<Vec<_>>(), [100.0, 1e3, 1e4, 1e5]);
        assert!((axis.place(1e4) - 200.0).abs() < 0.01);
    }
}
