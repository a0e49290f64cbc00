//! Processes that answer: a line of JSON for each line that they are sent.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::error::Result;

/// A process that prints JSON lines and ends with its standard input.
pub(crate) struct Speaker {
    child: Child,
    input: Option<ChildStdin>,
    lines: BufReader<ChildStdout>,
}

impl Speaker {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let lines = child.stdout.take().ok_or("its output was not captured")?;
        Ok(Self {
            child,
            input,
            lines: BufReader::new(lines),
        })
    }

    /// The next line.
    ///
    /// # Errors
    ///
    /// When it has ended, or the line is an object with a field `error`.
    pub(crate) fn read(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            let status = self.child.wait()?;
            return Err(format!("it ended early ({status})").into());
        }
        let value: Value = serde_json::from_str(&line)?;
        match value["error"].as_str() {
            Some(error) => Err(error.to_owned().into()),
            None => Ok(value),
        }
    }

    /// Asks by an empty line for the next one.
    pub(crate) fn ask(&mut self) -> Result<Value> {
        let input = self.input.as_mut().ok_or("its input was closed")?;
        writeln!(input)?;
        self.read()
    }

    /// Ends its input and gives its last line.
    pub(crate) fn finish(mut self) -> Result<Value> {
        drop(self.input.take());
        self.read()
    }

    /// The id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        drop(self.input.take());
        // It has a moment to leave by itself; what fails here has nothing left to end.
        for _ in 0..20 {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
