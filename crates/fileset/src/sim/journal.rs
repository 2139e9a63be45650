//! What the process under test asked of the disk, call by call. What others did to the disk is not in it.

use std::path::PathBuf;

use crate::model::error::{Op, OsError};
use crate::model::time::Mono;

/// One call of the process under test.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The number of the call. The first has 1, and numbers go on over restarts.
    pub seq: u64,
    /// The operation.
    pub op: Op,
    /// The path of the operation. For an open file, the name that it has now, or had last.
    pub path: PathBuf,
    /// The second path, for an operation that has two.
    pub to: Option<PathBuf>,
    /// The bytes passed to a write, or the size wanted by a truncation; otherwise 0.
    pub bytes: u64,
    /// The bytes that a write took; otherwise 0.
    pub taken: u64,
    /// The result.
    pub result: Result<(), OsError>,
    /// When the call was made, if the disk has a clock.
    pub at: Option<Mono>,
}
