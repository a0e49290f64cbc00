//! An etcd cluster of real servers.

mod certificates;
mod member;
mod options;
mod probe;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::deadline::Deadline;
use crate::error::HarnessError;
use crate::folder::RunFolder;
use crate::ports::free_ports;
use crate::program::Program;

pub use certificates::Certificates;
pub use member::{Member, MemberState};
pub use options::EtcdOptions;
pub(crate) use probe::is_healthy;

/// How long a cluster may take to be healthy, or to have a leader. One second is normal.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often fresh ports are tried when somebody else was quicker to take one.
const PORT_ATTEMPTS: usize = 5;
/// Client, peer and probe port.
const PORTS_PER_MEMBER: usize = 3;

/// A cluster of real etcd members on 127.0.0.1, owned by this value.
///
/// Dropping it kills the members, paused ones too, and removes their folder. Heartbeats are 50 ms
/// and the election timeout 300 ms, so a lost leader is replaced within half a second.
#[derive(Debug)]
pub struct EtcdCluster {
    // Members before the folder: they are killed before their data is removed.
    members: Vec<Member>,
    folder: RunFolder,
    options: EtcdOptions,
}

impl EtcdCluster {
    /// Starts `members` members with the defaults of [`EtcdOptions`] and waits until all of them
    /// are healthy.
    ///
    /// # Errors
    ///
    /// As [`EtcdCluster::start_with`].
    pub fn start(members: usize) -> Result<Self, HarnessError> {
        Self::start_with(EtcdOptions::new(members))
    }

    /// Starts a cluster in a throw-away folder and waits until all members are healthy.
    ///
    /// # Errors
    ///
    /// [`HarnessError::MissingProgram`] when etcd is not installed, [`HarnessError::DiedAtStart`]
    /// as soon as a member ends, [`HarnessError::NotReady`] after 30 s; the last two with the
    /// end of the member's log.
    pub fn start_with(options: EtcdOptions) -> Result<Self, HarnessError> {
        Self::start_in(RunFolder::throw_away()?, options)
    }

    /// Starts a cluster in `folder` and waits until all members are healthy.
    ///
    /// # Errors
    ///
    /// As [`EtcdCluster::start_with`].
    pub fn start_in(folder: RunFolder, options: EtcdOptions) -> Result<Self, HarnessError> {
        let program = options.program_path()?;
        let mut cluster = Self {
            members: Vec::new(),
            folder,
            options,
        };
        for attempt in 1.. {
            cluster.members = plan(&program, cluster.folder.path(), &cluster.options)?;
            match cluster.launch() {
                Err(error) if error.is_port_conflict() && attempt < PORT_ATTEMPTS => {
                    cluster.kill_all()?;
                    cluster.wipe_all()?;
                }
                outcome => return outcome.map(|()| cluster),
            }
        }
        unreachable!("the loop ends by returning")
    }

