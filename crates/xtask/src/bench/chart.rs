//! Line charts as SVG.

use std::fmt::Write;

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
/// Patterns of lines, so that no two look alike.
const DASHES: [&str; 3] = ["", "6 3", "2 3"];

/// How numbers lie on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    /// From the power of ten below all numbers to the one above; no number is below 1.
    Log,
    /// From 0 to the largest number, in steps that people count in.
    Linear,
}

/// What stands along an axis.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) label: &'static str,
    /// Written behind each number, with a space of its own.
    pub(super) unit: &'static str,
    pub(super) scale: Scale,
}

/// A chart.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) x: Side,
    pub(super) y: Side,
    pub(super) lines: Vec<Line>,
}

/// One line of it.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<Point>,
}

/// A point of a line; its text is shown to who points at it.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
}

struct Axis {
    scale: Scale,
    /// Of logarithms where the scale is one of them.
    low: f64,
    high: f64,
    step: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn around(
        numbers: impl Iterator<Item = f64> + Clone,
        scale: Scale,
        from: f64,
        to: f64,
    ) -> Self {
        let largest = numbers.clone().fold(1.0, f64::max);
        let (low, high, step) = match scale {
            Scale::Log => {
                let low = numbers.fold(f64::MAX, f64::min).clamp(1.0, largest);
                let low = low.log10().floor();
                (low, largest.log10().ceil().max(low + 1.0), 1.0)
            }
            Scale::Linear => {
                let step = step(largest);
                (0.0, (largest / step).ceil() * step, step)
            }
        };
        Self {
            scale,
            low,
            high,
            step,
            from,
            to,
        }
    }

    fn place(&self, number: f64) -> f64 {
        let number = match self.scale {
            Scale::Log => number.max(1.0).log10(),
            Scale::Linear => number,
        };
        let share = (number - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }

    /// The numbers that are written on it.
    fn marks(&self) -> impl Iterator<Item = f64> {
        let (mut at, end, step, scale) = (self.low, self.high, self.step, self.scale);
        std::iter::from_fn(move || {
            let mark = (at <= end + step / 1e3).then_some(match scale {
                Scale::Log => 10_f64.powf(at),
                Scale::Linear => at,
            });
            at += step;
            mark
        })
    }
}

/// A step of 1, 2 or 5 times a power of ten, of which at most eight make `largest`.
fn step(largest: f64) -> f64 {
    let power = 10_f64.powf((largest / 8.0).log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|times| times * power);
    let fits = steps.into_iter().find(|step| largest / step <= 8.0);
    fits.unwrap_or(10.0 * power)
}

/// Writing to a string cannot fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {
        let _ = writeln!($out, $($text)*);
    };
}

