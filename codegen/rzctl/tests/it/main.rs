//! The program as people run it: arguments in, streams and exit codes out.

mod generation;
mod help;
mod new;
mod support;
