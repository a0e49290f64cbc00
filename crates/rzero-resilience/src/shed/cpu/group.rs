//! The control groups of the process: where they are, and what they say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::{Unreadable, number, optional};

/// The directories that count for the process, each chain from its own group up to the mount.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Of the unified hierarchy: quotas and accounting.
    unified: Vec<PathBuf>,
    /// Of the version 1 controller `cpu`: quotas.
    quotas: Vec<PathBuf>,
    /// Of the version 1 controller `cpuacct`: accounting.
    accounts: Vec<PathBuf>,
}

impl Groups {
    /// Finds them. `membership` is the text of `/proc/self/cgroup`.
    pub(super) fn find(root: &Path, membership: &str) -> Result<Self, Unreadable> {
        let mounts = mounts(root)?;
        let chain = |wanted: Option<&str>, group: &str| {
            let mount = mounts.iter().find(|m| m.carries(wanted));
            mount.map_or_else(Vec::new, |m| m.chain(root, group))
        };
        let mut groups = Self::default();
        for line in membership.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else {
                continue;
            };
            if controllers.is_empty() {
                groups.unified = chain(None, group);
            }
            for controller in controllers.split(',') {
                match controller {
                    "cpu" => groups.quotas = chain(Some("cpu"), group),
                    "cpuacct" => groups.accounts = chain(Some("cpuacct"), group),
                    _ => {}
                }
            }
        }
        Ok(groups)
    }

    /// The tightest quota among the groups and their ancestors, in CPUs.
    pub(super) fn quota(&self) -> Result<Option<f64>, Unreadable> {
        let mut tightest: Option<f64> = None;
        let unified = self.unified.iter().map(|dir| quota_v2(dir));
        let quotas = self.quotas.iter().map(|dir| quota_v1(dir));
        for quota in unified.chain(quotas) {
            if let Some(quota) = quota? {
                tightest = Some(tightest.map_or(quota, |t| t.min(quota)));
            }
        }
        Ok(tightest)
    }

    /// The CPU time that the process's own group has used, when it is accounted.
    pub(super) fn usage(&self) -> Result<Option<Duration>, Unreadable> {
        if let Some(own) = self.accounts.first() {
            let path = own.join("cpuacct.usage");
            if let Some(text) = optional(&path)? {
                return Ok(Some(Duration::from_nanos(number(&path, &text)?)));
            }
        }
        let Some(own) = self.unified.first() else {
            return Ok(None);
        };
        let path = own.join("cpu.stat");
        let text = optional(&path)?.unwrap_or_default();
        let usage = text.lines().find_map(|l| l.strip_prefix("usage_usec "));
        usage
            .map(|usec| Ok(Duration::from_micros(number(&path, usec)?)))
            .transpose()
    }
}

/// `cpu.max`: quota and period in µs, or `max`.
fn quota_v2(dir: &Path) -> Result<Option<f64>, Unreadable> {
    let path = dir.join("cpu.max");
    let Some(text) = optional(&path)? else {
        return Ok(None);
    };
    let mut words = text.split_whitespace();
    let quota = words.next().unwrap_or_default();
    if quota == "max" {
        return Ok(None);
    }
    let period = words.next().unwrap_or("100000");
    cpus(&path, number(&path, quota)?, number(&path, period)?)
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 is none.
fn quota_v1(dir: &Path) -> Result<Option<f64>, Unreadable> {
    let path = dir.join("cpu.cfs_quota_us");
    let Some(text) = optional(&path)? else {
        return Ok(None);
    };
    let quota: i64 = number(&path, &text)?;
    if quota < 0 {
        return Ok(None);
    }
    let path = dir.join("cpu.cfs_period_us");
    let period = optional(&path)?.unwrap_or_else(|| "100000".into());
    cpus(&path, quota as f64, number(&path, &period)?)
}

fn cpus(path: &Path, quota: f64, period: f64) -> Result<Option<f64>, Unreadable> {
    if quota > 0.0 && period > 0.0 && quota.is_finite() && period.is_finite() {
        return Ok(Some(quota / period));
    }
    Err(Unreadable::new(
        path,
        "quota and period must be more than 0",
    ))
}

/// A hierarchy of control groups in the file system.
#[derive(Debug)]
struct Mount {
    /// Its version 1 controllers; `None` for the unified hierarchy.
    controllers: Option<Vec<String>>,
    /// The group that is mounted.
    group: String,
    /// Where.
    point: PathBuf,
}

impl Mount {
    /// Whether it is the hierarchy of a version 1 controller, or the unified one.
    fn carries(&self, controller: Option<&str>) -> bool {
        match (&self.controllers, controller) {
            (None, None) => true,
            (Some(all), Some(one)) => all.iter().any(|c| c == one),
            _ => false,
        }
    }

    /// The directories of a group and its ancestors, as far as they can be seen from here.
    fn chain(&self, root: &Path, group: &str) -> Vec<PathBuf> {
        let top = below(root, &self.point);
        let inside = self.inside(group);
        let mut own = top.clone();
        own.extend(inside.split('/').filter(|part| !part.is_empty()));
        // Inside a container the path may be that of the host; then the mount is our group.
        if !own.is_dir() {
            own.clone_from(&top);
        }
        let ancestors = own.ancestors().take_while(|dir| dir.starts_with(&top));
        ancestors.map(Path::to_owned).collect()
    }

    /// The part of a group's path below the group that is mounted; nothing when it is elsewhere.
    fn inside<'g>(&self, group: &'g str) -> &'g str {
        if group.split('/').any(|part| part == "..") {
            return "";
        }
        let rest = group.strip_prefix(self.group.trim_end_matches('/'));
        rest.filter(|rest| rest.is_empty() || rest.starts_with('/'))
            .unwrap_or_default()
    }
}

