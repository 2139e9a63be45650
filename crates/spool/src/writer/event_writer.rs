//! What a program gives to `tracing_subscriber`: the spool as a `MakeWriter`, and the writer of one event.
//! `hand_off::queue` carries a record, and `worker::shared` counts what is lost.

use std::fmt;
use std::io;
use std::sync::Arc;

use tracing_core::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::account::ledger::Reason;
use crate::account::rank::Rank;
use crate::hand_off::draft::Draft;
use crate::worker::shared::Shared;
use crate::writer::handle::SpoolHandle;
use crate::writer::record::{self, Record};

/// The sending end of a log.
///
/// It is cheap to clone, `Send` and `Sync`, and can live in a `static`. Add [`layer`](Self::layer) to a subscriber, or use
/// the spool as a [`MakeWriter`] with a layer of your own.
///
/// ```no_run
/// use tracing_subscriber::prelude::*;
/// let (spool, _guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log").open()?;
/// tracing_subscriber::registry().with(spool.layer()).init();
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
}

impl Spool {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns a handle that talks to the writer thread, the same as [`SpoolGuard::handle`](crate::SpoolGuard::handle).
    ///
    /// ```no_run
    /// let (spool, _guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
    /// println!("{} lost", spool.handle().stats().dropped.total());
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    #[must_use]
    pub fn handle(&self) -> SpoolHandle {
        SpoolHandle::new(Arc::clone(&self.shared))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Returns the ring that takes records now, for `tspool`, which keeps a claim on it.
    #[doc(hidden)]
    #[must_use]
    pub fn ring(&self) -> &tracing_spool_ring::Ring {
        self.shared.queue.rings.current()
    }

    /// Hands one record over, for `tracing-spool-appender`, whose callers may learn that a line is lost.
    ///
    /// # Errors
    /// Returns the reason why the record is lost. It has been counted.
    #[doc(hidden)]
    pub fn hand_over(&self, level: Level, bytes: &[u8]) -> Result<(), Reason> {
        let (rank, shared) = (Rank::of(level), self.shared());
        shared.foresee(rank).map_err(|refusal| shared.refuse(rank, refusal))?;
        let mut draft = Draft::new(rank);
        draft.push(bytes, shared.queue.max_record());
        record::hand_over(&draft, shared)
    }

    /// Returns a writer for one record of this rank.
    fn event_writer(&self, rank: Rank) -> EventWriter<'_> {
        EventWriter { shared: &self.shared, record: Record::new(rank) }
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spool").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl<'a> MakeWriter<'a> for Spool {
    type Writer = EventWriter<'a>;

    /// Returns a writer for an event whose level isn't known. It counts as INFO.
    fn make_writer(&'a self) -> EventWriter<'a> {
        self.event_writer(Rank::Info)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> EventWriter<'a> {
        self.event_writer(Rank::of(*meta.level()))
    }
}

/// Writes one event to the log. All bytes written to it, in however many pieces, become one record. Dropping the writer
/// hands the record over; if the queue is full, the record is dropped and counted.
///
/// Its methods always return `Ok` and never panic, because a caller can't do anything about a full log.
///
/// ```no_run
/// use std::io::Write as _;
/// use tracing_subscriber::fmt::MakeWriter as _;
/// let (spool, _guard) = tracing_spool::Spool::builder("/tmp/app.log").open()?;
/// let mut event = spool.make_writer();
/// event.write_all(b"one record, ").unwrap();
/// event.write_all(b"in two pieces\n").unwrap();
/// drop(event);
/// # Ok::<(), tracing_spool::OpenError>(())
/// ```
#[must_use = "the record is what is written to this"]
pub struct EventWriter<'a> {
    shared: &'a Shared,
    record: Record,
}

impl io::Write for EventWriter<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.record.push(piece, self.shared);
        Ok(piece.len())
    }

    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        self.record.push(piece, self.shared);
        Ok(())
    }

    /// Does nothing: the record is complete when the writer is dropped. To wait for the file, use
    /// [`SpoolHandle::flush`](crate::SpoolHandle::flush).
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for EventWriter<'_> {
    fn drop(&mut self) {
        self.record.finish(self.shared);
    }
}

impl fmt::Debug for EventWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWriter").field("level", &self.record.rank().name()).finish_non_exhaustive()
    }
}
