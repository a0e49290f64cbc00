//! h2spec: every case of HTTP/2 and HPACK, strict ones too.

use std::time::Duration;

use crate::error::Result;

use super::install::Program;
use super::lab::{Lab, Transport};
use super::process::run;

/// All cases of version 2.2.1.
const CASES: u32 = 146;
/// How long one case may wait for an answer, in seconds; a debug build on a busy machine is slow.
const ANSWER_WITHIN: &str = "4";
/// How long all of them may take: 146 unanswered ones.
const LIMIT: Duration = Duration::from_secs(12 * 60);

/// Runs h2spec against our server.
pub(super) fn judge(lab: &Lab) -> Result<String> {
    let mut server = lab.serve_interop("h2spec", Transport::Plaintext)?;
    let log = lab.fresh_log("h2spec")?;
    let mut command = Program::H2spec.command("h2spec");
    command.args(["-S", "-h", "127.0.0.1", "-o", ANSWER_WITHIN]);
    let done = run(command.args(["-p", &server.port.to_string()]), &log, LIMIT)?;
    server.still_runs()?;
    let counts = Counts::of(&done.output)
        .ok_or_else(|| format!("no summary in the output; last line: {}", done.last_line()))?;
    if counts.passed == CASES && counts.all == CASES {
        return Ok(format!("{CASES} of {CASES} cases passed"));
    }
    let failed = failures(&done.output).join(", ");
    let Counts {
        all,
        passed,
        skipped,
        failed: number,
    } = counts;
    let text = format!(
        "{passed} of {all} cases passed, {skipped} skipped, {number} failed, want {CASES} passed: \
         {failed}"
    );
    Err(text.into())
}

/// The numbers of the last line.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    all: u32,
    passed: u32,
    skipped: u32,
    failed: u32,
}

impl Counts {
    /// Reads `146 tests, 145 passed, 1 skipped, 0 failed`.
    fn of(output: &str) -> Option<Self> {
        let line = output
            .lines()
            .rev()
            .find(|line| line.contains(" tests, "))?;
        let mut numbers = line
            .split(", ")
            .map(|part| part.trim().split(' ').next()?.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self {
            all: next()?,
            passed: next()?,
            skipped: next()?,
            failed: next()?,
        })
    }
}

/// The failed cases as `http2/5.1/2`, which is how h2spec takes them on its command line.
fn failures(output: &str) -> Vec<String> {
    let (_, listed) = output.rsplit_once("Failures:").unwrap_or_default();
    let (mut suite, mut section) = ("", "");
    let mut found = Vec::new();
    for line in listed.lines() {
        let text = line.trim_start();
        if let Some(case) = text.strip_prefix('×') {
            let number = case.trim_start().split(':').next().unwrap_or_default();
            found.push(format!("{suite}/{section}/{number}"));
        } else if line.starts_with("Generic") {
            suite = "generic";
        } else if line.starts_with("Hypertext") {
            suite = "http2";
        } else if line.starts_with("HPACK") {
            suite = "hpack";
        } else if text.starts_with(|c: char| c.is_ascii_digit())
            && let Some((number, _)) = text.split_once(". ")
        {
            section = number;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Counts, failures};

    const OUTPUT: &str = "\
Hypertext Transfer Protocol Version 2 (HTTP/2)
  3. Starting HTTP/2
    3.5. HTTP/2 Connection Preface
      ✔ 1: Sends client connection preface

Failures: 

Generic tests for HTTP/2 server
  2. Streams and Multiplexing
    × 1: Sends a PRIORITY frame
      -> The endpoint MUST accept.
         Expected: HEADERS Frame
           Actual: Timeout

Hypertext Transfer Protocol Version 2 (HTTP/2)
  5. Streams and Multiplexing
    5.1. Stream States
      × 12: closed: Sends a CONTINUATION frame
    5.4. Error Handling
      5.4.1. Connection Error Handling
        × 2: Sends an invalid frame

Finished in 1.0 seconds
146 tests, 142 passed, 1 skipped, 3 failed
";

    #[test]
    fn summary_is_read() {
        let counts = Counts::of(OUTPUT);
        let (all, passed, skipped, failed) = (146, 142, 1, 3);
        assert_eq!(
            counts,
            Some(Counts {
                all,
                passed,
                skipped,
                failed
            })
        );
        assert_eq!(Counts::of("connection refused"), None);
    }

    #[test]
    fn failed_cases_are_named_as_h2spec_takes_them() {
        let expected = ["generic/2/1", "http2/5.1/12", "http2/5.4.1/2"];
        assert_eq!(failures(OUTPUT), expected);
    }
}
