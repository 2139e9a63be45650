//! A page: memory that many callers fill side by side without a lock, and that the writer thread reads as they go.
//! It decides neither who may write where (`queue` does) nor where pages come from (`shelf` does).
//!
//! A page is divided into granules of 64 bytes. Whoever owns a run of granules stores its record into their words and
//! then, last, the tag of the first of them (`Release`); the writer thread looks at the tag first (`Acquire`), so it
//! sees either the whole record or none. Tags stand apart from the words, so that no record can look like a tag, and
//! carry the page's turn, so that no tag of an earlier use is taken for one of this. Payload travels as relaxed
//! words: in plain Rust, at the price of a copy by eights.

use crate::rank::Rank;
use crate::sync::{AtomicU64, Ordering};

/// The unit of room in a page, in bytes.
pub(crate) const GRANULE: usize = 64;
const WORD: usize = size_of::<u64>();
const WORDS: usize = GRANULE / WORD;

/// The longest record that goes into a page, in bytes.
pub(crate) const LONGEST: usize = 16 * 1024;

/// What stands at a granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A record of so many bytes.
    Record { rank: Rank, len: usize },
    /// The same; the word behind its bytes says how many are missing.
    Cut { rank: Rank, len: usize },
    /// A record that is too long for a page and travels beside it.
    Long { rank: Rank },
    /// Nothing: the records go on in another page.
    End,
}

const KIND: u64 = 20;
const RANK: u64 = 16;
const TURN: u64 = 24;

impl Tag {
    /// The level of the record; that of an end means nothing.
    pub(crate) fn rank(self) -> Rank {
        match self {
            Self::Record { rank, .. } | Self::Cut { rank, .. } | Self::Long { rank } => rank,
            Self::End => Rank::Trace,
        }
    }

    fn encode(self, turn: u64) -> u64 {
        let (kind, len) = match self {
            Self::Record { len, .. } => (0, len),
            Self::Cut { len, .. } => (1, len),
            Self::Long { .. } => (2, 0),
            Self::End => (3, 0),
        };
        turn << TURN | kind << KIND | u64::from(self.rank().code()) << RANK | len as u64
    }

    fn decode(tag: u64, turn: u64) -> Option<Self> {
        if tag >> TURN != turn {
            return None;
        }
        let rank = Rank::from_code((tag >> RANK & 0xf) as u8);
        let len = (tag & 0xffff) as usize;
        Some(match tag >> KIND & 0xf {
            0 => Self::Record { rank, len },
            1 => Self::Cut { rank, len },
            2 => Self::Long { rank },
            _ => Self::End,
        })
    }
}

/// Granules that a record of `len` bytes takes, of which further bytes are `missing`.
pub(crate) fn room_of(len: usize, missing: usize) -> usize {
    let count = if missing == 0 { 0 } else { WORD };
    (len.next_multiple_of(WORD) + count).div_ceil(GRANULE).max(1)
}

#[derive(Debug)]
pub(crate) struct Page {
    /// How often it was taken from the shelf; 0 is no turn, as fresh tags are 0.
    turn: AtomicU64,
    /// One for each granule, and one more for the end of a page that is full.
    tags: Box<[AtomicU64]>,
    words: Box<[AtomicU64]>,
}

