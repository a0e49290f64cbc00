//! The closed loop: callers that call again as soon as they are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::args::{CallArgs, Cli, Kind, Role};
use crate::histogram::Histogram;
use crate::process::{cpu_nanos, raise_file_limit, rss_kib};
use crate::{Client, Result, idle, messages, runtime};

/// Between two looks at the memory of a stream's ends.
const MEMORY_PAUSE: Duration = Duration::from_millis(10);
/// How long a client waits for its server to listen.
const PATIENCE: Duration = Duration::from_secs(10);
/// A stream that takes longer is stuck.
const STREAM_MAX: Duration = Duration::from_secs(120);

/// What a client prints.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// Calls, or messages of a stream, in the measured time.
    pub calls: u64,
    /// The measured time.
    pub seconds: f64,
    /// Of the calls; absent for streams.
    pub p50_us: Option<f64>,
    /// Of the calls; absent for streams.
    pub p99_us: Option<f64>,
    /// CPU time of the server for each call.
    pub server_cpu_us: f64,
    /// CPU time of the client for each call.
    pub client_cpu_us: f64,
    /// Memory of the server at its highest.
    pub server_rss_kib: Option<u64>,
    /// By how much the memory of the server grew.
    pub server_growth_kib: Option<u64>,
    /// By how much the memory of the client grew.
    pub client_growth_kib: Option<u64>,
}

/// Runs the program: `serve` gets system and address, `call` the options of a client.
///
/// # Errors
/// What either gives.
pub fn main(
    serve: impl FnOnce(&str, SocketAddr) -> Result<()>,
    call: impl FnOnce(&CallArgs) -> Result<Figures>,
) -> Result<()> {
    raise_file_limit();
    match Cli::parse().role {
        Role::Serve(args) => {
            end_with_parent();
            serve(&args.system, args.listen)
        }
        Role::Call(args) => {
            wait_for_server(args.address)?;
            let figures = if args.kind == Kind::Idle {
                idle::hold(&args)?
            } else {
                call(&args)?
            };
            println!("{}", serde_json::to_string(&figures)?);
            Ok(())
        }
    }
}

/// A server whose starter is gone has nobody to stop it.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}

