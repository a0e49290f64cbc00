//! What a reader sees in the folder of a service.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::entry::{is_abandoned, is_entry, is_unfinished, same_file};
use super::folder::Root;
use crate::{Instance, InstanceId, ServiceName};

/// Larger files are foreign.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Most files that a reader keeps open to tell a deleted entry from one that left. Descriptors
/// are scarce; without one an entry that is deleted by a foreign hand blinks.
const OPEN_FILES_MAX: usize = 128;
/// Most locks that are looked at in one go; the rest have their turn in the next.
const PROBES_MAX: usize = 512;
/// After so many looks the heartbeats are checked: once a second.
const LOOKS_PER_CHECK: usize = 10;
/// So many checks without a heartbeat make an entry one that hangs.
const MISSED_MAX: u32 = 5;
/// A folder that changed this recently may have changed again within the grain of its time stamp,
/// so it is listed again.
const STAMP_GRAIN: Duration = Duration::from_millis(500);
/// An unfinished entry that is older was left behind by a process that was killed, or by a full
/// disk: writing one takes a moment.
const UNFINISHED_MAX: Duration = Duration::from_secs(600);
/// Most foreign files that are remembered as reported.
const REPORTED_MAX: usize = 256;

/// Looks at the folder of one service again and again.
#[derive(Debug)]
pub(super) struct Scanner {
    folder: PathBuf,
    service: ServiceName,
    /// The folder's identity and time when it was listed, unless that is too fresh to be relied on.
    listed: Option<Stamp>,
    entries: BTreeMap<OsString, Known>,
    reported: HashSet<OsString>,
    round: usize,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// All live instances, if they may differ from those of the last look.
    pub(super) live: Option<Vec<Arc<Instance>>>,
    /// Those whose owners were seen to be gone.
    pub(super) gone: Vec<InstanceId>,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    instance: Arc<Instance>,
    /// Open while descriptors last.
    file: Option<File>,
    /// The last heartbeat, as a time of which only the change counts.
    beat: Option<SystemTime>,
    /// Checks since then.
    missed: u32,
}

/// Identity and time of a file: differs when it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    modified: (i64, i64),
}

impl Scanner {
    pub(super) fn new(folder: PathBuf, service: ServiceName) -> Self {
        Self {
            folder,
            service,
            listed: None,
            entries: BTreeMap::new(),
            reported: HashSet::new(),
            round: 0,
        }
    }

    /// Where it looks.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets the next look report everything.
    pub(super) fn restart(&mut self) {
        self.round = 0;
        self.listed = None;
    }

