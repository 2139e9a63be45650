//! When things last happened to a file set, for whoever watches it. Nothing is decided by it.

use crate::model::time::Wall;

/// When things last happened to an [`Engine`](crate::Engine), by the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Moments {
    /// The last `write(2)` that wrote something, since the set was opened.
    pub last_write: Option<Wall>,
    /// The end of the last rotation since the set was opened.
    pub last_rotation: Option<Wall>,
    /// Since when records wait; `None` if they don't.
    pub blocked_since: Option<Wall>,
}
