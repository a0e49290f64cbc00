//! Every attack on the protocol core without a socket.

mod core;