    /// The client addresses of all members, `127.0.0.1:port`, in the order of the members. They
    /// stay the same over restarts.
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(Member::endpoint).collect()
    }

    /// The number of members, down ones included.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a cluster has at least one member"
    )]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// The member with this index, to hurt or to heal it.
    ///
    /// # Panics
    ///
    /// If there is no such member.
    pub fn member(&mut self, index: usize) -> &mut Member {
        &mut self.members[index]
    }

    /// All members, in order.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The folder with the members' data and logs.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The certificates that clients of this cluster need, if it speaks TLS.
    pub fn certificates(&self) -> Option<&Certificates> {
        self.options.certificates()
    }

    /// The index of the leader, once exactly one member says that it leads and no running one
    /// says that nobody does. Waits for an election to end. Members that are down or paused are
    /// not asked.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NoLeader`] after 30 s.
    pub fn leader(&self) -> Result<usize, HarnessError> {
        let mut claims = Vec::new();
        let found = Deadline::after(READY_WITHIN).poll(|| {
            let views: Vec<_> = self
                .members
                .iter()
                .enumerate()
                .filter_map(|(i, m)| Some((i, m.view()?)))
                .collect();
            claims = views
                .iter()
                .filter(|(_, view)| view.leads)
                .map(|(i, _)| *i)
                .collect();
            let settled = views.iter().all(|(_, view)| view.knows_leader);
            Ok::<_, HarnessError>((settled && claims.len() == 1).then(|| claims[0]))
        })?;
        found.ok_or(HarnessError::NoLeader {
            waited: READY_WITHIN,
            claims,
        })
    }

    /// Waits until every running member is healthy. Members that are down or paused are not
    /// asked.
    ///
    /// # Errors
    ///
    /// [`HarnessError::DiedAtStart`] as soon as one ends, [`HarnessError::NotReady`] after 30 s.
    pub fn wait_ready(&mut self) -> Result<(), HarnessError> {
        let mut running: Vec<&mut Member> = self
            .members
            .iter_mut()
            .filter(|member| member.state() == MemberState::Running)
            .collect();
        member::wait_ready(&mut running)
    }

    /// Stops all members at once: SIGTERM to each, and SIGKILL to those that still run half a
    /// second later. (The last of a cluster waits seconds for a leadership transfer which nobody
    /// can accept; writes that were acknowledged are kept either way.)
    ///
    /// # Errors
    ///
    /// When a process cannot be signalled or does not end.
    pub fn stop_all(&mut self) -> Result<(), HarnessError> {
        for member in &mut self.members {
            member.terminate()?;
        }
        self.members.iter_mut().try_for_each(Member::stop)
    }

    /// Kills all members with SIGKILL.
    ///
    /// # Errors
    ///
    /// When a process cannot be signalled or does not end.
    pub fn kill_all(&mut self) -> Result<(), HarnessError> {
        self.members.iter_mut().try_for_each(Member::kill)
    }

    /// Starts all members that are down, with the data they had, and wakes paused ones. Waits
    /// until all are healthy.
    ///
    /// # Errors
    ///
    /// As [`EtcdCluster::wait_ready`].
    pub fn start_all(&mut self) -> Result<(), HarnessError> {
        self.launch()
    }

    /// Removes the data of all members, so that [`EtcdCluster::start_all`] starts an empty
    /// cluster at the old addresses, whose revisions begin again at one. Kills members that run.
    ///
    /// # Errors
    ///
    /// When a process does not end or its data cannot be removed.
    pub fn wipe_all(&mut self) -> Result<(), HarnessError> {
        self.kill_all()?;
        self.members.iter_mut().try_for_each(Member::wipe)
    }

    /// Runs `etcdctl` against this cluster, with the certificates if it speaks TLS, and returns
    /// what it prints: `etcd.etcdctl(&["compaction", "42"])`.
    ///
    /// # Errors
    ///
    /// [`HarnessError::MissingProgram`], or [`HarnessError::Tool`] with what it complained about.
    pub fn etcdctl(&self, args: &[&str]) -> Result<String, HarnessError> {
        let program = Program::ETCDCTL.path()?;
        let scheme = self.options.scheme();
        let endpoints: Vec<String> = self
            .endpoints()
            .iter()
            .map(|endpoint| format!("{scheme}://{endpoint}"))
            .collect();
        let mut command = Command::new(program);
        command
            .env("ETCDCTL_API", "3")
            .arg("--endpoints")
            .arg(endpoints.join(","));
        if let Some(certificates) = self.options.certificates() {
            command.args(certificates.write_client(self.folder.path())?);
        }
        let output = command
            .args(args)
            .output()
            .map_err(HarnessError::io(format!("run etcdctl {}", args.join(" "))))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(HarnessError::Tool {
            command: format!("etcdctl {}", args.join(" ")),
            status: output.status.to_string(),
            output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Gives up ownership: the members run on and the folder stays, also after this process has
    /// ended. [`reclaim`](crate::reclaim) with the returned folder ends both.
    pub fn detach(mut self) -> std::path::PathBuf {
        self.folder.keep();
        for member in &mut self.members {
            member.detach();
        }
        self.folder.path().to_owned()
    }

    fn launch(&mut self) -> Result<(), HarnessError> {
        for member in &mut self.members {
            match member.state() {
                MemberState::Running => {}
                MemberState::Paused => member.resume()?,
                MemberState::Down => member.restart()?,
            }
        }
        self.wait_ready()
    }
}

/// Chooses ports and writes the command line of every member.
fn plan(program: &Path, folder: &Path, options: &EtcdOptions) -> Result<Vec<Member>, HarnessError> {
    let ports = free_ports(options.members() * PORTS_PER_MEMBER)?;
    let ports: Vec<[u16; PORTS_PER_MEMBER]> = ports
        .chunks_exact(PORTS_PER_MEMBER)
        .map(|chunk| [chunk[0], chunk[1], chunk[2]])
        .collect();
    let cluster: Vec<String> = ports
        .iter()
        .enumerate()
        .map(|(index, [_, peer, _])| format!("{}=http://127.0.0.1:{peer}", name(index)))
        .collect();
    let cluster = cluster.join(",");
    ports
        .iter()
        .enumerate()
        .map(|(index, ports)| {
            Member::plan(program, folder, &name(index), *ports, &cluster, options)
        })
        .collect()
}

fn name(index: usize) -> String {
    format!("etcd-{index}")
}
