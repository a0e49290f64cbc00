//! Test kit: the in-memory wire and services in process
