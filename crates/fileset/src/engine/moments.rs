//! When something last happened to a file set, for those who watch it. Nothing is decided by it.

use super::Engine;
use crate::model::time::Wall;

/// When something last happened to an [`Engine`], on the clock on the wall.
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

impl Engine {
    /// When something last happened.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use tracing_spool_fileset::{Batch, Clock, Engine, Settings, SystemClock};
    /// let clock = SystemClock::new();
    /// let mut set = Engine::open(Settings::new(&path), clock.now())?;
    /// assert_eq!(set.moments().last_write, None);
    /// let mut batch = Batch::default();
    /// batch.push(b"hello", &set.settings().rules());
    /// set.append(&mut batch, clock.now());
    /// assert!(set.moments().last_write.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn moments(&self) -> Moments {
        Moments { blocked_since: self.writing.hold.as_ref().map(|hold| hold.since), ..self.desk.moments }
    }
}
