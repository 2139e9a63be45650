//! Where a set may be, what it may touch there, and what it leaves behind when it goes elsewhere: the harm watch of
//! every world, which takes all other names for somebody else's. It proves nothing itself.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tracing_spool_fileset::internal::inventory::FileKind;
use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Allow, FileId, Naming, Settings};

use crate::records::number_of;
use crate::world::World;

/// Numbers from here on are nobody's backups in any test.
pub(crate) const FOREIGN_FROM: u32 = 1_000;

/// What others call a file of ours that they have moved or linked: it is written on while it is open.
pub(crate) const MOVED: &str = "moved-";

/// What happens to be of ours in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Live,
    Backups,
    Alert,
    Link,
}

/// What is ours.
#[derive(Debug, Default)]
struct Rules {
    names: Option<Names>,
    alert: PathBuf,
    link: Option<PathBuf>,
    spots: Vec<(PathBuf, Part)>,
    /// Directories that another process has locked.
    closed: Vec<PathBuf>,
    /// Files that stand in the place of descriptors of ours: what is written before that is noticed lands there.
    thieves: Vec<PathBuf>,
}

impl Rules {
    fn is_foreign(&self, dir: &Path, name: &OsStr) -> bool {
        let path = dir.join(name);
        if self.spots.iter().any(|(spot, _)| spot.starts_with(&path)) || self.thieves.contains(&path) {
            return false; // a directory of ours, or one above
        }
        let parts: Vec<Part> =
            self.spots.iter().filter(|(spot, _)| spot == dir).map(|(_, part)| *part).collect();
        // What others have moved or linked is written on while it is open, wherever they have put it.
        let is_moved = name.as_encoded_bytes().starts_with(MOVED.as_bytes());
        if is_moved {
            return false;
        }
        if self.closed.iter().any(|closed| closed == dir) {
            // It may be the set that has lost its lock: it writes on, and moves and removes nothing.
            let written = [self.names.as_ref().map(Names::base), Some(OsStr::new(".app.log.new"))];
            let is_packed = parts.contains(&Part::Backups) && name == ".app.log.pack";
            let is_written = parts.contains(&Part::Live) && written.contains(&Some(name));
            let is_told = parts.contains(&Part::Alert) && self.is_of(Part::Alert, name);
            return !(is_written || is_packed || is_told);
        }
        !parts.iter().any(|part| self.is_of(*part, name))
    }

    fn is_of(&self, part: Part, name: &OsStr) -> bool {
        let Some(names) = &self.names else { return false };
        let is_near = |number: Option<u32>| number.is_none_or(|number| number < FOREIGN_FROM);
        match names.role(name) {
            Some(Role::Live | Role::Hidden) => part == Part::Live,
            Some(Role::Backup(slot) | Role::Packed(slot, _)) => {
                part == Part::Backups && is_near(slot.number())
            }
            Some(Role::PackTemporary) => part == Part::Backups,
            Some(Role::Lock) => matches!(part, Part::Live | Part::Backups),
            Some(Role::AlertTemporary) => part == Part::Alert,
            Some(Role::LinkTemporary) => part == Part::Link,
            _ => {
                let alerts = [self.alert.clone(), names.own_alert(&self.alert)];
                let is_alert = alerts.iter().any(|alert| alert.file_name() == Some(name));
                let is_link = self.link.as_ref().is_some_and(|link| link.file_name() == Some(name));
                (part == Part::Alert && is_alert) || (part == Part::Link && is_link)
            }
        }
    }
}

/// Directories that the set has left, and what stood there then.
pub(crate) struct Left {
    dirs: Vec<FileId>,
    /// Names and bytes in them.
    content: Vec<Vec<(PathBuf, Vec<u8>)>>,
    /// All files of the set, the oldest first.
    pub(crate) files: Vec<String>,
    pub(crate) era: Era,
    /// The record after the last one there.
    pub(crate) end: u32,
    /// Records that stand where the set is now: with its live file some may have gone there on the way.
    pub(crate) elsewhere: BTreeSet<u32>,
    /// Of a set with an archive one directory was left, and something newer may have gone from the other by then.
    pub(crate) is_vague: bool,
}

/// What the files of the set hold, as far as nothing has gone: records that stood there before it came, and all since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Era {
    pub(crate) ahead: Vec<u32>,
    pub(crate) first: u32,
    /// Something has gone since.
    pub(crate) trimmed: bool,
}