/// The mounted hierarchies: from `/proc/self/mountinfo`, or the usual places.
fn mounts(root: &Path) -> Result<Vec<Mount>, Unreadable> {
    let text = optional(&root.join("proc/self/mountinfo"))?;
    let mounts: Vec<Mount> = text
        .iter()
        .flat_map(|text| text.lines().filter_map(mount))
        .collect();
    if mounts.is_empty() {
        return Ok(usual_mounts(root));
    }
    Ok(mounts)
}

/// A line of `/proc/self/mountinfo`: id, parent, device, root, mount point, options, a dash, type,
/// source, more options, among which version 1 names its controllers.
fn mount(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(3);
    let (group, point) = (front.next()?, front.next()?);
    let mut back = back.split(' ');
    let controllers = match back.next()? {
        "cgroup2" => None,
        "cgroup" => Some(back.nth(1)?.split(',').map(str::to_owned).collect()),
        _ => return None,
    };
    Some(Mount {
        controllers,
        group: unescape(group),
        point: PathBuf::from(unescape(point)),
    })
}

/// Undoes the octal escapes of spaces, tabs, line ends and backslashes.
fn unescape(text: &str) -> String {
    let plain = text.replace("\\040", " ").replace("\\011", "\t");
    plain.replace("\\012", "\n").replace("\\134", "\\")
}

fn usual_mounts(root: &Path) -> Vec<Mount> {
    let places: [(&str, &[&str]); 5] = [
        ("sys/fs/cgroup/unified", &[]),
        ("sys/fs/cgroup/cpu,cpuacct", &["cpu", "cpuacct"]),
        ("sys/fs/cgroup/cpu", &["cpu"]),
        ("sys/fs/cgroup/cpuacct", &["cpuacct"]),
        ("sys/fs/cgroup", &[]),
    ];
    let there = places.iter().filter(|(at, _)| root.join(at).is_dir());
    let mounts = there.map(|(at, controllers)| Mount {
        controllers: (!controllers.is_empty())
            .then(|| controllers.iter().map(|c| (*c).to_owned()).collect()),
        group: "/".into(),
        point: PathBuf::from(at),
    });
    mounts.collect()
}

/// An absolute path as seen from `root`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_line_of_a_container_is_understood() {
        let line = "33 31 0:30 /docker/a\\040b /sys/fs/cgroup/cpu,cpuacct ro,nosuid shared:9 - \
                    cgroup cgroup rw,cpu,cpuacct";
        let mount = mount(line).unwrap();
        assert!(mount.carries(Some("cpu")) && mount.carries(Some("cpuacct")));
        assert!(!mount.carries(None) && !mount.carries(Some("memory")));
        assert_eq!(mount.inside("/docker/a b/worker"), "/worker");
        assert_eq!(mount.inside("/docker/a b"), "");
        assert_eq!(mount.inside("/docker/a bc"), "", "another group");
        assert_eq!(mount.inside("/../x"), "");
    }
}