    /// One look.
    pub(super) fn look(&mut self) -> io::Result<Seen> {
        let mut seen = Seen::default();
        let first = self.round == 0;
        self.round = self.round.wrapping_add(1).max(1);
        let stamp = match fs::metadata(&self.folder) {
            Ok(metadata) => Some(Stamp::of(&metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut changed = first;
        if stamp.is_none() || stamp != self.listed {
            changed |= self.list(stamp.is_some(), &mut seen.gone)?;
            self.listed = stamp.filter(Stamp::is_settled);
        }
        changed |= self.probe(&mut seen.gone);
        if self.round.is_multiple_of(LOOKS_PER_CHECK) {
            changed |= self.check_heartbeats();
        }
        if changed {
            seen.live = Some(self.live());
        }
        Ok(seen)
    }

    /// Takes in what is new in the folder and lets go of what left. Says whether anything did.
    fn list(&mut self, exists: bool, gone: &mut Vec<InstanceId>) -> io::Result<bool> {
        let mut present = HashSet::new();
        let mut changed = false;
        let open = self.entries.values().filter(|known| known.file.is_some());
        let mut room = OPEN_FILES_MAX.saturating_sub(open.count());
        if exists {
            for file in fs::read_dir(&self.folder)? {
                let file = file?;
                let name = file.file_name();
                if !is_entry(&name) {
                    if is_unfinished(&name) && file.metadata().is_ok_and(|m| is_left_behind(&m)) {
                        let _ = fs::remove_file(file.path()); // only tidiness
                    }
                    continue;
                }
                // `metadata` of a directory entry does not follow links.
                let Ok(metadata) = file.metadata() else {
                    continue; // it left between the two calls
                };
                let stamp = Stamp::of(&metadata);
                let known = self.entries.get(&name);
                if known.is_none_or(|known| known.stamp != stamp) {
                    changed |= self.read(&name, &metadata, stamp, &mut room);
                }
                present.insert(name);
            }
        }
        self.reported.retain(|name| present.contains(name));
        self.entries.retain(|name, known| {
            // A file that is gone but still locked was deleted under its owner, who puts it back.
            let locked = |file| is_abandoned(file).is_ok_and(|abandoned| !abandoned);
            let stays = present.contains(name) || known.file.as_ref().is_some_and(locked);
            if !stays {
                gone.push(known.instance.id.clone());
                changed = true;
            }
            stays
        });
        Ok(changed)
    }

    /// Reads one file, and keeps it open while there is room. Says whether it is a live entry.
    fn read(
        &mut self,
        name: &OsString,
        metadata: &Metadata,
        stamp: Stamp,
        room: &mut usize,
    ) -> bool {
        match read_entry(&self.folder.join(name), metadata, &self.service) {
            Ok(Some((instance, file))) => {
                let file = (*room > 0).then_some(file);
                *room -= usize::from(file.is_some());
                let instance = Arc::new(instance);
                let known = Known {
                    stamp,
                    instance,
                    file,
                    beat: metadata.accessed().ok(),
                    missed: 0,
                };
                self.entries.insert(name.clone(), known);
                true
            }
            Ok(None) => false,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => {
                if self.reported.len() < REPORTED_MAX && self.reported.insert(name.clone()) {
                    let file = self.folder.join(name);
                    tracing::warn!(file = %file.display(), %error, "file is no registry entry");
                }
                false
            }
        }
    }

    /// Removes entries whose owners are gone. Says whether there were any.
    fn probe(&mut self, gone: &mut Vec<InstanceId>) -> bool {
        let stride = self.entries.len().div_ceil(PROBES_MAX).max(1);
        let turn = self.round % stride;
        let mut abandoned = Vec::new();
        for (name, known) in self.entries.iter().skip(turn).step_by(stride) {
            let path = self.folder.join(name);
            let dead = match &known.file {
                Some(file) => is_abandoned(file),
                None => File::open(&path).and_then(|file| is_abandoned(&file)),
            };
            if dead.unwrap_or(false) {
                abandoned.push(name.clone());
            }
        }
        for name in &abandoned {
            let Some(known) = self.entries.remove(name) else {
                continue;
            };
            gone.push(known.instance.id.clone());
            let path = self.folder.join(name);
            // The name is never used by another owner, so what is there is still the dead one's
            // (or its replacement, which the owner wrote before it let go of this one).
            if known.file.is_none_or(|file| same_file(&path, &file)) {
                // A reader that may not write, or one that was slower, loses nothing.
                let _ = fs::remove_file(path);
            }
        }
        !abandoned.is_empty()
    }

    /// Notes who hangs and who woke up. Says whether anybody did either.
    fn check_heartbeats(&mut self) -> bool {
        let stride = self.entries.len().div_ceil(PROBES_MAX).max(1);
        let turn = self.round / LOOKS_PER_CHECK % stride;
        let mut changed = false;
        for (name, known) in self.entries.iter_mut().skip(turn).step_by(stride) {
            let metadata = match &known.file {
                Some(file) => file.metadata(),
                None => fs::symlink_metadata(self.folder.join(name)),
            };
            // A file system without access times has no heartbeats either.
            let Some(beat) = metadata.ok().and_then(|m| m.accessed().ok()) else {
                continue;
            };
            let hung = known.hangs();
            if known.beat == Some(beat) {
                known.missed = known.missed.saturating_add(1);
            } else {
                (known.beat, known.missed) = (Some(beat), 0);
            }
            if known.hangs() != hung {
                let (service, id, hangs) = (&self.service, &known.instance.id, !hung);
                tracing::info!(%service, %id, hangs, "heartbeat of an instance");
                changed = true;
            }
        }
        changed
    }

    /// The live instances: of two with one id, the one that registered last.
    fn live(&self) -> Vec<Arc<Instance>> {
        let mut by_id: BTreeMap<&InstanceId, &Arc<Instance>> = BTreeMap::new();
        for known in self.entries.values().filter(|known| !known.hangs()) {
            let other = by_id.entry(&known.instance.id).or_insert(&known.instance);
            if other.registered_at < known.instance.registered_at {
                *other = &known.instance;
            }
        }
        by_id.into_values().cloned().collect()
    }
}

impl Known {
    fn hangs(&self) -> bool {
        self.missed >= MISSED_MAX
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// Whether a later change would show in the time.
    fn is_settled(&self) -> bool {
        let (seconds, nanoseconds) = self.modified;
        let seconds = u64::try_from(seconds).unwrap_or(0);
        let nanoseconds = u64::try_from(nanoseconds).unwrap_or(0);
        let since = Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds);
        let modified = SystemTime::UNIX_EPOCH.checked_add(since);
        // A time in the future, after the clock was put back, is never settled: listing again and
        // again costs a little and is right.
        modified
            .and_then(|at| SystemTime::now().duration_since(at).ok())
            .is_some_and(|age| age > STAMP_GRAIN)
    }
}

fn is_left_behind(unfinished: &Metadata) -> bool {
    let age = unfinished.modified().ok().and_then(|at| at.elapsed().ok());
    unfinished.is_file() && age.is_some_and(|age| age > UNFINISHED_MAX)
}

/// The services of which a live entry exists.
pub(super) fn live_services(root: &Root) -> io::Result<Vec<ServiceName>> {
    let mut live = Vec::new();
    for service in root.services()? {
        let mut scanner = Scanner::new(root.service(&service), service.clone());
        if scanner.look()?.live.is_some_and(|list| !list.is_empty()) {
            live.push(service);
        }
    }
    Ok(live)
}

/// The instance in a file; `None` when its owner is gone, in which case the file is removed.
fn read_entry(
    path: &Path,
    metadata: &Metadata,
    service: &ServiceName,
) -> io::Result<Option<(Instance, File)>> {
    if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX {
        return Err(io::Error::other("not a plain file of moderate size"));
    }
    let file = File::open(path)?;
    let mut content = Vec::new();
    (&file).take(FILE_BYTES_MAX).read_to_end(&mut content)?;
    let instance: Instance = serde_json::from_slice(&content)?;
    if instance.service != *service {
        let found = &instance.service;
        return Err(io::Error::other(format!(
            "entry of another service, `{found}`"
        )));
    }
    if is_abandoned(&file)? {
        if same_file(path, &file) {
            let _ = fs::remove_file(path); // as in `probe`
        }
        return Ok(None);
    }
    Ok(Some((instance, file)))
}
