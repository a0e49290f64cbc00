//! `cargo xtask bench governance`: what policies cost a call, and what they do for a server under
//! overload and for a client among nodes that fail.
//!
//! The program is `benches/governance`, one process for each part; it measures, and what its
//! figures come to is computed here.

mod brownout;
mod docs;
mod overload;
mod price;
mod program;

use std::fs;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::bench::chart;
use crate::bench::figure::{self, Figure};
use crate::cargo::root;
use crate::error::Result;
use crate::step::Steps;

/// The picture, and the page whose tables a full run writes.
const PICTURE: &str = "docs/bench/governance.svg";

/// Options of `cargo xtask bench governance`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench governance --quick      a coarse answer in a minute, after the build
  cargo xtask bench governance              everything, about four minutes on an idle machine
  cargo xtask bench governance --only price what each policy costs, alone

Writes target/rz-results/bench-governance.json; a full run writes docs/bench/governance.svg and the
tables of docs/bench/governance.md, too. A full run fails when a figure is missed; --quick and parts
of the whole only show it. How to read it: docs/bench/governance.md.")]
pub(crate) struct GovernanceArgs {
    /// Few loads and short times
    #[arg(long)]
    quick: bool,
    /// Only these parts
    #[arg(long, value_enum, value_name = "PART", value_delimiter = ',')]
    only: Vec<Part>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// What each policy costs a call
    Price,
    /// A server under more load than it can bear
    Overload,
    /// A client among nodes that are slow, failing or gone
    Brownout,
}

impl Part {
    const ALL: [Self; 3] = [Self::Price, Self::Overload, Self::Brownout];

    /// As the program knows it.
    const fn name(self) -> &'static str {
        match self {
            Self::Price => "price",
            Self::Overload => "overload",
            Self::Brownout => "brownout",
        }
    }

    const fn step(self) -> &'static str {
        match self {
            Self::Price => "price of policies",
            Self::Overload => "overload",
            Self::Brownout => "brown-out, simulated",
        }
    }
}

/// What one part came to.
#[derive(Debug)]
struct Outcome {
    part: Part,
    /// For people, in Markdown as well.
    table: String,
    rows: Vec<Value>,
    figures: Vec<Figure>,
    /// How it was done.
    setting: Value,
    charts: Vec<chart::Chart>,
}

impl GovernanceArgs {
    fn parts(&self) -> impl Iterator<Item = Part> {
        let wanted = |part: &Part| self.only.is_empty() || self.only.contains(part);
        Part::ALL.into_iter().filter(wanted)
    }

    /// Everything is measured as the documentation says, so the figures count.
    fn is_whole(&self) -> bool {
        !self.quick && self.parts().count() == Part::ALL.len()
    }
}

/// Runs `cargo xtask bench governance`.
pub(crate) fn run(args: &GovernanceArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("bench governance");
    let Some(program) = steps.run("build the program", program::build) else {
        return Ok(steps.verdict());
    };
    let mut outcomes = Vec::new();
    for part in args.parts() {
        let outcome = steps.run(part.step(), || {
            let told = program::run(&program, part.name(), args.quick)?;
            let outcome = read(part, &told)?;
            println!("\n{}", outcome.table);
            Ok(outcome)
        });
        outcomes.extend(outcome);
    }
    finish(args, &mut steps, &outcomes);
    Ok(steps.verdict())
}

fn read(part: Part, told: &Value) -> Result<Outcome> {
    match part {
        Part::Price => price::read(told),
        Part::Overload => overload::read(told),
        Part::Brownout => brownout::read(told),
    }
}

/// What becomes of the figures.
fn finish(args: &GovernanceArgs, steps: &mut Steps, outcomes: &[Outcome]) {
    let figures = || outcomes.iter().flat_map(|outcome| &outcome.figures);
    println!("\n{}", figure::table(figures()));
    steps.run("write figures", || {
        let path = super::results()?.join("bench-governance.json");
        fs::write(&path, json(args.quick, outcomes)?)?;
        println!("    {}", path.display());
        Ok(())
    });
    let whole = args.is_whole() && outcomes.len() == Part::ALL.len();
    if whole {
        steps.run("write the picture and the page", || {
            let charts = outcomes.iter().flat_map(|outcome| &outcome.charts);
            fs::write(root().join(PICTURE), chart::draw(charts))?;
            println!("    {PICTURE}");
            docs::write(outcomes)
        });
    }
    let (missed, verdict) = figure::verdict(figures());
    if whole && missed > 0 {
        steps.run("reach", || Err(verdict.clone().into()) as Result<()>);
    } else {
        steps.note(verdict);
    }
}

/// Rows and figures for programs.
fn json(quick: bool, outcomes: &[Outcome]) -> Result<String> {
    let mut settings = serde_json::Map::new();
    for outcome in outcomes {
        settings.insert(outcome.part.name().to_owned(), outcome.setting.clone());
    }
    let rows = outcomes.iter().flat_map(|outcome| {
        let part = outcome.part.name();
        outcome.rows.iter().map(move |row| {
            let mut row = row.clone();
            row["part"] = part.into();
            row
        })
    });
    let figures = outcomes.iter().flat_map(|outcome| &outcome.figures);
    let document = json!({
        "quick": quick,
        "settings": settings,
        "rows": rows.collect::<Vec<Value>>(),
        "reach": figures.map(Figure::json).collect::<Vec<Value>>(),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// A table in Markdown that reads well as plain text too: the first line of cells is its head.
fn table(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let row = |line: &Vec<String>| {
        let cells = line.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match at {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    };
    let rule = widths.iter().enumerate().map(|(at, width)| match at {
        0 => "-".repeat(*width + 2),
        _ => format!("{}:", "-".repeat(*width + 1)),
    });
    let rule = format!("|{}|", rule.collect::<Vec<_>>().join("|"));
    let mut out: Vec<String> = lines.iter().map(row).collect();
    out.insert(1.min(out.len()), rule);
    out.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let got = table(&[line(["policy", "ns"]), line(["µ", "123"])]);
        assert_eq!(got, "| policy |  ns |\n|--------|----:|\n| µ      | 123 |");
    }

    #[test]
    fn parts_of_the_whole_are_not_the_whole() {
        let args = |quick, only: &[Part]| GovernanceArgs {
            quick,
            only: only.to_vec(),
        };
        assert!(args(false, &[]).is_whole());
        assert!(!args(true, &[]).is_whole());
        let one = args(false, &[Part::Overload]);
        assert!(!one.is_whole());
        assert_eq!(one.parts().collect::<Vec<_>>(), [Part::Overload]);
    }

    #[test]
    fn rows_in_the_json_name_their_part() {
        let outcome = Outcome {
            part: Part::Price,
            table: String::new(),
            rows: vec![json!({ "ns": 1 })],
            figures: Vec::new(),
            setting: json!({}),
            charts: Vec::new(),
        };
        let text = json(true, &[outcome]).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["rows"][0], json!({ "ns": 1, "part": "price" }));
        assert_eq!(document["reach"], json!([]));
    }
}
