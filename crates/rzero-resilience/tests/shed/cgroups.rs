//! CPU use out of trees of files as machines have them.

use std::sync::Arc;
use std::time::Duration;

use rzero_resilience::shed::cpu::{CpuSampler, INTERVAL, Sample, run};
use rzero_resilience::shed::{SignalState, Signals};
use tokio::time::{Instant, sleep};

use crate::support::{Tree, stat};

const V2_MOUNT: &str = "29 1 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
const V1_MOUNT: &str = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw shared:10 - cgroup cgroup rw,memory
";

/// Takes two readings, 1 s apart, with `change` between them.
fn second(tree: &Tree, change: impl FnOnce()) -> Sample {
    let (mut sampler, start) = (CpuSampler::open(tree.path()), Instant::now());
    assert_eq!(sampler.sample(start), Ok(None), "one reading says nothing");
    change();
    let sample = sampler.sample(start + Duration::from_secs(1));
    sample.unwrap().expect("a second reading")
}

fn v2(name: &str) -> Tree {
    let tree = Tree::new(name);
    tree.file("proc/self/cgroup", "0::/kubepods/pod7/app\n")
        .file("proc/self/mountinfo", V2_MOUNT)
        .file("sys/fs/cgroup/cpu.stat", "usage_usec 99000000\n")
        .file("sys/fs/cgroup/kubepods/cpu.max", "max 100000\n")
        .file("sys/fs/cgroup/kubepods/pod7/cpu.max", "max 100000\n")
        .file("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "150000 100000\n")
        .file(
            "sys/fs/cgroup/kubepods/pod7/app/cpu.stat",
            "usage_usec 5000000\nuser_usec 1\n",
        );
    tree
}

fn used_v2(tree: &Tree, usec: u64) {
    tree.file(
        "sys/fs/cgroup/kubepods/pod7/app/cpu.stat",
        &format!("usage_usec {usec}\nuser_usec 1\n"),
    );
}

#[test]
fn version_2_measures_the_own_group() {
    let tree = v2("v2");
    let sample = second(&tree, || used_v2(&tree, 5_750_000));
    assert_eq!((sample.permille, sample.cpus), (500, 1.5));
}

#[test]
fn tightest_quota_of_the_ancestors_counts() {
    let tree = v2("nested");
    tree.file("sys/fs/cgroup/kubepods/pod7/cpu.max", "50000 100000\n");
    let sample = second(&tree, || used_v2(&tree, 5_100_000));
    assert_eq!((sample.permille, sample.cpus), (200, 0.5));
}

#[test]
fn affinity_counts_when_it_is_tighter() {
    let tree = v2("affinity");
    tree.file("proc/self/status", "Cpus_allowed_list:\t2\n");
    assert_eq!(second(&tree, || used_v2(&tree, 5_300_000)).permille, 300);
    tree.file("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "max 100000\n")
        .file("proc/self/status", "Cpus_allowed_list:\t0-1,6\n");
    assert_eq!(second(&tree, || ()).cpus, 3.0);
}

#[test]
fn version_1_measures_the_own_group() {
    let tree = Tree::new("v1");
    let group = "sys/fs/cgroup/cpu,cpuacct/docker/abc";
    tree.file(
        "proc/self/cgroup",
        "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
    )
    .file("proc/self/mountinfo", V1_MOUNT)
    .file("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "777\n")
    .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
    .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
    .file(&format!("{group}/cpu.cfs_quota_us"), "150000\n")
    .file(&format!("{group}/cpu.cfs_period_us"), "100000\n")
    .file(&format!("{group}/cpuacct.usage"), "1000000000\n");
    let sample = second(&tree, || {
        tree.file(&format!("{group}/cpuacct.usage"), "2200000000\n");
    });
    assert_eq!((sample.permille, sample.cpus), (800, 1.5));
}

#[test]
fn container_sees_its_group_at_the_mount() {
    // Without a namespace of its own: the path is the host's, the mount shows only our part of it.
    let tree = Tree::new("v1-container");
    let mounts = V1_MOUNT.replace("0:29 / ", "0:29 /docker/abc ");
    tree.file("proc/self/cgroup", "4:cpu,cpuacct:/docker/abc\n")
        .file("proc/self/mountinfo", &mounts)
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n")
        .file("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
        .file("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "0\n");
    let sample = second(&tree, || {
        tree.file("sys/fs/cgroup/cpu,cpuacct/cpuacct.usage", "1500000000\n");
    });
    assert_eq!((sample.permille, sample.cpus), (1000, 1.5));
}

#[test]
fn hybrid_takes_each_part_where_it_is() {
    let tree = Tree::new("hybrid");
    let group = "sys/fs/cgroup/cpu/system/app";
    let mounts = "\
32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu
38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";
    tree.file("proc/self/cgroup", "1:cpu:/system/app\n0::/system/app\n")
        .file("proc/self/mountinfo", mounts)
        .file(&format!("{group}/cpu.cfs_quota_us"), "300000\n")
        .file(&format!("{group}/cpu.cfs_period_us"), "200000\n")
        .file(
            "sys/fs/cgroup/unified/system/app/cpu.stat",
            "usage_usec 0\n",
        );
    let sample = second(&tree, || {
        tree.file(
            "sys/fs/cgroup/unified/system/app/cpu.stat",
            "usage_usec 375000\n",
        );
    });
    assert_eq!((sample.permille, sample.cpus), (250, 1.5));
}

#[test]
fn usual_places_are_tried_without_mountinfo() {
    let tree = v2("no-mountinfo");
    tree.remove("proc/self/mountinfo");
    let sample = second(&tree, || used_v2(&tree, 5_750_000));
    assert_eq!((sample.permille, sample.cpus), (500, 1.5));
}

#[test]
fn group_without_accounting_leaves_the_process_itself() {
    let tree = v2("no-usage");
    tree.remove("sys/fs/cgroup/kubepods/pod7/app/cpu.stat");
    let sample = second(&tree, || {
        tree.file("proc/self/stat", &stat(40, 20));
    });
    assert_eq!((sample.permille, sample.cpus), (400, 1.5));
}

#[test]
fn machine_without_control_groups_is_measured_by_process() {
    let tree = Tree::new("no-cgroups");
    let sample = second(&tree, || {
        tree.file("proc/self/stat", &stat(150, 50));
    });
    assert_eq!((sample.permille, sample.cpus), (500, 4.0));
}

#[test]
fn process_that_is_moved_is_found_again() {
    let tree = v2("moved");
    let (mut sampler, start) = (CpuSampler::open(tree.path()), Instant::now());
    sampler.sample(start).unwrap();
    tree.file("proc/self/cgroup", "0::/small\n")
        .file("sys/fs/cgroup/small/cpu.max", "20000 100000\n")
        .file("sys/fs/cgroup/small/cpu.stat", "usage_usec 9000000\n");
    let at = |n| start + INTERVAL * n;
    assert_eq!(sampler.sample(at(1)), Ok(None), "its time starts anew");
    tree.file("sys/fs/cgroup/small/cpu.stat", "usage_usec 9050000\n");
    let sample = sampler.sample(at(2)).unwrap().unwrap();
    assert_eq!((sample.permille, sample.cpus), (1000, 0.2));
}

#[test]
fn unreadable_files_are_named() {
    let tree = v2("broken");
    let mut sampler = CpuSampler::open(tree.path());
    let now = Instant::now();
    tree.file("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "lots 100000\n");
    let error = sampler.sample(now).unwrap_err().to_string();
    assert!(
        error.contains("app/cpu.max") && error.contains("lots"),
        "{error}"
    );
    tree.file("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "0 100000\n");
    assert!(sampler.sample(now).is_err(), "nothing is divided by zero");
    used_v2(&tree, 1);
    tree.file("sys/fs/cgroup/kubepods/pod7/app/cpu.max", "100000 100000\n")
        .file("proc/self/status", "Name:\tx\n");
    let error = sampler.sample(now).unwrap_err().to_string();
    assert!(error.contains("Cpus_allowed_list"), "{error}");
}

#[test]
fn time_that_starts_anew_is_no_use() {
    let tree = v2("anew");
    let (mut sampler, start) = (CpuSampler::open(tree.path()), Instant::now());
    sampler.sample(start).unwrap();
    used_v2(&tree, 0);
    assert_eq!(sampler.sample(start + INTERVAL), Ok(None));
    assert_eq!(sampler.sample(start + INTERVAL), Ok(None), "too soon");
}

#[tokio::test(start_paused = true)]
async fn sampling_recovers_by_itself() {
    let tree = v2("recovers");
    let signals = Arc::new(Signals::new(Instant::now()));
    let sampling = tokio::spawn(run(CpuSampler::open(tree.path()), Arc::clone(&signals)));
    let mut used = 5_000_000;
    for _ in 0..48 {
        sleep(INTERVAL).await;
        used += 375_000;
        used_v2(&tree, used);
    }
    let cpu = signals.cpu(Instant::now()).expect("a value");
    assert!((880..=930).contains(&cpu), "12 s at full load: {cpu}");
    tree.remove("proc/self/status");
    sleep(INTERVAL * 2).await;
    let state = signals.cpu_state(Instant::now());
    assert!(
        matches!(&state, SignalState::Unavailable(why) if why.contains("proc/self/status")),
        "{state:?}"
    );
    tree.file("proc/self/status", "Cpus_allowed_list:\t0-3\n");
    sleep(INTERVAL * 3).await;
    assert_eq!(signals.cpu_state(Instant::now()), SignalState::Available);
    sampling.abort();
    sleep(Duration::from_secs(6)).await;
    assert!(!signals.cpu_state(Instant::now()).is_available());
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_can_be_measured() {
    let (mut sampler, now) = (CpuSampler::system(), Instant::now());
    sampler.sample(now).unwrap();
    let sample = sampler.sample(now + INTERVAL).unwrap().unwrap();
    assert!(sample.cpus > 0.0 && sample.permille <= 1000, "{sample:?}");
}
