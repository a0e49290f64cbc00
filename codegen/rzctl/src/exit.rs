//! How a run ends.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// How a run ended; the number is the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// A gate or a call failed.
    Failed = 1,
    /// The run broke before it could tell.
    Broken = 2,
    /// The input is wrong, usage included.
    BadInput = 3,
    /// Nothing could be said either way.
    Inconclusive = 4,
}

impl Exit {
    /// What the argument parser's outcome means. Its own code for mistakes is 2, ours is 3.
    #[must_use]
    pub fn of_usage(error: &clap::Error) -> Self {
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Ok,
            _ => Self::BadInput,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    fn of(arguments: &[&str]) -> Exit {
        let all = std::iter::once("rzctl").chain(arguments.iter().copied());
        Exit::of_usage(&Cli::try_parse_from(all).unwrap_err())
    }

    #[test]
    fn usage_mistakes_are_bad_input() {
        for wrong in [&[][..], &["nwe"], &["new"], &["gen", "--chekc"]] {
            assert_eq!(of(wrong), Exit::BadInput, "{wrong:?}");
        }
    }

    #[test]
    fn help_and_version_are_fine() {
        for asked in [&["--help"][..], &["--version"], &["gen", "--help"]] {
            assert_eq!(of(asked), Exit::Ok, "{asked:?}");
        }
    }
}
