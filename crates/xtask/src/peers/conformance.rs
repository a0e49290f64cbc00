//! The gRPC part of the Connect conformance suite, server and client under test.

use std::path::PathBuf;
use std::time::Duration;

use crate::cargo::{root, target};
use crate::error::Result;

use super::install::Program;
use super::lab::{Lab, text};
use super::process::{Done, run};

/// Cases of version 1.0.7 with the features that `conformance.yaml` names.
const SERVER_CASES: u32 = 568;
const CLIENT_CASES: u32 = 644;
/// How long all cases of one side may take.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Failed cases that a verdict names; the log has all.
const SHOWN_MAX: usize = 8;

/// Our server under test.
pub(super) fn server(lab: &Lab) -> Result<String> {
    judge(lab, "server", SERVER_CASES)
}

/// Our client under test.
pub(super) fn client(lab: &Lab) -> Result<String> {
    judge(lab, "client", CLIENT_CASES)
}

fn folder() -> PathBuf {
    root().join("crates/rzero-conformance")
}

fn judge(lab: &Lab, side: &str, want: u32) -> Result<String> {
    let log = lab.fresh_log(&format!("conformance-{side}"))?;
    let mut command = Program::Conformance.command("connectconformance");
    command.args(["--mode", side, "--conf"]);
    command.arg(folder().join("conformance.yaml"));
    let known = folder().join("known-failing.txt");
    if known.exists() {
        command.args(["--known-failing", &format!("@{}", text(&known))]);
    }
    // The cases have deadlines: on a busy machine fewer at a time are steadier.
    command.args(["--max-servers", "2"]);
    if side == "server" {
        command.args(["--parallel", "4"]);
    }
    let program = target().join("debug/rz-conformance");
    command.arg("--").arg(program).arg(side);
    verdict(&run(&mut command, &log, LIMIT)?, want)
}

/// The suite exits with success only if all cases passed but those that are known to fail, and
/// those did fail.
fn verdict(done: &Done, want: u32) -> Result<String> {
    let count = |after: &str, before: &str| number(&done.output, after, before);
    let all = count("Total cases: ", "");
    let passed = count("", " passed");
    let (Some(all), Some(passed)) = (all, passed) else {
        return Err(format!("{}: {}", done.status, done.last_line()).into());
    };
    if done.status.success() && all == want {
        return Ok(match want.saturating_sub(passed) {
            0 => format!("{want} of {want} cases passed"),
            known => {
                format!("{passed} of {want} cases passed, {known} in known-failing.txt failed")
            }
        });
    }
    let names: Vec<&str> = done
        .output
        .lines()
        .filter_map(|line| line.strip_prefix("FAILED: "))
        .map(|name| name.trim_end_matches(':'))
        .collect();
    let shown = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>();
    let (shown, more) = (shown.join(", "), names.len().saturating_sub(SHOWN_MAX));
    let text = format!(
        "{passed} of {all} cases passed, want {want}; failed: {shown} and {more} more; {}",
        done.last_line()
    );
    Err(text.into())
}

/// The number between `after` and `before` in the last line that has both.
fn number(output: &str, after: &str, before: &str) -> Option<u32> {
    output.lines().rev().find_map(|line| {
        let rest = &line[line.find(after)? + after.len()..];
        let text = if before.is_empty() {
            rest
        } else {
            &rest[..rest.find(before)?]
        };
        text.rsplit([' ', '(']).next()?.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_of_the_summary_are_read() {
        let output = "FAILED: a/b:\n\tbecause\n\nTotal cases: 568\n560 passed, 8 failed\n";
        assert_eq!(number(output, "Total cases: ", ""), Some(568));
        assert_eq!(number(output, "", " passed"), Some(560));
        assert_eq!(number("nothing", "", " passed"), None);
    }
}