/// Draws charts below each other.
pub(super) fn draw<'a>(charts: impl IntoIterator<Item = &'a Chart>) -> String {
    let charts: Vec<&Chart> = charts.into_iter().collect();
    let mut out = String::new();
    let height = HEIGHT * charts.len() as f64;
    put!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">"#
    );
    put!(
        out,
        r#"<rect width="{WIDTH}" height="{height}" fill="white"/>"#
    );
    for (at, chart) in charts.iter().enumerate() {
        let down = HEIGHT * at as f64;
        put!(out, r#"<g transform="translate(0 {down})">"#);
        chart.draw(&mut out);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

impl Chart {
    fn draw(&self, out: &mut String) {
        let points = self.lines.iter().flat_map(|line| line.points.iter());
        let xs = points.clone().map(|point| point.x);
        let x = Axis::around(xs, self.x.scale, LEFT, WIDTH - RIGHT);
        let ys = points.map(|point| point.y);
        let y = Axis::around(ys, self.y.scale, HEIGHT - BOTTOM, TOP);
        self.frame(out, &x, &y);
        for (at, line) in self.lines.iter().enumerate() {
            line.draw(out, at, &x, &y);
        }
    }

    fn frame(&self, out: &mut String, x: &Axis, y: &Axis) {
        let Self {
            title, subtitle, ..
        } = self;
        put!(
            out,
            r#"<text x="{LEFT}" y="24" font-size="16">{title}</text>"#
        );
        put!(
            out,
            r#"<text x="{LEFT}" y="42" fill="dimgray">{subtitle}</text>"#
        );
        let (top, bottom, right) = (TOP, HEIGHT - BOTTOM, WIDTH - RIGHT);
        for mark in x.marks() {
            let (at, label) = (x.place(mark), bottom + 18.0);
            put!(
                out,
                r##"<line x1="{at:.1}" y1="{top}" x2="{at:.1}" y2="{bottom}" stroke="#ddd"/>"##
            );
            put!(
                out,
                r#"<text x="{at:.1}" y="{label}" text-anchor="middle">{}{}</text>"#,
                short(mark),
                self.x.unit
            );
        }
        for mark in y.marks() {
            let at = y.place(mark);
            put!(
                out,
                r##"<line x1="{LEFT}" y1="{at:.1}" x2="{right}" y2="{at:.1}" stroke="#ddd"/>"##
            );
            let (label, line) = (LEFT - 8.0, at + 4.0);
            put!(
                out,
                r#"<text x="{label}" y="{line:.1}" text-anchor="end">{}{}</text>"#,
                short(mark),
                self.y.unit
            );
        }
        let (middle, below) = (f64::midpoint(LEFT, right), HEIGHT - 16.0);
        put!(
            out,
            r#"<text x="{middle}" y="{below}" text-anchor="middle">{}</text>"#,
            self.x.label
        );
        let middle = f64::midpoint(top, bottom);
        put!(
            out,
            r#"<text transform="translate(18 {middle}) rotate(-90)" text-anchor="middle">{}</text>"#,
            self.y.label
        );
    }
}

impl Line {
    fn draw(&self, out: &mut String, at: usize, x: &Axis, y: &Axis) {
        let colour = COLOURS[at % COLOURS.len()];
        let dash = DASHES[(at / COLOURS.len()) % DASHES.len()];
        let places = self
            .points
            .iter()
            .map(|point| (x.place(point.x), y.place(point.y)));
        let path: Vec<String> = places
            .clone()
            .map(|(x, y)| format!("{x:.1},{y:.1}"))
            .collect();
        put!(
            out,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"#,
            path.join(" ")
        );
        for ((x, y), point) in places.zip(&self.points) {
            put!(
                out,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3.5" fill="{colour}"><title>{}, {}</title></circle>"#,
                self.name,
                point.text
            );
        }
        let (left, row) = (WIDTH - RIGHT + 12.0, TOP + at as f64 * 22.0);
        let (right, text) = (left + 28.0, left + 36.0);
        put!(
            out,
            r#"<line x1="{left}" y1="{row}" x2="{right}" y2="{row}" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>"#
        );
        let row = row + 4.0;
        put!(out, r#"<text x="{text}" y="{row}">{}</text>"#, self.name);
    }
}

/// A number as people write it.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{} M", n / 1e6),
        n if n >= 1e3 => format!("{} k", n / 1e3),
        n => format!("{}", (n * 1e3).round() / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::{Axis, Chart, Line, Point, Scale, Side, draw};

    #[test]
    fn axis_of_logarithms_spans_whole_powers_of_ten() {
        let numbers = [150.0, 40_000.0].into_iter();
        let axis = Axis::around(numbers, Scale::Log, 0.0, 300.0);
        assert_eq!(axis.marks().collect::<Vec<_>>(), [100.0, 1e3, 1e4, 1e5]);
        assert!((axis.place(1e4) - 200.0).abs() < 0.01);
    }

    #[test]
    fn linear_axis_begins_at_zero_and_has_round_steps() {
        let axis = Axis::around([0.5, 4.0].into_iter(), Scale::Linear, 0.0, 300.0);
        assert_eq!(axis.marks().count(), 9);
        assert!((axis.place(2.0) - 150.0).abs() < 0.01);
        let axis = Axis::around([503.0].into_iter(), Scale::Linear, 0.0, 300.0);
        assert_eq!(axis.marks().last(), Some(600.0));
    }

    #[test]
    fn charts_stand_below_each_other() {
        let side = || Side {
            label: "l",
            unit: "",
            scale: Scale::Linear,
        };
        let chart = || Chart {
            title: "t".into(),
            subtitle: "s".into(),
            x: side(),
            y: side(),
            lines: vec![Line {
                name: "n".into(),
                points: vec![Point {
                    x: 1.0,
                    y: 2.0,
                    text: "p".into(),
                }],
            }],
        };
        let svg = draw(&[chart(), chart()]);
        assert!(svg.contains(r#"viewBox="0 0 900 1120""#) && svg.contains("translate(0 560)"));
        assert_eq!(svg.matches("<polyline").count(), 2);
    }
}
