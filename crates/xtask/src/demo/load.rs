//! The client under load, as a process that prints its numbers.

use std::io::{BufRead, BufReader, IsTerminal, Write, stdout};
use std::process::{Child, ChildStdout, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::instance::command;
use super::prepare::Project;
use crate::error::Result;
use crate::step::Stopwatch;

pub(super) struct Load {
    child: Child,
    lines: BufReader<ChildStdout>,
    last: Value,
    shown: Stopwatch,
}

impl Load {
    pub(super) fn start(project: &Project, concurrency: u32) -> Result<Self> {
        let mut child = command(&project.load, project)
            .arg(concurrency.to_string())
            .env("RZ_LOG", "error")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let lines = child
            .stdout
            .take()
            .ok_or("the client's output was not captured")?;
        Ok(Self {
            child,
            lines: BufReader::new(lines),
            last: Value::Null,
            shown: Stopwatch::start(),
        })
    }

    /// Reads the numbers, and shows them, for a while.
    pub(super) fn show_for(&mut self, time: Duration) -> Result<()> {
        let watch = Stopwatch::start();
        while watch.elapsed() < time {
            self.read()?;
            self.show();
        }
        if stdout().is_terminal() {
            println!();
        }
        Ok(())
    }

    fn read(&mut self) -> Result<()> {
        let mut line = String::new();
        if self.lines.read_line(&mut line)? == 0 {
            let status = self.child.wait()?;
            return Err(format!("the client ended early ({status})").into());
        }
        self.last = serde_json::from_str(&line)?;
        Ok(())
    }

    /// A live line on a terminal, one line a second elsewhere.
    fn show(&mut self) {
        let live = stdout().is_terminal();
        if !live && self.shown.elapsed() < Duration::from_secs(1) {
            return;
        }
        self.shown = Stopwatch::start();
        let (calls, failures) = (total(&self.last, "calls"), total(&self.last, "failures"));
        let seconds = self.last["seconds"].as_f64().unwrap_or(1.0);
        let line = format!("{seconds:5.1} s  {calls} calls, {failures} failures");
        if live {
            print!("\r    {line}");
            let _ = stdout().flush();
        } else {
            println!("    {line}");
        }
    }

    /// Failures so far.
    pub(super) fn failures(&self) -> u64 {
        total(&self.last, "failures")
    }

    /// Ends the load and gives its last numbers.
    pub(super) fn finish(mut self) -> Result<Value> {
        drop(self.child.stdin.take());
        while self.read().is_ok() {}
        Ok(std::mem::take(&mut self.last))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn total(numbers: &Value, field: &str) -> u64 {
    let kinds = numbers["kinds"].as_object();
    kinds
        .into_iter()
        .flatten()
        .filter_map(|(_, kind)| kind[field].as_u64())
        .sum()
}
