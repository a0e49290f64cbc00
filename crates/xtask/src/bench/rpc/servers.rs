//! Servers that stay up over the rounds, and clients that make one measurement.

use std::collections::HashMap;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::error::Result;
use crate::step::Stopwatch;

use super::Window;
use super::build::Programs;
use super::case::Case;
use super::row::Round;
use super::system::{Side, System};

/// The cores of a pinned server and of a pinned client.
const SERVER_CORE: &str = "0";
const CLIENT_CORE: &str = "1";
/// How often an end is looked for.
const POLL: Duration = Duration::from_millis(2);
/// What a client may take beyond the time it measures.
const PATIENCE: Duration = Duration::from_secs(150);

/// A server process, stopped when dropped.
#[derive(Debug)]
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(programs: &Programs, side: Side, pinned: bool) -> Result<Self> {
        // The program binds a moment later; nobody else is that quick in practice.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let program = programs.path(side.program);
        let mut command = on_core(&program, pinned.then_some(SERVER_CORE));
        command.args(["serve", side.system, "--listen", &address.to_string()]);
        // Its end of input tells a server that nobody needs it any more, also when we are killed.
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(Self { child, address })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The servers that are up.
#[derive(Debug)]
pub(super) struct Servers<'a> {
    programs: &'a Programs,
    up: HashMap<(Side, bool), Server>,
}

impl<'a> Servers<'a> {
    pub(super) fn new(programs: &'a Programs) -> Self {
        Self {
            programs,
            up: HashMap::new(),
        }
    }

    /// Measures `case` with `system` once.
    pub(super) fn measure(
        &mut self,
        system: &System,
        case: &Case,
        window: Window,
    ) -> Result<Round> {
        let key = (system.server, case.pinned);
        if case.fresh || !self.is_up(key) {
            self.up.remove(&key);
            let server = Server::start(self.programs, system.server, case.pinned)?;
            self.up.insert(key, server);
        }
        let server = self.up.get(&key).ok_or("the server is not up")?;
        let round = call(self.programs, server, system, case, window);
        if case.fresh || round.is_err() {
            self.up.remove(&key);
        }
        round
    }

    /// Whether the server is there and runs.
    fn is_up(&mut self, key: (Side, bool)) -> bool {
        let server = self.up.get_mut(&key);
        server.is_some_and(|server| matches!(server.child.try_wait(), Ok(None)))
    }
}

fn call(
    programs: &Programs,
    server: &Server,
    system: &System,
    case: &Case,
    window: Window,
) -> Result<Round> {
    let program = programs.path(system.client.program);
    let mut command = on_core(&program, case.pinned.then_some(CLIENT_CORE));
    command.args(["call", system.client.system]);
    let mut option = |name: &str, value: &dyn ToString| {
        command.arg(format!("--{name}")).arg(value.to_string());
    };
    option("address", &server.address);
    option("server-pid", &server.child.id());
    option("kind", &case.kind.name());
    option("concurrency", &case.concurrency);
    option(
        "connections",
        &case.connections.unwrap_or(system.connections),
    );
    option("payload", &case.payload);
    option("warmup-ms", &window.warmup.as_millis());
    option("measure-ms", &window.measure.as_millis());
    // A Go client knows the options above alone, and takes part in no case with the others.
    for (name, value) in [
        ("count", case.count),
        ("wait-us", case.wait_us.into()),
        ("spin-us", case.spin_us.into()),
    ] {
        if value > 0 {
            option(name, &value);
        }
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let limit = window.warmup + window.measure + PATIENCE;
    Round::parse(finish(child, limit)?.trim())
}

/// Waits for the end of a client and returns what it printed.
fn finish(mut child: Child, limit: Duration) -> Result<String> {
    let watch = Stopwatch::start();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if watch.elapsed() > limit {
            // It is being given up; whether it was just ending does not matter.
            let _ = child.kill();
            let _ = child.wait();
            return Err("the client hangs".into());
        }
        sleep(POLL);
    };
    // Both outputs are a few lines, which pipes hold.
    let (mut out, mut err) = (String::new(), String::new());
    if let Some(pipe) = &mut child.stdout {
        pipe.read_to_string(&mut out)?;
    }
    if let Some(pipe) = &mut child.stderr {
        pipe.read_to_string(&mut err)?;
    }
    if status.success() {
        return Ok(out);
    }
    let text = err.lines().next().unwrap_or("it says nothing");
    Err(format!("the client failed ({status}): {text}").into())
}

/// `program`, on one core when there is one named.
fn on_core(program: &Path, core: Option<&str>) -> Command {
    match core {
        None => Command::new(program),
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", core]).arg(program);
            command
        }
    }
}
