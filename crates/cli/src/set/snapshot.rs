//! Opens all files of a set as they stand at one moment, although a rotation may move them meanwhile: open everything, then
//! look whether each name still leads to the file that was opened. If not, begin again.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing_spool_fileset::internal::name::Role as NameRole;
use tracing_spool_fileset::internal::slot::Slot;
use tracing_spool_fileset::{Compression, FileId};

use super::log::{Log, Naming, absent};
use super::member::{Member, Role};
use crate::say::Problem;

/// How often the files are opened anew if they move meanwhile. At fifty rotations a second, two attempts are rare.
const TRIES: usize = 2_000;
/// The default of `backup_count`: up to this number, a gap in the numbers ends nothing.
const BACKUP_COUNT: u32 = 5;
/// A pause after an attempt that met a rotation, so that the rotation can end.
const PAUSE: Duration = Duration::from_micros(500);

/// The files of a set at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    /// The oldest first.
    pub(crate) members: Vec<Member>,
    /// Files that can't be opened.
    pub(crate) shut: Vec<Shut>,
    /// Whether a file that the reader knows stands right before the members, so that none is missing between.
    pub(crate) follows_known: bool,
}

/// A file of a set that can't be opened.
#[derive(Debug)]
pub(crate) struct Shut {
    pub(crate) path: PathBuf,
    pub(crate) role: Role,
    pub(crate) error: io::Error,
}

impl Shut {
    /// Returns the problem that this is.
    pub(crate) fn problem(self) -> Problem {
        let Self { path, error, .. } = self;
        Problem::doing("opening", &path)(error)
    }
}

/// A name of the set, and what it stands for.
type Found = BTreeMap<PathBuf, (Role, Compression)>;

/// Opens the files of a log as they stand at one moment. An empty set is a problem.
pub(crate) fn open(log: &Log) -> Result<Snapshot, Problem> {
    let all = open_until(log, &mut |_| Ok(false))?;
    if all.members.is_empty() && all.shut.is_empty() { Err(absent(&log.path)) } else { Ok(all) }
}

/// Opens the files of a log, from the newest back to the first that is known, as they stand at one moment.
pub(crate) fn open_until(
    log: &Log,
    is_known: &mut dyn FnMut(&Member) -> io::Result<bool>,
) -> Result<Snapshot, Problem> {
    let naming = log.naming()?;
    for _ in 0..TRIES {
        match attempt(&naming, is_known)? {
            Some(snapshot) => return Ok(snapshot),
            None => std::thread::sleep(PAUSE),
        }
    }
    Err(Problem::failed(format_args!(
        "{}: the files of the log are renamed faster than they can be opened",
        log.path.display()
    )))
}

/// Opens the files. Returns nothing if one was moved or removed meanwhile.
///
/// A shift moves each file away from its name for good, so a view that was taken across a shift holds at least one file
/// whose name leads elsewhere by the time of the second look.
fn attempt(
    naming: &Naming,
    is_known: &mut dyn FnMut(&Member) -> io::Result<bool>,
) -> Result<Option<Snapshot>, Problem> {
    let before = list(naming)?;
    let mut newest_first: Vec<_> = before.iter().collect();
    newest_first.sort_by_key(|(_, (role, _))| std::cmp::Reverse(role.age()));
    let (mut members, mut shut, mut known) = (Vec::new(), Vec::new(), None);
    for (path, (role, form)) in newest_first {
        match open_member(path, *role, *form) {
            Ok(None) => {}
            Ok(Some(member)) if is_known(&member).unwrap_or(false) => {
                known = Some(member);
                break;
            }
            Ok(Some(member)) => members.push(member),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => shut.push(Shut { path: path.clone(), role: *role, error }),
        }
    }
    let is_same =
        |member: &Member| look(&member.path, member.role).is_ok_and(|meta| id_of(&meta) == member.id);
    if list(naming)? != before || !members.iter().chain(&known).all(is_same) {
        return Ok(None);
    }
    members.reverse();
    // An empty next file is a rotation that has only begun.
    members.retain(|member| member.role != Role::Next || member.bytes > 0);
    Ok(Some(Snapshot { members, shut, follows_known: known.is_some() }))
}

/// Lists the names of the set. Of a backup that stands in two forms, the plain one: it is removed last.
fn list(naming: &Naming) -> Result<Found, Problem> {
    let names = &naming.names;
    let mut slots: BTreeMap<Slot, (PathBuf, Compression)> = BTreeMap::new();
    let mut found = Found::new();
    for dir in names.dirs() {
        for name in names_in(dir)? {
            let (slot, form) = match names.role(&name) {
                Some(NameRole::Live) if dir == names.dir() => {
                    found.insert(dir.join(name), (Role::Live, Compression::None));
                    continue;
                }
                Some(NameRole::Hidden) if dir == names.dir() => {
                    found.insert(dir.join(name), (Role::Next, Compression::None));
                    continue;
                }
                Some(NameRole::Backup(slot)) => (slot, Compression::None),
                Some(NameRole::Packed(slot, form)) => (slot, form),
                _ => continue,
            };
            let other = slots.get(&slot).map(|(_, form)| *form);
            if other.is_none() || form == Compression::None {
                slots.insert(slot, (dir.join(name), form));
            }
        }
    }
    let last = last_number(slots.keys().filter_map(|slot| slot.number()), naming.backup_count);
    slots.retain(|slot, _| slot.number().is_none_or(|number| number <= last));
    found.extend(slots.into_iter().map(|(slot, (path, form))| (path, (Role::Backup(slot), form))));
    Ok(found)
}

