//! The writer thread's end of the hand-off: takes records out of the pages, in the order of their hand-over.
//! It books nothing: a record counts as waiting until `worker` has settled it.
//!
//! Records are copied a run at a time and looked at afterwards: a record that was stored just before in small pieces
//! cannot be read in large ones until the stores have left the processor's buffer, which costs more than the copy.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::page::{GRANULE, Page, Tag, room_of};
use crate::place::Cursor;
use crate::queue::{Handed, Long};
use crate::rank::Rank;
use crate::shelf::{PageId, Shelf};

/// A record that was taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arrival<'a> {
    pub(crate) rank: Rank,
    pub(crate) record: &'a [u8],
    /// Bytes of it that were left behind.
    pub(crate) missing: usize,
    /// What it counts for in the queue, in bytes.
    pub(crate) charge: u64,
}

/// A run ends with the first record behind so many bytes, or with so many records.
const RUN_BYTES: usize = 8 * 1024;
const RUN_RECORDS: usize = 128;

#[derive(Debug)]
pub(crate) struct Inbox {
    shelf: Arc<Shelf>,
    pages: Receiver<Handed>,
    long: Receiver<Long>,
    /// Pages that came before their turn: their senders overtook another one.
    early: Vec<Handed>,
    early_long: Vec<Long>,
    /// The page being read; none between two.
    page: Option<PageId>,
    /// Which page that is, counted from the first, and the granule of the next record in it.
    turn: u64,
    offset: usize,
    run: Run,
    /// Behind the record taken last.
    place: u64,
    /// What one record may count for at the most.
    bound: u64,
}

/// Records that were copied and not yet taken.
#[derive(Debug)]
struct Run {
    bytes: Box<[u8]>,
    filled: usize,
    records: Vec<Copied>,
    taken: usize,
}

impl Run {
    fn clear(&mut self) {
        self.records.clear();
        (self.filled, self.taken) = (0, 0);
    }

    fn is_full(&self) -> bool {
        self.filled >= RUN_BYTES || self.records.len() == RUN_RECORDS
    }

    fn copy(&mut self, page: &Page, at: usize, rank: Rank, len: usize) -> Copied {
        let start = self.filled;
        page.copy(at, len, &mut self.bytes[start..]);
        self.filled += len.next_multiple_of(size_of::<u64>());
        Copied { rank, body: Body::InRun { start, len }, missing: 0, charge: 0, place: 0 }
    }
}

#[derive(Debug)]
struct Copied {
    rank: Rank,
    body: Body,
    missing: usize,
    charge: u64,
    /// Behind this record.
    place: u64,
}

#[derive(Debug)]
enum Body {
    InRun { start: usize, len: usize },
    Long(Vec<u8>),
}

impl Inbox {
    pub(crate) fn new(shelf: Arc<Shelf>, pages: Receiver<Handed>, long: Receiver<Long>, bound: u64) -> Self {
        let bytes = vec![0; RUN_BYTES + shelf.longest().next_multiple_of(GRANULE)].into_boxed_slice();
        let run = Run { bytes, filled: 0, records: Vec::with_capacity(RUN_RECORDS), taken: 0 };
        let (early, early_long) = (Vec::new(), Vec::new());
        Self { shelf, pages, long, early, early_long, page: None, turn: 0, offset: 0, run, place: 0, bound }
    }

    /// The place behind the record taken last. Places grow with every record.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// The place behind the record handed over last, of which `cursor` is a picture.
    pub(crate) fn place_of(&self, cursor: Cursor) -> u64 {
        Cursor::place(self.turn + cursor.turns_after(self.turn), cursor.offset())
    }

