//! A microservice framework for Rust: contract to running, balanced, observable service