impl Era {
    pub(crate) fn expected(&self, end: u32) -> impl Iterator<Item = u32> + '_ {
        self.ahead.iter().copied().chain(self.first..end)
    }
}

/// Where the set is, and where it was.
#[derive(Default)]
pub(crate) struct Territory {
    rules: Arc<Mutex<Rules>>,
    /// The directories of the live file and of the backups.
    held: Option<[FileId; 2]>,
    pub(crate) era: Era,
    pub(crate) left: Vec<Left>,
    /// What `refresh` has seen: the changes of the disk, and where what matters was then.
    seen: Option<(u64, Option<[FileId; 2]>)>,
    known: Vec<Option<FileId>>,
    /// The set is elsewhere by now, and that is not written down yet.
    pub(crate) is_pending: bool,
    live: PathBuf,
    /// Files pruned by the process that runs, as of the last look at which the set was where it was held to be.
    pruned: u64,
}

impl Territory {
    /// Has the disk watch everything that is not the set's.
    pub(crate) fn watch(disk: &SimDisk) -> Self {
        let territory = Self::default();
        let rules = Arc::clone(&territory.rules);
        disk.protect(move |dir, name| rules.lock().unwrap().is_foreign(dir, name));
        territory
    }

    /// The directories in which the set is; where it is in none, those in which it would be.
    pub(crate) fn dirs(&self, disk: &SimDisk, settings: &Settings) -> [PathBuf; 2] {
        let names = names(settings);
        match self.held {
            // One that was removed is nowhere.
            Some(held) => held.map(|id| disk.path_of(id).unwrap_or_else(|| "/nowhere".into())),
            None => [names.dir(), names.archive()].map(|path| resolved(disk, path)),
        }
    }

    /// Whether the live file stands where the set has it.
    pub(crate) fn stands(&self, disk: &SimDisk) -> bool {
        disk.exists(&self.live)
    }

    /// Whether the set is where its paths lead.
    pub(crate) fn is_at_home(&self, disk: &SimDisk, settings: &Settings) -> bool {
        let names = names(settings);
        let there = [names.dir(), names.archive()].map(|path| disk.id(path));
        self.held.is_none_or(|held| held.map(Some) == there)
    }

    /// Where the set is by now, if that is elsewhere: it has the lock of every directory that its paths lead to.
    pub(crate) fn moved(&self, disk: &SimDisk, settings: &Settings) -> Option<[FileId; 2]> {
        let (names, held) = (names(settings), self.held?);
        let mut now = held;
        for (now, path) in now.iter_mut().zip([names.dir(), names.archive()]) {
            let there = disk.id(path).filter(|id| *id != *now);
            if let Some(there) = there.filter(|_| disk.is_locked_by_process(path.join(names.lock_name()))) {
                *now = there;
            }
        }
        (now != held).then_some(now)
    }

    /// A process has opened the set. Returned is where it is, if that is elsewhere than before.
    pub(crate) fn opened(&mut self, disk: &SimDisk, settings: &Settings) -> Option<[FileId; 2]> {
        self.pruned = 0;
        let names = names(settings);
        let there = [names.dir(), names.archive()].map(|path| disk.id(path).unwrap_or_default());
        let held = *self.held.get_or_insert(there);
        (held != there).then_some(there)
    }

    pub(crate) fn pruned(&mut self, files: u64) {
        self.era.trimmed |= files > self.pruned;
        self.pruned = files;
    }

    /// The set is in these directories from now on. `files`: what it had where it was; `end`: the next record; `now`: what it has there.
    pub(crate) fn cross(
        &mut self,
        disk: &SimDisk,
        (to, files, pruned, end): ([FileId; 2], Vec<String>, u64, u32),
        now: impl FnOnce(&mut Self) -> Vec<u32>,
    ) {
        let Some(held) = self.held.replace(to) else { return };
        let mut files = files;
        // A backup and its compressed form both stand there where a compression was killed at its very end.
        files.dedup();
        if held[0] != held[1] {
            // What came after may stand in an archive that is the same there and here.
            files.sort_by_key(|file| file.lines().find_map(number_of).unwrap_or(u32::MAX));
        }
        let last = numbers(&files).max();
        let dirs: BTreeSet<FileId> = held.into_iter().filter(|id| !to.contains(id)).collect();
        let dirs: Vec<FileId> = dirs.into_iter().collect();
        self.left.retain(|left| !left.dirs.iter().any(|id| to.contains(id)));
        let content = dirs.iter().map(|id| content(disk, *id)).collect();
        let mut before = std::mem::take(&mut self.era);
        // Here or there: on its way that cannot be told apart.
        before.trimmed |= pruned > self.pruned;
        let there = now(self);
        // Where nothing was left, the first that stands there now.
        let next = there.iter().copied().filter(|number| *number >= before.first).min();
        let first = last.map_or(next.unwrap_or(end), |last| before.first.max(last + 1));
        let elsewhere = there.iter().copied().collect();
        let ahead = there.into_iter().filter(|number| *number < first).collect();
        let is_vague = held[0] != held[1] && before.trimmed;
        let left_end = last.map_or(before.first, |_| first);
        self.era = Era { ahead, first, trimmed: pruned > self.pruned };
        self.pruned = pruned;
        self.left.push(Left { dirs, content, files, era: before, end: left_end, elsewhere, is_vague });
    }

