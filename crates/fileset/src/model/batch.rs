//! Records on their way to a file: their bytes, where each ends, and how many are written. It does not write, and does
//! not know what a record says.

use super::render::{Rendered, Rules, render, unprintable};

/// A run of whole records, rendered and ready to be written. It remembers its first unwritten byte, so a failed or
/// short write loses nothing.
///
/// ```
/// use tracing_spool_fileset::{Batch, Rules};
/// let mut batch = Batch::default();
/// batch.push(b"hello", &Rules::default());
/// assert_eq!(batch.unwritten(), b"hello\n");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    written: usize,
    finished: usize,
    /// Records that were given up, by their place in the batch.
    refused: Vec<usize>,
}

impl Batch {
    /// Creates an empty batch with room for `bytes` bytes.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a record, rendered by `rules`. An empty record is ignored.
    pub fn push(&mut self, record: &[u8], rules: &Rules) -> Rendered {
        self.push_cut(record, 0, rules)
    }

    /// Adds a record from which `missing` bytes were cut before it arrived here.
    pub fn push_cut(&mut self, record: &[u8], missing: usize, rules: &Rules) -> Rendered {
        if record.is_empty() && missing == 0 {
            return Rendered::default();
        }
        let rendered = render(record, missing, rules, &mut self.bytes);
        self.ends.push(self.bytes.len());
        rendered
    }

    /// Adds several records at once, if each is a line of printable ASCII, and returns whether it did. If one is not,
    /// none is added.
    ///
    /// The records lie end to end in `lines`, each up to the next of `ends`. Such lines need no rendering, and checking
    /// all of them together is far cheaper than checking each.
    ///
    /// ```
    /// use tracing_spool_fileset::{Batch, Rules};
    /// let (mut batch, rules) = (Batch::default(), Rules::default());
    /// assert!(batch.push_lines(b"one\ntwo\n", [4, 8], &rules));
    /// assert!(!batch.push_lines(b"\x1b[1m\n", [5], &rules));
    /// assert_eq!((batch.records(), batch.unwritten()), (2, &b"one\ntwo\n"[..]));
    /// ```
    #[must_use]
    pub fn push_lines(&mut self, lines: &[u8], ends: impl IntoIterator<Item = usize>, rules: &Rules) -> bool {
        let (begun, records) = (self.bytes.len(), self.ends.len());
        let mut start = 0;
        for end in ends {
            let line = lines.get(start..end).unwrap_or_default();
            if !line.ends_with(b"\n") || line.len() > rules.max_bytes {
                self.ends.truncate(records);
                return false;
            }
            self.ends.push(begun + end);
            start = end;
        }
        // Each line ends in one byte that is not printable. If there are no more such bytes than lines, none is inside
        // a line.
        let plain = start == lines.len() && unprintable(lines) == self.ends.len() - records;
        if plain {
            self.bytes.extend_from_slice(lines);
        } else {
            self.ends.truncate(records);
        }
        plain
    }

    /// Forgets the records of which nothing was written. Their owner puts them back, or renders them again.
    pub fn forget_unbegun(&mut self) {
        self.ends.truncate(self.finished + usize::from(self.partial() > 0));
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    /// Returns the number of records pushed since the last [`clear`](Self::clear).
    #[must_use]
    pub fn records(&self) -> usize {
        self.ends.len()
    }

    /// Returns the number of records that are done: completely written, or [refused](Self::refused).
    #[must_use]
    pub fn finished(&self) -> usize {
        self.finished
    }

    /// Returns the records that no file could take and that were given up, by their place in the batch, in order.
    #[must_use]
    pub fn refused(&self) -> &[usize] {
        &self.refused
    }

    /// Returns whether every record is done.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.finished == self.ends.len()
    }

    /// Returns the bytes pushed since the last [`clear`](Self::clear), written or not.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the bytes that are not in a file yet.
    #[must_use]
    pub fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Returns how many bytes of the current record are in a file already: more than 0 only in the middle of a record.
    #[must_use]
    pub fn partial(&self) -> usize {
        self.written - self.record_start()
    }

    /// Returns the number of unwritten bytes of the current record, or 0 if all records are done.
    #[must_use]
    pub fn next_len(&self) -> usize {
        self.ends.get(self.finished).map_or(0, |end| end - self.written)
    }

