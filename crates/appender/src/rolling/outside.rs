//! What an appender has from outside: a clock, the local time zone, and a door to stderr. Tests bring their own.

use std::fmt::Display;
use std::panic::{RefUnwindSafe, UnwindSafe};

use jiff::tz::TimeZone;
use tracing_spool_fileset::{Clock, SystemClock};

use super::init_error::InitError;
use super::zone;

/// A clock that a panic elsewhere cannot leave wrong: the appender is safe to use after one.
pub(super) type Watch = Box<dyn Clock + UnwindSafe + RefUnwindSafe>;

/// Says a line on stderr without waiting; false if it could not.
pub(super) type Say = fn(&dyn Display) -> bool;

#[derive(Debug)]
pub(super) struct Outside {
    pub(super) clock: Watch,
    pub(super) local_zone: fn() -> Result<TimeZone, InitError>,
    pub(super) say: Say,
}

impl Outside {
    /// The operating system's.
    pub(super) fn system() -> Self {
        Self {
            clock: Box::new(SystemClock::new()),
            local_zone: zone::local,
            say: |line| tracing_spool::internal::say(line),
        }
    }
}
