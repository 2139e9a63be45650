//! Load shedding: the fill up to which each level is admitted.

use crate::account::rank::Rank;
use crate::settings::overflow::Overflow;

/// Returns the watermark of a level: the fill, in percent of the bound and including the record itself, up to which its
/// records are admitted. If callers wait, all levels wait alike.
pub(crate) fn mark_percent(overflow: Overflow, rank: Rank) -> u8 {
    match (overflow, rank) {
        (Overflow::BlockFor(_) | Overflow::Block, _) | (_, Rank::Error) => 100,
        (_, Rank::Warn) => 98,
        (_, Rank::Info) => 95,
        (_, Rank::Trace | Rank::Debug) => 80,
    }
}
