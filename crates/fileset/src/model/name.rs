//! The grammar of names: which names in a directory are ours. Names outside it are never renamed or removed. It touches
//! no file.

#[cfg(test)]
mod tests;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::compression::Compression;
use super::slot::{Slot, Stamp};

/// The name of the alert file, unless the settings name another.
pub const ALERT_FILE: &str = "ALERT_LOG_ROTATION_FAILED.txt";

const ALERT_STEM: &[u8] = b"ALERT_LOG_ROTATION_FAILED";
const ALERT_END: &[u8] = b".txt";
const NEW: &[u8] = b".new";
const LOCK: &[u8] = b".lock";
const ALERT_TEMP: &[u8] = b".alert";
const PACK: &[u8] = b".pack";
const LINK_TEMP: &[u8] = b".link";

/// The highest number that a backup can have.
pub const BACKUPS_MAX: u32 = 10_000;

/// The longest file name that common file systems accept, in bytes.
pub const NAME_MAX: usize = 255;

/// The most that compression adds to a name, in bytes.
pub(crate) const ENDING_BYTES_MAX: usize = ".zst".len();

/// The most that a backup's slot adds to a name, including the dot, in bytes.
pub(crate) const SLOT_BYTES_MAX: usize = ".2026-11-23-18-19-0001".len();

/// The most that a hidden name of ours adds to the live file's, in bytes.
pub(crate) const DOTTED_BYTES_MAX: usize = "..alert".len();

/// What a name of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `app.log`: the file being written.
    Live,
    /// `app.log.3`: the third newest backup; `app.log.20261123T181911Z`, `app.log.2026-11-23`: a backup named by time.
    Backup(Slot),
    /// `app.log.3.gz`: a compressed backup.
    Packed(Slot, Compression),
    /// `.app.log.pack`: a backup while it is being compressed.
    PackTemporary,
    /// `.app.log.new`: the next live file, while a rotation is under way.
    Hidden,
    /// `.app.log.lock`: held by the process that writes.
    Lock,
    /// `.app.log.alert`: the alert file before it gets its name.
    AlertTemporary,
    /// `.app.log.link`: the link to the live file before it gets its name.
    LinkTemporary,
}

/// Every name that one log may use in its directories.
///
/// ```
/// use std::path::Path;
/// use tracing_spool_fileset::internal::name::{Names, Role};
/// let names = Names::new(Path::new("/var/log/shop.log")).unwrap();
/// assert_eq!(names.backup(2), Path::new("/var/log/shop.log.2"));
/// assert_eq!(names.role("shop.log.2".as_ref()), Some(Role::Backup(2.into())));
/// assert_eq!(names.role("shop.log.02".as_ref()), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    dir: PathBuf,
    archive: PathBuf,
    base: OsString,
    live: PathBuf,
    has_periods: bool,
}

impl Names {
    /// Returns the names of the log whose live file is `live`, or `None` if the path has no file name or no directory.
    #[must_use]
    pub fn new(live: &Path) -> Option<Self> {
        let base = live.file_name()?.to_owned();
        let dir = live.parent()?.to_owned();
        Some(Self { live: live.to_owned(), archive: dir.clone(), dir, base, has_periods: false })
    }

    /// Sets whether the names of periods (`app.log.2026-11-23`) count as ours. Only a log that names its own backups
    /// like that may claim them: many programs write such names, and what is ours is removed some day.
    #[must_use]
    pub fn with_periods(mut self, has_periods: bool) -> Self {
        self.has_periods = has_periods;
        self
    }

    /// Returns whether the names of periods count as ours.
    pub(crate) fn has_periods(&self) -> bool {
        self.has_periods
    }

    /// Makes the names of periods count as ours from now on.
    pub(crate) fn learn_periods(&mut self) {
        self.has_periods = true;
    }

    /// Sets another directory for the backups.
    #[must_use]
    pub fn with_archive(mut self, dir: PathBuf) -> Self {
        self.archive = dir;
        self
    }