    /// Whether there is no record to take.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.run.taken == self.run.records.len() && self.find().is_none()
    }

    /// Takes the next record, if it has been handed over whole.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        if self.run.taken == self.run.records.len() {
            self.copy_run();
        }
        let copied = self.run.records.get(self.run.taken)?;
        self.run.taken += 1;
        self.place = copied.place;
        let record = match &copied.body {
            Body::InRun { start, len } => &self.run.bytes[*start..start + len],
            Body::Long(bytes) => bytes,
        };
        Some(Arrival { rank: copied.rank, record, missing: copied.missing, charge: copied.charge })
    }

    /// Copies what there is in one page, up to the length of a run.
    fn copy_run(&mut self) {
        self.run.clear();
        let Some((id, _)) = self.find() else { return };
        let shelf = Arc::clone(&self.shelf);
        let Some(page) = shelf.page(id) else { return };
        while !self.run.is_full() {
            let Some(tag) = page.look(self.offset) else { return };
            let copied = match tag {
                Tag::Record { rank, len } => self.run.copy(page, self.offset, rank, len),
                Tag::Cut { rank, len } => {
                    let copied = self.run.copy(page, self.offset, rank, len);
                    let missing = page.word_behind(self.offset, len);
                    Copied { missing: usize::try_from(missing).unwrap_or(usize::MAX), ..copied }
                }
                Tag::Long { rank } => {
                    let Some(long) = self.take_long() else { return };
                    Copied { rank, body: Body::Long(long.record), missing: long.missing, charge: 0, place: 0 }
                }
                Tag::End => return, // `find` goes past it
            };
            let (room, beside) = match &copied.body {
                Body::InRun { len, .. } => (room_of(*len, copied.missing), 0),
                Body::Long(bytes) => (1, bytes.len()),
            };
            self.offset += room;
            let charge = ((room * GRANULE + beside) as u64).min(self.bound);
            let place = Cursor::place(self.turn, self.offset);
            self.run.records.push(Copied { charge, place, ..copied });
        }
    }

    /// The page and the tag of the next record; gives back pages that have been read to their end.
    fn find(&mut self) -> Option<(PageId, Tag)> {
        loop {
            let id = match self.page {
                Some(id) => id,
                None => {
                    let id = self.next_page()?;
                    *self.page.insert(id)
                }
            };
            match self.shelf.page(id)?.look(self.offset)? {
                Tag::End => {
                    self.page = None;
                    (self.turn, self.offset) = (self.turn + 1, 0);
                    self.shelf.give(id);
                }
                tag => return Some((id, tag)),
            }
        }
    }

    fn next_page(&mut self) -> Option<PageId> {
        self.early.extend(self.pages.try_iter());
        let is_next = |handed: &Handed| handed.cursor.turns_after(self.turn) == 0;
        let index = self.early.iter().position(is_next)?;
        Some(self.early.swap_remove(index).cursor.page())
    }

    fn take_long(&mut self) -> Option<Long> {
        self.early_long.extend(self.long.try_iter());
        let is_here = |long: &Long| long.at.turns_after(self.turn) == 0 && long.at.offset() == self.offset;
        let index = self.early_long.iter().position(is_here)?;
        Some(self.early_long.swap_remove(index))
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Sender, bounded};

    use super::*;

    struct Bench {
        inbox: Inbox,
        shelf: Arc<Shelf>,
        pages: Sender<Handed>,
        long: Sender<Long>,
    }

    fn bench() -> Bench {
        let shelf = Arc::new(Shelf::new(1 << 20));
        let ((pages, handed), (long, longs)) = (bounded(8), bounded(8));
        Bench { inbox: Inbox::new(Arc::clone(&shelf), handed, longs, 1 << 20), shelf, pages, long }
    }

    impl Bench {
        fn take(&mut self) -> Option<String> {
            self.inbox.take().map(|arrival| String::from_utf8(arrival.record.to_vec()).unwrap())
        }
    }

    #[test]
    fn a_page_that_overtook_another_waits_for_it() {
        let mut bench = bench();
        let (first, second) = (bench.shelf.take().unwrap(), bench.shelf.take().unwrap());
        let begin = Cursor::first(first);
        let page = |id| bench.shelf.page(id).unwrap();
        page(first).put(0, Rank::Info, b"one", 0);
        page(first).tag(1, Tag::End);
        page(second).put(0, Rank::Info, b"two", 0);
        bench.pages.send(Handed { cursor: begin.in_next(second) }).unwrap();
        assert_eq!(bench.take(), None);
        bench.pages.send(Handed { cursor: begin }).unwrap();
        assert_eq!(
            (bench.take(), bench.take(), bench.take()),
            (Some("one".into()), Some("two".into()), None)
        );
        assert_eq!(bench.inbox.place(), bench.inbox.place_of(begin.in_next(second).behind(1)));
    }

    #[test]
    fn a_record_without_its_tag_holds_up_those_behind_it() {
        let mut bench = bench();
        let id = bench.shelf.take().unwrap();
        bench.pages.send(Handed { cursor: Cursor::first(id) }).unwrap();
        bench.shelf.page(id).unwrap().put(2, Rank::Info, b"second", 0);
        assert!(bench.inbox.is_empty() && bench.take().is_none());
        bench.shelf.page(id).unwrap().put(0, Rank::Info, &[b'1'; 128], 0);
        assert!(!bench.inbox.is_empty());
        assert_eq!((bench.take(), bench.take()), (Some("1".repeat(128)), Some("second".into())));
    }

    #[test]
    fn long_records_are_found_by_their_place() {
        let mut bench = bench();
        let id = bench.shelf.take().unwrap();
        let begin = Cursor::first(id);
        bench.pages.send(Handed { cursor: begin }).unwrap();
        for (at, text) in [(1, "second"), (0, "first")] {
            let record = text.as_bytes().to_vec();
            bench.long.send(Long { at: begin.behind(at), record, missing: 0 }).unwrap();
            bench.shelf.page(id).unwrap().tag(at, Tag::Long { rank: Rank::Warn });
        }
        assert_eq!((bench.take(), bench.take()), (Some("first".into()), Some("second".into())));
    }
}
