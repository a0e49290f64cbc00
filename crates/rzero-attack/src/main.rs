//! The processes of an attack: victim, neighbour, attacker, and a harmless client to compare with.
//!
//! `cargo xtask attack` starts them; each prints JSON lines on standard output. Victim and neighbour
//! end when their standard input does.
#![expect(
    clippy::print_stdout,
    reason = "its standard output is read by who started it"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rzero_attack::attack::{self, Expect};
use rzero_attack::driver::{self, Plan};
use rzero_attack::harmless::{self, Profile};
use rzero_attack::neighbour::{Counts, Neighbour, Rate};
use rzero_attack::{Result, victim};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// How long neighbours wait for answers: the default of a client.
const PATIENCE: Duration = Duration::from_secs(2);

/// The processes of an attack.
#[derive(Debug, Parser)]
#[command(name = "rz-attack")]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Print the table of attacks
    List,
    /// Serve until standard input ends
    Victim {
        /// Folder for its certificate
        folder: PathBuf,
        /// Speak TLS
        #[arg(long)]
        tls: bool,
        /// Its `handshake_timeout`, in seconds
        #[arg(long)]
        handshake_timeout: Option<f64>,
        /// Its `keepalive_interval` and `keepalive_timeout`, in seconds
        #[arg(long)]
        keepalive: Option<f64>,
    },
    /// Call at a steady rate; print and forget what was seen at each line of standard input
    Neighbour {
        target: String,
        /// The authority of the server's certificate
        #[arg(long)]
        ca: Option<PathBuf>,
        /// Unary calls a second
        #[arg(long, default_value_t = 800)]
        unary: u32,
        /// Messages of the stream a second
        #[arg(long, default_value_t = 200)]
        stream: u32,
    },
    /// Attack
    Attack {
        name: String,
        target: SocketAddr,
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// Share of a core
        #[arg(long, default_value_t = 0.5)]
        share: f64,
    },
    /// Call as busily as an attack was
    Harmless {
        target: SocketAddr,
        /// The attack whose calls are made by somebody who takes the answers
        #[arg(long)]
        like: Option<String>,
        #[arg(long)]
        seconds: f64,
        #[arg(long)]
        share: f64,
        #[arg(long)]
        connections: usize,
        #[arg(long)]
        connections_made: u64,
        #[arg(long)]
        bytes_sent: u64,
    },
}

fn main() -> ExitCode {
    raise_limit_of_files();
    match run(Cli::parse().role) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}", json!({ "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> Result<()> {
    match role {
        Role::List => {
            list();
            Ok(())
        }
        Role::Victim {
            folder,
            tls,
            handshake_timeout,
            keepalive,
        } => {
            let options = victim::Options {
                tls,
                handshake_timeout: handshake_timeout.map(Duration::from_secs_f64),
                keepalive: keepalive.map(Duration::from_secs_f64),
            };
            serve(&folder, options)
        }
        Role::Neighbour {
            target,
            ca,
            unary,
            stream,
        } => {
            let rate = Rate {
                unary: Duration::from_secs(1) / unary.max(1),
                stream: Duration::from_secs(1) / stream.max(1),
                fresh: Duration::from_millis(250),
            };
            single()?.block_on(async {
                watch(Neighbour::new(&target, ca.as_deref(), PATIENCE)?, rate).await
            })
        }
        Role::Attack {
            name,
            target,
            seconds,
            share,
        } => attack(&name, target, (Duration::from_secs_f64(seconds), share)),
        Role::Harmless {
            target,
            like,
            seconds,
            share,
            connections,
            connections_made,
            bytes_sent,
        } => {
            let profile = Profile {
                duration: Duration::from_secs_f64(seconds),
                connections,
                connections_made,
                bytes_sent,
                share,
                call: like_of(like.as_deref())?,
            };
            println!(
                "{}",
                single()?
                    .block_on(harmless::call(target, profile))
                    .to_json()
            );
            Ok(())
        }
    }
}

/// The call to compare an attack with.
fn like_of(name: Option<&str>) -> Result<attack::Honest> {
    let Some(name) = name else {
        return Ok(attack::small_call);
    };
    let attack = attack::named(name).ok_or_else(|| format!("no attack `{name}`"))?;
    Ok(attack.honest.unwrap_or(attack::small_call))
}

fn attack(name: &str, target: SocketAddr, (duration, share): (Duration, f64)) -> Result<()> {
    let attack = attack::named(name).ok_or_else(|| format!("no attack `{name}`"))?;
    let plan = Plan {
        duration,
        connections: attack.connections,
        share,
        again: true,
        until: &[],
    };
    let report = single()?.block_on(driver::attack(&attack, target, &plan));
    let mut value = report.to_json();
    let judged = attack.judge(&report);
    value["right_end"] = judged.is_ok().into();
    value["why"] = judged.err().unwrap_or_default().into();
    println!("{value}");
    Ok(())
}

/// The process that is measured uses one thread, as is fit for half a core.
fn single() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

fn list() {
    let rows: Vec<_> = attack::all()
        .into_iter()
        .map(|attack| {
            json!({
                "name": attack.name,
                "reference": attack.reference,
                "what": attack.what,
                "limits": attack.limits,
                "expect": expectation(attack.expect),
                "within_s": attack.within.as_secs_f64(),
                "ends": matches!(attack.expect, Expect::GoAway(_) | Expect::Cut),
                "connections": attack.connections,
                "memory_bytes_max": attack.memory_bytes_max,
                "tls": attack.tls,
                "works": attack.honest.is_some(),
            })
        })
        .collect();
    println!("{}", json!(rows));
}

fn expectation(expect: Expect) -> String {
    match expect {
        Expect::GoAway(codes) => {
            let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
            format!("GOAWAY {}", codes.join(" or "))
        }
        Expect::Cut => "closed".to_owned(),
        Expect::Lives => "lives, calls are answered".to_owned(),
        Expect::Marks(marks) => format!("each stream: {}", marks.join(" or ")),
        Expect::Bounded => "bounded".to_owned(),
    }
}

fn serve(folder: &Path, options: victim::Options) -> Result<()> {
    let (app, _) = victim::assemble(folder, &options)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let handle = app.handle();
        let speaking = tokio::spawn(async move {
            let Ok(address) = victim::address(&handle).await else {
                return;
            };
            println!("{}", json!({ "address": address.to_string() }));
            let mut lines = BufReader::new(stdin()).lines();
            while let Ok(Some(_)) = lines.next_line().await {}
            handle.shutdown();
        });
        // What it says about the drain is in the log.
        let _ = rzero::run(app.run()).await;
        speaking.abort();
    });
    // The thread that reads standard input cannot be ended.
    runtime.shutdown_background();
    Ok(())
}

async fn watch(neighbour: Neighbour, rate: Rate) -> Result<()> {
    let counts = Counts::default();
    let mut lines = BufReader::new(stdin()).lines();
    let calling = neighbour.run(rate, counts.clone());
    tokio::pin!(calling);
    let mut said = false;
    loop {
        tokio::select! {
            () = &mut calling => {}
            () = counts.ready(), if !said => {
                said = true;
                println!("{}", json!({ "ready": true }));
            }
            line = lines.next_line() => match line? {
                Some(_) => println!("{}", counts.take().to_json()),
                None => return Ok(()),
            },
        }
    }
}

/// Ten thousand connections need as many files.
fn raise_limit_of_files() {
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised the attack that needs it says how many connections it made.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
