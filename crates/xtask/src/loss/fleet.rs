//! Three instances and their registry.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use rzero_harness::{EtcdCluster, RunFolder};

use crate::error::Result;
use crate::peers::lab::{free_port, ours};
use crate::peers::process::Process;

use super::scenario::Registry;

/// The service, as it registers.
pub(super) const SERVICE: &str = "loss.echo";
/// The instances; the first one is the victim.
pub(super) const INSTANCES: [&str; 3] = ["a", "b", "c"];
const READY_WITHIN: Duration = Duration::from_secs(30);
const GONE_WITHIN: Duration = Duration::from_secs(40);

/// Where the instances are found.
enum Store {
    Etcd(Box<EtcdCluster>),
    Local(RunFolder),
}

impl Store {
    fn start(registry: Registry) -> Result<Self> {
        Ok(match registry {
            Registry::Etcd => Self::Etcd(Box::new(EtcdCluster::start(1)?)),
            Registry::Local => Self::Local(RunFolder::throw_away()?),
        })
    }

    /// Its part of a configuration.
    fn section(&self) -> String {
        match self {
            Self::Etcd(etcd) => {
                let endpoints = etcd.endpoints();
                format!("kind = \"etcd\"\n[registry.etcd]\nendpoints = {endpoints:?}\n")
            }
            Self::Local(folder) => {
                let folder = folder.path().join("registry");
                format!(
                    "kind = \"local\"\ndir = {:?}\n",
                    folder.display().to_string()
                )
            }
        }
    }
}

struct Instance {
    id: &'static str,
    port: u16,
    process: Option<Process>,
}

/// Three instances and their registry; ended when dropped, all at once.
pub(super) struct Fleet<'a> {
    // Before the store: an instance that leaves still tells it.
    instances: Vec<Instance>,
    store: Store,
    folder: &'a Path,
    name: String,
}

impl<'a> Fleet<'a> {
    /// Starts it. Files in `folder` begin with `name`.
    pub(super) fn start(folder: &'a Path, name: String, registry: Registry) -> Result<Self> {
        let mut fleet = Self {
            instances: Vec::new(),
            store: Store::start(registry)?,
            folder,
            name,
        };
        for id in INSTANCES {
            let port = free_port()?;
            fleet.configure(id, SERVICE, port)?;
            fleet.instances.push(Instance {
                id,
                port,
                process: None,
            });
        }
        for index in 0..INSTANCES.len() {
            fleet.launch(index)?;
        }
        Ok(fleet)
    }

    /// Writes the configuration of a program.
    pub(super) fn configure(&self, id: &str, service: &str, port: u16) -> Result<String> {
        // Shedding would refuse calls because of what else runs on this machine.
        let text = format!(
            "[service]\nname = \"{service}\"\n[server.rpc]\nlisten = \"127.0.0.1:{port}\"\n\
             [[policy.rule]]\nmatch.side = \"server\"\noff = [\"shed\"]\n[registry]\n{}",
            self.store.section()
        );
        let path = self.folder.join(format!("{}.{id}.toml", self.name));
        fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Starts an instance and waits until it says that it serves.
    fn launch(&mut self, index: usize) -> Result<()> {
        let instance = &mut self.instances[index];
        let file = |kind| {
            self.folder
                .join(format!("{}.{}.{kind}", self.name, instance.id))
        };
        let mut command = ours("echo");
        command.arg(instance.id).env("RZ_CONFIG", file("toml"));
        let name = format!("instance {}", instance.id);
        let mut process = Process::start(&name, &mut command, &file("log"))?;
        process.wait_for_text(" ready ", READY_WITHIN)?;
        instance.process = Some(process);
        Ok(())
    }

    /// Restarts an instance: SIGTERM, wait until it is gone, start at the same address.
    pub(super) fn restart(&mut self, index: usize) -> Result<()> {
        let id = INSTANCES[index];
        let old = self.instances[index].process.take();
        let old = old.ok_or_else(|| format!("instance {id} does not run"))?;
        old.ask_to_end()?;
        let done = old.wait(GONE_WITHIN)?;
        if !done.status.success() {
            let status = done.status;
            return Err(format!("instance {id} left with {status}: {}", done.last_line()).into());
        }
        self.launch(index)
    }

    /// Sends the victim a signal.
    pub(super) fn signal_victim(&self, signal: Signal) -> Result<()> {
        let victim = self.instances[0].process.as_ref();
        victim.ok_or("the victim does not run")?.signal(signal);
        Ok(())
    }

    /// Where the victim listens.
    pub(super) fn victim(&self) -> String {
        format!("127.0.0.1:{}", self.instances[0].port)
    }

    /// The instances but the victim still run.
    pub(super) fn others_run(&mut self) -> Result<()> {
        let others = self.instances[1..].iter_mut();
        others
            .filter_map(|instance| instance.process.as_mut())
            .try_for_each(Process::still_runs)
    }

    /// The cluster that they register in.
    pub(super) fn etcd(&mut self) -> Result<&mut EtcdCluster> {
        match &mut self.store {
            Store::Etcd(etcd) => Ok(etcd),
            Store::Local(_) => Err("this event needs etcd".into()),
        }
    }
}

impl Drop for Fleet<'_> {
    /// Each waits for its own end when its turn comes; a second signal then says that it is urgent.
    fn drop(&mut self) {
        for process in self.instances.iter().filter_map(|i| i.process.as_ref()) {
            process.signal(Signal::TERM);
        }
    }
}