    /// Others have removed a directory of the set. Records that are left, and the next one.
    pub(crate) fn removed(&mut self, left: Vec<u32>, next: u32) {
        self.era = Era {
            ahead: left.into_iter().filter(|number| *number < next).collect(),
            first: next,
            ..self.era
        };
    }

    /// Asserts that what the set has left is as it left it.
    pub(crate) fn assert_untouched(&self, disk: &SimDisk) {
        for left in &self.left {
            for (id, before) in left.dirs.iter().zip(&left.content) {
                let now = content(disk, *id);
                if now.is_empty() {
                    continue; // others have removed it
                }
                let lacks = |of: &[(PathBuf, Vec<u8>)], all: &[(PathBuf, Vec<u8>)]| {
                    shown(&of.iter().filter(|entry| !all.contains(entry)).cloned().collect::<Vec<_>>())
                };
                let (gone, new) = (lacks(before, &now), lacks(&now, before));
                assert!(gone.is_empty() && new.is_empty(), "touched: {gone:?} became {new:?}");
            }
        }
    }

    /// From now on the file at `path` may stand in the place of descriptors of ours.
    pub(crate) fn add_thief(&self, path: impl Into<PathBuf>) {
        self.rules.lock().unwrap().thieves.push(path.into());
    }

    /// Whether names, locks or the set have changed since the last [`refresh`](Self::refresh).
    pub(crate) fn is_stale(&self, disk: &SimDisk) -> bool {
        self.is_pending || self.seen != Some((disk.changes_of_places(), self.held))
    }

    /// What is ours by now. Without `anew` the settings are the same as at the last call.
    pub(crate) fn refresh(&mut self, disk: &SimDisk, settings: &Settings, anew: bool) {
        self.seen = Some((disk.changes_of_places(), self.held));
        let names = names(settings);
        let known = self.known(disk, settings, &names);
        if !anew && known == self.known {
            return;
        }
        self.known = known;
        self.live = self.dirs(disk, settings)[0].join(names.base());
        let alert =
            settings.alert_file.clone().unwrap_or_else(|| names.dir().join("ALERT_LOG_ROTATION_FAILED.txt"));
        let mut spots = Vec::new();
        let held = self.held.unwrap_or_default().map(|id| disk.path_of(id));
        let [live, backups] = [(names.dir(), &held[0]), (names.archive(), &held[1])]
            .map(|(path, held)| [Some(resolved(disk, path)), held.clone()]);
        let beside = |path: &Path| match path {
            path if path == names.dir() => live.clone(),
            path if path == names.archive() => backups.clone(),
            path => [Some(resolved(disk, path)), None],
        };
        let mut add = |dirs: [Option<PathBuf>; 2], part: Part| {
            spots.extend(dirs.into_iter().flatten().map(|dir| (dir, part)));
        };
        add(beside(alert.parent().unwrap()), Part::Alert);
        if let Some(link) = &settings.latest_link {
            add(beside(link.parent().unwrap()), Part::Link);
        }
        // An alert that stands where the set was is taken back one day.
        for dir in self.left.iter().flat_map(|left| &left.dirs) {
            add([disk.path_of(*dir), None], Part::Alert);
        }
        add(live, Part::Live);
        add(backups, Part::Backups);
        let is_closed = |dir: &PathBuf| disk.is_locked_by_other(dir.join(names.lock_name()));
        let closed = spots.iter().map(|(dir, _)| dir.clone()).filter(is_closed).collect();
        let mut rules = self.rules.lock().unwrap();
        let link = settings.latest_link.clone();
        let thieves = std::mem::take(&mut rules.thieves);
        *rules = Rules { names: Some(names), alert, link, spots, closed, thieves };
    }
}

