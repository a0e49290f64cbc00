//! What each policy costs: differences within a round, and their medians.

use serde_json::{Value, json};

use crate::bench::figure::{Figure, Want, median, rounded};
use crate::error::Result;

use super::program::{number, rows, setting, text};
use super::{Outcome, Part, table};

/// Nanoseconds for both chains together.
const CHAINS_NS: f64 = 400.0;
const BREAKER_NS: f64 = 30.0;
const PICK_NS: f64 = 60.0;
const THREADS: [u64; 2] = [1, 2];

/// A row as it was measured.
struct Subject {
    group: String,
    name: String,
    threads: u64,
    rounds: Vec<f64>,
    allocations: Option<f64>,
}

impl Subject {
    fn read(row: &Value) -> Result<Self> {
        let rounds = row["rounds"].as_array().into_iter().flatten();
        let rounds: Vec<f64> = rounds.filter_map(Value::as_f64).collect();
        if rounds.is_empty() {
            return Err(format!("a row without rounds: {row}").into());
        }
        Ok(Self {
            group: text(row, "group")?.to_owned(),
            name: text(row, "name")?.to_owned(),
            threads: row["threads"].as_u64().unwrap_or_default(),
            rounds,
            allocations: row["allocations"].as_f64(),
        })
    }

    fn ns(&self) -> Option<f64> {
        median(self.rounds.iter().copied())
    }

    /// By how much it takes longer than `base`, round by round.
    fn above(&self, base: &Self) -> Option<f64> {
        let rounds = self.rounds.iter().zip(&base.rounds);
        median(rounds.map(|(mine, its)| mine - its))
    }

    /// From the first to the third quarter of the rounds, as a part of the median.
    fn spread(&self) -> Option<f64> {
        let mut sorted = self.rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |quarter: usize| sorted[(sorted.len() - 1) * quarter / 4];
        Some((at(3) - at(1)) / self.ns()?)
    }
}

/// All of them.
struct Subjects(Vec<Subject>);

impl Subjects {
    fn get(&self, group: &str, name: &str, threads: u64) -> Option<&Subject> {
        let mut all = self.0.iter();
        all.find(|s| s.group == group && s.name == name && s.threads == threads)
    }

    /// By how much `name` takes longer than `base` of its group.
    fn price(&self, group: &str, (name, base): (&str, &str), threads: u64) -> Option<f64> {
        let base = self.get(group, base, threads)?;
        self.get(group, name, threads)?.above(base)
    }

    /// Allocations of `name` beyond those of `base`.
    fn allocations(&self, group: &str, (name, base): (&str, &str)) -> Option<f64> {
        let of = |name| self.get(group, name, 1)?.allocations;
        Some(of(name)? - of(base)?)
    }

    fn both(&self, pair: (&str, &str), threads: u64) -> Option<f64> {
        Some(self.price("server", pair, threads)? + self.price("client", pair, threads)?)
    }

    /// A price in per cent of an echo call.
    fn share(&self, price: Option<f64>, threads: u64) -> Option<f64> {
        let echo = self.get("echo", "loopback", threads)?.ns()?;
        price.map(|price| price / echo * 100.0)
    }
}

/// Computes prices and figures.
pub(super) fn read(told: &Value) -> Result<Outcome> {
    let subjects: Result<Vec<Subject>> = rows(told)?.iter().map(Subject::read).collect();
    let subjects = Subjects(subjects?);
    let mut setting = setting(told);
    setting["rounds"] = subjects.0.first().map_or(0, |s| s.rounds.len()).into();
    Ok(Outcome {
        part: Part::Price,
        table: shown(&subjects, &setting)?,
        rows: subjects.0.iter().map(|s| row(&subjects, s)).collect(),
        figures: figures(&subjects),
        setting,
        charts: Vec::new(),
    })
}

fn figures(subjects: &Subjects) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut add = |name: String, bound, got| {
        let want = Want::AtMost(bound);
        figures.push(Figure { name, want, got });
    };
    let chain = ("default", "bare");
    for threads in THREADS {
        let got = subjects.both(chain, threads);
        let on = at(threads);
        add(
            format!("default chains of both ends, ns{on}"),
            CHAINS_NS,
            got,
        );
    }
    let policies = ("default", "off");
    for (what, pair) in [("chains add", chain), ("policies add", policies)] {
        let of = |group| subjects.allocations(group, pair);
        let both = of("server").zip(of("client"));
        let both = both.map(|(server, client)| server + client);
        add(format!("allocations that the default {what}"), 0.0, both);
    }
    for (part, bound) in [("breaker decision", BREAKER_NS), ("pick", PICK_NS)] {
        for threads in THREADS {
            let got = subjects.get("part", part, threads).and_then(Subject::ns);
            add(format!("{part}, ns{}", at(threads)), bound, got);
        }
    }
    figures
}

fn at(threads: u64) -> &'static str {
    match threads {
        1 => " at 1 thread",
        _ => " at 2 threads",
    }
}

