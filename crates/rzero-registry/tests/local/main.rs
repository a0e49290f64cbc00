//! The local back end, seen from outside and by several processes.

mod faults;
mod scale;
mod suite;
mod support;
