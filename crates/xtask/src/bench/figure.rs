//! Figures that are to be reached, and what became of them.

use std::fmt;

use serde_json::{Value, json};

/// What is asked of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Want {
    AtLeast(f64),
    AtMost(f64),
}

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bound) => write!(f, ">= {bound}"),
            Self::AtMost(bound) => write!(f, "<= {bound:.3}"),
        }
    }
}

/// A figure and what became of it.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) want: Want,
    /// Absent when a measurement for it failed.
    pub(super) got: Option<f64>,
}

impl Figure {
    pub(super) fn is_met(&self) -> bool {
        match (self.want, self.got) {
            (Want::AtLeast(bound), Some(got)) => got >= bound,
            (Want::AtMost(bound), Some(got)) => got <= bound,
            (_, None) => false,
        }
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "want": self.want.to_string(),
            "got": self.got.map(rounded),
            "ok": self.is_met(),
        })
    }
}

/// The figures, what is wanted and what was found.
pub(super) fn table<'a>(figures: impl IntoIterator<Item = &'a Figure>) -> String {
    let figures: Vec<&Figure> = figures.into_iter().collect();
    let width = figures.iter().map(|figure| figure.name.chars().count());
    let width = width.max().unwrap_or(0);
    let mut lines = vec![format!("  {:width$} {:>10} {:>8}", "reach", "want", "got")];
    for figure in figures {
        let got = figure.got.map_or("failed".to_owned(), significant);
        let verdict = if figure.is_met() { "ok" } else { "MISSED" };
        let want = figure.want.to_string();
        lines.push(format!(
            "  {:width$} {want:>10} {got:>8}  {verdict}",
            figure.name
        ));
    }
    lines.join("\n")
}

/// How many were reached.
pub(super) fn verdict<'a>(figures: impl IntoIterator<Item = &'a Figure>) -> (usize, String) {
    let figures: Vec<&Figure> = figures.into_iter().collect();
    let missed = figures.iter().filter(|figure| !figure.is_met()).count();
    let (reached, all) = (figures.len() - missed, figures.len());
    (missed, format!("{reached} of {all} figures reached"))
}

/// Three digits, as much as there is to a ratio.
pub(super) fn significant(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// Three decimals are more than a measurement is worth.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The middle of some numbers; of an even count the mean of the two in the middle.
pub(super) fn median(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(sorted[last / 2], sorted[sorted.len() / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_failures_miss() {
        let figure = |want, got| Figure {
            name: String::new(),
            want,
            got,
        };
        assert!(figure(Want::AtLeast(1.0), Some(1.0)).is_met());
        assert!(!figure(Want::AtLeast(1.0), Some(0.99)).is_met());
        assert!(figure(Want::AtMost(160.0), Some(160.0)).is_met());
        let failed = figure(Want::AtMost(160.0), None);
        assert!(!failed.is_met());
        assert_eq!(verdict(&[failed]), (1, "0 of 1 figures reached".to_owned()));
    }

    #[test]
    fn ratios_have_three_digits() {
        assert_eq!(significant(0.384_9), "0.38");
        assert_eq!(significant(12.34), "12.3");
        assert_eq!(significant(160.4), "160");
    }

    #[test]
    fn median_is_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
        assert_eq!(median([].into_iter()), None);
    }
}
