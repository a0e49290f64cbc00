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
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    causes: Vec<String>,
    help: Option<String>,
    contracts: Option<Diagnostics>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            help: None,
            contracts: None,
        }
    }

    /// The input is wrong.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, message)
    }

    /// The run broke; nothing is wrong with the input.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::new(Exit::Broken, message)
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
            if self.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.causes.push(text);
            }
            cause = error.source();
        }
        self
    }

    /// Says what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// How the run ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The text for a terminal, with a line break at its end.
    pub(crate) fn render(&self, color: bool) -> String {
        if let Some(contracts) = &self.contracts {
            return format!("{}\n", contracts.render(color).trim_end());
        }
        let (red, cyan, off) = match color {
            true => ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"),
            false => ("", "", ""),
        };
        let mut text = format!("{red}error{off}: {}\n", self.message);
        for cause in &self.causes {
            text.push_str(&format!("  because: {}\n", cause.trim_end()));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  {cyan}help{off}: {}\n", indent(help)));
        }
        text
    }

    /// The same for programs.
    pub(crate) fn json(&self) -> serde_json::Value {
        let mut error = serde_json::json!({ "message": self.message });
        if !self.causes.is_empty() {
            error["causes"] = self.causes.clone().into();
        }
        if let Some(help) = &self.help {
            error["help"] = help.clone().into();
        }
        if let Some(contracts) = &self.contracts {
            error["problems"] = contracts.problems().iter().map(problem).collect();
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
        let mut failure = Self::input("the contracts are wrong");
        failure.contracts = Some(contracts);
        failure
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
        f.write_str(&self.message)
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
