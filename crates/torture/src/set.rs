//! The files of a log as an operator finds them, oldest first, plain or compressed.
//! What stands in them is `checker`'s.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tracing_spool_fileset::internal::name::{Names, Role};
use tracing_spool_fileset::internal::slot::Slot;

/// A file and what stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where.
    pub path: PathBuf,
    /// Its bytes, unpacked.
    pub bytes: Vec<u8>,
}

impl LogFile {
    /// Whether it is compressed.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        matches!(self.path.extension().and_then(OsStr::to_str), Some("gz" | "zst"))
    }
}

/// The files of the log whose live file is `live`: backups by falling number, live, hidden. Of a backup that stands in two
/// forms, as a kill between the name of the second and the end of the first leaves it, the one that is not compressed.
///
/// # Errors
/// Where a file cannot be read or unpacked.
pub fn read(live: &Path) -> Result<Vec<LogFile>> {
    let names = Names::new(live).context("the log has no file name")?;
    let mut found = Vec::new();
    for entry in fs::read_dir(names.dir()).with_context(|| names.dir().display().to_string())? {
        let entry = entry?;
        if let Some(age) = age(&names, &entry.file_name()) {
            found.push((age, entry.path()));
        }
    }
    found.sort(); // `app.log.3` before `app.log.3.gz`
    found.dedup_by_key(|(age, _)| *age);
    found.into_iter().rev().map(|(_, path)| unpack(path)).collect()
}

/// The older, the greater: the hidden file is newer than the live one.
fn age(names: &Names, name: &OsStr) -> Option<(u8, Option<Slot>)> {
    match names.role(name)? {
        Role::Hidden => Some((0, None)),
        Role::Live => Some((1, None)),
        Role::Backup(slot) | Role::Packed(slot, _) => Some((2, Some(slot))),
        Role::Lock | Role::AlertTemporary | Role::LinkTemporary | Role::PackTemporary => None,
    }
}

fn unpack(path: PathBuf) -> Result<LogFile> {
    let context = || path.display().to_string();
    let mut bytes = Vec::new();
    let file = File::open(&path).with_context(context)?;
    match path.extension().and_then(OsStr::to_str) {
        Some("gz") => flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes),
        Some("zst") => {
            ruzstd::decoding::StreamingDecoder::new(file).with_context(context)?.read_to_end(&mut bytes)
        }
        _ => (&file).read_to_end(&mut bytes),
    }
    .with_context(context)?;
    Ok(LogFile { path, bytes })
}
