//! What followed the last newline: the beginning of a line. It holds no more of it than a record may have, and counts
//! the rest.

use crate::model::batch::Batch;
use crate::model::render::Rules;

/// Bytes that are held beyond the longest record, so that its cut falls where it would if none were missing.
const MARGIN_BYTES: u64 = 64;

#[derive(Debug, Default)]
pub(super) struct Rest {
    bytes: Vec<u8>,
    /// Bytes of the line that were not held.
    missing: usize,
}

impl Rest {
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.missing = 0;
    }

    /// Holds more of the line, whose end has not arrived yet.
    pub(super) fn hold(&mut self, bytes: &[u8], record_limit: u64) {
        let room = usize::try_from(record_limit + MARGIN_BYTES)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.bytes.len());
        let kept = bytes.len().min(room);
        self.bytes.extend_from_slice(&bytes[..kept]);
        self.missing += bytes.len() - kept;
    }

    /// Adds the line that ends with `end` to a batch. What is held stays held until the line was taken.
    pub(super) fn push_with(&mut self, end: &[u8], batch: &mut Batch, rules: &Rules) {
        if self.is_empty() {
            batch.push(end, rules);
        } else if self.missing > 0 {
            batch.push_cut(&self.bytes, self.missing + end.len() - 1, rules);
        } else {
            batch.push(&[&self.bytes, end].concat(), rules);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pieces: &[&str], end: &str, limit: usize) -> String {
        let rules = Rules { max_bytes: limit, ..Rules::default() };
        let (mut rest, mut batch) = (Rest::default(), Batch::default());
        for piece in pieces {
            rest.hold(piece.as_bytes(), limit as u64);
            assert!(rest.bytes.len() <= limit + 64);
        }
        rest.push_with(end.as_bytes(), &mut batch, &rules);
        String::from_utf8(batch.unwritten().to_vec()).unwrap()
    }

    #[test]
    fn pieces_make_the_line_that_they_are() {
        assert_eq!(line(&[], "one\n", 100), "one\n");
        assert_eq!(line(&["o", "n"], "e\n", 100), "one\n");
        assert_eq!(line(&["one"], "\n", 100), "one\n");
    }

    #[test]
    fn a_line_without_end_is_cut_as_if_it_had_come_at_once() {
        let long = "x".repeat(1_000);
        let whole = line(&[], &format!("{long}\n"), 100);
        for size in [1, 7, 99, 100, 163, 164, 165, 999] {
            let pieces: Vec<&str> =
                long.as_bytes().chunks(size).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
            assert_eq!(line(&pieces, "\n", 100), whole, "{size}");
        }
    }
}
