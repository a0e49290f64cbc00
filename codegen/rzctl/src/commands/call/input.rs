//! The requests of a call: one argument, a file, or standard input while it comes.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::thread;

use serde::de::IgnoredAny;
use tokio::sync::mpsc;

use crate::failure::{Failure, Result};
use crate::json;

/// Longest request, in bytes of JSON.
const REQUEST_BYTES_MAX: usize = 64 << 20;
/// Requests that are read before they are sent.
const AHEAD: usize = 16;

/// Requests as JSON texts, one after the other.
#[derive(Debug)]
pub(super) enum Requests {
    /// All of them are known.
    Given(VecDeque<String>),
    /// They come from standard input.
    Coming(mpsc::Receiver<Result<String>>),
}

impl Requests {
    /// The requests that an argument stands for.
    pub(super) fn new(argument: Option<&str>, stdin_by_default: bool) -> Result<Self> {
        let text = match argument {
            Some("-") => return Self::stdin(),
            None if stdin_by_default => return Self::stdin(),
            None => return Ok(Self::Given(VecDeque::new())),
            Some(text) => match text.strip_prefix('@') {
                Some(file) => read(Path::new(file))?,
                None => text.to_owned(),
            },
        };
        let mut splitter = Splitter::default();
        let mut requests: VecDeque<String> = splitter.push(&text)?.into();
        requests.extend(splitter.finish()?);
        Ok(Self::Given(requests))
    }

    fn stdin() -> Result<Self> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        thread::Builder::new()
            .name("stdin".to_owned())
            .spawn(move || {
                let failed = forward(io::stdin().lock(), &sender).err();
                if let Some(failure) = failed {
                    // Nobody is there to be told when the call has ended.
                    let _ = sender.blocking_send(Err(failure));
                }
            })
            .map_err(|error| Failure::broken("cannot read standard input").because(&error))?;
        Ok(Self::Coming(receiver))
    }

    /// The next request; `None` after the last.
    ///
    /// No request is lost when the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Option<String>> {
        match self {
            Self::Given(requests) => Ok(requests.pop_front()),
            Self::Coming(requests) => requests.recv().await.transpose(),
        }
    }
}

fn read(path: &Path) -> Result<String> {
    let failed = |error: &io::Error| {
        Failure::input(format!("cannot read `{}`", path.display())).because(error)
    };
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    let mut text = String::new();
    let limit = REQUEST_BYTES_MAX as u64 + 1;
    file.take(limit)
        .read_to_string(&mut text)
        .map_err(|error| failed(&error))?;
    Ok(text)
}

/// Sends requests on as soon as they are whole; ends early when nobody takes them.
fn forward(mut input: impl BufRead, to: &mpsc::Sender<Result<String>>) -> Result<()> {
    let mut splitter = Splitter::default();
    let mut line = String::new();
    loop {
        line.clear();
        let limit = REQUEST_BYTES_MAX as u64 + 1;
        let read = (&mut input)
            .take(limit)
            .read_line(&mut line)
            .map_err(|error| Failure::input("cannot read standard input").because(&error))?;
        let requests = match read {
            0 => splitter.finish()?.into_iter().collect(),
            _ => splitter.push(&line)?,
        };
        for request in requests {
            if to.blocking_send(Ok(request)).is_err() {
                return Ok(());
            }
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// Cuts a text into JSON values, which may span lines or share one.
#[derive(Debug, Default)]
struct Splitter {
    rest: String,
    /// Values that were complete.
    taken: usize,
}

impl Splitter {
    /// Adds whole lines and gives the values that are complete.
    fn push(&mut self, text: &str) -> Result<Vec<String>> {
        if self.rest.len() + text.len() > REQUEST_BYTES_MAX {
            return Err(Failure::input("a request is longer than 64 MiB"));
        }
        self.rest.push_str(text);
        let mut values = Vec::new();
        let mut stream = serde_json::Deserializer::from_str(&self.rest).into_iter::<IgnoredAny>();
        let mut end = 0;
        while let Some(next) = stream.next() {
            match next {
                Ok(_) => {
                    values.push(self.rest[end..stream.byte_offset()].trim().to_owned());
                    end = stream.byte_offset();
                }
                Err(error) if error.is_eof() => break,
                Err(error) => return Err(self.wrong(&error)),
            }
        }
        self.taken += values.len();
        self.rest.drain(..end);
        Ok(values)
    }

    /// What is left, which is a value without its end, or nothing.
    fn finish(&mut self) -> Result<Option<String>> {
        let value = match self.rest.trim() {
            "" => return Ok(None),
            text => text.to_owned(),
        };
        match serde_json::from_str::<IgnoredAny>(&value) {
            Ok(_) => Ok(Some(value)),
            Err(error) => Err(self.wrong(&error)),
        }
    }

    fn wrong(&self, error: &serde_json::Error) -> Failure {
        let message = match self.taken {
            0 => format!("the request is not JSON: {}", json::reason(error)),
            taken => format!("request {} is not JSON: {}", taken + 1, json::reason(error)),
        };
        let help = "write it like '{\"name\":\"Li\"}', in single quotes for the shell";
        json::point(&message, error, &self.rest, help)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(parts: &[&str]) -> Result<Vec<String>> {
        let mut splitter = Splitter::default();
        let mut values = Vec::new();
        for part in parts {
            values.extend(splitter.push(part)?);
        }
        values.extend(splitter.finish()?);
        Ok(values)
    }

    #[test]
    fn values_may_share_and_span_lines() {
        let values = split(&[
            "{\"a\":1} {\"a\":2}\n",
            "\n",
            "{\n",
            "\"a\":3\n",
            "}\n",
            "4",
        ])
        .unwrap();
        assert_eq!(values, ["{\"a\":1}", "{\"a\":2}", "{\n\"a\":3\n}", "4"]);
        assert!(split(&["", "\n"]).unwrap().is_empty());
    }

    #[test]
    fn mistakes_say_which_request_it_is() {
        for (parts, message) in [
            (
                &["{\"a\":1}\n", "{\"a\";}\n"][..],
                "request 2 is not JSON: expected `:`",
            ),
            (
                &["{\"a\":\n"],
                "the request is not JSON: EOF while parsing a value",
            ),
            (&["nme\n"], "the request is not JSON: expected ident"),
        ] {
            assert_eq!(split(parts).unwrap_err().to_string(), message);
        }
    }
}
