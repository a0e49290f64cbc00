//! The tables of `docs/bench/governance.md`.

use std::fmt::Write;
use std::fs;

use crate::bench::figure::significant;
use crate::cargo::root;
use crate::error::Result;

use super::Outcome;

const FILE: &str = "docs/bench/governance.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench governance` -->";
const END: &str = "<!-- figures: end -->";

/// Replaces them.
pub(super) fn write(outcomes: &[Outcome]) -> Result<()> {
    let path = root().join(FILE);
    let text = fs::read_to_string(&path)?;
    fs::write(path, replaced(&text, &section(outcomes))?)?;
    println!("    {FILE}");
    Ok(())
}

fn replaced(text: &str, section: &str) -> Result<String> {
    let marked = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let (before, after) =
        marked.ok_or_else(|| format!("{FILE} lacks the lines {BEGIN} and {END}"))?;
    Ok(format!("{before}{BEGIN}\n{section}{END}{after}"))
}

fn section(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for outcome in outcomes {
        // Writing into a string does not fail.
        let _ = writeln!(out, "\n### {}\n\n{}", heading(outcome), outcome.table);
    }
    let mut lines = vec![["figure", "want", "got", ""].map(str::to_owned).to_vec()];
    for figure in outcomes.iter().flat_map(|outcome| &outcome.figures) {
        let verdict = if figure.is_met() { "ok" } else { "MISSED" };
        lines.push(vec![
            figure.name.clone(),
            figure.want.to_string(),
            figure.got.map_or("failed".to_owned(), significant),
            verdict.to_owned(),
        ]);
    }
    let _ = writeln!(
        out,
        "\n### What is to be reached\n\n{}\n",
        super::table(&lines)
    );
    out
}

fn heading(outcome: &Outcome) -> String {
    let step = outcome.part.step();
    let mut letters = step.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench::figure::{Figure, Want};

    use super::super::Part;
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let want = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), want);
        assert!(replaced("nothing", "new").is_err());
    }

    #[test]
    fn missed_figure_is_shown_as_missed() {
        let figure = Figure {
            name: "goodput".into(),
            want: Want::AtLeast(0.9),
            got: Some(0.5),
        };
        let outcome = Outcome {
            part: Part::Overload,
            table: "| t |".into(),
            rows: Vec::new(),
            figures: vec![figure],
            setting: json!({}),
            charts: Vec::new(),
        };
        let section = section(&[outcome]);
        assert!(section.contains("### Overload\n\n| t |\n"), "{section}");
        assert!(section.contains("| >= 0.9 | 0.50 | MISSED |"), "{section}");
    }

    #[test]
    fn page_has_the_marks() {
        let page = fs::read_to_string(root().join(FILE)).unwrap();
        assert!(replaced(&page, "").is_ok());
    }
}
