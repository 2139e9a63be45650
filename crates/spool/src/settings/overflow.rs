//! The choices for a record that finds the queue full. `hand_off` decides who waits and who is shed.

use std::time::Duration;

/// What happens to a record that finds the queue full.
///
/// If records are dropped, what counts as full depends on the level: TRACE and DEBUG are admitted up to 80 % of the bound,
/// INFO up to 95 %, WARN up to 98 %, ERROR up to the bound itself. If callers wait, all levels wait alike.
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
    /// Drops the new record and counts it. The caller never waits.
    #[default]
    DropNewest,
    /// Makes the caller wait for room, at most this long. After that the record is dropped and counted.
    BlockFor(Duration),
    /// Makes the caller wait for room as long as it takes. Nothing is lost while the spool is open, but a disk that stays
    /// full stops the application.
    Block,
}
