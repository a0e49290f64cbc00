//! What each fault comes to: the class that a caller sees, whether the call is tried again, and
//! what breaker and ejection make of it. One table, in `rows.rs`; `docs/loss.md` shows it.
//!
//! A row is two calls to a cluster whose two nodes fail in the same way: one of a method that must
//! not run twice, one of a method that may. How often they reached a node tells what is retried.

mod observe;
mod peer;
mod rows;

use std::fmt;

use rzero::Class;

use self::peer::Step;

/// What is wrong.
#[derive(Clone, Debug)]
enum Fault {
    /// A peer answers every call by these steps.
    Peer(Vec<Step>),
    /// A peer takes a connection, does this, and says nothing more.
    Connection(Option<Step>),
    /// A handler of ours fails.
    Handler(Class),
    /// Nobody listens.
    Refused,
    /// The certificate of the servers is out of date.
    ExpiredCertificate,
    /// The registry knows no instance.
    Empty,
    /// The registry lists an instance that is gone, beside one that lives.
    Stale,
    /// The registry is gone, the instances live.
    NoRegistry,
}

/// Whether a failed call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// There was nothing to try again: it succeeded, or no node was there to send it to.
    Nothing,
    Never,
    IfIdempotent,
    Always,
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "-",
            Self::Never => "never",
            Self::IfIdempotent => "if idempotent",
            Self::Always => "yes",
        })
    }
}

/// What a fault comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Effect {
    /// Of the error; `None`: the call succeeds.
    class: Option<Class>,
    retry: Retry,
    /// Whether the breaker of the method counts a failure.
    breaker: bool,
    /// Whether it counts for the ejection of the node.
    outlier: bool,
}

/// Where a row is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    Grpc,
    /// On gRPC, and on the memory wire.
    Both,
}

struct Row {
    fault: String,
    how: Fault,
    wire: Wire,
    effect: Effect,
}

const PLAYED_AT_A_TIME: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_has_the_effect_of_its_row() {
    let mut wrong = Vec::new();
    let mut left = rows::all();
    while !left.is_empty() {
        let now = left.split_off(left.len().saturating_sub(PLAYED_AT_A_TIME));
        let played = now.into_iter().map(|row| {
            tokio::spawn(async move {
                let mut wrong = Vec::new();
                for net in row.wire.nets() {
                    let effect = observe::effect(&row.how, &net).await;
                    if effect != row.effect {
                        let (fault, protocol, want) = (&row.fault, net.protocol(), row.effect);
                        wrong.push(format!("{fault} ({protocol}): {effect:?}, not {want:?}"));
                    }
                }
                wrong
            })
        });
        for played in played.collect::<Vec<_>>() {
            wrong.extend(played.await.unwrap());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_documentation_shows_the_table() {
    const BEGIN: &str = "<!-- faults: written by the test `failure_matrix`, RZ_WRITE_DOCS=1 -->\n";
    const END: &str = "<!-- faults: end -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/loss.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let want = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("RZ_WRITE_DOCS").is_some() {
        std::fs::write(path, &want).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text == want, "run this test with RZ_WRITE_DOCS=1");
}

fn table() -> String {
    let mut out = "\n| fault | wire | what the caller sees | tried again | breaker counts it | \
                   node's failure |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows::all() {
        let Effect {
            class,
            retry,
            breaker,
            outlier,
        } = row.effect;
        let class = class.map_or("the answer".to_owned(), |class| format!("`{class}`"));
        let yes = |yes| if yes { "yes" } else { "no" };
        let wire = match row.wire {
            Wire::Grpc => "gRPC",
            Wire::Both => "gRPC, memory",
        };
        let (fault, breaker, outlier) = (row.fault, yes(breaker), yes(outlier));
        out += &format!("| {fault} | {wire} | {class} | {retry} | {breaker} | {outlier} |\n");
    }
    out + "\n"
}