    /// Returns the unwritten bytes of each record that is not done, in order.
    pub fn lens(&self) -> impl Iterator<Item = usize> + '_ {
        let mut start = self.written;
        self.ends[self.finished..].iter().map(move |end| end - std::mem::replace(&mut start, *end))
    }

    /// Returns all bytes of the current record, including those that are in a file, or an empty slice if all records
    /// are done.
    #[must_use]
    pub fn record_in_hand(&self) -> &[u8] {
        self.ends.get(self.finished).map_or(&[], |end| &self.bytes[self.record_start()..*end])
    }

    /// Returns how many records end within the next `bytes` unwritten bytes.
    #[must_use]
    pub fn ended_by(&self, bytes: usize) -> usize {
        let until = self.written.saturating_add(bytes);
        self.ends[self.finished..].partition_point(|end| *end <= until)
    }

    /// Returns the largest number of unwritten bytes, up to `limit`, that ends at the end of a record, or 0 if not even
    /// the current record fits.
    #[must_use]
    pub fn whole_within(&self, limit: u64) -> usize {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(self.written);
        let fitting = self.ends[self.finished..].partition_point(|end| *end <= limit);
        match fitting {
            0 => 0,
            count => self.ends[self.finished + count - 1] - self.written,
        }
    }

    /// Records that `count` more bytes are in a file.
    pub fn advance(&mut self, count: usize) {
        self.written = self.bytes.len().min(self.written + count);
        let written = self.written;
        self.finished += self.ends[self.finished..].partition_point(|end| *end <= written);
    }

    /// Goes back to the start of the current record: what was written of it was cut from its file, or stays behind in a
    /// file that is being left.
    pub fn rewind_record(&mut self) {
        self.written = self.record_start();
    }

    /// Gives the current record up: it counts as done, and is in no file.
    pub fn refuse_record(&mut self) {
        let Some(end) = self.ends.get(self.finished) else { return };
        self.written = *end;
        self.refused.push(self.finished);
        self.finished += 1;
    }

    /// Forgets everything. Keeps the memory, unless a huge record made it huge.
    pub fn clear(&mut self) {
        const KEEP_BYTES: usize = 4 << 20;
        self.bytes.clear();
        self.bytes.shrink_to(KEEP_BYTES);
        self.ends.clear();
        self.written = 0;
        self.finished = 0;
        self.refused.clear();
    }

    fn record_start(&self) -> usize {
        self.finished.checked_sub(1).map_or(0, |last| self.ends[last])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(records: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for record in records {
            batch.push(record.as_bytes(), &Rules::default());
        }
        batch
    }

    #[test]
    fn lines_end_behind_what_was_pushed_before() {
        let mut batch = batch(&["before"]);
        assert!(batch.push_lines(b"one\ntwo\n", [4, 8], &Rules::default()));
        let lens = std::iter::from_fn(|| {
            let next = batch.next_len();
            batch.advance(next);
            (next > 0).then_some(next)
        });
        assert_eq!(lens.take(4).collect::<Vec<_>>(), [7, 4, 4]);
        assert_eq!((batch.finished(), batch.is_done()), (3, true));
    }

    #[test]
    fn room_that_was_asked_for_is_there() {
        assert!(Batch::with_capacity(1_000).bytes.capacity() >= 1_000);
    }

    #[test]
    fn whole_records_only() {
        let batch = batch(&["aa", "bbbb", "c"]);
        assert_eq!(batch.whole_within(2), 0);
        assert_eq!(batch.whole_within(3), 3);
        assert_eq!(batch.whole_within(7), 3);
        assert_eq!(batch.whole_within(8), 8);
        assert_eq!(batch.whole_within(u64::MAX), 10);
    }

    #[test]
    fn remembers_the_middle_of_a_record() {
        let mut batch = batch(&["aa", "bbbb"]);
        batch.advance(5);
        assert_eq!((batch.finished(), batch.partial(), batch.next_len()), (1, 2, 3));
        assert_eq!(batch.unwritten(), b"bb\n");
        assert_eq!(batch.lens().collect::<Vec<_>>(), [3]);
        batch.rewind_record();
        assert_eq!((batch.finished(), batch.partial()), (1, 0));
        assert_eq!(batch.unwritten(), b"bbbb\n");
        batch.advance(5);
        assert!(batch.is_done());
        assert_eq!((batch.next_len(), batch.partial(), batch.whole_within(u64::MAX)), (0, 0, 0));
    }

    #[test]
    fn lines_are_taken_together_or_not_at_all() {
        let rules = Rules { max_bytes: 64, ..Rules::default() };
        let long = format!("{}\n", "x".repeat(64));
        let refused: [(&[u8], &[usize]); 9] = [
            (b"one\ntwo", &[4, 7]),
            (b"o\ne\n", &[4]),
            (b"one\n\x1btwo\n", &[4, 9]),
            ("é\n".as_bytes(), &[3]),
            (b"tab\t\n", &[5]),
            (b"one\n", &[4, 4]),
            (b"one\n", &[]),
            (b"one\n", &[5]),
            (long.as_bytes(), &[65]),
        ];
        for (lines, ends) in refused {
            let mut batch = batch(&["before"]);
            assert!(!batch.push_lines(lines, ends.iter().copied(), &rules), "{lines:?}");
            assert_eq!((batch.records(), batch.unwritten()), (1, &b"before\n"[..]));
            assert!(batch.push_lines(b"a\n~ z\n", [2, 6], &rules));
            assert_eq!((batch.records(), batch.unwritten()), (3, &b"before\na\n~ z\n"[..]));
        }
    }

    #[test]
    fn a_record_given_up_is_done_with_and_known() {
        let mut batch = batch(&["aa", "bbbb", "c"]);
        batch.advance(5);
        batch.refuse_record();
        assert_eq!((batch.finished(), batch.partial(), batch.refused()), (2, 0, &[1][..]));
        assert_eq!(batch.unwritten(), b"c\n");
        batch.refuse_record();
        batch.refuse_record();
        assert!(batch.is_done());
        assert_eq!(batch.refused(), [1, 2]);
        batch.clear();
        assert_eq!(batch.refused(), [0_usize; 0]);
    }

    #[test]
    fn an_empty_record_is_none() {
        let mut batch = batch(&[""]);
        assert_eq!(batch.records(), 0);
        assert!(batch.is_done());
        batch.push(b"x", &Rules::default());
        assert_eq!((batch.records(), batch.bytes()), (1, 2));
        batch.clear();
        assert_eq!((batch.records(), batch.bytes()), (0, 0));
    }
}
