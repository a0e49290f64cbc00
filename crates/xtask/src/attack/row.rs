//! A row of the attacker's table.

use std::time::Duration;

use serde_json::Value;

/// A row of the attacker's table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) reference: String,
    pub(super) what: String,
    pub(super) limits: String,
    pub(super) expect: String,
    /// By when a connection has to have ended.
    pub(super) within: Duration,
    /// Whether connections have to end.
    pub(super) ends: bool,
    pub(super) connections: u64,
    pub(super) memory_bytes_max: u64,
    pub(super) tls: bool,
    /// Whether it is compared with a client that makes the same calls.
    pub(super) works: bool,
}

impl Row {
    pub(super) fn read(value: &Value) -> Self {
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| value[key].as_u64().unwrap_or_default();
        Self {
            name: text("name"),
            reference: text("reference"),
            what: text("what"),
            limits: text("limits"),
            expect: text("expect"),
            within: seconds(&value["within_s"]),
            ends: value["ends"].as_bool().unwrap_or_default(),
            connections: number("connections"),
            memory_bytes_max: number("memory_bytes_max"),
            tls: value["tls"].as_bool().unwrap_or_default(),
            works: value["works"].as_bool().unwrap_or_default(),
        }
    }
}

/// Seconds as a process prints them.
pub(super) fn seconds(value: &Value) -> Duration {
    Duration::try_from_secs_f64(value.as_f64().unwrap_or_default()).unwrap_or_default()
}
