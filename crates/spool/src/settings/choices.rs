//! Values of settings that are a choice of words. What follows from a choice is decided where it acts.

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
