//! The table of attacks, and their scripts.
//!
//! One file per family; each holds scripts, and the rows of the table that send them.

mod floods;
mod headers;
mod messages;
mod resets;
mod slow;
mod windows;

use std::time::Duration;

use rzero_e2e::api::peers::v1::SayRequest;
use rzero_http2::frame::{ErrorCode, Setting};

use crate::craft;
use crate::driver::Report;
use crate::seen::Seen;

/// How much a flooding script appends at a time: a few reads of a server.
const BATCH_BYTES: usize = 32 * 1024;

/// A mebibyte.
const MIB: u64 = 1024 * 1024;

/// What a script wants after it has appended bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// To go on at once.
    More,
    /// To go on after this time.
    After(Duration),
    /// To go on when the server has said something, or soon.
    Wait,
    /// To send nothing more and to keep the connection.
    Hold,
    /// To leave.
    Leave,
}

/// Appends the next bytes to send, knowing what the server has said.
pub type Script = Box<dyn FnMut(&mut Vec<u8>, &Seen) -> Next + Send>;

/// Whether an attacker takes what the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It reads, and acknowledges as the protocol asks.
    Polite,
    /// It reads and answers nothing.
    Silent,
    /// It does not read at all.
    Never,
}

/// What has to come of an attack.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// The connection ends with a GOAWAY of one of these codes.
    GoAway(&'static [ErrorCode]),
    /// The server closes the connection, with or without a code.
    Cut,
    /// The connection lives: this is not hostile enough, or just within the limits.
    Lives,
    /// Streams end with one of these marks; the connection may be calmed for them.
    Marks(&'static [&'static str]),
    /// Whatever the server does: only memory and neighbours count.
    Bounded,
}

/// The one code for too much of something.
const CALM: Expect = Expect::GoAway(&[ErrorCode::ENHANCE_YOUR_CALM]);

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Attack {
    /// Its name on the command line.
    pub name: &'static str,
    /// Where it is described; empty when it has no number.
    pub reference: &'static str,
    /// What it sends, in one sentence.
    pub what: &'static str,
    /// The limits that bound it, as they are called in the configuration.
    pub limits: &'static str,
    /// What has to come of it.
    pub expect: Expect,
    /// By when a connection has to have ended, where one has to end.
    pub within: Duration,
    /// How many connections send it at the same time.
    pub connections: usize,
    /// What it may cost the server, all connections together, in bytes.
    pub memory_bytes_max: u64,
    /// Whether the attacker reads.
    pub reading: Reading,
    /// Whether the server has to be one that speaks TLS.
    pub tls: bool,
    /// The call that the harmless client makes to compare with: its path and its message. Where an
    /// attack has the server work, this is the same work, for somebody who takes what it gives.
    pub honest: Option<Honest>,
    /// Makes the script of one connection.
    pub script: fn() -> Script,
}

