//! Where a run says what it has to say.

use std::io::{self, IsTerminal, Write};

use crate::exit::Exit;
use crate::failure::Failure;

/// The standard streams, and who reads them.
#[derive(Debug)]
pub(crate) struct Console {
    json: bool,
    color: Streams,
}

/// Whether colours make sense on a stream.
#[derive(Debug)]
struct Streams {
    out: bool,
    err: bool,
}

impl Console {
    /// A console for a program (`json`) or a person.
    pub(crate) fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let color = Streams {
            out: wanted && io::stdout().is_terminal(),
            err: wanted && io::stderr().is_terminal(),
        };
        Self { json, color }
    }

    /// Whether a program reads.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether standard output shows colours.
    pub(crate) fn has_color(&self) -> bool {
        self.color.out
    }

    /// A line of the result. A reader that went away is not our business: `rzctl ps | head`.
    pub(crate) fn line(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stdout().lock(), "{}", text.as_ref());
    }

    /// The result as JSON, on one line.
    pub(crate) fn value(&self, value: &serde_json::Value) {
        self.line(value.to_string());
    }

    /// Empties the terminal.
    pub(crate) fn clear(&self) {
        let _ = io::stdout().lock().write_all(b"\x1b[H\x1b[2J");
    }

    /// A remark beside the result.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }

    /// Tells why the run ends early, and how.
    pub(crate) fn fail(&self, failure: &Failure) -> Exit {
        let text = match self.json {
            true => format!("{}\n", failure.json()),
            false => failure.render(self.color.err),
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
        failure.exit()
    }
}
