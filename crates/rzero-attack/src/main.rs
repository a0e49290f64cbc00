//! The processes of an attack: victim, neighbour, attacker, and a harmless client to compare with.
//!
//! `cargo xtask attack` starts them; each prints JSON lines on standard output. Victim and neighbour
//! end when their standard input does.
#![expect(
    clippy::print_stdout,
    reason = "its standard output is read by who started it"
)]

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rzero_attack::attack::{self, Expect};
use rzero_attack::driver::{self, Plan};
use rzero_attack::harmless::{self, Profile};
use rzero_attack::neighbour::{self, Counts, Rate};
use rzero_attack::{Result, victim};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

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
        /// Folder for its configuration
        folder: PathBuf,
        /// Speak TLS
        #[arg(long)]
        tls: bool,
        /// A line of configuration
        #[arg(long = "set", value_name = "LINE")]
        more: Vec<String>,
    },
    /// Call at a steady rate; print and forget what was seen at each line of standard input
    Neighbour {
        target: String,
        /// Folder for its configuration
        folder: PathBuf,
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
        Role::Victim { folder, tls, more } => serve(&folder, tls, &more),
        Role::Neighbour {
            target,
            folder,
            ca,
            unary,
            stream,
        } => {
            let channels = || neighbour::channels(&target, ca.as_deref(), &folder, 2);
            let rate = Rate {
                unary: Duration::from_secs(1) / unary.max(1),
                stream: Duration::from_secs(1) / stream.max(1),
            };
            single()?.block_on(async { watch(channels()?, rate).await })
        }
        Role::Attack {
            name,
            target,
            seconds,
            share,
        } => {
            let attack = attack::named(&name).ok_or_else(|| format!("no attack `{name}`"))?;
            let plan = Plan {
                duration: Duration::from_secs_f64(seconds),
                connections: attack.connections,
                share,
                again: true,
            };
            let report = single()?.block_on(driver::attack(&attack, target, &plan));
            let mut value = report.to_json();
            let judged = attack.judge(&report);
            value["right_end"] = judged.is_ok().into();
            value["why"] = judged.err().unwrap_or_default().into();
            println!("{value}");
            Ok(())
        }
        Role::Harmless {
            target,
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

fn serve(folder: &std::path::Path, tls: bool, more: &[String]) -> Result<()> {
    let config = victim::configure(folder, tls, more)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut started = None;
        // What it says about the drain is in the log.
        let _ = rzero::run(async {
            let (app, _) = victim::assemble(&config)?;
            let handle = app.handle();
            started = Some(tokio::spawn(async move {
                let Ok(address) = victim::address(&handle).await else {
                    return;
                };
                println!("{}", json!({ "address": address.to_string() }));
                let mut lines = BufReader::new(stdin()).lines();
                while let Ok(Some(_)) = lines.next_line().await {}
                handle.shutdown();
            }));
            app.run().await
        })
        .await;
        if let Some(task) = started {
            task.abort();
        }
    });
    // The thread that reads standard input cannot be ended.
    runtime.shutdown_background();
    Ok(())
}

async fn watch(channels: Vec<rzero::Channel>, rate: Rate) -> Result<()> {
    let [unary, stream] = <[_; 2]>::try_from(channels).map_err(|_| "two channels were made")?;
    unary.ready(1).await;
    stream.ready(1).await;
    println!("{}", json!({ "ready": true }));
    let counts = Counts::default();
    let mut lines = BufReader::new(stdin()).lines();
    let calling = neighbour::run(unary, stream, rate, counts.clone());
    tokio::pin!(calling);
    loop {
        tokio::select! {
            () = &mut calling => {}
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
