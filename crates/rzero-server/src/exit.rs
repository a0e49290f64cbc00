//! How a program that runs a server ends.

use std::future::Future;
use std::process::{ExitCode, Termination};

use rzero_core::{Class, Error};

use crate::Drained;

/// How the program ends: 0 after a clean drain, 1 when calls were cut or it could not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.0)
    }
}

/// Runs a program's main part and turns its end into an exit code. An error is printed with its
/// causes, one per line, and nothing else.
pub async fn run(main: impl Future<Output = Result<Drained, Error>>) -> Exit {
    match main.await {
        Ok(drained) => Exit(u8::from(drained.cut())),
        Err(error) => {
            report(&error);
            Exit(1)
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the last words of a program that could not start"
)]
fn report(error: &Error) {
    // A foreign error that came through `?` says everything itself.
    let skip_own = error.class() == Class::Unknown && error.source().is_some();
    if !skip_own {
        eprintln!("error: {}", error.message());
    }
    let mut lead = if skip_own { "error" } else { "  caused by" };
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("{lead}: {error}");
        lead = "  caused by";
        cause = error.source();
    }
}
