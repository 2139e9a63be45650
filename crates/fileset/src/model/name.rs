//! The exact-name grammar: which names in a directory are ours, and no others.
//! It touches no file; what is not in the grammar is never renamed or removed.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::compression::Compression;
use super::slot::{Slot, Stamp};

/// Name of the alert file, where the settings do not name another.
pub const ALERT_FILE: &str = "ALERT_LOG_ROTATION_FAILED.txt";

const ALERT_STEM: &[u8] = b"ALERT_LOG_ROTATION_FAILED";
const ALERT_END: &[u8] = b".txt";
const NEW: &[u8] = b".new";
const LOCK: &[u8] = b".lock";
const ALERT_TEMP: &[u8] = b".alert";
const PACK: &[u8] = b".pack";
const LINK_TEMP: &[u8] = b".link";

/// The longest file name that common file systems take, in bytes.
pub const NAME_MAX: usize = 255;

/// The most that compression adds to a name, in bytes.
pub(crate) const ENDING_BYTES_MAX: usize = ".zst".len();

/// The most that a backup's slot takes in its name, the dot included.
pub(crate) const SLOT_BYTES_MAX: usize = ".20261123T181911Z-0001".len();

/// What a name of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `app.log`: the file being written.
    Live,
    /// `app.log.3`: the third newest backup; `app.log.20261123T181911Z`: one with a time stamp.
    Backup(Slot),
    /// `app.log.3.gz`: a backup, compressed.
    Packed(Slot, Compression),
    /// `.app.log.pack`: a backup while it is being compressed.
    PackTemporary,
    /// `.app.log.new`: the next live file, while a rotation is under way.
    Hidden,
    /// `.app.log.lock`: held by the process that writes.
    Lock,
    /// `.app.log.alert`: the alert file before it has its name.
    AlertTemporary,
    /// `.app.log.link`: the link to the live file before it has its name.
    LinkTemporary,
}

/// Every path that one log may use in its directory.
///
/// ```
/// use std::path::Path;
/// use tracing_spool_fileset::model::name::{Names, Role};
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
    hidden: PathBuf,
    lock: PathBuf,
}

impl Names {
    /// The names of the log whose live file is `live`; none if the path has no file name or no directory.
    #[must_use]
    pub fn new(live: &Path) -> Option<Self> {
        let base = live.file_name()?.to_owned();
        let dir = live.parent()?.to_owned();
        Some(Self {
            live: live.to_owned(),
            hidden: dotted(&dir, &base, NEW),
            lock: dotted(&dir, &base, LOCK),
            archive: dir.clone(),
            dir,
            base,
        })
    }

    /// The same, with backups in a directory of their own.
    #[must_use]
    pub fn with_archive(mut self, dir: PathBuf) -> Self {
        self.archive = dir;
        self
    }

