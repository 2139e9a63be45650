//! When something last happened to a file set, for those who watch it. Nothing is decided by it.

use crate::model::time::Wall;

/// When something last happened to an [`Engine`](crate::Engine), on the clock on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Moments {
    /// The last `write(2)` that wrote something, since the set was opened.
    pub last_write: Option<Wall>,
    /// The last rotation that was finished, since the set was opened.
    pub last_rotation: Option<Wall>,
    /// Since when records wait, as long as they do.
    pub blocked_since: Option<Wall>,
}
