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

/// The highest number that a backup can have.
pub const BACKUPS_MAX: u32 = 10_000;

/// The longest file name that common file systems take, in bytes.
pub const NAME_MAX: usize = 255;

/// The most that compression adds to a name, in bytes.
pub(crate) const ENDING_BYTES_MAX: usize = ".zst".len();

/// The most that a backup's slot takes in its name, the dot included.
pub(crate) const SLOT_BYTES_MAX: usize = ".2026-11-23-18-19-0001".len();

/// The most that a hidden name of ours adds to the live file's.
pub(crate) const DOTTED_BYTES_MAX: usize = "..alert".len();

/// What a name of ours is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `app.log`: the file being written.
    Live,
    /// `app.log.3`: the third newest backup; `app.log.20261123T181911Z`, `app.log.2026-11-23`: one with a time stamp.
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
    /// The names of the log whose live file is `live`; none if the path has no file name or no directory.
    #[must_use]
    pub fn new(live: &Path) -> Option<Self> {
        let base = live.file_name()?.to_owned();
        let dir = live.parent()?.to_owned();
        Some(Self { live: live.to_owned(), archive: dir.clone(), dir, base, has_periods: false })
    }

    /// The same, with the names of periods (`app.log.2026-11-23`) taken for ours, or not. Only a log that names its own
    /// backups so may take them: many programs write such names, and what is ours is removed one day.
    #[must_use]
    pub fn with_periods(mut self, has_periods: bool) -> Self {
        self.has_periods = has_periods;
        self
    }

    /// Whether the names of periods are ours.
    pub(crate) fn has_periods(&self) -> bool {
        self.has_periods
    }

    /// From here on the names of periods are ours.
    pub(crate) fn learn_periods(&mut self) {
        self.has_periods = true;
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

    /// The live file's name without its directory.
    #[must_use]
    pub fn base(&self) -> &OsStr {
        &self.base
    }

    /// `.app.log.new`, the hidden file's name.
    #[must_use]
    pub fn hidden_name(&self) -> OsString {
        self.dotted(NEW)
    }

    /// `.app.log.lock`, the lock file's name.
    #[must_use]
    pub fn lock_name(&self) -> OsString {
        self.dotted(LOCK)
    }

    /// `.app.log.pack`, the name of a backup while it is being compressed.
    #[must_use]
    pub fn pack_name(&self) -> OsString {
        self.dotted(PACK)
    }

    /// `.app.log.alert`, the alert file's name before it has its own.
    #[must_use]
    pub fn alert_temporary_name(&self) -> OsString {
        self.dotted(ALERT_TEMP)
    }

    /// `.app.log.link`, the link's name before it has its own.
    #[must_use]
    pub fn link_temporary_name(&self) -> OsString {
        self.dotted(LINK_TEMP)
    }

    /// `app.log.3`, `app.log.20261123T181911Z` or `app.log.2026-11-23`, and the ending of its compression.
    #[must_use]
    pub fn backup_name(&self, slot: impl Into<Slot>, compression: Compression) -> OsString {
        let mut name = OsString::with_capacity(self.base.len() + SLOT_BYTES_MAX + ENDING_BYTES_MAX);
        name.push(&self.base);
        // Writing into memory cannot fail.
        let _ = write!(name, ".{}{}", slot.into(), compression.ending());
        name
    }

    /// The path of the live file.
    #[must_use]
    pub fn live(&self) -> &Path {
        &self.live
    }

    /// The path of the hidden file.
    #[must_use]
    pub fn hidden(&self) -> PathBuf {
        self.dir.join(self.hidden_name())
    }

    /// The path of the lock file beside the live file.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.dir.join(self.lock_name())
    }

    /// The path of a backup as it was written.
    #[must_use]
    pub fn backup(&self, slot: impl Into<Slot>) -> PathBuf {
        self.backup_as(slot, Compression::None)
    }

    /// The path of a backup as it is stored.
    #[must_use]
    pub fn backup_as(&self, slot: impl Into<Slot>, compression: Compression) -> PathBuf {
        self.archive.join(self.backup_name(slot, compression))
    }

    /// The path of a compression's temporary.
    #[must_use]
    pub fn pack_temporary(&self) -> PathBuf {
        self.archive.join(self.pack_name())
    }

    fn dotted(&self, end: &[u8]) -> OsString {
        OsString::from_vec([b".", self.base.as_bytes(), end].concat())
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

    /// What stands behind the name of the live file and a dot, if it is a backup's.
    fn backup_role(&self, rest: &[u8]) -> Option<Role> {
        let is_ours = |slot: &Slot| self.has_periods || !slot.stamp().is_some_and(Stamp::is_of_period);
        Compression::ALL.into_iter().find_map(|form| {
            let slot = slot(rest.strip_suffix(form.ending().as_bytes())?).filter(is_ours)?;
            Some(if form == Compression::None { Role::Backup(slot) } else { Role::Packed(slot, form) })
        })
    }
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

/// Whether it could be a backup of some log.
fn is_backup(name: &[u8]) -> bool {
    let dot = name.iter().rposition(|byte| *byte == b'.');
    dot.is_some_and(|dot| dot > 0 && slot(&name[dot + 1..]).is_some())
}

/// What some log writes behind the name of its live file.
fn slot(rest: &[u8]) -> Option<Slot> {
    let stamp = || std::str::from_utf8(rest).ok().and_then(Stamp::parse);
    number(rest).map(Slot::from).or_else(|| stamp().map(Slot::from))
}

/// A number as we write it: digits only, no leading zero, from 1 to [`BACKUPS_MAX`]. A larger one is a process number, a
/// date or a time of somebody else's.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.first().is_none_or(|first| *first == b'0') || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|number| *number <= BACKUPS_MAX)
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
            "app.log.10001",
            "app.log.20260101",
            "app.log.1764337000",
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
            "app.log.2026-11-27",
            "app.log.2026-11-27-0001.gz",
            "app.log.2026-11-27-18",
            "app.log.2026-11-27-18-19.zst",
        ] {
            assert_eq!(names().role(name.as_ref()), None, "{name}");
        }
    }

    #[test]
    fn whole_periods_are_own_where_there_is_a_schedule() {
        let names = names().with_periods(true);
        for stamp in
            ["2026-11-27", "2026-11-27-0001", "2026-11-27-18", "2026-11-27-18-19", "20261127T181911Z"]
        {
            let slot = Slot::from(Stamp::parse(stamp).unwrap());
            let name = format!("app.log.{stamp}");
            assert_eq!(names.role(name.as_ref()), Some(Role::Backup(slot)), "{name}");
            let packed = Some(Role::Packed(slot, Compression::Gzip));
            assert_eq!(names.role(format!("{name}.gz").as_ref()), packed, "{name}");
        }
        for name in [
            "app.log.2026",
            "app.log.2026-11",
            "app.log.2026-11-31",
            "app.log.2026-11-27-1",
            "app.log.2026-11-27.1",
            "app.log.2026-11-27.bak",
            "app.log-2026-11-27",
            "app.2026-11-27",
        ] {
            assert!(
                !matches!(names.role(name.as_ref()), Some(Role::Backup(slot)) if slot.stamp().is_some()),
                "{name}"
            );
        }
    }

    #[test]
    fn a_slot_is_never_longer_than_the_longest() {
        for stamp in
            ["2026-11-27-18-19-9999", "20261127T181911Z-9999", "2026-11-27-18-9999", "2026-11-27-9999"]
        {
            let name = names().backup_name(Stamp::parse(stamp).unwrap(), Compression::None);
            assert!(name.len() <= "app.log".len() + SLOT_BYTES_MAX, "{stamp}");
        }
    }

    #[test]
    fn own_names_are_own() {
        let names = names();
        let role = |path: &Path| names.role(path.file_name().unwrap());
        assert_eq!(role(names.live()), Some(Role::Live));
        assert_eq!(role(&names.hidden()), Some(Role::Hidden));
        assert_eq!(role(&names.lock()), Some(Role::Lock));
        assert_eq!(names.role(&names.alert_temporary_name()), Some(Role::AlertTemporary));
        assert_eq!(names.role(&names.link_temporary_name()), Some(Role::LinkTemporary));
        assert_eq!(role(&names.pack_temporary()), Some(Role::PackTemporary));
        assert_eq!(role(&names.backup(BACKUPS_MAX)), Some(Role::Backup(BACKUPS_MAX.into())));
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
            "app.2026-11-27",
            "app.log.2026-11-27-18-0001",
            "app.log.2026-11-27-18-19.gz",
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
            "2026-11-27",
            ".2026-11-27",
            "app.2026-11",
            "app-2026-11-27",
            "app.2026-11-27.log",
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
        fn backups_round_trip(number in 1_u32..=BACKUPS_MAX, base in "[a-z.]{0,6}[a-z]") {
            let names = Names::new(&Path::new("/d").join(&base)).unwrap();
            let path = names.backup(number);
            prop_assert_eq!(names.role(path.file_name().unwrap()), Some(Role::Backup(number.into())));
            prop_assert!(is_reserved(path.file_name().unwrap()));
        }

        #[test]
        fn stamps_round_trip_as_names(
            stamp in "20(26|40)-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])(-[01][0-9](-[0-5][0-9])?)?(-0[0-9]{2}[1-9])?",
            form in proptest::sample::select(&Compression::ALL[..]),
        ) {
            let slot = Slot::from(Stamp::parse(&stamp).unwrap());
            let name = names().backup_name(slot, form);
            let ours = match form {
                Compression::None => Role::Backup(slot),
                form => Role::Packed(slot, form),
            };
            prop_assert_eq!(names().with_periods(true).role(&name), Some(ours));
            prop_assert_eq!(names().role(&name), None);
            prop_assert!(is_reserved(&name));
        }

        #[test]
        fn a_role_has_one_name(
            name in "\\.?app\\.log([.0-9a-z]{0,6}|\\.2026(-[0-9]{2,4}){2,5}(\\.gz)?)",
            has_periods in any::<bool>(),
        ) {
            let names = names().with_periods(has_periods);
            if let Some(role) = names.role(name.as_ref()) {
                let wanted = match role {
                    Role::Live => names.base().to_owned(),
                    Role::Backup(slot) => names.backup_name(slot, Compression::None),
                    Role::Packed(slot, form) => names.backup_name(slot, form),
                    Role::PackTemporary => names.pack_name(),
                    Role::Hidden => names.hidden_name(),
                    Role::Lock => names.lock_name(),
                    Role::AlertTemporary => names.alert_temporary_name(),
                    Role::LinkTemporary => names.link_temporary_name(),
                };
                prop_assert_eq!(&wanted, OsStr::new(&name));
            }
        }
    }
}
