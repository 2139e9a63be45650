//! A draft: a record in the making, in memory of the thread that makes it. Pieces are joined here, so that the queue only
//! ever sees whole records. Each thread reuses its memory.

use std::cell::Cell;

use crate::account::rank::Rank;

/// Longer buffers aren't kept for the next record.
const KEPT_BYTES: usize = 16 * 1024;
const FIRST_BYTES: usize = 512;

thread_local! {
    /// Two, because an event may go to two logs at once.
    static SPARE: [Cell<Vec<u8>>; 2] = const { [const { Cell::new(Vec::new()) }; 2] };
}

/// A draft.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) rank: Rank,
    pub(crate) bytes: Vec<u8>,
    /// Bytes that exceed the longest record.
    pub(crate) missing: usize,
}

impl Draft {
    /// Returns an empty draft, which owns no memory yet.
    pub(crate) fn new(rank: Rank) -> Self {
        Self { rank, bytes: Vec::new(), missing: 0 }
    }

    /// Appends a piece. Bytes beyond `longest` are counted as missing.
    pub(crate) fn push(&mut self, piece: &[u8], longest: usize) {
        if self.bytes.capacity() == 0 {
            self.begin();
        }
        let kept =
            if self.missing > 0 { 0 } else { piece.len().min(longest.saturating_sub(self.bytes.len())) };
        self.bytes.extend_from_slice(&piece[..kept]);
        self.missing = self.missing.saturating_add(piece.len() - kept);
    }

    fn begin(&mut self) {
        // A third draft on this thread, or one made while the thread ends, gets memory of its own.
        let take = |spare: &[Cell<Vec<u8>>; 2]| {
            let first = spare[0].take();
            if first.capacity() > 0 { first } else { spare[1].take() }
        };
        self.bytes = SPARE.try_with(take).unwrap_or_default();
        if self.bytes.capacity() == 0 {
            self.bytes.reserve_exact(FIRST_BYTES);
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if (1..=KEPT_BYTES).contains(&self.bytes.capacity()) {
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            let _ = SPARE.try_with(|spare| {
                // The buffer in the first slot moves to the second, and the one that was there is freed.
                let before = spare[0].replace(bytes);
                if before.capacity() > 0 {
                    spare[1].set(before);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_pieces_together_and_counts_what_does_not_fit() {
        let mut draft = Draft::new(Rank::Info);
        draft.push(b"one ", 6);
        draft.push(b"two", 6);
        draft.push(b"x", 6);
        assert_eq!((&draft.bytes[..], draft.missing), (&b"one tw"[..], 2));
    }

    #[test]
    fn memory_is_used_again_unless_there_is_much_of_it() {
        let mut draft = Draft::new(Rank::Info);
        draft.push(&[b'x'; 2_000], 1 << 20);
        let at = draft.bytes.as_ptr();
        drop(draft);
        let mut draft = Draft::new(Rank::Info);
        draft.push(b"x", 1);
        assert_eq!((draft.bytes.as_ptr(), draft.bytes.len()), (at, 1));
        let mut second = Draft::new(Rank::Info);
        second.push(b"x", 1);
        assert_ne!(second.bytes.as_ptr(), at, "two at a time");
        let both = [at, second.bytes.as_ptr()];
        drop(draft);
        drop(second);
        let [mut draft, mut second] = [Draft::new(Rank::Info), Draft::new(Rank::Info)];
        draft.push(b"x", 1);
        second.push(b"x", 1);
        assert!(both.contains(&draft.bytes.as_ptr()) && both.contains(&second.bytes.as_ptr()));
        draft.push(&[b'x'; KEPT_BYTES + 1], 1 << 20);
        drop(second);
        drop(draft);
        let mut draft = Draft::new(Rank::Info);
        draft.push(b"x", 1);
        assert!(draft.bytes.capacity() <= KEPT_BYTES);
    }
}
