//! The figures that rzero is to reach, computed from rows of the same run.

use crate::bench::figure::{Figure, Want};

use super::case::{Case, Id, Load};
use super::row::{Row, Rows};

/// Memory that 10,000 idle connections may hold, in megabytes.
const IDLE_MB: f64 = 160.0;
/// By how much either end of a large stream may grow, in megabytes: what one connection may buffer.
const GROWTH_MB: f64 = 16.8;
/// The fastest of these is to be beaten.
const RUST_PEERS: [&str; 2] = ["tarpc", "volo-thrift"];

/// Collects figures; those whose rows were not asked for are left out.
struct Reach<'a> {
    rows: &'a Rows,
    cases: &'a [Case],
    figures: Vec<Figure>,
}

/// All figures that this run can tell.
pub(super) fn all(rows: &Rows, cases: &[Case]) -> Vec<Figure> {
    let mut reach = Reach {
        rows,
        cases,
        figures: Vec::new(),
    };
    unary(&mut reach);
    fastest_peer(&mut reach);
    crossed(&mut reach);
    streams(&mut reach);
    handlers(&mut reach);
    reach.figures
}

const fn id(pinned: bool, concurrency: u32, load: Load) -> Id {
    Id::Unary {
        pinned,
        concurrency,
        load,
    }
}

fn unary(reach: &mut Reach<'_>) {
    for (concurrency, load, bare, full) in [
        (1, Load::B128, 1.6, 1.5),
        (64, Load::B128, 5.0, 4.5),
        (256, Load::KiB1, 10.0, 6.0),
        (64, Load::Order, 2.5, 2.0),
    ] {
        let id = id(false, concurrency, load);
        reach.calls("rzero-bare", "tonic", id, bare);
        reach.calls("rzero", "tonic", id, full);
    }
    let id = id(false, 64, Load::B128);
    reach.calls("rzero-bare", "raw", id, 0.35);
    for (system, parts) in [("rzero-bare", 6.0), ("rzero", 5.0)] {
        let want = Want::AtMost(1.0 / parts);
        reach.ratio((system, "tonic", id), "CPU a call", want, |row| {
            Some(row.cpu_us())
        });
    }
}

fn fastest_peer(reach: &mut Reach<'_>) {
    let id = id(false, 64, Load::B128);
    let peers = RUST_PEERS
        .iter()
        .filter_map(|peer| reach.rows.get(peer, id));
    let Some(fastest) = peers.max_by(|a, b| a.qps.total_cmp(&b.qps)) else {
        return;
    };
    let peer = fastest.system;
    reach.calls("rzero-bare", peer, id, 2.0);
    reach.calls("rzero", peer, id, 1.6);
}

fn crossed(reach: &mut Reach<'_>) {
    for pinned in [false, true] {
        for concurrency in [1, 16, 64, 256] {
            let id = id(pinned, concurrency, Load::B128);
            let want = if concurrency == 1 { 1.1 } else { 1.3 };
            reach.calls("rzero-bare-to-tonic", "tonic", id, want);
            reach.calls("rzero-to-tonic", "tonic", id, want);
            if concurrency > 64 {
                continue;
            }
            for server in ["rzero-bare", "rzero"] {
                reach.calls(&format!("tonic-to-{server}"), "tonic", id, 1.0);
                reach.calls(&format!("grpc-go-to-{server}"), "grpc-go", id, 1.0);
            }
        }
    }
}

fn streams(reach: &mut Reach<'_>) {
    reach.calls("rzero-bare", "tonic", Id::SmallStream, 3.0);
    reach.calls("rzero-bare", "tonic", Id::LargeStream, 1.0);
    let growth = Want::AtMost(GROWTH_MB);
    for system in ["rzero-bare", "rzero"] {
        let what = "growth of an end in MB";
        reach.absolute(system, Id::LargeStream, what, growth, |row| row.growth_mb);
    }
}

fn handlers(reach: &mut Reach<'_>) {
    reach.calls("rzero-bare", "tonic", Id::Timer, 2.5);
    reach.calls("rzero-bare", "tonic", Id::Spin, 1.0);
    let rows = ("rzero-bare", "tonic", Id::Slow);
    reach.ratio(rows, "p99 of the fast", Want::AtMost(1.0), |row| row.p99_us);
    let want = Want::AtMost(IDLE_MB);
    let what = "memory of the server in MB";
    reach.absolute("rzero-bare", Id::Idle, what, want, |row| row.server_rss_mb);
}

impl Reach<'_> {
    /// Calls per second of `system` against those of `other`.
    fn calls(&mut self, system: &str, other: &str, id: Id, times: f64) {
        let want = Want::AtLeast(times);
        self.ratio((system, other, id), "calls/s", want, |row| Some(row.qps));
    }

    fn ratio(
        &mut self,
        (system, other, id): (&str, &str, Id),
        what: &str,
        want: Want,
        of: impl Fn(&Row) -> Option<f64>,
    ) {
        let got = |name| self.rows.get(name, id).and_then(&of);
        let ratio = got(system).zip(got(other)).map(|(mine, its)| mine / its);
        self.add(&[system, other], id, what, want, ratio);
    }

    fn absolute(
        &mut self,
        system: &str,
        id: Id,
        what: &str,
        want: Want,
        of: impl Fn(&Row) -> Option<f64>,
    ) {
        let got = self.rows.get(system, id).and_then(&of);
        self.add(&[system], id, what, want, got);
    }

    fn add(&mut self, systems: &[&str], id: Id, what: &str, want: Want, got: Option<f64>) {
        let failed = systems.iter().any(|name| self.rows.has_failed(name, id));
        // Nobody asked for it, so it is no figure of this run.
        if got.is_none() && !failed {
            return;
        }
        let case = self.cases.iter().find(|case| case.id == id);
        let case = case.map_or("", |case| case.name.as_str());
        self.figures.push(Figure {
            name: format!("{case}: {what}, {}", systems.join(" / ")),
            want,
            got,
        });
    }
}
