//! The gRPC wire
