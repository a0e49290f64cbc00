//! Real backing servers for tests, started on loopback
