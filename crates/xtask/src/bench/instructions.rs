//! `cargo xtask bench instructions`: what the hot path costs, in instructions.
//!
//! Times are noise on a shared machine; callgrind counts the same for the same program, whatever
//! else runs. Each case runs twice with different lengths, so that starting up is subtracted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use rzero_harness::Program;

use crate::apt;
use crate::cargo::{capture, cargo, check, target};
use crate::error::Result;
use crate::step::Steps;

const PACKAGE: &str = "rzero-instructions";
/// The figures that were accepted last.
const BASELINE: &str = "benches/instructions/baseline.txt";
/// Growth that fails, in per cent.
const TOLERANCE: f64 = 5.0;
/// Calls of the short run and of the long one.
const TIMES: [u32; 2] = [640, 6_400];

const VALGRIND: Program = Program::VALGRIND;

/// Options of `cargo xtask bench instructions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench instructions            compare with the accepted figures
  cargo xtask bench instructions --accept   accept today's figures

More than 5 % above the accepted figure fails. A figure far below is worth accepting.")]
pub(crate) struct InstructionsArgs {
    /// Write today's figures into the baseline
    #[arg(long)]
    accept: bool,
}

/// Runs `cargo xtask bench instructions`.
pub(crate) fn run(args: &InstructionsArgs) -> Result<ExitCode> {
    let mut steps = Steps::new("bench instructions");
    run_in(&mut steps, args.accept);
    Ok(steps.verdict())
}

/// The same as steps of something larger.
pub(crate) fn run_in(steps: &mut Steps, accept: bool) {
    if steps
        .run("install valgrind", || apt::ensure(&[VALGRIND]))
        .is_none()
    {
        return;
    }
    let Some(program) = steps.run("build the hot path", build) else {
        return;
    };
    let figures = steps.run("count instructions", || {
        let figures = count_all(&program)?;
        if accept {
            return accepted(&figures).map(|()| figures);
        }
        compare(&figures, &baseline()?).map(|()| figures)
    });
    for (name, count) in figures.into_iter().flatten() {
        steps.note(format!("{count:>8} instructions  {name}"));
    }
}

fn build() -> Result<PathBuf> {
    check(cargo(["build", "--release", "--package"]).arg(PACKAGE))?;
    Ok(target().join("release").join(PACKAGE))
}

/// Instructions per call of every case.
fn count_all(program: &Path) -> Result<BTreeMap<String, u64>> {
    let names = capture(&mut Command::new(program))?;
    names
        .lines()
        .map(|name| {
            let [short, long] = TIMES;
            let more = count(program, name, long)?.saturating_sub(count(program, name, short)?);
            Ok((name.to_owned(), more / u64::from(long - short)))
        })
        .collect()
}

fn count(program: &Path, case: &str, times: u32) -> Result<u64> {
    let folder = target().join("rz-results");
    fs::create_dir_all(&folder)?;
    let file = folder.join("callgrind.out");
    let mut valgrind = Command::new(VALGRIND.path()?);
    valgrind
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args([case, &times.to_string()]);
    check(&mut valgrind)?;
    let text = fs::read_to_string(&file)?;
    let sum = text.lines().find_map(|line| {
        let rest = line
            .strip_prefix("summary: ")
            .or_else(|| line.strip_prefix("totals: "))?;
        rest.trim().parse().ok()
    });
    sum.ok_or_else(|| format!("{}: no sum in it", file.display()).into())
}

fn baseline() -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(BASELINE)
        .map_err(|e| format!("{BASELINE}: {e}; write it with --accept"))?;
    text.lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| {
            let parts = line.split_once(' ');
            let (name, count) = parts.ok_or_else(|| format!("{BASELINE}: `{line}`"))?;
            let count = count
                .trim()
                .parse()
                .map_err(|e| format!("{BASELINE}: {line}: {e}"))?;
            Ok((name.to_owned(), count))
        })
        .collect()
}

fn accepted(figures: &BTreeMap<String, u64>) -> Result<()> {
    let mut text = String::from(
        "# Instructions per call. Written by `cargo xtask bench instructions --accept`.\n",
    );
    for (name, count) in figures {
        writeln!(text, "{name} {count}")?;
    }
    Ok(fs::write(BASELINE, text)?)
}

fn compare(figures: &BTreeMap<String, u64>, baseline: &BTreeMap<String, u64>) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, &count) in figures {
        match baseline.get(name) {
            None => wrong.push(format!("{name}: {count}, not in {BASELINE}")),
            Some(&before) if is_worse(before, count) => {
                wrong.push(format!("{name}: {count} instructions, {before} before"));
            }
            Some(_) => {}
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong = wrong.join("; ");
    Err(format!("{wrong} (accept it with `cargo xtask bench instructions --accept`)").into())
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn is_worse(before: u64, now: u64) -> bool {
    now as f64 > before as f64 * (1.0 + TOLERANCE / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(count: u64) -> BTreeMap<String, u64> {
        BTreeMap::from([("call".to_owned(), count)])
    }

    #[test]
    fn more_than_five_per_cent_fails() {
        assert!(compare(&figures(1_050), &figures(1_000)).is_ok());
        let error = compare(&figures(1_051), &figures(1_000)).unwrap_err();
        assert!(error.to_string().contains("1051 instructions, 1000 before"));
    }

    #[test]
    fn case_without_a_figure_fails() {
        assert!(compare(&figures(1), &BTreeMap::new()).is_err());
    }
}