impl Territory {
    /// Where the paths lead, and who has the locks: all that the rules depend on.
    fn known(&self, disk: &SimDisk, settings: &Settings, names: &Names) -> Vec<Option<FileId>> {
        let held = self.held.unwrap_or_default();
        let left = self.left.iter().flat_map(|left| &left.dirs).map(|id| Some(*id));
        let mut known: Vec<Option<FileId>> = left.collect();
        known.extend([Some(held[0]), Some(held[1]), disk.id(names.dir())]);
        if settings.archive_dir.is_some() {
            known.push(disk.id(names.archive()));
        }
        if let Some(link) = &settings.latest_link {
            known.push(link.parent().and_then(|dir| disk.id(dir)));
        }
        if let Some(alert) = &settings.alert_file {
            known.push(alert.parent().and_then(|dir| disk.id(dir)));
        }
        let dirs = known.iter().flatten().copied().collect::<BTreeSet<FileId>>();
        for dir in dirs {
            let lock = disk.path_of(dir).map(|dir| dir.join(names.lock_name()));
            known.push(lock.filter(|lock| disk.is_locked_by_other(lock)).and_then(|lock| disk.id(lock)));
        }
        known
    }
}

fn content(disk: &SimDisk, dir: FileId) -> Vec<(PathBuf, Vec<u8>)> {
    let Some(dir) = disk.path_of(dir) else { return Vec::new() };
    // The lock is let go, and its file is left to whoever comes next; an alert is taken back.
    let is_of_records = |name: &OsStr| {
        let bytes = name.as_encoded_bytes();
        !bytes.ends_with(b".lock") && !bytes.starts_with(MOVED.as_bytes()) && !is_alert(name)
    };
    let names = disk.list(&dir).into_iter().map(|(name, _)| name);
    let paths = names.filter(|name| is_of_records(name)).map(|name| dir.join(name));
    paths.filter_map(|path| Some((path.file_name()?.into(), disk.read(&path)?))).collect()
}

fn shown(content: &[(PathBuf, Vec<u8>)]) -> Vec<String> {
    content
        .iter()
        .map(|(name, bytes)| format!("{}: {}", name.display(), String::from_utf8_lossy(bytes)))
        .collect()
}

fn is_alert(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"ALERT") || name.ends_with(b".alert")
}

/// The path with the symlinks on it followed, as far as it is there.
fn resolved(disk: &SimDisk, path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|above| Some((above, disk.path_of(disk.id(above)?)?)));
    match there {
        Some((above, real)) => real.join(path.strip_prefix(above).unwrap_or(path)),
        None => path.to_owned(),
    }
}

/// The numbers of the whole records in files.
pub(crate) fn numbers(files: &[String]) -> impl Iterator<Item = u32> + '_ {
    let is_whole = |line: &&str| number_of(line).is_some_and(|number| World::text(number) == *line);
    files.iter().flat_map(|file| file.lines()).filter(is_whole).filter_map(number_of)
}

/// The names of the log.
pub(crate) fn names(settings: &Settings) -> Names {
    let is_stamped = settings.naming == Naming::Timestamped;
    let names =
        Names::new(&settings.path).unwrap().with_periods(is_stamped && settings.rotate_every.is_some());
    match &settings.archive_dir {
        Some(dir) => names.with_archive(dir.clone()),
        None => names,
    }
}

/// Puts what is not the log's into a directory: names that look as if they were, a directory and a symlink.
pub(crate) fn sow(disk: &SimDisk, dir: impl AsRef<Path>) {
    let dir = dir.as_ref();
    let foreign = [
        "app.log.01",
        "app.log.bak",
        "app.log.4711",
        "app.log.20260101",
        "app.log.2026-01-01.txt",
        "application.log",
        ".app.log.old",
        "app.log.d/app.log.1",
    ];
    for name in foreign {
        disk.put(dir.join(name), "not ours");
    }
    disk.put_symlink(dir.join("app.log.link"), "/nowhere/app.log");
    disk.put_kind(dir.join("app.log.fifo"), FileKind::Fifo);
}

/// The settings as the set takes them: a symlink that is allowed is followed.
pub(crate) fn followed(disk: &SimDisk, settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if settings.allow.contains(&Allow::Symlink) {
        if let Some(path) = disk.id(&settings.path).and_then(|id| disk.path_of(id)) {
            settings.path = path;
        }
    }
    settings
}
