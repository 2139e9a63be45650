//! Moments, and the pair of clocks that the engine is told. Nothing here reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment on a monotonic clock, counted from an arbitrary start. Deadlines use it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// Returns the moment that is `since_start` after the clock's start.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracing_spool_fileset::Mono;
    /// let start = Mono::from_start(Duration::ZERO);
    /// assert_eq!(start + Duration::from_secs(2) - start, Duration::from_secs(2));
    /// ```
    #[must_use]
    pub const fn from_start(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Returns how long after the clock's start this moment is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }
}

impl Add<Duration> for Mono {
    type Output = Self;
    fn add(self, delay: Duration) -> Self {
        Self(self.0.saturating_add(delay))
    }
}

impl Sub for Mono {
    type Output = Duration;
    /// Returns the time from `earlier` to this moment, or zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// A moment on the wall clock, in microseconds since 1970 UTC. That clock may step, so it is only shown and never
/// waited for. Displays as RFC 3339 in UTC.
///
/// ```
/// use tracing_spool_fileset::Wall;
/// assert_eq!(Wall::from_unix_micros(1_795_544_351_000_250).to_string(), "2026-11-24T18:19:11.000250Z");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(i64);

impl Wall {
    /// Returns the moment that is `micros` microseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn unix_micros(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{} µs since 1970", self.0),
        }
    }
}

/// Serialises as the RFC 3339 text that it displays.
#[cfg(feature = "serde")]
impl serde::Serialize for Wall {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What both clocks show at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for deadlines.
    pub mono: Mono,
    /// The wall clock, for people.
    pub wall: Wall,
}
