//! What an appender with dated names asks of the file system: open, list, remove, link.
//! It decides nothing. (The engine's seam has neither lists nor links, and its files have a lock and a budget.)
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the one place of this module where files are opened, removed and linked"
)]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A file open for appending.
pub(super) type Appending = File;

/// Opens a file for appending, or makes it.
pub(super) fn open(path: &Path) -> io::Result<Appending> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Makes a directory and those above it, as far as they are missing.
pub(super) fn make_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The names of the regular files in a directory; those that are not UTF-8 are left out.
pub(super) fn files(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Lets `link` be a symbolic link to `target`, in one step where it was one already. What is no link is not replaced.
pub(super) fn link(target: &Path, link: &Path) -> io::Result<()> {
    match fs::symlink_metadata(link) {
        Ok(there) if !there.is_symlink() => return Err(io::ErrorKind::AlreadyExists.into()),
        _ => {}
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(link.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".new");
    let temporary = link.with_file_name(name);
    match fs::symlink_metadata(&temporary) {
        Ok(there) if there.is_symlink() => fs::remove_file(&temporary)?, // left by a kill
        _ => {}
    }
    symlink(target, &temporary)?;
    fs::rename(&temporary, link).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
