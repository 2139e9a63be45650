//! How bad an error is: by operation and errno, never by text.
//! What is then done about it is decided where it happened.

use nix::errno::Errno;

use super::errno::{Op, OsError};

/// What an error means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// May pass by itself in a moment: retried on the schedule.
    Transient,
    /// No room: own backups go, then records wait.
    NoSpace,
    /// The file may not grow: rotate now.
    TooLarge,
    /// What the path named is not there.
    Gone,
    /// The name is taken: the directory is not as it was last seen.
    Taken,
    /// This file system, or a filter before it, cannot do that: said once, and done without.
    Unsupported,
    /// This one file may not be moved or removed: it is stepped over.
    Immovable,
    /// Alert now, spend no retries, keep probing.
    Permanent,
}

/// The class of `error`, coming from `op`.
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
        // `flock` says so of a lock that another process holds: waiting does not help.
        (Op::Lock, Errno::EAGAIN) => Class::Permanent,
        // EINTR comes here only after it was repeated many times.
        (_, Errno::EAGAIN | Errno::EBUSY | Errno::ETXTBSY | Errno::EINTR) => Class::Transient,
        (Op::Write | Op::Create, Errno::ENOSPC | Errno::EDQUOT) => Class::NoSpace,
        (Op::Write, Errno::EFBIG) => Class::TooLarge,
        // EBADF: the descriptor was closed behind our back.
        (_, Errno::ENOENT | Errno::ESTALE | Errno::EBADF) => Class::Gone,
        (Op::SyncDir | Op::Sync | Op::Lock, errno) if is_unsupported(op, errno) => Class::Unsupported,
        (Op::Rename | Op::Unlink, Errno::EPERM | Errno::EACCES) => Class::Immovable,
        (Op::Create | Op::Rename, Errno::EEXIST) => Class::Taken,
        _ => Class::Permanent,
    }
}

/// What systems say of a call that a file system does not have.
fn is_unsupported(op: Op, errno: Errno) -> bool {
    // On some systems both have one number.
    matches!(errno, Errno::EINVAL | Errno::ENOSYS)
        || errno == Errno::EOPNOTSUPP
        || errno == Errno::ENOTSUP
        || (op == Op::Lock && errno == Errno::ENOLCK)
}

/// Whether a failed sync means that bytes already written may be lost: such a file is never synced again, because a
/// second sync would report success for pages that the kernel has thrown away.
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
