//! What the process under test asked of the disk, call by call.
//! What others did to the disk is not in it.

use std::path::PathBuf;

use crate::model::error::{Op, OsError};
use crate::model::time::Mono;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Its number; the first call has 1. Numbers go on over restarts.
    pub seq: u64,
    /// What was asked.
    pub op: Op,
    /// Of which path. For an open file: the name that it has now, or had last.
    pub path: PathBuf,
    /// The second path, where the operation has two.
    pub to: Option<PathBuf>,
    /// Bytes handed to a write, or wanted by a truncation; else 0.
    pub bytes: u64,
    /// Bytes that a write took; else 0.
    pub taken: u64,
    /// What came of it.
    pub result: Result<(), OsError>,
    /// When, if the disk has been given a clock.
    pub at: Option<Mono>,
}
