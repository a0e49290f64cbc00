//! go-zero over a real etcd, both directions: three servers are restarted in turn while a client
//! of the other framework calls them, and no call may fail.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rzero_harness::EtcdCluster;
use serde_json::Value;

use crate::error::Result;

use super::install::Program;
use super::lab::{Lab, free_port, ours};
use super::process::Process;

/// The service, as it registers in etcd.
const SERVICE: &str = "peers.echo";
const INSTANCES: [&str; 3] = ["a", "b", "c"];
/// The load: so many calls in flight at most, so many a second, each held so long by its server.
const CONCURRENCY: &str = "64";
const CALLS_PER_SECOND: &str = "1000";
const DELAY_MS: &str = "20";
/// Fewer calls than this were no load. The restarts take ten seconds at least.
const CALLS_MIN: u64 = 3_000;
/// How long our own load calls, in seconds: longer than the restarts take. go-zero's is stopped
/// when they are done.
const LOAD_SECONDS: &str = "30";
/// The pause before the first restart and after each.
const PAUSE: Duration = Duration::from_secs(2);
const READY_WITHIN: Duration = Duration::from_secs(30);
const GONE_WITHIN: Duration = Duration::from_secs(40);
const LOAD_LIMIT: Duration = Duration::from_secs(120);

/// go-zero's client, our servers.
pub(super) fn client(lab: &Lab) -> Result<String> {
    let etcd = EtcdCluster::start(1)?;
    let mut servers = Servers::start(lab, "zrpc-client", &etcd, Kind::Rzero)?;
    let mut command = Program::Peers.command("zrpc-client");
    command.args(["--etcd", &etcd.endpoints().join(","), "--key", SERVICE]);
    command.args(["--concurrency", CONCURRENCY, "--qps", CALLS_PER_SECOND]);
    command.args(["--delay-ms", DELAY_MS, "--duration", "10m"]);
    let log = lab.fresh_log("zrpc-client")?;
    let mut load = Process::start("zrpc-client", &mut command, &log)?;
    servers.restart_all(&mut load)?;
    load.ask_to_end()?;
    let done = load.wait(LOAD_LIMIT)?;
    Seen::of_json(&done.output)?.verdict()
}

/// Our client, go-zero's servers.
pub(super) fn server(lab: &Lab) -> Result<String> {
    let etcd = EtcdCluster::start(1)?;
    let mut servers = Servers::start(lab, "zrpc-server", &etcd, Kind::GoZero)?;
    let config = lab.write("zrpc-server.load.toml", &config("load", 0, &etcd))?;
    let mut command = ours("load");
    command.args([
        SERVICE,
        LOAD_SECONDS,
        CONCURRENCY,
        CALLS_PER_SECOND,
        DELAY_MS,
    ]);
    command.env("RZ_CONFIG", config);
    let log = lab.fresh_log("zrpc-server")?;
    let mut load = Process::start("load", &mut command, &log)?;
    servers.restart_all(&mut load)?;
    let done = load.wait(LOAD_LIMIT)?;
    Seen::of_lines(&done.output)?.verdict()
}

/// Whose servers.
#[derive(Clone, Copy)]
enum Kind {
    Rzero,
    GoZero,
}

/// The configuration of a program of ours.
fn config(name: &str, port: u16, etcd: &EtcdCluster) -> String {
    let endpoints = etcd.endpoints();
    format!(
        "[service]\nname = \"{name}\"\n[server.rpc]\nlisten = \"127.0.0.1:{port}\"\n\
         [registry]\nkind = \"etcd\"\n[registry.etcd]\nendpoints = {endpoints:?}\n\
         # Shedding would answer for whatever else runs on the machine.\n\
         [policy]\noff = [\"shed\"]\n"
    )
}

/// Three instances of the echo service.
struct Servers {
    kind: Kind,
    log: PathBuf,
    commands: Vec<Command>,
    running: Vec<Process>,
}

impl Servers {
    fn start(lab: &Lab, judge: &str, etcd: &EtcdCluster, kind: Kind) -> Result<Self> {
        let mut commands = Vec::new();
        for id in INSTANCES {
            let port = free_port()?;
            commands.push(match kind {
                Kind::Rzero => {
                    let text = config(SERVICE, port, etcd);
                    let config = lab.write(&format!("{judge}.{id}.toml"), &text)?;
                    let mut command = ours("echo");
                    command.arg(id).env("RZ_CONFIG", config);
                    command
                }
                Kind::GoZero => {
                    let mut command = Program::Peers.command("zrpc-server");
                    command.args(["--etcd", &etcd.endpoints().join(","), "--key", SERVICE]);
                    command.args(["--id", id, "--listen", &format!("127.0.0.1:{port}")]);
                    // It would shed calls because of what else runs on this machine.
                    command.args(["--shed-above-cpu", "0"]);
                    command
                }
            });
        }
        let log = lab.fresh_log(&format!("{judge}.servers"))?;
        let mut servers = Self {
            kind,
            log,
            commands,
            running: Vec::new(),
        };
        for index in 0..INSTANCES.len() {
            let process = servers.launch(index)?;
            servers.running.push(process);
        }
        Ok(servers)
    }