/// Makes a call: its path and its message.
pub type Honest = fn() -> (&'static str, Vec<u8>);

/// A small call that is answered at once.
#[must_use]
pub fn small_call() -> (&'static str, Vec<u8>) {
    let request = SayRequest {
        text: "x".repeat(64),
        ..Default::default()
    };
    (craft::SAY, craft::message(&request))
}

impl Attack {
    /// What most attacks have in common; `name`, `what` and `script` are always given.
    const BASE: Self = Self {
        name: "",
        reference: "",
        what: "",
        limits: "",
        expect: CALM,
        within: Duration::from_secs(5),
        connections: 4,
        memory_bytes_max: 16 * MIB,
        reading: Reading::Polite,
        tls: false,
        honest: None,
        script: || Box::new(|_, _| Next::Hold),
    };

    /// Judges what came of it.
    ///
    /// # Errors
    /// What should not have happened, or did not happen.
    pub fn judge(&self, report: &Report) -> Result<(), String> {
        let ends = || {
            report
                .ends
                .keys()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self.expect {
            Expect::Bounded => Ok(()),
            Expect::Lives if report.ended == 0 => Ok(()),
            Expect::Lives => Err(format!("connections ended: {}", ends())),
            Expect::Marks(_) if self.is_marked(report) => Ok(()),
            Expect::Marks(marks) => Err(format!(
                "no stream ended with {}; seen: {:?}; ends: {}",
                marks.join(" or "),
                report.marks,
                ends()
            )),
            Expect::GoAway(_) | Expect::Cut if report.ended == 0 => {
                Err("no connection ended".to_owned())
            }
            Expect::GoAway(_) | Expect::Cut if report.overdue > 0 => Err(format!(
                "{} connections lived longer than {:?}",
                report.overdue, self.within
            )),
            Expect::Cut => Ok(()),
            Expect::GoAway(codes) => {
                let wrong: Vec<_> = report
                    .ends
                    .keys()
                    .filter(|end| !self.is_right(end, codes) && !is_deaf(report, end))
                    .collect();
                if wrong.is_empty() {
                    Ok(())
                } else {
                    Err(format!("wrong ends: {wrong:?}"))
                }
            }
        }
    }

    fn is_marked(&self, report: &Report) -> bool {
        let Expect::Marks(marks) = self.expect else {
            return false;
        };
        let marked = marks.iter().any(|mark| report.marks.contains_key(*mark));
        // Who does not look at each stream and calms the connection is right too.
        marked
            || report
                .ends
                .keys()
                .any(|end| end.starts_with("GOAWAY ENHANCE_YOUR_CALM"))
    }

    /// A reset transport may have swallowed the GOAWAY where much was under way.
    fn is_right(&self, end: &str, codes: &[ErrorCode]) -> bool {
        codes
            .iter()
            .any(|code| end.starts_with(&format!("GOAWAY {code}")))
            || (self.reading == Reading::Never && !end.starts_with("GOAWAY"))
    }
}

/// Whether the end is that of a peer which went on sending behind its GOAWAY, and was cut off
/// before it looked; others have to have seen theirs.
fn is_deaf(report: &Report, end: &str) -> bool {
    end == "reset" && report.ends.keys().any(|end| end.starts_with("GOAWAY"))
}

/// All attacks, family by family.
#[must_use]
pub fn all() -> Vec<Attack> {
    let families = [
        resets::TABLE,
        headers::TABLE,
        floods::TABLE,
        windows::TABLE,
        slow::TABLE,
        messages::TABLE,
    ];
    families.concat()
}

/// The attack of this name.
#[must_use]
pub fn named(name: &str) -> Option<Attack> {
    all().into_iter().find(|attack| attack.name == name)
}

/// A script that greets and then appends one thing after the other, as fast as it goes.
fn flood(
    settings: &'static [Setting],
    mut each: impl FnMut(&mut Vec<u8>, &Seen) + Send + 'static,
) -> Script {
    let mut greeted = false;
    Box::new(move |out, seen| {
        if !greeted {
            craft::hello(out, settings);
            greeted = true;
        }
        while out.len() < BATCH_BYTES {
            each(out, seen);
        }
        Next::More
    })
}

/// A script that greets, and then does one step after the other.
fn steps(
    settings: &'static [Setting],
    mut step: impl FnMut(&mut Vec<u8>, &Seen) -> Next + Send + 'static,
) -> Script {
    let mut greeted = false;
    Box::new(move |out, seen| {
        if !greeted {
            craft::hello(out, settings);
            // Nothing but the windows of streams is to hold up answers.
            craft::window_update(out, None, (1 << 31) - 65_536);
            greeted = true;
        }
        step(out, seen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_rows_complete() {
        let all = all();
        let mut names: Vec<_> = all.iter().map(|attack| attack.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for attack in all {
            assert!(
                !attack.what.is_empty() && !attack.limits.is_empty(),
                "{}",
                attack.name
            );
        }
    }
}
