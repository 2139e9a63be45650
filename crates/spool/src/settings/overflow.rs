//! What happens to a record that finds the queue full: the choices. Who waits, and who is shed, is `hand_off`'s.

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
