//! The clocks. This is the only place in the package that reads one, and only for a `FileSet` used as an `io::Write`.

use std::fmt;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::model::time::{Mono, Now, Wall};

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns what both clocks show now.
    fn now(&self) -> Now;
}

/// The clocks of the operating system.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// Creates a clock whose monotonic part starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Now {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Now { mono: Mono::from_start(self.start.elapsed()), wall: Wall::from_unix_micros(micros) }
    }
}
