//! The `rzctl` program; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    rzctl::run(std::env::args_os())
}