/// For programs: what a row is, and what it costs more than the same with all policies off.
fn row(subjects: &Subjects, subject: &Subject) -> Value {
    let Subject {
        group,
        name,
        threads,
        ..
    } = subject;
    let price = |base| {
        let governed = name.as_str() != base && matches!(group.as_str(), "server" | "client");
        let price = subjects.price(group, (name, base), *threads);
        price.filter(|_| governed)
    };
    let percent = |price| subjects.share(price, *threads);
    let (policies, chain) = (price("off"), price("bare"));
    json!({
        "group": group,
        "name": name,
        "threads": threads,
        "ns": subject.ns().map(rounded),
        "spread": subject.spread().map(rounded),
        "above_off_ns": policies.map(rounded),
        "above_bare_ns": chain.map(rounded),
        "above_off_percent_of_echo": percent(policies).map(rounded),
        "above_bare_percent_of_echo": percent(chain).map(rounded),
        "allocations": subject.allocations,
    })
}

/// For people.
fn shown(subjects: &Subjects, setting: &Value) -> Result<String> {
    let mut lines = vec![head()];
    for subject in subjects.0.iter().filter(|s| s.threads == 1) {
        lines.push(line(subjects, subject));
    }
    let both = |what: &str, pair: (&str, &str)| {
        let of = |group| subjects.allocations(group, pair);
        let more = of("server").zip(of("client"));
        let more = more.map(|(server, client)| format!("+{:.2}", server + client));
        let mut cells = vec![what.to_owned(), more.unwrap_or_else(|| "-".to_owned())];
        for threads in THREADS {
            let price = subjects.both(pair, threads);
            let share = subjects.share(price, threads);
            // Beside a sum stands what it is a sum of differences to.
            cells.extend([cell(price, 0), format!("above {}", pair.1), cell(share, 1)]);
        }
        cells
    };
    lines.push(both("both ends: default policies", ("default", "off")));
    lines.push(both("both ends: default chains", ("default", "bare")));
    let rounds = setting["rounds"].as_u64().unwrap_or_default();
    let slice = number(setting, "slice_ms")?;
    Ok(format!(
        "Medians of {rounds} rounds with slices of {slice} ms; ns for one call of one thread.\n\n{}",
        table(&lines)
    ))
}

fn head() -> Vec<String> {
    let mut head = vec!["what".to_owned(), "allocations".to_owned()];
    for threads in ["1 thread", "2 threads"] {
        head.push(format!("ns, {threads}"));
        head.push("above off".to_owned());
        head.push("% of an echo".to_owned());
    }
    head
}

fn line(subjects: &Subjects, first: &Subject) -> Vec<String> {
    let (group, name) = (first.group.as_str(), first.name.as_str());
    let allocations = first.allocations.map(|n| format!("{n:.2}"));
    let mut cells = vec![
        format!("{group}: {name}"),
        allocations.unwrap_or_else(|| "-".to_owned()),
    ];
    for threads in THREADS {
        let subject = subjects.get(group, name, threads);
        let price = subjects.price(group, (name, "off"), threads);
        let price = price.filter(|_| !matches!(name, "off" | "bare"));
        let share = subjects.share(price, threads);
        let digits = usize::from(group == "part");
        cells.push(cell(subject.and_then(Subject::ns), digits));
        cells.push(cell(price, 0));
        cells.push(cell(share, 1));
    }
    cells
}

fn cell(number: Option<f64>, digits: usize) -> String {
    number.map_or_else(|| "-".to_owned(), |n| format!("{n:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Value {
        let row = |group: &str, name: &str, threads: u64, ns: f64, allocations: f64| {
            // The second round is slow as a whole, which no difference sees.
            json!({
                "group": group, "name": name, "threads": threads,
                "rounds": [ns, ns + 1000.0, ns], "allocations": allocations,
            })
        };
        let mut rows = Vec::new();
        for threads in THREADS {
            for group in ["server", "client"] {
                rows.push(row(group, "bare", threads, 50.0, 1.0));
                rows.push(row(group, "off", threads, 100.0, 1.0));
                rows.push(row(group, "default", threads, 180.0, 1.0));
            }
            rows.push(row("part", "breaker decision", threads, 20.0, 0.0));
            rows.push(row("part", "pick", threads, 61.0, 0.0));
            rows.push(row("echo", "loopback", threads, 4000.0, 0.0));
        }
        json!({ "rows": rows, "slice_ms": 60 })
    }

    #[test]
    fn prices_are_differences_within_a_round() {
        let outcome = read(&told()).unwrap();
        let default = |row: &&Value| row["group"] == "server" && row["name"] == "default";
        let row = outcome.rows.iter().find(default).unwrap();
        assert_eq!(row["above_off_ns"], 80.0);
        assert_eq!(row["above_bare_ns"], 130.0);
        assert_eq!(row["above_off_percent_of_echo"], 2.0);
    }

    #[test]
    fn figures_are_reached_or_missed() {
        let outcome = read(&told()).unwrap();
        let figure = |name: &str| {
            let mut all = outcome.figures.iter();
            all.find(|figure| figure.name.starts_with(name)).unwrap()
        };
        assert_eq!(figure("default chains").got, Some(260.0));
        assert!(figure("default chains").is_met() && figure("breaker").is_met());
        assert!(figure("allocations").is_met());
        assert!(!figure("pick").is_met());
    }

    #[test]
    fn figure_without_its_row_is_missed() {
        let told = json!({ "rows": [], "slice_ms": 60 });
        let outcome = read(&told).unwrap();
        assert!(outcome.figures.iter().all(|figure| !figure.is_met()));
    }
}
