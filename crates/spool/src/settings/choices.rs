//! Values of settings that are a choice of words. What follows from a choice is decided where it acts.

use std::time::Duration;

/// What happens to a record that finds the queue full.
///
/// Where records are dropped, full is a matter of level: TRACE and DEBUG are admitted up to 80 % of the bound, INFO up to
/// 95 %, WARN up to 98 %, ERROR up to the bound itself. Where callers wait, all levels wait alike.
///
/// ```
/// use std::time::Duration;
/// use tracing_spool::Overflow;
/// let policy = Overflow::BlockFor(Duration::from_millis(20));
/// assert_ne!(policy, Overflow::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// It is dropped and counted; the caller never waits.
    #[default]
    DropNewest,
    /// The caller waits for room, at most this long; then the record is dropped and counted.
    BlockFor(Duration),
    /// The caller waits for room, as long as it takes. Nothing is lost while the spool is open; a disk that stays
    /// full stops the application.
    Block,
}

/// What happens to records that come after the spool was shut down.
///
/// ```
/// assert_eq!(tracing_spool::LateRecords::default(), tracing_spool::LateRecords::Count);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LateRecords {
    /// They are dropped and counted as `closed`.
    #[default]
    Count,
    /// The caller writes them itself, one at a time: it may wait for the disk, and for other callers. The log stays
    /// locked until the last clone of the [`Spool`](crate::Spool) is gone.
    Write,
}

/// How a spool speaks of itself in the log: lost records, trouble that is over, repairs at start.
///
/// ```
/// assert_eq!(tracing_spool::Notices::default(), tracing_spool::Notices::Text);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notices {
    /// A line as `tracing_subscriber::fmt` writes it, from the target `tracing_spool`.
    #[default]
    Text,
    /// An object as `tracing_subscriber::fmt().json()` writes it.
    Json,
    /// Not at all.
    Off,
}
