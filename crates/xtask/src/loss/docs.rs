//! The table in `docs/loss.md`.

use std::fmt::Write;
use std::fs;

use crate::cargo::root;
use crate::error::Result;

use super::outcome::Row;
use super::play::Rules;
use super::promise::words;
use super::report::Cells;

const FILE: &str = "docs/loss.md";
const BEGIN: &str = "<!-- loss: written by `cargo xtask loss --write-docs` -->";
const END: &str = "<!-- loss: end -->";

/// Replaces the table.
pub(super) fn write(rows: &[Row], rules: &Rules) -> Result<()> {
    let path = root().join(FILE);
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(path, replaced(&text, &section(rows, rules))?)?)
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

fn section(rows: &[Row], rules: &Rules) -> String {
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "\n{} rounds each, the least and the most of them; programs built without optimisation.\n",
        rules.rounds
    );
    out.push_str(
        "| event | registry | calls | made | failed a round | noticed after | slowest call | promise | kept | go-zero failed | go-zero noticed |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let cells = Cells::of(row);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            row.event.text(),
            row.registry.name(),
            row.load.name(),
            cells.calls,
            cells.failed,
            cells.noticed,
            cells.slowest,
            words(row.event, row.load),
            if cells.kept { "yes" } else { "**no**" },
            cells.go_zero_failed,
            cells.go_zero_noticed,
        );
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, replaced};

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let want = format!("before\n{BEGIN}\nnew\n{END}\nafter\n");
        assert_eq!(replaced(&text, "new\n").unwrap(), want);
        assert!(replaced("nothing", "new").is_err());
    }
}
