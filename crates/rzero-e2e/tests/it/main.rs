//! End-to-end tests of the RPC core: the same facts on the gRPC wire and on the memory wire.

mod calls;
mod channel;
mod deadlines;
mod fresh;
mod lifecycle;
mod support;
