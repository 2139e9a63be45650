//! The writer thread's end of the hand-off: takes records out of the pages, in the order of their hand-over.
//! It books nothing: a record counts as waiting until `worker` has settled it.

use std::sync::Arc;

use crossbeam_channel::Receiver;

use crate::page::{GRANULE, Tag, room_of};
use crate::place::Cursor;
use crate::queue::{Handed, Long};
use crate::run::{Arrival, Bundle, Copied, Run};
use crate::shelf::{PageId, Shelf};

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
    /// What one record may count for at the most.
    bound: u64,
}

impl Inbox {
    pub(crate) fn new(shelf: Arc<Shelf>, pages: Receiver<Handed>, long: Receiver<Long>, bound: u64) -> Self {
        let run = Run::new(shelf.longest().next_multiple_of(GRANULE), 0);
        let (early, early_long) = (Vec::new(), Vec::new());
        Self { shelf, pages, long, early, early_long, page: None, turn: 0, offset: 0, run, bound }
    }

    /// The place behind the record taken last. Places grow with every record.
    pub(crate) fn place(&self) -> u64 {
        self.run.place()
    }

    /// The place behind the record handed over last, of which `cursor` is a picture.
    pub(crate) fn place_of(&self, cursor: Cursor) -> u64 {
        Cursor::place(self.turn + cursor.turns_after(self.turn), cursor.offset())
    }

    /// Whether there is no record to take.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.run.is_taken() && self.find().is_none()
    }

    /// Takes the next record, if it has been handed over whole.
    pub(crate) fn take(&mut self) -> Option<Arrival<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        self.run.take()
    }

    /// What [`take`](Self::take) would give next, as many records as lie together; none if they have to be taken one by
    /// one. They are taken with [`took_bundle`](Self::took_bundle).
    pub(crate) fn bundle(&mut self) -> Option<Bundle<'_>> {
        if self.run.is_taken() {
            self.copy_run();
        }
        self.run.bundle()
    }

    /// The bundle that was shown has been taken whole.
    pub(crate) fn took_bundle(&mut self) {
        self.run.took_bundle();
    }

    /// Copies what there is in one page, up to the length of a run.
    fn copy_run(&mut self) {
        self.run.clear();
        let Some((id, _)) = self.find() else { return };
        let Some(page) = self.shelf.page(id) else { return };
        while !self.run.is_full() {
            let Some(tag) = page.look(self.offset) else { return };
            let (rank, mut missing, mut long) = (tag.rank(), 0, None);
            let (room, beside) = match tag {
                Tag::Record { len, .. } => {
                    self.run.copy(page, self.offset, len);
                    (room_of(len, 0), 0)
                }
                Tag::Cut { len, .. } => {
                    self.run.copy(page, self.offset, len);
                    missing = usize::try_from(page.word_behind(self.offset, len)).unwrap_or(usize::MAX);
                    (room_of(len, missing), 0)
                }
                Tag::Long { .. } => {
                    let (turn, offset) = (self.turn, self.offset);
                    let Some(found) = take_long(&self.long, &mut self.early_long, turn, offset) else {
                        return;
                    };
                    missing = found.missing;
                    (1, long.insert(found.record).len())
                }
                Tag::End => return, // `find` goes past it
            };
            self.offset += room;
            self.run.is_plain &= missing == 0 && long.is_none();
            let charge = ((room * GRANULE + beside) as u64).min(self.bound);
            let place = Cursor::place(self.turn, self.offset);
            self.run.records.push(Copied { rank, end: self.run.filled, charge, missing, long, place });
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
}

/// The long record whose tag stands at granule `offset` of page number `turn`, if it has arrived.
fn take_long(arriving: &Receiver<Long>, early: &mut Vec<Long>, turn: u64, offset: usize) -> Option<Long> {
    early.extend(arriving.try_iter());
    let is_here = |long: &Long| long.at.turns_after(turn) == 0 && long.at.offset() == offset;
    let index = early.iter().position(is_here)?;
    Some(early.swap_remove(index))
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::{Sender, bounded};

    use super::*;
    use crate::rank::Rank;

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

    #[test]
    fn whole_records_are_shown_together() {
        let mut bench = bench();
        let id = bench.shelf.take().unwrap();
        bench.pages.send(Handed { cursor: Cursor::first(id) }).unwrap();
        let page = bench.shelf.page(id).unwrap();
        page.put(0, Rank::Info, b"one\n", 0);
        page.put(1, Rank::Warn, b"three\n", 0);
        let bundle = bench.inbox.bundle().unwrap();
        let ends: Vec<usize> = bundle.records.iter().map(|copied| copied.end).collect();
        assert_eq!((bundle.bytes, &ends[..]), (&b"one\nthree\n"[..], &[4, 10][..]));
        assert!(!bench.inbox.is_empty(), "shown, not taken");
        assert_eq!(bench.inbox.take().unwrap().record, b"one\n");
        assert!(bench.inbox.bundle().is_none(), "one of them is gone");
        assert_eq!(bench.inbox.take().unwrap().record, b"three\n");
        page.put(2, Rank::Info, b"two\n", 0);
        assert!(bench.inbox.bundle().is_some());
        bench.inbox.took_bundle();
        assert!(bench.inbox.is_empty() && bench.inbox.take().is_none());
        assert_eq!(bench.inbox.place(), bench.inbox.place_of(Cursor::first(id).behind(3)));
        page.put(3, Rank::Info, b"cut", 5);
        assert!(bench.inbox.bundle().is_none(), "that one needs words");
        assert_eq!(bench.inbox.take().unwrap().missing, 5);
    }
}
