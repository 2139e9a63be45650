//! The outside world of an appender: a clock, the local time zone, and stderr. Tests bring their own.

use std::fmt::Display;
use std::panic::{RefUnwindSafe, UnwindSafe};

use jiff::tz::TimeZone;
use tracing_spool_fileset::{Clock, SystemClock};

use super::init_error::InitError;
use super::zone;

/// A clock that a panic elsewhere can't leave inconsistent, so the appender is safe to use after one.
pub(super) type Watch = Box<dyn Clock + UnwindSafe + RefUnwindSafe>;

/// Prints a line on stderr without waiting. Returns false if that isn't possible.
pub(super) type Say = fn(&dyn Display) -> bool;

#[derive(Debug)]
pub(super) struct Outside {
    pub(super) clock: Watch,
    pub(super) local_zone: fn() -> Result<TimeZone, InitError>,
    pub(super) say: Say,
}

impl Outside {
    /// Returns the outside world of the operating system.
    pub(super) fn system() -> Self {
        Self {
            clock: Box::new(SystemClock::new()),
            local_zone: zone::local,
            say: |line| tracing_spool::internal::say(line),
        }
    }
}
