//! Contracts read and checked into one model