/// Returns the last number that belongs to the log, as the writer counts: any up to `backup_count`, and beyond it those that
/// follow without a gap. Another number is a process number, or whatever somebody else counts.
///
/// If it isn't known how many there may be, a rotation that is under way can have left one number free anywhere.
fn last_number(numbers: impl Iterator<Item = u32>, backup_count: Option<u32>) -> u32 {
    let numbers: BTreeSet<u32> = numbers.collect();
    let first = backup_count.unwrap_or(BACKUP_COUNT);
    let is_gap = |number: u32| backup_count.is_none() && numbers.contains(&(number + 1));
    (first + 1..).take_while(|number| numbers.contains(number) || is_gap(*number)).last().unwrap_or(first)
}

/// A directory that doesn't exist has no names.
fn names_in(dir: &Path) -> Result<Vec<OsString>, Problem> {
    let listed = fs::read_dir(dir).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
    });
    match listed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(Problem::doing("listing", dir)),
    }
}

/// Opens a file if it is a regular one. A live file may be behind a symlink; a backup never is.
fn open_member(path: &Path, role: Role, form: Compression) -> io::Result<Option<Member>> {
    let meta = look(path, role)?;
    if !meta.is_file() {
        return Ok(None);
    }
    let file = open_file(path, role)?;
    let meta = file.metadata()?;
    Ok(meta.is_file().then(|| Member {
        path: path.to_owned(),
        role,
        form,
        id: id_of(&meta),
        bytes: meta.len(),
        modified: meta.modified().unwrap_or(std::time::UNIX_EPOCH),
        file,
    }))
}

fn open_file(path: &Path, role: Role) -> io::Result<File> {
    let mut flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    if role != Role::Live {
        flags |= OFlag::O_NOFOLLOW;
    }
    let open = || OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    match open() {
        Err(error)
            if error.raw_os_error() == Some(nix::errno::Errno::EMFILE as i32) && allow_more_files() =>
        {
            open()
        }
        opened => opened,
    }
}

/// Raises the number of files that this process may open as far as it may. Returns whether that helped.
fn allow_more_files() -> bool {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return false };
    soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok()
}

fn look(path: &Path, role: Role) -> io::Result<Metadata> {
    if role == Role::Live { fs::metadata(path) } else { fs::symlink_metadata(path) }
}

fn id_of(meta: &Metadata) -> FileId {
    FileId { device: meta.dev(), inode: meta.ino() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(dir: &Path) -> Log {
        Log { path: dir.join("app.log"), archive_dir: None }
    }

    fn names(dir: &Path) -> Vec<String> {
        let snapshot = open(&log(dir)).unwrap();
        let name = |member: &Member| member.path.file_name().unwrap().to_str().unwrap().to_owned();
        snapshot.members.iter().map(name).collect()
    }

    #[test]
    fn the_oldest_comes_first_whatever_its_form() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "app.log",
            "app.log.1",
            "app.log.2.gz",
            "app.log.10",
            "app.log.3.zst",
            "app.log.4711",
            "app.log.02",
            "app.log.20261123T181911Z",
            "app.log.2026-11-23",
            ".app.log.lock",
            "other.log",
            ".app.log.pack",
        ] {
            File::create(dir.path().join(name)).unwrap();
        }
        // The lock file is empty, so names of periods may be the log's own.
        assert_eq!(
            names(dir.path()),
            [
                "app.log.3.zst",
                "app.log.2.gz",
                "app.log.1",
                "app.log.2026-11-23",
                "app.log.20261123T181911Z",
                "app.log"
            ]
        );
    }

    #[test]
    fn a_backup_in_two_forms_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["app.log.2", "app.log.2.gz", "app.log.2.zst", "app.log.1.zst"] {
            File::create(dir.path().join(name)).unwrap();
        }
        assert_eq!(names(dir.path()), ["app.log.2", "app.log.1.zst"]);
    }

    #[test]
    fn numbers_go_on_without_a_gap() {
        assert_eq!(last_number([1, 3, 7].into_iter(), Some(5)), 5);
        assert_eq!(last_number([1, 6, 7, 9].into_iter(), Some(5)), 7);
        assert_eq!(last_number([8].into_iter(), Some(10)), 10);
        assert_eq!(last_number([1, 3, 7].into_iter(), None), 7, "a rotation may be moving 6");
        assert_eq!(last_number([1, 2, 8, 4_711].into_iter(), None), 5);
    }

    #[test]
    fn what_is_no_log_is_said_with_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join(".shop.log.lock")).unwrap();
        let words = |path: PathBuf| open(&Log { path, archive_dir: None }).unwrap_err().to_string();
        let absent = words(dir.path().join("app.log"));
        assert!(absent.contains("doesn't exist") && absent.contains("shop.log)"), "{absent}");
        let directory = words(dir.path().to_owned());
        assert!(directory.contains("is a directory") && directory.contains("shop.log"), "{directory}");
        let backup = words(dir.path().join("shop.log.1"));
        assert!(backup.contains("other files") && backup.contains("shop.log)"), "{backup}");
    }

    #[test]
    fn a_symlink_leads_to_a_log_unless_a_log_is_written_through_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["real.log", "real.log.1"] {
            File::create(at(name)).unwrap();
        }
        std::os::unix::fs::symlink(at("real.log"), at("app.log")).unwrap();
        std::os::unix::fs::symlink(at("real.log"), at("app.log.1")).unwrap();
        assert_eq!(names(dir.path()), ["real.log.1", "real.log"]);
        File::create(at(".app.log.lock")).unwrap();
        assert_eq!(names(dir.path()), ["app.log"], "a symlink is no backup");
    }
}
