//! Processes: starting them unprivileged, signalling them, and knowing which is which.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::deadline::Deadline;
use crate::error::HarnessError;

/// How long a killed process may take to be gone. The kernel needs milliseconds.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// How much of a log is shown when its server fails: the end, and the first lines, because a
/// refused flag is followed by pages of usage.
const LOG_LINES_LAST: usize = 15;
const LOG_LINES_FIRST: usize = 3;
/// How much of a log is read for that, from either end.
const LOG_BYTES_READ: u64 = 16 * 1024;

/// Whether this process runs as root, in which case servers are started as `nobody`.
pub fn runs_as_root() -> bool {
    geteuid().is_root()
}

/// Whether the process `pid` exists and has not ended. A zombie counts as ended: an orphan stays
/// one until init reaps it, which may take seconds. (But while one of its threads is still on the
/// way out, its ports are not free yet, so it still counts as alive.)
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X') || stat.threads > 1)
}

/// Starts `program` in the foreground of a process group of its own, so that a Ctrl-C meant for
/// the runner does not reach it, writing to `log`. As `nobody` when this process is root.
pub(crate) fn spawn(
    program: &Path,
    args: &[impl AsRef<OsStr>],
    log: &Path,
) -> Result<Child, HarnessError> {
    let log_file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(HarnessError::path("open the log file", log))?;
    let log_copy = log_file
        .try_clone()
        .map_err(HarnessError::path("duplicate the handle of", log))?;
    let mut command = if runs_as_root() {
        // setpriv replaces itself by the server, so the recorded id is the server's.
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(log_file)
        .stderr(log_copy)
        .process_group(0)
        .spawn()
        .map_err(HarnessError::path("start", program))
}

/// Gives `path` to the user that [`spawn`] runs servers as. Does nothing for a normal user.
pub(crate) fn hand_over(path: &Path) -> Result<(), HarnessError> {
    if !runs_as_root() {
        return Ok(());
    }
    let owner = id_of("/etc/passwd", "nobody").zip(id_of("/etc/group", "nogroup"));
    let (user, group) = owner.unwrap_or((65_534, 65_534));
    std::os::unix::fs::chown(path, Some(user), Some(group))
        .map_err(HarnessError::path("give to nobody the folder", path))
}

fn id_of(database: &str, name: &str) -> Option<u32> {
    let table = fs::read_to_string(database).ok()?;
    let line = table
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Sends `signal`. A process that is no longer there is no error: the caller wanted it to change.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<(), HarnessError> {
    let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return Ok(());
    };
    match kill_process(target, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => Err(HarnessError::io(format!("signal process {pid}"))(
            errno.into(),
        )),
    }
}

/// Kills `pid`, the process of `server` that is not our child, and waits until it has ended.
pub(crate) fn kill_orphan(pid: u32, server: &str) -> Result<(), HarnessError> {
    signal(pid, Signal::KILL)?;
    if Deadline::after(GONE_WITHIN).wait(|| !is_alive(pid)) {
        return Ok(());
    }
    Err(HarnessError::WillNotEnd {
        server: server.to_owned(),
        pid,
        waited: GONE_WITHIN,
    })
}

/// Whether `pid` is a live process with `folder` in one of its arguments.
///
/// Folders of the harness have random names, so a process id that was reused since it was
/// recorded cannot pass.
pub(crate) fn works_in(pid: u32, folder: &Path) -> bool {
    let Ok(command_line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let folder = folder.as_os_str().as_encoded_bytes();
    is_alive(pid)
        && command_line
            .split(|byte| *byte == 0)
            .any(|arg| arg.windows(folder.len()).any(|window| window == folder))
}

/// The moment at which `pid` started, in clock ticks since boot: with the id, it names a process
/// for as long as the machine is up.
pub(crate) fn started_at(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

struct Stat {
    state: char,
    threads: u32,
    started: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, which may itself contain both.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    // The state was field 3 of the line; `num_threads` is field 20 and `starttime` field 22.
    let threads = fields.nth(16)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    Some(Stat {
        state,
        threads,
        started,
    })
}

/// The first and the last lines of a server's log, for an error message.
pub(crate) fn log_excerpt(log: &Path) -> String {
    let Ok((start, end)) = read_ends(log) else {
        return format!("(no log at {})", log.display());
    };
    let lines: Vec<&str> = end.lines().collect();
    if lines.is_empty() {
        return "(the log is empty)".to_owned();
    }
    if lines.len() <= LOG_LINES_FIRST + LOG_LINES_LAST {
        return lines.join("\n");
    }
    let first: Vec<&str> = start.lines().take(LOG_LINES_FIRST).collect();
    let last = &lines[lines.len() - LOG_LINES_LAST..];
    format!("{}\n…\n{}", first.join("\n"), last.join("\n"))
}

fn read_ends(log: &Path) -> io::Result<(String, String)> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    let start = read_from(&mut file, 0)?;
    let end = read_from(&mut file, length.saturating_sub(LOG_BYTES_READ))?;
    Ok((start, end))
}

fn read_from(file: &mut File, offset: u64) -> io::Result<String> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::{self, Command};

    use super::{is_alive, log_excerpt, started_at, works_in};
    use crate::deadline::Deadline;
    use crate::folder::RunFolder;

    #[test]
    fn zombie_counts_as_ended() {
        let mut child = Command::new("true").spawn().unwrap();
        let ended = Deadline::after(std::time::Duration::from_secs(10))
            .wait(|| !is_alive(child.id()) && Path::new(&format!("/proc/{}", child.id())).exists());
        child.wait().unwrap();
        assert!(ended, "the unreaped child should be seen as ended");
    }

    #[test]
    fn own_process_is_alive_and_has_start() {
        assert!(is_alive(process::id()));
        assert!(started_at(process::id()).is_some());
    }

    #[test]
    fn other_command_line_does_not_match() {
        assert!(!works_in(
            process::id(),
            Path::new("/tmp/rz-harness-never-made")
        ));
    }

    #[test]
    fn log_excerpt_shows_both_ends() {
        let folder = RunFolder::throw_away().unwrap();
        let log = folder.path().join("log");
        let lines: Vec<String> = (0..100).map(|n| format!("line {n}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        let excerpt = log_excerpt(&log);
        assert!(
            excerpt.starts_with("line 0\n") && excerpt.ends_with("line 99"),
            "{excerpt}"
        );
        assert!(!excerpt.contains("line 50"), "{excerpt}");
    }

    #[test]
    fn short_log_is_shown_whole() {
        let folder = RunFolder::throw_away().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, "a\nb\n").unwrap();
        assert_eq!(log_excerpt(&log), "a\nb");
    }
}
