//! Classifies errors by operation and errno, never by their text. What is then done is decided where the error
//! occurred.

use nix::errno::Errno;

use super::errno::{Op, OsError};

/// What an error means for the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It may pass by itself in a moment: retry on the schedule.
    Transient,
    /// No room: prune, then let records wait.
    NoSpace,
    /// The file may not grow: rotate now.
    TooLarge,
    /// What the path named is not there.
    Gone,
    /// The name is taken: the directory is not as it was last seen.
    Taken,
    /// This file system, or a filter in front of it, can't do that: report it once and do without.
    Unsupported,
    /// This one file may not be moved or removed: skip it.
    Immovable,
    /// Raise an alert now, don't retry, and keep probing.
    Permanent,
}

/// Returns the class of `error` from the operation `op`.
///
/// ```
/// use tracing_spool_fileset::internal::errno_class::{Class, classify};
/// use tracing_spool_fileset::{Op, OsError};
/// assert_eq!(classify(Op::Rename, OsError::EBUSY), Class::Transient);
/// assert_eq!(classify(Op::Write, OsError::ENOSPC), Class::NoSpace);
/// assert_eq!(classify(Op::Rename, OsError::ENOSPC), Class::Permanent);
/// ```
#[must_use]
pub fn classify(op: Op, error: OsError) -> Class {
    match (op, error.errno()) {
        // `flock` reports a lock that another process holds this way. Waiting doesn't help.
        (Op::Lock, Errno::EAGAIN) => Class::Permanent,
        // EINTR only arrives here after the call was repeated many times.
        (_, Errno::EAGAIN | Errno::EBUSY | Errno::ETXTBSY | Errno::EINTR) => Class::Transient,
        (Op::Write | Op::Create, Errno::ENOSPC | Errno::EDQUOT) => Class::NoSpace,
        (Op::Write, Errno::EFBIG) => Class::TooLarge,
        // EBADF: other code in this process closed our descriptor.
        (_, Errno::ENOENT | Errno::ESTALE | Errno::EBADF) => Class::Gone,
        (Op::SyncDir | Op::Sync | Op::Lock, errno) if is_unsupported(op, errno) => Class::Unsupported,
        (Op::Rename | Op::Unlink, Errno::EPERM | Errno::EACCES) => Class::Immovable,
        (Op::Create | Op::Rename, Errno::EEXIST) => Class::Taken,
        _ => Class::Permanent,
    }
}

/// Returns whether systems use this error for a call that a file system doesn't have.
fn is_unsupported(op: Op, errno: Errno) -> bool {
    // On some systems both have the same number.
    matches!(errno, Errno::EINVAL | Errno::ENOSYS)
        || errno == Errno::EOPNOTSUPP
        || errno == Errno::ENOTSUP
        || (op == Op::Lock && errno == Errno::ENOLCK)
}

/// Returns whether a failed sync means that written bytes may be lost. Such a file is never synced again: a second sync
/// would report success although the kernel has dropped the pages.
#[must_use]
pub fn is_lost_by_sync(error: OsError) -> bool {
    matches!(error.errno(), Errno::EIO | Errno::ENOSPC | Errno::EDQUOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transient_anywhere() {
        for op in Op::ALL {
            for error in [OsError::EBUSY, OsError::ETXTBSY, OsError::EINTR] {
                assert_eq!(classify(op, error), Class::Transient, "{op} {error}");
            }
        }
        assert_eq!(classify(Op::Write, OsError::EAGAIN), Class::Transient);
        assert_eq!(classify(Op::Lock, OsError::EAGAIN), Class::Permanent);
    }

    #[test]
    fn room_matters_where_room_is_made() {
        for error in [OsError::ENOSPC, OsError::EDQUOT] {
            for op in Op::ALL {
                let wanted =
                    if matches!(op, Op::Write | Op::Create) { Class::NoSpace } else { Class::Permanent };
                assert_eq!(classify(op, error), wanted, "{op} {error}");
            }
        }
    }

    #[test]
    fn the_rest() {
        assert_eq!(classify(Op::Write, OsError::EFBIG), Class::TooLarge);
        assert_eq!(classify(Op::Truncate, OsError::EFBIG), Class::Permanent);
        assert_eq!(classify(Op::Write, OsError::ESTALE), Class::Gone);
        assert_eq!(classify(Op::Rename, OsError::ENOENT), Class::Gone);
        assert_eq!(classify(Op::Rename, OsError::EEXIST), Class::Taken);
        assert_eq!(classify(Op::MakeDir, OsError::EEXIST), Class::Permanent);
        for error in [OsError::EROFS, OsError::EIO, OsError::EMFILE, OsError::EXDEV] {
            assert_eq!(classify(Op::Rename, error), Class::Permanent, "{error}");
        }
        for error in [OsError::EACCES, OsError::EPERM] {
            assert_eq!(classify(Op::Rename, error), Class::Immovable, "{error}");
            assert_eq!(classify(Op::Unlink, error), Class::Immovable, "{error}");
            assert_eq!(classify(Op::Create, error), Class::Permanent, "{error}");
        }
        assert_eq!(classify(Op::Write, OsError::EBADF), Class::Gone);
    }

    #[test]
    fn what_a_file_system_cannot_do_is_no_failure() {
        for error in [OsError::EINVAL, OsError::ENOSYS, OsError::EOPNOTSUPP, OsError::ENOTSUP] {
            for op in [Op::SyncDir, Op::Sync, Op::Lock] {
                assert_eq!(classify(op, error), Class::Unsupported, "{op} {error}");
            }
            assert_eq!(classify(Op::Write, error), Class::Permanent, "{error}");
        }
        assert_eq!(classify(Op::Lock, OsError::ENOLCK), Class::Unsupported);
        assert_eq!(classify(Op::Sync, OsError::ENOLCK), Class::Permanent);
    }

    #[test]
    fn lost_pages() {
        assert!(is_lost_by_sync(OsError::EIO));
        assert!(is_lost_by_sync(OsError::ENOSPC) && is_lost_by_sync(OsError::EDQUOT));
        assert!(!is_lost_by_sync(OsError::EROFS));
    }
}
