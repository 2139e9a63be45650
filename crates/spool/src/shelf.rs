//! Where pages come from and go back to, and the bound on how many there are.
//! It admits nothing: the bound on what waits is `admission`'s, and is reached first.

use std::sync::OnceLock;

use crossbeam_queue::ArrayQueue;

use crate::page::{GRANULE, LONGEST, Page};
use crate::place::MOST_PAGES;
use crate::sync::{AtomicUsize, Ordering};

/// A queue is divided into about so many pages, ...
const SHARES: usize = 256;
/// ... of 4 KiB at least, ...
const LEAST_GRANULES: usize = 64;
/// ... and of 64 KiB at the most, since a caller that needs one may have to make it, ...
const USUAL_GRANULES: usize = 1_024;
/// ... unless that were too many of them: then they are larger, up to 32 MiB.
const MOST_GRANULES: usize = 1 << 19;
/// Made, and touched, on the thread that opens the spool; fewer where each word of them is interpreted.
const READY_BYTES: usize = if cfg!(miri) { 16 << 10 } else { 2 << 20 };
/// Callers that hold a page which another one was faster to bring.
const SLACK: usize = 64;
/// Pages that go round while there is little traffic: few, so that they stay in the processor's caches.
const WARM: usize = 8;
/// Below so many idle pages the writer thread makes more, so that callers need not.
const LOW_STOCK: usize = 4;

/// Which page.
pub(crate) type PageId = u16;

/// The pages.
#[derive(Debug)]
pub(crate) struct Shelf {
    pages: Box<[OnceLock<Page>]>,
    made: AtomicUsize,
    granules: usize,
    warm: ArrayQueue<PageId>,
    idle: ArrayQueue<PageId>,
}

impl Shelf {
    /// Pages for what waits within `bound` bytes.
    pub(crate) fn new(bound: usize) -> Self {
        let share = |pages: usize| (bound / pages / GRANULE).next_power_of_two();
        let usual = share(SHARES).clamp(LEAST_GRANULES, USUAL_GRANULES);
        let granules = usual.max(share(MOST_PAGES / 2)).min(MOST_GRANULES);
        let page_bytes = granules * GRANULE;
        // A page is left when a record does not fit, so at least three quarters of it are records that count. Beside
        // those full: the one being filled, the one being read.
        let most = (bound / 3).saturating_mul(4).div_ceil(page_bytes) + 2 + SLACK;
        let most = most.min(MOST_PAGES);
        let shelf = Self {
            pages: (0..most).map(|_| OnceLock::new()).collect(),
            made: AtomicUsize::new(0),
            granules,
            warm: ArrayQueue::new(WARM),
            idle: ArrayQueue::new(most),
        };
        let ready = READY_BYTES.min(bound) / page_bytes;
        (0..ready.max(2)).filter_map(|_| shelf.make()).for_each(|id| shelf.give(id));
        shelf
    }

    /// How many pages there may be.
    pub(crate) fn most(&self) -> usize {
        self.pages.len()
    }

    /// Granules of a page.
    pub(crate) fn granules(&self) -> usize {
        self.granules
    }

    /// The longest record that goes into a page, in bytes.
    pub(crate) fn longest(&self) -> usize {
        LONGEST.min(self.granules * GRANULE / 4)
    }

    pub(crate) fn page(&self, id: PageId) -> Option<&Page> {
        self.pages.get(usize::from(id))?.get()
    }

    /// A page for a new use; none if all there may be are in use.
    pub(crate) fn take(&self) -> Option<PageId> {
        let id = self.warm.pop().or_else(|| self.idle.pop()).or_else(|| self.make())?;
        self.page(id)?.begin();
        Some(id)
    }

    /// Takes a page back that nobody reads or writes any more.
    pub(crate) fn give(&self, id: PageId) {
        if let Err(id) = self.warm.push(id) {
            // There is a place for each.
            let _ = self.idle.push(id);
        }
    }

    /// Makes pages ahead of demand. For the writer thread, which has the time.
    pub(crate) fn stock(&self) {
        while self.warm.len() + self.idle.len() < LOW_STOCK {
            let Some(id) = self.make() else { return };
            self.give(id);
        }
    }

    fn make(&self) -> Option<PageId> {
        let one_more = |made: usize| (made < self.pages.len()).then_some(made + 1);
        let id = self.made.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        // The number is ours alone, so this waits for nobody: in a forked child it must not.
        self.pages[id].set(Page::new(self.granules)).ok()?;
        PageId::try_from(id).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_a_share_of_the_queue() {
        let of = |bound| {
            let shelf = Shelf::new(bound);
            (shelf.granules() * GRANULE, shelf.longest(), shelf.made.load(Ordering::Relaxed))
        };
        let ready = |page_bytes: usize| (READY_BYTES / page_bytes).max(2);
        assert_eq!(of(16 << 20), (64 * 1024, LONGEST, ready(64 * 1024)));
        assert_eq!(of(1), (4_096, 1_024, 2));
        assert_eq!(of(512 << 20), (64 * 1024, LONGEST, ready(64 * 1024)));
        assert_eq!(of(1 << 30), (128 * 1024, LONGEST, ready(128 * 1024)));
    }

    #[test]
    fn pages_go_round_and_come_to_an_end() {
        const BOUND: usize = if cfg!(miri) { 1 << 16 } else { 1 << 20 };
        let shelf = Shelf::new(BOUND);
        let all: Vec<PageId> = std::iter::from_fn(|| shelf.take()).collect();
        assert_eq!(all.len(), BOUND / 3 * 4 / 4_096 + 1 + 2 + SLACK);
        assert!(all.iter().all(|id| shelf.page(*id).is_some()));
        for id in &all {
            shelf.give(*id);
        }
        assert_eq!(std::iter::from_fn(|| shelf.take()).count(), all.len());
    }

    #[test]
    fn the_writer_thread_stocks_up() {
        let shelf = Shelf::new(16 << 20);
        while shelf.warm.len() + shelf.idle.len() > 0 {
            shelf.take();
        }
        shelf.stock();
        assert_eq!(shelf.warm.len(), LOW_STOCK);
    }
}
