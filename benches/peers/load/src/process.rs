//! What the kernel knows about a process: its CPU time and its memory.

use std::fs;
use std::path::Path;

use crate::Result;

/// CPU time, user and system, of all threads of process `pid` in nanoseconds.
///
/// # Errors
/// When there is no such process.
pub fn cpu_nanos(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread that ended in between takes its time with it; that is rare and small.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else {
            continue;
        };
        let nanos = text.split_whitespace().next().and_then(|n| n.parse().ok());
        sum += nanos.unwrap_or(0);
    }
    if sum > 0 || Path::new("/proc/self/schedstat").exists() {
        return Ok(sum);
    }
    ticks(pid)
}

/// The same in steps of 10 ms, where the kernel keeps no finer count.
fn ticks(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind_name = text.rsplit_once(')').ok_or("no name in /proc/PID/stat")?.1;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok());
    let sum = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
    Ok(sum.ok_or("no times in /proc/PID/stat")? * 10_000_000)
}

/// Resident memory of process `pid` in KiB.
///
/// # Errors
/// When there is no such process.
pub fn rss_kib(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.ok_or("no VmRSS in /proc/PID/status")?.parse()?)
}

/// Allows this process as many open files as the system gives.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // What is not enough shows itself when connections fail.
    let _ = setrlimit(Resource::Nofile, raised);
}
