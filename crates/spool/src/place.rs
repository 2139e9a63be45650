//! Where the next record goes: one word that names the page being filled, which in the order of pages it is, and the
//! granule. It is plain data: who moves it is `queue`'s.
//!
//! Bits 0-19: granule. Bits 20-33: page. Bits 34-63: turn, the number of the page in the order of hand-over.

use crate::shelf::PageId;

const OFFSET_BITS: u32 = 20;
const PAGE_BITS: u32 = 14;
const TURN_BITS: u32 = u64::BITS - OFFSET_BITS - PAGE_BITS;

/// The most pages that the word can name.
pub(crate) const MOST_PAGES: usize = 1 << PAGE_BITS;

/// A picture of the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) u64);

impl Cursor {
    /// The beginning of the first page.
    pub(crate) fn first(page: PageId) -> Self {
        Self(u64::from(page) << OFFSET_BITS)
    }

    pub(crate) fn offset(self) -> usize {
        (self.0 & ((1 << OFFSET_BITS) - 1)) as usize
    }

    pub(crate) fn page(self) -> PageId {
        (self.0 >> OFFSET_BITS & ((1 << PAGE_BITS) - 1)) as PageId
    }

    /// Behind `room` granules more. They must fit into the page.
    pub(crate) fn behind(self, room: usize) -> Self {
        Self(self.0 + room as u64)
    }

    /// The beginning of `page`, as the next in order.
    pub(crate) fn in_next(self, page: PageId) -> Self {
        let turn = (self.0 >> (OFFSET_BITS + PAGE_BITS)).wrapping_add(1);
        Self((turn << (OFFSET_BITS + PAGE_BITS)) + Self::first(page).0)
    }

    /// How many pages further than page number `turn` this is; the word holds the last bits of its own number, far
    /// more than there are pages at a time.
    pub(crate) fn turns_after(self, turn: u64) -> u64 {
        (self.0 >> (OFFSET_BITS + PAGE_BITS)).wrapping_sub(turn) & ((1 << TURN_BITS) - 1)
    }

    /// A granule of page number `turn`, as a number that grows with every record.
    pub(crate) fn place(turn: u64, offset: usize) -> u64 {
        (turn << OFFSET_BITS) + offset as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_page_turn_and_granule() {
        let cursor = Cursor::first(3).behind(5).in_next(16_383).behind(1_000);
        assert_eq!((cursor.page(), cursor.offset(), cursor.turns_after(0)), (16_383, 1_000, 1));
        assert_eq!(cursor.turns_after(1), 0);
    }

    #[test]
    fn turns_begin_anew_without_harm() {
        let last = Cursor(u64::MAX << (OFFSET_BITS + PAGE_BITS));
        assert_eq!(last.turns_after((1 << TURN_BITS) - 2), 1);
        assert_eq!(last.in_next(0).turns_after((1 << TURN_BITS) - 1), 1);
        assert!(Cursor::place(7, 9) < Cursor::place(7, 10) && Cursor::place(7, 10) < Cursor::place(8, 0));
    }
}