    /// Returns the directory of the live file.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the directory of the backups, which is that of the live file unless the set has an archive.
    #[must_use]
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// Returns the directories of the set.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        let archive = (self.archive != self.dir).then_some(self.archive.as_path());
        [self.dir.as_path()].into_iter().chain(archive)
    }

    /// Returns the live file's name without its directory.
    #[must_use]
    pub fn base(&self) -> &OsStr {
        &self.base
    }

    /// Returns the name of the hidden file, `.app.log.new`.
    #[must_use]
    pub fn hidden_name(&self) -> OsString {
        self.dotted(NEW)
    }

    /// Returns the name of the lock file, `.app.log.lock`.
    #[must_use]
    pub fn lock_name(&self) -> OsString {
        self.dotted(LOCK)
    }

    /// Returns the name of a backup while it is being compressed, `.app.log.pack`.
    #[must_use]
    pub fn pack_name(&self) -> OsString {
        self.dotted(PACK)
    }

    /// Returns the name of the alert file before it gets its own, `.app.log.alert`.
    #[must_use]
    pub fn alert_temporary_name(&self) -> OsString {
        self.dotted(ALERT_TEMP)
    }

    /// Returns the name of the link before it gets its own, `.app.log.link`.
    #[must_use]
    pub fn link_temporary_name(&self) -> OsString {
        self.dotted(LINK_TEMP)
    }

    /// Returns the name of a backup, with the ending of its compression: `app.log.3`, `app.log.20261123T181911Z` or
    /// `app.log.2026-11-23`.
    #[must_use]
    pub fn backup_name(&self, slot: impl Into<Slot>, compression: Compression) -> OsString {
        let mut name = OsString::with_capacity(self.base.len() + SLOT_BYTES_MAX + ENDING_BYTES_MAX);
        name.push(&self.base);
        // Writing into memory cannot fail.
        let _ = write!(name, ".{}{}", slot.into(), compression.ending());
        name
    }

    /// Returns the path of the live file.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// Returns the path of the hidden file.
    #[must_use]
    pub fn hidden(&self) -> PathBuf {
        self.dir.join(self.hidden_name())
    }

    /// Returns the path of the lock file beside the live file.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.dir.join(self.lock_name())
    }

    /// Returns the path of an uncompressed backup.
    #[must_use]
    pub fn backup(&self, slot: impl Into<Slot>) -> PathBuf {
        self.backup_as(slot, Compression::None)
    }

    /// Returns the path of a backup stored with `compression`.
    #[must_use]
    pub fn backup_as(&self, slot: impl Into<Slot>, compression: Compression) -> PathBuf {
        self.archive.join(self.backup_name(slot, compression))
    }

    /// Returns the path of a compression's temporary.
    #[must_use]
    pub fn pack_temporary(&self) -> PathBuf {
        self.archive.join(self.pack_name())
    }

    fn dotted(&self, end: &[u8]) -> OsString {
        OsString::from_vec([b".", self.base.as_bytes(), end].concat())
    }

    /// Returns the name to use beside `alert_file` if another log has that one:
    /// `ALERT_LOG_ROTATION_FAILED.app.log.txt`.
    #[must_use]
    pub fn own_alert(&self, alert_file: &Path) -> PathBuf {
        let stem = alert_file.file_stem().unwrap_or_default().as_bytes();
        let mut name = [stem, b".", self.base.as_bytes()].concat();
        if let Some(extension) = alert_file.extension() {
            name.extend_from_slice(b".");
            name.extend_from_slice(extension.as_bytes());
        }
        alert_file.with_file_name(OsString::from_vec(name))
    }

    /// Returns what a name in the directory is for, if it is exactly a name that we would write.
    #[must_use]
    pub fn role(&self, name: &OsStr) -> Option<Role> {
        let (name, base) = (name.as_bytes(), self.base.as_bytes());
        if let Some(rest) = name.strip_prefix(base) {
            return match rest {
                [] => Some(Role::Live),
                [b'.', rest @ ..] => self.backup_role(rest),
                _ => None,
            };
        }
        match name.strip_prefix(b".")?.strip_prefix(base)? {
            NEW => Some(Role::Hidden),
            LOCK => Some(Role::Lock),
            ALERT_TEMP => Some(Role::AlertTemporary),
            LINK_TEMP => Some(Role::LinkTemporary),
            PACK => Some(Role::PackTemporary),
            _ => None,
        }
    }

    /// Returns the role of a backup, given what follows the live file's name and a dot.
    fn backup_role(&self, rest: &[u8]) -> Option<Role> {
        let is_ours = |slot: &Slot| self.has_periods || !slot.stamp().is_some_and(Stamp::is_of_period);
        Compression::ALL.into_iter().find_map(|form| {
            let slot = slot(rest.strip_suffix(form.ending().as_bytes())?).filter(is_ours)?;
            Some(if form == Compression::None { Role::Backup(slot) } else { Role::Packed(slot, form) })
        })
    }
}

/// Returns whether this grammar could produce `name` for some other log. A live file with such a name would one day be
/// taken for that log's backup, hidden file, lock or alert.
#[must_use]
pub fn is_reserved(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let mut forms = Compression::ALL.into_iter().map(|form| name.strip_suffix(form.ending().as_bytes()));
    let backup = forms.any(|name| name.is_some_and(is_backup));
    let dotted = name.strip_prefix(b".").is_some_and(|rest| {
        [NEW, LOCK, ALERT_TEMP, LINK_TEMP, PACK]
            .iter()
            .any(|end| rest.strip_suffix(*end).is_some_and(|base| !base.is_empty()))
    });
    let alert = name
        .strip_prefix(ALERT_STEM)
        .and_then(|rest| rest.strip_suffix(ALERT_END))
        .is_some_and(|middle| middle.is_empty() || (middle.len() > 1 && middle[0] == b'.'));
    backup || dotted || alert
}

/// Returns whether the name could be a backup of some log.
fn is_backup(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    dot.is_some_and(|dot| dot > 0 && slot(&name[dot + 1..]).is_some())
}

/// Parses what some log writes behind the name of its live file and a dot.
fn slot(rest: &[u8]) -> Option<Slot> {
    let stamp = || std::str::from_utf8(rest).ok().and_then(Stamp::parse);
    number(rest).map(Slot::from).or_else(|| stamp().map(Slot::from))
}

/// Parses a number as we write it: digits only, no leading zero, from 1 to [`BACKUPS_MAX`]. A larger one is somebody
/// else's process number, date or time.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.first().is_none_or(|first| *first == b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number <= BACKUPS_MAX)
}
