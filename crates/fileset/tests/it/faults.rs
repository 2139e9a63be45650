//! Chooses by a seed which calls fail, and with which errors. It proves nothing itself.

use tracing_spool_fileset::{Op, OsError};

/// Errors that a call may fail with. `EFBIG` is missing: it says of a record that it can never be written.
pub(crate) const ERRORS: [OsError; 12] = [
    OsError::EAGAIN,
    OsError::EBUSY,
    OsError::EINTR,
    OsError::EACCES,
    OsError::EPERM,
    OsError::ENOSPC,
    OsError::EROFS,
    OsError::EIO,
    OsError::EDQUOT,
    OsError::EMFILE,
    OsError::ENOMEM,
    OsError::ELOOP,
];

/// Calls that may fail. Without `Truncate`: a fragment that cannot be cut stays, which other tests are about.
pub(crate) const OPS: [Op; 10] = [
    Op::Stat,
    Op::Open,
    Op::Create,
    Op::Write,
    Op::Sync,
    Op::Rename,
    Op::Replace,
    Op::Unlink,
    Op::SyncDir,
    Op::Space,
];
