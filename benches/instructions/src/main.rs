//! Runs one case of the hot path so many times: `rzero-instructions CASE TIMES`. Without arguments
//! it prints the names of the cases. `cargo xtask bench instructions` counts what that takes.
#![expect(clippy::print_stdout, reason = "the names of the cases are its output")]

mod cases;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(times)) = (arguments.next(), arguments.next()) else {
        cases::CASES.iter().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let case = cases::CASES.iter().find(|(known, _)| *known == name);
    match (case, times.parse()) {
        (Some((_, run)), Ok(times)) => {
            run(times);
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}
