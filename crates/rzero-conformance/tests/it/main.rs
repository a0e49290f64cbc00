//! The server and the client under test, against each other and without the suite.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod calls;
mod fresh;
mod support;
mod tls;
