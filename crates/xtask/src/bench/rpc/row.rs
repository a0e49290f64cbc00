//! What was measured: one row per system and case.

use serde_json::{Value, json};

use crate::bench::figure::{median, rounded};
use crate::error::Result;

use super::case::{Case, Id};
use super::system::System;

/// What a client reported of one round.
#[derive(Debug, Clone)]
pub(super) struct Round(Value);

impl Round {
    /// Reads the line that a client prints.
    pub(super) fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("the client printed `{line}`: {error}"))?;
        Ok(Self(value))
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.0[key].as_f64()
    }

    fn qps(&self) -> Option<f64> {
        Some(self.number("calls")? / self.number("seconds")?)
    }
}

/// The medians of all rounds.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) system: &'static str,
    pub(super) id: Id,
    pub(super) case: String,
    pub(super) rounds: usize,
    /// Calls, messages of a stream, or connections in a second.
    pub(super) qps: f64,
    /// From the slowest to the fastest round, as a part of the median.
    pub(super) spread: f64,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    pub(super) server_cpu_us: f64,
    pub(super) client_cpu_us: f64,
    /// Of the server at its highest.
    pub(super) server_rss_mb: Option<f64>,
    /// How much the end that grew more grew.
    pub(super) growth_mb: Option<f64>,
}

impl Row {
    pub(super) fn of(system: &System, case: &Case, rounds: &[Round]) -> Option<Self> {
        let median_of = |key| median(rounds.iter().filter_map(|round| round.number(key)));
        let megabytes = |key| median_of(key).map(|kib| kib * 1024.0 / 1e6);
        let qps = median(rounds.iter().filter_map(Round::qps))?;
        let all = rounds.iter().filter_map(Round::qps);
        let (slowest, fastest) = all.fold((f64::MAX, 0.0_f64), |(low, high), qps| {
            (low.min(qps), high.max(qps))
        });
        let (server, client) = (
            megabytes("server_growth_kib"),
            megabytes("client_growth_kib"),
        );
        Some(Self {
            system: system.name,
            id: case.id,
            case: case.name.clone(),
            rounds: rounds.len(),
            qps,
            spread: (fastest - slowest) / qps,
            p50_us: median_of("p50_us"),
            p99_us: median_of("p99_us"),
            server_cpu_us: median_of("server_cpu_us")?,
            client_cpu_us: median_of("client_cpu_us")?,
            server_rss_mb: megabytes("server_rss_kib"),
            growth_mb: server.map(|server| server.max(client.unwrap_or(0.0))),
        })
    }

    /// CPU time of both ends for a call.
    pub(super) fn cpu_us(&self) -> f64 {
        self.server_cpu_us + self.client_cpu_us
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "system": self.system,
            "case": self.case,
            "qps": rounded(self.qps),
            "p50_us": self.p50_us.map(rounded),
            "p99_us": self.p99_us.map(rounded),
            "server_cpu_us": rounded(self.server_cpu_us),
            "client_cpu_us": rounded(self.client_cpu_us),
            "rounds": self.rounds,
            "spread": rounded(self.spread),
            "server_rss_mb": self.server_rss_mb.map(rounded),
            "growth_mb": self.growth_mb.map(rounded),
        })
    }
}

/// All rows of a run, and what could not be measured.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<Row>,
    failures: Vec<(&'static str, Id)>,
}

impl Rows {
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    pub(super) fn fail(&mut self, system: &System, case: &Case) {
        self.failures.push((system.name, case.id));
    }

    pub(super) fn all(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn failures(&self) -> &[(&'static str, Id)] {
        &self.failures
    }

    pub(super) fn get(&self, system: &str, id: Id) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.system == system && row.id == id)
    }

    pub(super) fn has_failed(&self, system: &str, id: Id) -> bool {
        self.failures
            .iter()
            .any(|(name, failed)| *name == system && *failed == id)
    }
}