impl Page {
    /// A page of so many granules, all of its memory touched: a page fault costs a caller microseconds.
    pub(crate) fn new(granules: usize) -> Self {
        let zeroed = |words: usize| (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { turn: AtomicU64::new(0), tags: zeroed(granules + 1), words: zeroed(granules * WORDS) }
    }

    /// Begins a new use. For whoever took it from the shelf, before others can know of it.
    pub(crate) fn begin(&self) {
        // A tag has 40 bits for it: more than thirty years, if this page were taken every millisecond.
        self.turn.store(self.turn() + 1, Ordering::Release);
    }

    fn turn(&self) -> u64 {
        self.turn.load(Ordering::Acquire)
    }

    /// Stores a record at granule `at`; where bytes are `missing`, 8 bytes behind it say how many.
    pub(crate) fn put(&self, at: usize, rank: Rank, record: &[u8], missing: usize) {
        let len = record.len();
        let mut words = self.words[at * WORDS..].iter();
        let mut chunks = record.chunks_exact(WORD);
        for (chunk, word) in chunks.by_ref().zip(words.by_ref()) {
            word.store(chunk.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)), Ordering::Relaxed);
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut bytes = [0; WORD];
            bytes[..rest.len()].copy_from_slice(rest);
            if let Some(word) = words.next() {
                word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
            }
        }
        let tag = if missing == 0 { Tag::Record { rank, len } } else { Tag::Cut { rank, len } };
        if let (Tag::Cut { .. }, Some(word)) = (tag, words.next()) {
            word.store(missing as u64, Ordering::Relaxed);
        }
        self.tag(at, tag);
    }

    /// Says what stands at granule `at`: the last step, which shows it to the writer thread.
    pub(crate) fn tag(&self, at: usize, tag: Tag) {
        self.tags[at].store(tag.encode(self.turn()), Ordering::Release);
    }

    /// What stands at granule `at`; none if it is not there yet.
    pub(crate) fn look(&self, at: usize) -> Option<Tag> {
        Tag::decode(self.tags[at].load(Ordering::Acquire), self.turn())
    }

    /// Copies the record of `len` bytes at granule `at` to the front of `record`, which has room for all of its last
    /// word.
    pub(crate) fn copy(&self, at: usize, len: usize, record: &mut [u8]) {
        let words = &self.words[at * WORDS..];
        for (chunk, word) in record[..len.next_multiple_of(WORD)].chunks_exact_mut(WORD).zip(words) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
    }

    /// The word behind the record of `len` bytes at granule `at`.
    pub(crate) fn word_behind(&self, at: usize, len: usize) -> u64 {
        let words = &self.words[at * WORDS..];
        words.get(len.div_ceil(WORD)).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_back_what_was_put() {
        let page = Page::new(8);
        page.begin();
        for len in [0, 1, 7, 8, 9, 63, 64, 65, 120, 500] {
            let record: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
            page.put(0, Rank::Warn, &record, 0);
            assert_eq!(page.look(0), Some(Tag::Record { rank: Rank::Warn, len }));
            let mut copy = [0; 512];
            page.copy(0, len, &mut copy);
            assert_eq!(copy[..len], record);
        }
        page.put(2, Rank::Error, b"123456789", 77);
        let (mut copy, tag) = ([0; 16], page.look(2));
        assert_eq!(tag, Some(Tag::Cut { rank: Rank::Error, len: 9 }));
        page.copy(2, 9, &mut copy);
        assert_eq!((page.word_behind(2, 9), &copy[..9]), (77, &b"123456789"[..]));
    }

    #[test]
    fn an_earlier_use_leaves_nothing_to_see() {
        let page = Page::new(4);
        assert_eq!(page.look(0), Some(Tag::Record { rank: Rank::Trace, len: 0 }), "before its first turn");
        page.begin();
        assert_eq!(page.look(0), None);
        page.put(0, Rank::Info, b"old", 0);
        page.tag(4, Tag::End);
        page.begin();
        assert_eq!((page.look(0), page.look(4)), (None, None));
    }

    #[test]
    fn a_record_cannot_look_like_a_tag() {
        let page = Page::new(4);
        page.begin();
        let tag = Tag::End.encode(1).to_ne_bytes();
        page.put(0, Rank::Info, &tag.repeat(16), 0);
        assert_eq!((page.look(1), page.look(2)), (None, None));
    }

    #[test]
    fn granules_are_counted_up() {
        assert_eq!([0, 1, 64, 65, 120, 128, 129].map(|len| room_of(len, 0)), [1, 1, 1, 2, 2, 2, 3]);
        assert_eq!([0, 56, 57, 64].map(|len| room_of(len, 9)), [1, 1, 2, 2], "and a word for the count");
    }
}
