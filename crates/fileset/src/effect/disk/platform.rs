//! What only some systems can do.
//! It holds no fallback: that is the caller's, and the same everywhere.

use std::path::Path;

use crate::effect::fs::Outcome;

/// How nice a thread is that gives way: it gets a tenth of what one of normal priority gets where both want the
/// processor, and still comes to its end on a machine that is never idle.
#[cfg(all(target_os = "linux", any(feature = "gzip", feature = "zstd")))]
const NICE: i32 = 10;

/// Lowers the priority of the calling thread.
#[cfg(all(target_os = "linux", any(feature = "gzip", feature = "zstd")))]
pub(crate) fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};

    // POSIX means the process by it, Linux the thread.
    if getpriority_process(None).is_ok_and(|nice| nice < NICE) {
        let _ = setpriority_process(None, NICE);
    }
}

/// Lowers the priority of the calling thread: elsewhere the process has one for all its threads.
#[cfg(not(all(target_os = "linux", any(feature = "gzip", feature = "zstd"))))]
pub(crate) fn give_way() {}

/// Renames in one step that cannot replace anything; nothing, if kernel or file system cannot do that.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn rename_to_free_name(from: &Path, to: &Path) -> Option<Outcome<()>> {
    use nix::errno::Errno;
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

    match renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE) {
        // EINVAL: the file system does not know the flag. Where it means anything else, the fallback says so.
        Err(Errno::EINVAL | Errno::ENOSYS) => None,
        other => Some(other.map_err(Into::into)),
    }
}

/// Renames in one step that cannot replace anything: not known how on this system.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn rename_to_free_name(_from: &Path, _to: &Path) -> Option<Outcome<()>> {
    None
}
