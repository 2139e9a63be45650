//! The virtual clock: time passes when a test says so. It wakes nobody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::effect::clock::Clock;
use crate::model::time::{Mono, Now, Wall};

/// 2026-01-01T00:00:00Z.
const START: Wall = Wall::from_unix_micros(1_767_225_600_000_000);

/// A clock that stands still between calls of [`advance`](Self::advance). Clones show the same time.
#[derive(Clone, Debug)]
pub struct SimClock {
    now: Arc<Mutex<Now>>,
}

impl SimClock {
    /// Creates a clock at zero whose wall clock shows the start of the year 2026.
    #[must_use]
    pub fn new() -> Self {
        let now = Now { mono: Mono::from_start(Duration::ZERO), wall: START };
        Self { now: Arc::new(Mutex::new(now)) }
    }

    /// Returns what both clocks show.
    #[must_use]
    pub fn now(&self) -> Now {
        *self.time()
    }

    /// Advances both clocks by `by`.
    pub fn advance(&self, by: Duration) {
        let mut now = self.time();
        now.mono = now.mono + by;
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        now.wall = Wall::from_unix_micros(now.wall.unix_micros().saturating_add(micros));
    }

    /// Steps the wall clock alone by `micros` microseconds, as an administrator or NTP does; backwards if negative.
    pub fn step_wall(&self, micros: i64) {
        let mut now = self.time();
        now.wall = Wall::from_unix_micros(now.wall.unix_micros().saturating_add(micros));
    }

    fn time(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Now {
        *self.time()
    }
}
