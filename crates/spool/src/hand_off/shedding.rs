//! Who is shed first when the queue fills: the fill up to which each level is let in.

use crate::account::rank::Rank;
use crate::settings::overflow::Overflow;

/// The fill, in percent of the bound and with the record itself, up to which records of a level are admitted. Where callers
/// wait, all levels wait alike.
pub(crate) fn mark_percent(overflow: Overflow, rank: Rank) -> u8 {
    match (overflow, rank) {
        (Overflow::BlockFor(_) | Overflow::Block, _) | (_, Rank::Error) => 100,
        (_, Rank::Warn) => 98,
        (_, Rank::Info) => 95,
        (_, Rank::Trace | Rank::Debug) => 80,
    }
}
