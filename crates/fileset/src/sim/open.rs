//! What the process has open on the simulated disk, and what becomes of it when other code closes it. What can be done
//! with an open file is in `file`.

use super::names::Ino;

/// A descriptor: of which process, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fd {
    pub(super) process: Option<u64>,
    /// What it was opened on.
    pub(super) ino: Ino,
    /// Since which closing of all descriptors.
    pub(super) epoch: u64,
}

impl Fd {
    /// What is not open on this disk, but on another.
    pub(super) const UNKNOWN: Self = Self { process: None, ino: 0, epoch: u64::MAX };
}

/// Which descriptors still are what they were opened as.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// Descriptors of an earlier one are lost.
    pub(super) epoch: u64,
    /// What the lost ones stand for now; none: they are closed.
    pub(super) instead: Option<Ino>,
}

impl Opened {
    /// Whether lost descriptors keep the inode alive.
    pub(super) fn stands_for(&self, ino: Ino) -> bool {
        self.instead == Some(ino)
    }
}
