//! What takes batches: the file set, a stream, or any `io::Write`, behind one small trait. A sink has no thread. It waits
//! for nothing except, briefly, for room in a stream; if an output is slow it returns anyway, so that its thread can handle
//! other requests.

mod any_write;
mod desk;
mod files;
mod hold;
pub(crate) mod open;
mod stream;

use std::fmt;
use std::time::Duration;

use tracing_spool_fileset::{
    Alert, Batch, BlockReason, CloseReport, Counters, Engine, Event, Moments, Mono, Now, Witness,
};

use crate::account::ledger::Reason;

/// How long one call of an output without files may take, unless the user's own writer takes longer.
const PATIENCE: Duration = Duration::from_millis(10);

/// What a sink is doing with records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It takes records.
    Writing,
    /// It takes records, but into a file that should have been rotated.
    Overdue,
    /// The file set takes no records.
    Blocked(BlockReason),
    /// An output without files takes no records for the moment: its reader is slow ...
    Full,
    /// ... or has stopped reading.
    Asleep,
    /// It takes no records, and returns errors.
    Failing,
}

impl State {
    /// Returns whether records wait for something that may never come. Whoever flushes learns that at once.
    pub(crate) fn is_blocked(self) -> bool {
        matches!(self, Self::Blocked(_) | Self::Failing)
    }

    /// Returns whether it takes records.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Writing | Self::Overdue)
    }
}

/// Whether a sink has passed on everything it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    Done,
    /// Not yet.
    Pending,
    /// It tries, and gets errors.
    Failing,
}

/// A sink's report about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) counters: Counters,
    pub(crate) moments: Moments,
    pub(crate) live_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) max_total_bytes: u64,
    pub(crate) alerts: Vec<Alert>,
    /// Panics of user code that it calls.
    pub(crate) panics: u64,
}

/// Returns what is left of a batch that nothing more is written of, if a begun record stays where it is.
fn left_of(batch: &Batch) -> CloseReport {
    let mut report = CloseReport::default();
    report.records_left = batch.records() - batch.finished();
    report.fragment_left = batch.partial() > 0;
    report
}

/// Takes batches, records in them how far it has come, and says when it wants to be called again.
pub(crate) trait Sink: Send + fmt::Debug {
    /// Writes as much of the batch as it can now, in at most `writes_max` calls. It marks a record that it can't take at
    /// all as [refused](Batch::refused) in the batch.
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, witness: Option<&mut dyn Witness>);

    /// Does what is due, without a record.
    fn tick(&mut self, now: Now);

    /// Retries at once what is waiting for its deadline.
    fn hurry(&mut self);

    /// Checks whether what it writes to is still the same.
    fn reopen(&mut self, now: Now);

    /// Returns when it wants to be called at the latest.
    fn wake_at(&self) -> Option<Mono>;

    fn state(&self) -> State;

    /// Returns whether it has passed on everything it took.
    fn flushed(&self) -> Flushed {
        Flushed::Done
    }

    /// Returns the events since the last call.
    fn take_events(&mut self) -> Vec<Event>;

    fn view(&self) -> View;

    /// Returns the reason for records that it refuses.
    fn refusal(&self) -> Reason;

    /// Ends the sink: does what can still be done for the batch, and reports what is left of it.
    fn end(&mut self, batch: &mut Batch, now: Now, witness: Option<&mut dyn Witness>) -> CloseReport;

    /// Returns the file set, for what only files have.
    fn files(&mut self) -> Option<&mut Engine>;
}