    /// Starts an instance and waits until it says that it serves.
    fn launch(&mut self, index: usize) -> Result<Process> {
        let log = self.log.with_extension(format!("{}.log", INSTANCES[index]));
        let name = format!("instance {}", INSTANCES[index]);
        let mut process = Process::start(&name, &mut self.commands[index], &log)?;
        let text = match self.kind {
            Kind::Rzero => " ready ",
            Kind::GoZero => "\"event\":\"serving\"",
        };
        process.wait_for_text(text, READY_WITHIN)?;
        Ok(process)
    }

    /// Restarts one after the other: SIGTERM, wait until it is gone, start at the same address.
    fn restart_all(&mut self, load: &mut Process) -> Result<()> {
        sleep(PAUSE);
        for (index, id) in INSTANCES.iter().enumerate() {
            let old = self.running.remove(index);
            old.ask_to_end()?;
            let done = old.wait(GONE_WITHIN)?;
            if !done.status.success() {
                let status = done.status;
                return Err(
                    format!("instance {id} left with {status}: {}", done.last_line()).into(),
                );
            }
            let new = self.launch(index)?;
            self.running.insert(index, new);
            println!("    restarted {id}");
            sleep(PAUSE);
        }
        load.still_runs()
            .map_err(|error| format!("the load was over before the last restart: {error}").into())
    }
}

/// What the client saw.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    calls: u64,
    errors: BTreeMap<String, u64>,
    servers: BTreeMap<String, u64>,
}

impl Seen {
    /// Reads the line of kind "total" of go-zero's client.
    fn of_json(output: &str) -> Result<Self> {
        let mut lines = output.lines().rev();
        let total = lines
            .find_map(|line| {
                let value: Value = serde_json::from_str(line).ok()?;
                (value["kind"] == "total").then_some(value)
            })
            .ok_or("the client printed no total")?;
        let counts = |field: &str, number: &str| {
            let table = total[field].as_object().into_iter().flatten();
            table
                .map(|(name, value)| (name.clone(), value[number].as_u64().unwrap_or(0)))
                .collect()
        };
        Ok(Self {
            calls: total["calls"].as_u64().unwrap_or(0),
            errors: counts("errors", "count"),
            servers: counts("servers", "calls"),
        })
    }

    /// Reads the lines of our load: `ok N …`, then `WHAT: N from MS to MS` for each error and
    /// each server.
    fn of_lines(output: &str) -> Result<Self> {
        let mut seen = Self::default();
        let mut summed = false;
        for line in output.lines() {
            if let Some(rest) = line.strip_prefix("ok ") {
                let number = rest.split(' ').next().unwrap_or_default();
                seen.calls += number.parse::<u64>()?;
                summed = true;
            } else if summed && let Some((what, rest)) = line.rsplit_once(": ") {
                let number = rest.split(' ').next().unwrap_or_default().parse()?;
                let table = if INSTANCES.contains(&what) {
                    &mut seen.servers
                } else {
                    seen.calls += number;
                    &mut seen.errors
                };
                table.insert(what.to_owned(), number);
            }
        }
        if summed {
            return Ok(seen);
        }
        Err("the load printed no sum".into())
    }

    fn verdict(&self) -> Result<String> {
        let calls = self.calls;
        if !self.errors.is_empty() {
            let failed: u64 = self.errors.values().sum();
            return Err(format!("{failed} of {calls} calls failed: {:?}", self.errors).into());
        }
        let silent = INSTANCES
            .iter()
            .find(|id| self.servers.get(**id).copied().unwrap_or(0) == 0);
        if let Some(id) = silent {
            return Err(format!("instance {id} answered no call: {:?}", self.servers).into());
        }
        if calls < CALLS_MIN {
            return Err(format!("only {calls} calls were made, want {CALLS_MIN}").into());
        }
        Ok(format!(
            "0 of {calls} calls failed while three servers were restarted"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn total_of_the_client_of_go_zero_is_read() {
        let output = "noise\n{\"kind\":\"total\",\"calls\":9000,\"errors\":{},\
                      \"servers\":{\"a\":{\"calls\":1},\"b\":{\"calls\":2},\"c\":{\"calls\":3}}}";
        let seen = Seen::of_json(output).unwrap();
        assert!(seen.verdict().unwrap().starts_with("0 of 9000"), "{seen:?}");
    }

    #[test]
    fn failed_calls_of_our_load_are_counted() {
        let output = "ok 8000  p50 1 us  p99 2 us  max 3 us\n\
                      CONNECTION_LOST: gone: 2 from 1 to 2\na: 8000 from 1 to 2";
        let seen = Seen::of_lines(output).unwrap();
        let error = seen.verdict().unwrap_err().to_string();
        assert!(error.starts_with("2 of 8002 calls failed"), "{error}");
    }

    #[test]
    fn instance_without_calls_is_named() {
        let output = "ok 8000  p50 1 us\na: 4000 from 1 to 2\nb: 4000 from 1 to 2";
        let error = Seen::of_lines(output).unwrap().verdict().unwrap_err();
        assert!(error.to_string().starts_with("instance c"), "{error}");
    }
}