fn wait_for_server(address: SocketAddr) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match std::net::TcpStream::connect(address) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() > end => return Err(error.into()),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// Calls with system `C` as `args` say.
///
/// # Errors
/// When a call fails or answers wrongly.
pub fn call<C: Client>(args: &CallArgs) -> Result<Figures> {
    let runtime = runtime()?;
    let clients = runtime.block_on(async {
        let mut clients = Vec::new();
        for _ in 0..args.connections {
            clients.push(C::connect(args.address).await?);
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(clients)
    })?;
    let job = match args.kind {
        Kind::Feed => return feed(&runtime, args, clients),
        Kind::Order => {
            let order = messages::order();
            Job::Order(C::order(&order)?, order.items.len())
        }
        Kind::Echo | Kind::Mixed | Kind::Idle => Job::Echo {
            payload: Bytes::from(vec![b'r'; args.payload as usize]),
            wait_us: args.wait_us,
            spin_us: args.spin_us,
            all_spin: args.kind != Kind::Mixed,
        },
    };
    callers(&runtime, args, clients, &job)
}

/// What a caller does again and again.
#[derive(Clone)]
enum Job<C: Client> {
    Order(C::Order, usize),
    Echo {
        payload: Bytes,
        wait_us: u32,
        spin_us: u32,
        all_spin: bool,
    },
}

impl<C: Client> Job<C> {
    /// The part of one caller.
    fn of(&self, caller: usize) -> Self {
        let mut job = self.clone();
        if let Self::Echo {
            spin_us,
            all_spin: false,
            ..
        } = &mut job
            && caller > 0
        {
            *spin_us = 0;
        }
        job
    }

    async fn once(&self, client: &mut C) -> Result<()> {
        let (got, want) = match self {
            Self::Order(order, items) => (client.place(order.clone()).await?, *items),
            Self::Echo {
                payload,
                wait_us,
                spin_us,
                ..
            } => {
                let answer = client.echo(payload.clone(), *wait_us, *spin_us);
                (answer.await?, payload.len())
            }
        };
        if got != want {
            return Err(format!("the answer holds {got} instead of {want}").into());
        }
        Ok(())
    }
}

/// When callers begin to count and when they end.
#[derive(Clone, Copy)]
struct Window {
    begin: Instant,
    end: Instant,
}

fn callers<C: Client>(
    runtime: &tokio::runtime::Runtime,
    args: &CallArgs,
    clients: Vec<C>,
    job: &Job<C>,
) -> Result<Figures> {
    let begin = Instant::now() + args.warmup();
    let window = Window {
        begin,
        end: begin + args.measure(),
    };
    let mut tasks = JoinSet::new();
    for caller in 0..args.concurrency {
        let client = clients[caller % clients.len()].clone();
        let work = one_caller(client, caller, window, job.of(caller));
        tasks.spawn_on(work, runtime.handle());
    }
    // This thread only sleeps, so that the load does not delay the readings.
    sleep_until(window.begin);
    let before = Cpu::read(args.server_pid)?;
    let begun = Instant::now();
    sleep_until(window.end);
    let after = Cpu::read(args.server_pid)?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut all = Histogram::new();
    runtime.block_on(async {
        while let Some(ended) = tasks.join_next().await {
            let (caller, histogram) = ended??;
            // Of a mixed load the fast calls are of interest.
            if args.kind != Kind::Mixed || caller > 0 {
                all.merge(&histogram);
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    if all.count() == 0 {
        return Err("no call ended in the measured time".into());
    }
    let mut figures = after.since(before, all.count());
    figures.seconds = seconds;
    figures.p50_us = Some(all.quantile_us(0.5));
    figures.p99_us = Some(all.quantile_us(0.99));
    Ok(figures)
}

async fn one_caller<C: Client>(
    mut client: C,
    caller: usize,
    window: Window,
    job: Job<C>,
) -> Result<(usize, Histogram)> {
    let mut histogram = Histogram::new();
    // The end of a call is the begin of the next: one reading of the clock for each.
    let mut then = Instant::now();
    loop {
        job.once(&mut client).await?;
        let now = Instant::now();
        if now >= window.end {
            return Ok((caller, histogram));
        }
        if now >= window.begin {
            histogram.add(u64::try_from((now - then).as_nanos()).unwrap_or(u64::MAX));
        }
        then = now;
    }
}

fn sleep_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(Instant::now()));
}

/// CPU times at one moment, in nanoseconds.
#[derive(Clone, Copy)]
struct Cpu {
    server: u64,
    client: u64,
}

impl Cpu {
    fn read(server_pid: u32) -> Result<Self> {
        Ok(Self {
            server: cpu_nanos(server_pid)?,
            client: cpu_nanos(std::process::id())?,
        })
    }

    fn since(self, before: Self, calls: u64) -> Figures {
        let each = |nanos: u64| nanos as f64 / 1000.0 / calls.max(1) as f64;
        Figures {
            calls,
            server_cpu_us: each(self.server.saturating_sub(before.server)),
            client_cpu_us: each(self.client.saturating_sub(before.client)),
            ..Figures::default()
        }
    }
}

/// One stream, with the memory of both ends watched.
fn feed<C: Client>(
    runtime: &tokio::runtime::Runtime,
    args: &CallArgs,
    clients: Vec<C>,
) -> Result<Figures> {
    let client = clients.into_iter().next().ok_or("no connection")?;
    // A short stream warms up both ends.
    let warm = args.count.min(64);
    let stream = |client: C, count: u64| async move {
        let mut client = client;
        tokio::time::timeout(STREAM_MAX, client.feed(count, args.payload)).await?
    };
    runtime.block_on(stream(client.clone(), warm))?;
    let watch = Memory::watch(args.server_pid)?;
    let before = Cpu::read(args.server_pid)?;
    let begun = Instant::now();
    let (messages, bytes) = runtime.block_on(stream(client, args.count))?;
    let seconds = begun.elapsed().as_secs_f64();
    let after = Cpu::read(args.server_pid)?;
    if messages != args.count || bytes != args.count * u64::from(args.payload) {
        return Err(format!("{messages} messages with {bytes} bytes came").into());
    }
    let mut figures = after.since(before, messages);
    figures.seconds = seconds;
    watch.end(&mut figures);
    Ok(figures)
}

/// The memory of both ends, looked at all the time.
struct Memory {
    first: [u64; 2],
    highest: Arc<[AtomicU64; 2]>,
    over: Arc<AtomicBool>,
    watcher: std::thread::JoinHandle<()>,
}

impl Memory {
    fn watch(server_pid: u32) -> Result<Self> {
        let first = [rss_kib(server_pid)?, rss_kib(std::process::id())?];
        let highest = Arc::new(first.map(AtomicU64::new));
        let over = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (highest, over) = (Arc::clone(&highest), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    for (place, pid) in highest.iter().zip([server_pid, std::process::id()]) {
                        place.fetch_max(rss_kib(pid).unwrap_or(0), Ordering::Relaxed);
                    }
                    std::thread::sleep(MEMORY_PAUSE);
                }
            })
        };
        Ok(Self {
            first,
            highest,
            over,
            watcher,
        })
    }

    fn end(self, figures: &mut Figures) {
        self.over.store(true, Ordering::Relaxed);
        // Its result is in the counters.
        let _ = self.watcher.join();
        let [server, client] = [0, 1].map(|end| self.highest[end].load(Ordering::Relaxed));
        figures.server_rss_kib = Some(server);
        figures.server_growth_kib = Some(server - self.first[0]);
        figures.client_growth_kib = Some(client - self.first[1]);
    }
}