    /// The directory of the live file.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of the backups: the same, unless the set has an archive.
    #[must_use]
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// The directories of the set.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        let archive = (self.archive != self.dir).then_some(self.archive.as_path());
        [self.dir.as_path()].into_iter().chain(archive)
    }

    /// The lock files of the set: one in each directory.
    pub fn locks(&self) -> impl Iterator<Item = PathBuf> {
        let name = self.lock.file_name().unwrap_or_default();
        self.dirs().map(move |dir| dir.join(name))
    }

    /// The live file's name without its directory.
    #[must_use]
    pub fn base(&self) -> &OsStr {
        &self.base
    }

    /// `app.log`.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// `.app.log.new`.
    #[must_use]
    pub fn hidden(&self) -> &Path {
        &self.hidden
    }

    /// `.app.log.lock`.
    #[must_use]
    pub fn lock(&self) -> &Path {
        &self.lock
    }

    /// `app.log.3` or `app.log.20261123T181911Z`, in the directory of the backups.
    #[must_use]
    pub fn backup(&self, slot: impl Into<Slot>) -> PathBuf {
        self.backup_as(slot, Compression::None)
    }

    /// The same with the ending of its compression: `app.log.3.gz`.
    #[must_use]
    pub fn backup_as(&self, slot: impl Into<Slot>, compression: Compression) -> PathBuf {
        let bytes = self.archive.as_os_str().len() + self.base.len() + SLOT_BYTES_MAX + ENDING_BYTES_MAX;
        let mut path = PathBuf::with_capacity(bytes);
        path.push(&self.archive);
        path.push(&self.base);
        // Writing into memory cannot fail.
        let _ = write!(path.as_mut_os_string(), ".{}{}", slot.into(), compression.ending());
        path
    }

    /// `.app.log.pack`, in the directory of the backups.
    #[must_use]
    pub fn pack_temporary(&self) -> PathBuf {
        dotted(&self.archive, &self.base, PACK)
    }

    /// `.app.log.alert`, in the directory of the alert file.
    #[must_use]
    pub fn alert_temporary(&self, alert_dir: &Path) -> PathBuf {
        dotted(alert_dir, &self.base, ALERT_TEMP)
    }

    /// `.app.log.link`, in the directory of the link to the live file.
    #[must_use]
    pub fn link_temporary(&self, link_dir: &Path) -> PathBuf {
        dotted(link_dir, &self.base, LINK_TEMP)
    }

    /// `ALERT_LOG_ROTATION_FAILED.app.log.txt`: beside `alert_file`, for when another log has that name.
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

    /// What a name in the directory is for, if we would have written exactly this name.
    #[must_use]
    pub fn role(&self, name: &OsStr) -> Option<Role> {
        let (name, base) = (name.as_bytes(), self.base.as_bytes());
        if let Some(rest) = name.strip_prefix(base) {
            return match rest {
                [] => Some(Role::Live),
                [b'.', rest @ ..] => slot(rest).map(Role::Backup).or_else(|| packed(rest)),
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
}

/// `.app.log` with an ending of ours, in a directory.
fn dotted(dir: &Path, base: &OsStr, end: &[u8]) -> PathBuf {
    dir.join(OsString::from_vec([b".", base.as_bytes(), end].concat()))
}

/// Whether this grammar could produce `name` for some other log: such a live name would one day be taken for
/// that log's backup, hidden file, lock or alert.
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

/// What we write behind the name of the live file for a backup that is compressed.
fn packed(rest: &[u8]) -> Option<Role> {
    let mut forms = Compression::ALL.into_iter().filter(|form| *form != Compression::None);
    forms.find_map(|form| {
        rest.strip_suffix(form.ending().as_bytes()).and_then(slot).map(|slot| Role::Packed(slot, form))
    })
}

/// Whether it could be a backup of some log.
fn is_backup(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    dot.is_some_and(|dot| dot > 0 && slot(&name[dot + 1..]).is_some())
}

/// What we write behind the name of the live file.
fn slot(rest: &[u8]) -> Option<Slot> {
    let stamp = || std::str::from_utf8(rest).ok().and_then(Stamp::parse);
    number(rest).map(Slot::from).or_else(|| stamp().map(Slot::from))
}

/// A number as we write it: digits only, no leading zero, not 0, within `u32`.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.first().is_none_or(|first| *first == b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names() -> Names {
        Names::new(Path::new("/logs/app.log")).unwrap()
    }

    #[test]
    fn foreign_names_are_foreign() {
        for name in [
            "app.log.bak",
            "app.log.01",
            "app.log.0",
            "app.log.+1",
            "app.log.1.bz2",
            "app.log.01.gz",
            "app.log.1.gz.gz",
            "app.log.gz",
            "app.log..gz",
            "app.log.",
            "app.log.4294967296",
            "application.log",
            "app-audit.log",
            "app.db",
            "app.toml",
            "app.lo",
            "app.log1",
            ".app.log",
            ".app.log.old",
            "xapp.log.1",
            "",
            ".",
            "app.log.1 ",
            "app.log.20261123T181911",
            "app.log.20261123T181911.gz",
        ] {
            assert_eq!(names().role(name.as_ref()), None, "{name}");
        }
    }

    #[test]
    fn own_names_are_own() {
        let names = names();
        let role = |path: &Path| names.role(path.file_name().unwrap());
        assert_eq!(role(names.live()), Some(Role::Live));
        assert_eq!(role(names.hidden()), Some(Role::Hidden));
        assert_eq!(role(names.lock()), Some(Role::Lock));
        assert_eq!(role(&names.alert_temporary(names.dir())), Some(Role::AlertTemporary));
        assert_eq!(role(&names.link_temporary(names.dir())), Some(Role::LinkTemporary));
        assert_eq!(role(&names.pack_temporary()), Some(Role::PackTemporary));
        assert_eq!(role(&names.backup(u32::MAX)), Some(Role::Backup(u32::MAX.into())));
        let stamp = Slot::from(Stamp::parse("20261123T181911Z").unwrap());
        for (slot, form) in [(2.into(), Compression::Gzip), (stamp, Compression::Zstd)] {
            assert_eq!(role(&names.backup_as(slot, form)), Some(Role::Packed(slot, form)));
        }
    }

    #[test]
    fn reserved_live_names() {
        for name in [
            "app.log.3",
            "app.log.20261123T181911Z-0001",
            "app.log.3.gz",
            "app.log.20261123T181911Z.zst",
            ".a.pack",
            ".app.log.new",
            ".a.lock",
            ".a.alert",
            ".a.link",
            "ALERT_LOG_ROTATION_FAILED.txt",
            "ALERT_LOG_ROTATION_FAILED.app.log.txt",
        ] {
            assert!(is_reserved(name.as_ref()), "{name}");
        }
        for name in [
            "app.log",
            "3",
            ".3",
            "app.log.03",
            "app.log.gz",
            ".3.gz",
            ".new",
            "app.new",
            "ALERT_LOG_ROTATION_FAILED",
            "v1.2a",
            "a.0",
        ] {
            assert!(!is_reserved(name.as_ref()), "{name}");
        }
    }

    #[test]
    fn an_alert_of_its_own() {
        assert_eq!(
            names().own_alert(Path::new("/data/ALERT_LOG_ROTATION_FAILED.txt")),
            Path::new("/data/ALERT_LOG_ROTATION_FAILED.app.log.txt")
        );
        assert_eq!(names().own_alert(Path::new("/data/alert")), Path::new("/data/alert.app.log"));
    }

    proptest! {
        #[test]
        fn backups_round_trip(number in 1_u32.., base in "[a-z.]{0,6}[a-z]") {
            let names = Names::new(&Path::new("/d").join(&base)).unwrap();
            let path = names.backup(number);
            prop_assert_eq!(names.role(path.file_name().unwrap()), Some(Role::Backup(number.into())));
            prop_assert!(is_reserved(path.file_name().unwrap()));
        }

        #[test]
        fn a_role_has_one_name(name in "\\.?app\\.log[.0-9a-z]{0,6}") {
            let names = names();
            if let Some(role) = names.role(name.as_ref()) {
                let path = match role {
                    Role::Live => names.live().to_owned(),
                    Role::Backup(slot) => names.backup(slot),
                    Role::Packed(slot, form) => names.backup_as(slot, form),
                    Role::PackTemporary => names.pack_temporary(),
                    Role::Hidden => names.hidden().to_owned(),
                    Role::Lock => names.lock().to_owned(),
                    Role::AlertTemporary => names.alert_temporary(names.dir()),
                    Role::LinkTemporary => names.link_temporary(names.dir()),
                };
                prop_assert_eq!(path.file_name().unwrap(), OsStr::new(&name));
            }
        }
    }
}
