//! Numbered records, and reading a file set back: which records stand in it, each whole, once and in order.
//! How they came there is the test's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::sim::SimDisk;

/// Bytes of a record as most tests write it, its newline included.
pub const RECORD_BYTES: usize = 50;

/// Record `number` of a thread: `width` bytes without its newline, of which no part looks like a whole one.
#[must_use]
pub fn record(thread: u32, number: u32, width: usize) -> String {
    let mut text = format!("t{thread:02} n{number:07} w{width:05} ");
    let letter = char::from(b'a' + u8::try_from(number % 26).unwrap_or(0));
    while text.len() < width {
        text.push(letter);
    }
    text
}

/// Where files can be looked at.
pub trait Shelf {
    /// Names in a directory, in order; of those that can be read as text.
    fn names(&self, dir: &Path) -> Vec<String>;
    /// The bytes of a regular file.
    fn bytes(&self, path: &Path) -> Option<Vec<u8>>;
}

impl Shelf for SimDisk {
    fn names(&self, dir: &Path) -> Vec<String> {
        self.list(dir).into_iter().filter_map(|(name, _)| name.into_string().ok()).collect()
    }
    fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        self.read(path)
    }
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug)]
pub struct RealDisk;

impl Shelf for RealDisk {
    fn names(&self, dir: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
    fn bytes(&self, path: &Path) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }
}

/// The files of a log, oldest first, with their bytes: backups, live, hidden.
///
/// # Panics
/// Where `live` names no file.
#[must_use]
pub fn of_log(shelf: &dyn Shelf, live: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let names = Names::new(live).unwrap();
    let slot = |name: &String| match names.role(OsStr::new(name)) {
        Some(Role::Backup(slot)) => Some(slot),
        _ => None,
    };
    let mut slots: Vec<_> = shelf.names(names.dir()).iter().filter_map(slot).collect();
    slots.sort_unstable();
    let backups = slots.iter().rev().map(|slot| names.backup(*slot));
    backups
        .chain([names.live().to_owned(), names.hidden().to_owned()])
        .filter_map(|path| Some((path.clone(), shelf.bytes(&path)?)))
        .collect()
}

/// What stands in a log.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Numbers by thread, in the order in which they stand.
    pub threads: BTreeMap<u32, Vec<u32>>,
    /// Lines that the spool wrote about itself.
    pub notices: Vec<String>,
    /// Bytes of each file by name.
    pub sizes: BTreeMap<String, u64>,
}

impl Found {
    /// The numbers of the first thread.
    #[must_use]
    pub fn numbers(&self) -> &[u32] {
        self.threads.get(&0).map_or(&[], Vec::as_slice)
    }

    /// Records of all threads.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.threads.values().map(|numbers| numbers.len() as u64).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// Records that the notices say were lost.
    #[must_use]
    pub fn lost_as_told(&self) -> u64 {
        let number = |notice: &String| -> Option<u64> {
            let before = notice.split(" record").next()?;
            notice.contains(" lost").then(|| before.rsplit(' ').next()?.parse().ok())?
        };
        self.notices.iter().filter_map(number).sum()
    }

    /// Asserts that the first thread's records are `from..to`, each once and in order.
    ///
    /// # Panics
    /// Where they are not.
    #[track_caller]
    pub fn assert_numbers(&self, from: u32, to: u32) {
        let wanted: Vec<u32> = (from..to).collect();
        let missing: Vec<u32> =
            wanted.iter().filter(|number| !self.numbers().contains(number)).take(20).copied().collect();
        assert!(missing.is_empty(), "lost: {missing:?} ..., files: {:?}", self.sizes);
        assert_eq!(self.numbers(), wanted, "files: {:?}", self.sizes);
    }
}

/// Reads a log back. Every file ends with a newline, every line is a whole record or a notice of the spool, and each
/// thread's numbers rise.
///
/// # Panics
/// Where that is not so.
#[must_use]
#[track_caller]
pub fn read_back(shelf: &dyn Shelf, live: &Path) -> Found {
    read(&of_log(shelf, live), |line| panic!("torn or glued: {line:?}"))
}

/// The same, but lines that are no record are handed to `odd`.
///
/// # Panics
/// Where a file does not end with a newline, or a thread's numbers do not rise.
#[must_use]
#[track_caller]
pub fn read(files: &[(PathBuf, Vec<u8>)], mut odd: impl FnMut(&str)) -> Found {
    let mut found = Found::default();
    for (path, bytes) in files {
        let text = std::str::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{}: the last line is torn", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        found.sizes.insert(name, bytes.len() as u64);
        for line in text.lines() {
            match parse(line) {
                Some((thread, number)) => {
                    let numbers = found.threads.entry(thread).or_default();
                    let rises = numbers.last().is_none_or(|last| *last < number);
                    assert!(rises, "{}: {line:?} is repeated or out of order", path.display());
                    numbers.push(number);
                }
                None if line.contains("tracing_spool") => found.notices.push(line.to_owned()),
                None => odd(line),
            }
        }
    }
    found
}

/// Thread and number of a whole record.
fn parse(line: &str) -> Option<(u32, u32)> {
    let mut words = line.split(' ');
    let thread = words.next()?.strip_prefix('t')?.parse().ok()?;
    let number = words.next()?.strip_prefix('n')?.parse().ok()?;
    let width = words.next()?.strip_prefix('w')?.parse().ok()?;
    (line == record(thread, number, width)).then_some((thread, number))
}

#[cfg(test)]
mod tests {
    use super::{RealDisk, parse, read_back, record};

    #[test]
    fn only_whole_records_are_records() {
        let line = record(3, 41, 60);
        assert_eq!((line.len(), parse(&line)), (60, Some((3, 41))));
        assert_eq!(parse(&line[..59]), None);
        assert_eq!(parse(&line[1..]), None);
        assert_eq!(parse(&format!("{line}{line}")), None);
    }

    #[test]
    fn a_set_is_read_oldest_first() {
        let dir = tempfile::tempdir().unwrap();
        let live = dir.path().join("app.log");
        for (name, number) in [("app.log", 3), ("app.log.1", 2), ("app.log.10", 1), ("app.log.01", 9)] {
            std::fs::write(dir.path().join(name), record(0, number, 30) + "\n").unwrap();
        }
        assert_eq!(read_back(&RealDisk, &live).numbers(), [1, 2, 3]);
    }
}
