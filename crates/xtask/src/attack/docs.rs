//! The table of attacks in `docs/security.md`.

use std::fmt::Write;
use std::fs;

use crate::cargo::root;
use crate::error::Result;

use super::play::{Outcome, Rules};
use super::report::{end, first_end, mib};
use super::row::Row;

const FILE: &str = "docs/security.md";
const BEGIN: &str = "<!-- attacks: written by `cargo xtask attack --write-docs` -->";
const END: &str = "<!-- attacks: end -->";

/// Replaces the table.
pub(super) fn write(outcomes: &[(Row, Outcome)], rules: &Rules) -> Result<()> {
    let path = root().join(FILE);
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(
        path,
        replaced(&text, &section(outcomes, rules))?,
    )?)
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

fn section(outcomes: &[(Row, Outcome)], rules: &Rules) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "\n{} s each; times in ms; memory in MiB above what the server held before.\n",
        rules.duration.as_secs_f64()
    );
    out.push_str(
        "| attack | known as | what it sends | limit | what the server did | after s | memory peak | bound | p99 beside it | beside the harmless client | failed |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (row, outcome) in outcomes {
        let ms = |us: u64| format!("{:.2}", us as f64 / 1000.0);
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            cell(&row.reference),
            cell(&row.what),
            limits(&row.limits),
            cell(&end(outcome)),
            first_end(outcome),
            mib(outcome.memory_peak()),
            mib(row.memory_bytes_max),
            ms(Outcome::p99(&outcome.beside_attack)),
            ms(Outcome::p99(&outcome.beside_harmless)),
            outcome.beside_attack["failed"],
        );
    }
    out.push_str("\nThe log line of each, as it stood in the server's log:\n\n```text\n");
    for (row, outcome) in outcomes {
        let line = outcome
            .log_line
            .as_deref()
            .unwrap_or("(none: nothing was refused)");
        let _ = writeln!(out, "{:27} {line}", row.name);
    }
    out.push_str("```\n");
    out
}

/// Text that does not end a cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Names of keys as code, anything else as it is.
fn limits(text: &str) -> String {
    let is_key = |part: &str| !part.contains(' ') && part.contains(['_', '.']);
    text.split(", ")
        .map(|part| {
            if is_key(part) {
                format!("`{part}`")
            } else {
                cell(part)
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, limits, replaced};

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let want = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), want);
        assert!(replaced("nothing", "new").is_err());
    }

    #[test]
    fn keys_are_shown_as_code() {
        assert_eq!(
            limits("a.b_c, the call's deadline"),
            "`a.b_c`, the call's deadline"
        );
    }
}
