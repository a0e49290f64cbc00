//! What goes wrong, with a way out.

use std::fmt;
use std::io;
use std::path::Path;

use rzero_codegen::GenerateError;
use rzero_idl::Diagnostics;

use crate::exit::Exit;

/// The outcome of a command or a part of one.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// Why a run ends early: a text, a way out and an exit code.
#[derive(Debug)]
pub(crate) struct Failure(Box<Story>);

#[derive(Debug)]
struct Story {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    /// What else there is to say, each with a word for what it is.
    lines: Vec<(&'static str, String)>,
    help: Option<String>,
    diagnostics: Option<Diagnostics>,
    json: Option<serde_json::Value>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self(Box::new(Story {
            exit,
            message: message.into(),
            causes: Vec::new(),
            lines: Vec::new(),
            help: None,
            diagnostics: None,
            json: None,
        }))
    }

    /// The input is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// The run broke; nothing is wrong with the input.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::new(Exit::Broken, message)
    }

    /// The input is wrong in places that can be shown.
    pub(crate) fn diagnosed(message: impl Into<String>, diagnostics: Diagnostics) -> Self {
        let mut failure = Self::input(message);
        failure.0.diagnostics = Some(diagnostics);
        failure
    }

    /// A call failed; that is a result, not a broken run.
    pub(crate) fn call(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A file operation failed.
    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::broken(format!("cannot {action} `{}`", path.display())).because(error)
    }

    /// Adds an error and its causes, outermost first.
    pub(crate) fn because(mut self, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            let text = error.to_string();
            // Some libraries repeat the cause in the text of the effect.
            if self
                .0
                .causes
                .last()
                .is_none_or(|last| !last.contains(&text))
            {
                self.0.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Adds an error of the framework; its reason word is for programs, so it is left out.
    pub(crate) fn because_of(mut self, error: &rzero::Error) -> Self {
        self.0.causes.push(error.message().to_owned());
        match error.source() {
            Some(source) => self.because(source),
            None => self,
        }
    }

    /// Adds a line with a word for what it is.
    pub(crate) fn line(&mut self, label: &'static str, text: String) {
        self.0.lines.push((label, text));
    }

    /// Sets the form for programs.
    pub(crate) fn with_json(mut self, json: serde_json::Value) -> Self {
        self.0.json = Some(json);
        self
    }

    /// Says what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = Some(help.into());
        self
    }

    /// How the run ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The text for a terminal, with a line break at its end.
    pub(crate) fn render(&self, color: bool) -> String {
        if let Some(diagnostics) = &self.0.diagnostics {
            return format!("{}\n", diagnostics.render(color).trim_end());
        }
        let (red, cyan, off) = match color {
            true => ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"),
            false => ("", "", ""),
        };
        let mut text = format!("{red}error{off}: {}\n", self.0.message);
        for (label, line) in &self.0.lines {
            text.push_str(&format!("  {label}: {line}\n"));
        }
        for cause in &self.0.causes {
            text.push_str(&format!("  because: {}\n", cause.trim_end()));
        }
        if let Some(help) = &self.0.help {
            text.push_str(&format!("  {cyan}help{off}: {}\n", indent(help)));
        }
        text
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        if let Some(json) = &self.0.json {
            return serde_json::json!({ "error": json });
        }
        let mut error = serde_json::json!({ "message": self.0.message });
        if !self.0.causes.is_empty() {
            error["causes"] = self.0.causes.clone().into();
        }
        if let Some(help) = &self.0.help {
            error["help"] = help.clone().into();
        }
        if let Some(diagnostics) = &self.0.diagnostics {
            error["problems"] = diagnostics.problems().iter().map(problem).collect();
        }
        serde_json::json!({ "error": error })
    }
}

/// Lines after the first stand below the first.
fn indent(text: &str) -> String {
    text.replace('\n', "\n        ")
}

fn problem(problem: &rzero_idl::Problem) -> serde_json::Value {
    let mut json = serde_json::json!({ "message": problem.message() });
    if let Some(help) = problem.help_text() {
        json["help"] = help.into();
    }
    if let Some((file, line, column)) = problem.place() {
        json["file"] = file.into();
        json["line"] = line.into();
        json["column"] = column.into();
    }
    json
}

impl From<Diagnostics> for Failure {
    fn from(contracts: Diagnostics) -> Self {
        Self::diagnosed("the contracts are wrong", contracts)
    }
}

impl From<GenerateError> for Failure {
    fn from(error: GenerateError) -> Self {
        match &error {
            GenerateError::NoService => Self::input(error.to_string())
                .help("name a file that defines one, such as `service Greeter { … }`"),
            GenerateError::Name { .. } => Self::input(error.to_string()),
            _ => Self::broken("the code could not be written; this is a bug").because(&error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_that_repeat_are_told_once() {
        let error = io::Error::other("disk full");
        let failure = Failure::io("write", Path::new("a.rs"), &error).help("free some space\nnow");
        assert_eq!(
            failure.render(false),
            "error: cannot write `a.rs`\n  because: disk full\n  help: free some space\n        now\n"
        );
        assert_eq!(failure.exit(), Exit::Broken);
    }
}
