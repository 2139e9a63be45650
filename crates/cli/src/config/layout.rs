//! What a log's files are called: as flags say, else as the log's lock file does, else as they stand on disk.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::ValueEnum;
use tracing_spool_fileset::Slot;
use tracing_spool_fileset::internal::lock_note::LockNote;
use tracing_spool_fileset::internal::name::{Names, Role};

use super::words;
use crate::say::Problem;
use crate::set::{self, Found};

/// How backups are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Naming {
    /// By number: each rotation renames all of them.
    Numbered,
    /// By time: each is renamed once.
    Timestamped,
}

/// How backups are stored, except the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Compression {
    /// As they were written.
    None,
    /// As `.gz`.
    Gzip,
    /// As `.zst`.
    Zstd,
}

/// Which log is meant, and what is said of its files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// The path of the live file, such as /var/log/shop/shop.log
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// How backups are named [default: as the log says or is found, else numbered]
    #[arg(long, value_enum)]
    naming: Option<Naming>,
    /// How backups are compressed [default: as the log says or is found, else none]
    #[arg(long, value_enum)]
    compression: Option<Compression>,
    /// The directory of the backups [default: as the log says, else that of PATH]
    #[arg(long, value_name = "DIR")]
    archive_dir: Option<PathBuf>,
}

/// The files of a log, as other programs meet them.
#[derive(Debug)]
pub(super) struct Layout {
    /// The live file, absolute, in UTF-8 and without control characters.
    pub(super) live: String,
    /// The directory of the backups, if it's another one.
    pub(super) archive: Option<String>,
    pub(super) naming: Naming,
    pub(super) compression: Compression,
    /// The file name without its ending, in letters that every program takes for a name.
    pub(super) label: String,
    /// Where that was learnt.
    source: String,
    /// Flags of `tspool pipe` that write the log under the limits that it has now.
    pub(super) flags: Vec<(String, String)>,
}

/// What the newest backup on disk tells, and how many there are.
#[derive(Debug, Default)]
struct Seen {
    newest: Option<(SystemTime, Naming)>,
    packed: Option<(SystemTime, Compression)>,
    backups: usize,
    /// Whether a directory can't be read.
    is_shut: bool,
}

impl Layout {
    pub(super) fn look(options: &Files) -> Result<Self, Problem> {
        let Found { names, note, .. } = set::find(&options.path)?;
        let archive =
            options.archive_dir.as_deref().map(absolute).transpose()?.or_else(|| note.archive_dir());
        let archive = archive.filter(|dir| dir != names.dir());
        let mut seen = Seen::default();
        for dir in [Some(names.dir()), archive.as_deref()].into_iter().flatten() {
            seen.look(dir, &names.clone().with_periods(true))?;
        }
        let said = |name| note.get(name);
        let naming = options.naming.or_else(|| Naming::from_str(said("naming")?, false).ok());
        let compression =
            options.compression.or_else(|| Compression::from_str(said("compression")?, false).ok());
        let has_flags = options.naming.is_some() && options.compression.is_some();
        let source = match seen.backups {
            _ if has_flags => "as the flags say".to_owned(),
            _ if naming.is_some() && compression.is_some() => "as the log says".to_owned(),
            _ if seen.is_shut => "assumed, as the directory can't be read".to_owned(),
            0 => "no backup is there yet".to_owned(),
            1 => "1 backup found".to_owned(),
            count => format!("{count} backups found"),
        };
        let archive = archive.map(|dir| words::plain("--archive-dir", &dir)).transpose()?;
        let naming = naming.or(seen.newest.map(|(_, naming)| naming)).unwrap_or(Naming::Numbered);
        let seen = seen.packed.map(|(_, compression)| compression);
        let compression = compression.or(seen).unwrap_or(Compression::None);
        Ok(Self {
            live: words::plain("PATH", names.live())?,
            label: words::label(names.live()),
            flags: flags(&note, naming, compression, archive.as_deref()),
            archive,
            naming,
            compression,
            source,
        })
    }

    /// What this is and where it was learnt, for the first line of a snippet.
    pub(super) fn told(&self) -> String {
        let naming = match self.naming {
            Naming::Numbered => "numbered",
            Naming::Timestamped => "timestamped",
        };
        let compression = match self.compression {
            Compression::None => "not compressed",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        };
        let source = &self.source;
        format!("{}, backups {naming}, {compression} ({source})", self.live)
    }

    /// The directory of the live file.
    pub(super) fn dir(&self) -> &str {
        let end = self.live.rfind('/').unwrap_or_default();
        &self.live[..end.max(1)]
    }

    /// What every backup beside the live file matches, and the live file does not.
    pub(super) fn backups_pattern(&self) -> String {
        match &self.archive {
            Some(archive) => format!("{archive}/{}.*", self.file_name()),
            None => format!("{}.*", self.live),
        }
    }

    pub(super) fn file_name(&self) -> &str {
        self.live.rsplit('/').next().unwrap_or_default()
    }
}

impl Seen {
    /// Looks at the names in a directory. One that isn't there yet holds none.
    fn look(&mut self, dir: &Path, names: &Names) -> Result<(), Problem> {
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // Whoever writes the configuration need not be whoever may read the log.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.is_shut = true;
                return Ok(());
            }
            Err(error) => return Err(Problem::doing("reading", dir)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(Problem::doing("reading", dir))?;
            let Some((slot, compression)) = backup(names, &entry.file_name()) else { continue };
            // A file that a rotation has just renamed or removed has no time, and counts as the oldest.
            let changed = entry.metadata().and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            let naming = if slot.stamp().is_some() { Naming::Timestamped } else { Naming::Numbered };
            self.backups += 1;
            if self.newest.is_none_or(|(newest, _)| newest < changed) {
                self.newest = Some((changed, naming));
            }
            let is_newer = self.packed.is_none_or(|(newest, _)| newest < changed);
            if let Some(compression) = compression.filter(|_| is_newer) {
                self.packed = Some((changed, compression));
            }
        }
        Ok(())
    }
}

/// Returns the word for a value on the command line.
fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// Returns flags of `tspool pipe` for what isn't as by default, and for the limits that the log says it has.
fn flags(
    note: &LockNote,
    naming: Naming,
    compression: Compression,
    archive: Option<&str>,
) -> Vec<(String, String)> {
    let shape = [
        ("--naming", (naming != Naming::Numbered).then(|| word(naming))),
        ("--compression", (compression != Compression::None).then(|| word(compression))),
        ("--archive-dir", archive.map(str::to_owned)),
    ];
    // A writer has to be told them again: with smaller ones, it would remove backups.
    let noted = set::LIMITS.into_iter().chain(["max_record_bytes"]).filter_map(|name| {
        let value = note.get(name)?;
        Some((format!("--{}", name.replace('_', "-")), value.to_owned()))
    });
    let shape = shape.into_iter().filter_map(|(flag, value)| Some((flag.to_owned(), value?)));
    shape.chain(noted).collect()
}

fn backup(names: &Names, name: &OsString) -> Option<(Slot, Option<Compression>)> {
    match names.role(name)? {
        Role::Backup(slot) => Some((slot, None)),
        Role::Packed(slot, tracing_spool_fileset::Compression::Gzip) => Some((slot, Some(Compression::Gzip))),
        Role::Packed(slot, _) => Some((slot, Some(Compression::Zstd))),
        _ => None,
    }
}

fn absolute(dir: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(dir).map_err(|error| {
        let why = crate::say::plain(&error);
        Problem::unusable(format_args!("--archive-dir {:?}: {why}", dir.display()))
    })
}
