//! The file system as an appender with dated names uses it: open, list, measure, remove, link. It decides nothing. (The
//! engine's seam `Fs` works by name in a directory that it holds open; here each path is resolved anew.)
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the one place of this package where files are opened, removed and linked"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

/// A file open for appending.
pub(super) type Appending = File;

/// Opens a file for appending, or creates it with `mode`, subject to umask. Returns its length too.
pub(super) fn open(path: &Path, mode: u32) -> io::Result<(Appending, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(mode).open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

/// Creates a directory and its missing parents.
pub(super) fn make_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Returns the names of the regular files in a directory, without those that aren't UTF-8.
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

/// The length of a regular file; none if there is none of that name.
pub(super) fn length(path: &Path) -> io::Result<Option<u64>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        there => Ok(Some(there?).filter(Metadata::is_file).map(|there| there.len())),
    }
}

/// Where the file ends by now, whoever wrote to it; none of a pipe. Asked before each record: a stat tells too, but on Linux
/// 6.18 it took longer than the write, and this a quarter of it.
pub(super) fn end(mut file: &Appending) -> Option<u64> {
    file.seek(SeekFrom::End(0)).ok()
}

/// Removes a file. It is no error if the file is already gone.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The one path of a directory; of one that is missing, what it is by its words.
pub(super) fn real(directory: &Path) -> PathBuf {
    fs::canonicalize(directory).unwrap_or_else(|_| {
        let path = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        path.components().fold(PathBuf::new(), |mut real, part| {
            match part {
                Component::ParentDir => drop(real.pop()),
                part => real.push(part),
            }
            real
        })
    })
}

/// Returns what is at a path if it isn't a symbolic link: its kind, in words.
pub(super) fn other_than_link(path: &Path) -> Option<&'static str> {
    let there = fs::symlink_metadata(path).ok().filter(|there| !there.is_symlink())?;
    Some(if there.is_dir() { "a directory" } else { "a file" })
}

/// Makes `link` a symbolic link to `target`, atomically if it was a link already. Anything but a link isn't replaced.
pub(super) fn link(target: &Path, link: &Path) -> io::Result<()> {
    if other_than_link(link).is_some() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(link.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(".new");
    let temporary = link.with_file_name(name);
    if fs::symlink_metadata(&temporary).is_ok_and(|there| there.is_symlink()) {
        fs::remove_file(&temporary)?; // left over from a process that was killed
    }
    symlink(target, &temporary)?;
    fs::rename(&temporary, link).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
