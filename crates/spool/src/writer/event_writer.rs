//! What is given to `tracing_subscriber`: the spool as a `MakeWriter`, and the writer of one event.
//! How a record travels is `queue`'s, what is lost is counted by `shared`.

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

/// The sending end of a log: cheap to clone, `Send` and `Sync`, usable in a `static`, and a
/// [`MakeWriter`] for `tracing_subscriber`.
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

    /// Returns a way to talk to the writer thread: the same as [`SpoolGuard::handle`](crate::SpoolGuard::handle).
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

    /// Hands one record over, for `tracing-spool-appender`, whose callers may be told.
    ///
    /// # Errors
    /// The reason for which it is lost, and counted.
    #[doc(hidden)]
    pub fn hand_over(&self, level: Level, bytes: &[u8]) -> Result<(), Reason> {
        let (rank, shared) = (Rank::of(level), self.shared());
        shared.foresee(rank).map_err(|refusal| shared.refuse(rank, refusal))?;
        let mut draft = Draft::new(rank);
        draft.push(bytes, shared.queue.max_record());
        record::hand_over(&draft, shared)
    }

    /// A writer for one record of this rank.
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

    /// A writer for an event whose level is not known: it counts as INFO.
    fn make_writer(&'a self) -> EventWriter<'a> {
        self.event_writer(Rank::Info)
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> EventWriter<'a> {
        self.event_writer(Rank::of(*meta.level()))
    }
}

/// Takes the bytes of one event. Whatever number of pieces they come in, they are one record, which is accepted (or
/// dropped and counted) when this is dropped.
///
/// Its methods return `Ok` always and never panic: there is nothing that a caller could do about a log that is full.
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

    /// Nothing: the record is complete when the writer is dropped. To wait for the file, see
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
