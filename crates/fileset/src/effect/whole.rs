//! Writes small files that others read, and that nobody sees half-written: a temporary beside the target, then a rename
//! onto it. Content and error handling are up to the caller.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use tracing_spool_process::ProcessLock;

use super::disk::Disk;
use super::fs::{At, Fs};
use super::patient::Patient;
use super::site::open_dir;
use crate::model::error::{Failure, Op, OsError};

/// Two at once with one target would share a temporary.
static ONE_AT_A_TIME: ProcessLock<()> = ProcessLock::new(());

/// Puts a file with these bytes at `path`, in place of what stands there. A reader finds either the old file or the new
/// one, whole. `mode` is subject to the umask. Nothing is synced. The temporary file is `.NAME.tmp`, beside the target.
///
/// # Errors
///
/// Returns what failed. The old file is then unchanged, and the temporary is removed if possible.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.prom");
/// tracing_spool_fileset::internal::whole::put(&path, 0o644, b"app_up 1\n")?;
/// assert_eq!(std::fs::read(&path)?, b"app_up 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn put(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
    let _one = ONE_AT_A_TIME.lock();
    put_on(&Patient(Box::new(Disk::new())), path, mode, bytes)
}

fn put_on(fs: &dyn Fs, path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Failure> {
    let name = path.file_name().ok_or_else(|| Failure::new(Op::Create, path, OsError::EINVAL))?;
    let dir = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let dir = open_dir(fs, dir)?;
    let (temporary, target) = (dir.at(hidden(name)), dir.at(name));
    let outcome = write(fs, &temporary, mode, bytes).and_then(|()| {
        let replaced = fs.replace(&temporary, &target);
        replaced.map_err(|error| Failure::between(Op::Replace, temporary.path(), path, error))
    });
    if outcome.is_err() {
        // What has failed is said by the first failure; the next call removes what this one cannot.
        let _ = fs.unlink(&temporary);
    }
    outcome
}

/// Hidden, and with an ending that no reader of the target's kind looks for.
fn hidden(name: &OsStr) -> OsString {
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(".tmp");
    hidden
}

/// Creates a file with these bytes, in the place of one that a kill has left.
pub(crate) fn write(fs: &dyn Fs, at: &At, mode: u32, mut bytes: &[u8]) -> Result<(), Failure> {
    let failed = |op, error| Failure::new(op, at.path(), error);
    let mut created = fs.create(at, mode);
    if matches!(created, Err(OsError::EEXIST)) {
        // Left by a kill; the name is ours.
        fs.unlink(at).map_err(|error| failed(Op::Unlink, error))?;
        created = fs.create(at, mode);
    }
    let mut file = created.map_err(|error| failed(Op::Create, error))?;
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(failed(Op::Write, OsError::EIO)),
            Ok(count) => bytes = &bytes[count.min(bytes.len())..],
            Err(error) => return Err(failed(Op::Write, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Fault, SimDisk};

    const PATH: &str = "/metrics/app.prom";
    const TEMPORARY: &str = "/metrics/.app.prom.tmp";

    fn disk() -> SimDisk {
        let disk = SimDisk::new();
        disk.mkdir_all("/metrics");
        disk.put(PATH, "old");
        disk
    }

    fn put(disk: &SimDisk) -> Result<(), Failure> {
        put_on(&Patient(disk.fs()), Path::new(PATH), 0o644, b"new")
    }

    #[test]
    fn a_reader_finds_the_old_file_or_the_new_one() {
        for op in [Op::Create, Op::Write, Op::Replace] {
            let disk = disk();
            disk.fault(Fault::on(op).nth(1).fails(OsError::ENOSPC).once());
            let failure = put(&disk).unwrap_err();
            assert_eq!((failure.op, failure.error), (op, OsError::ENOSPC));
            assert_eq!(disk.read(PATH).unwrap(), b"old", "{op}");
            assert!(!disk.exists(TEMPORARY), "{op}: the temporary still stands");
            put(&disk).unwrap();
            assert_eq!(disk.read(PATH).unwrap(), b"new");
        }
    }

    #[test]
    fn a_temporary_that_a_kill_left_is_no_hindrance() {
        let disk = disk();
        disk.put(TEMPORARY, "half");
        disk.set_short_writes(Some(1));
        put(&disk).unwrap();
        assert_eq!((disk.read(PATH).unwrap(), disk.exists(TEMPORARY)), (b"new".to_vec(), false));
    }

    #[test]
    fn a_path_that_names_no_file_is_an_error() {
        let disk = disk();
        let failure = put_on(&Patient(disk.fs()), Path::new("/"), 0o644, b"new").unwrap_err();
        assert_eq!(failure.error, OsError::EINVAL);
    }
}
