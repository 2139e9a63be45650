//! The settings whose value is one of a few words. What a choice leads to is decided where it acts.

/// What happens to records that arrive after the spool was shut down.
///
/// ```
/// assert_eq!(tracing_spool::LateRecords::default(), tracing_spool::LateRecords::Count);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LateRecords {
    /// Drops them, and counts them as `closed`.
    #[default]
    Count,
    /// Lets the caller write them itself, one at a time. It may then wait for the disk, and for other callers. The log
    /// stays locked until the last clone of the [`Spool`](crate::Spool) is gone.
    Write,
}

/// The format of notices: the lines that the spool itself adds to the log about lost records, trouble that is over, and
/// repairs at start.
///
/// ```
/// assert_eq!(tracing_spool::Notices::default(), tracing_spool::Notices::Text);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Notices {
    /// Text, as `tracing_subscriber::fmt` writes it, with the target `tracing_spool`.
    #[default]
    Text,
    /// A JSON object, as `tracing_subscriber::fmt().json()` writes it.
    Json,
    /// No notices.
    Off,
}
