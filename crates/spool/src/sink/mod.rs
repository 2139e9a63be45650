//! What takes batches: the file set, a stream, or any `io::Write`. The worker knows them by one small trait.
//! A sink has no thread, and waits for nothing but, shortly, for room in a stream; where an output is slow it comes back all the
//! same, so that its thread hears what else there is.

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

/// How long one call of an output that is no file set may take, but for a call of the user's writer that is slower.
const PATIENCE: Duration = Duration::from_millis(10);

/// In which state a sink is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It takes records.
    Writing,
    /// It takes records, into a file that should have been rotated.
    Overdue,
    /// The file set takes none.
    Blocked(BlockReason),
    /// An output that is no file set takes none for the moment: its reader is slow ...
    Full,
    /// ... or sleeps.
    Asleep,
    /// It takes none, and answers with errors.
    Failing,
}

impl State {
    /// Whether records wait for something that may not come: whoever flushes hears so at once.
    pub(crate) fn is_blocked(self) -> bool {
        matches!(self, Self::Blocked(_) | Self::Failing)
    }

    /// Whether it takes records.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Writing | Self::Overdue)
    }
}

/// Whether what a sink took is out of its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushed {
    Done,
    /// Not yet.
    Pending,
    /// That is tried, and answered with errors.
    Failing,
}

/// What a sink can tell of itself at any moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) counters: Counters,
    pub(crate) moments: Moments,
    pub(crate) live_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) max_total_bytes: u64,
    pub(crate) alerts: Vec<Alert>,
    /// Panics of code of the user's that it calls.
    pub(crate) panics: u64,
}

/// Takes batches, remembers in them how far it has come, and says when it wants to be called again.
pub(crate) trait Sink: Send + fmt::Debug {
    /// Writes as much of the batch as it can now, in at most `writes_max` calls. A record that it cannot take at all is
    /// [refused](Batch::refused) in the batch.
    fn append(&mut self, batch: &mut Batch, writes_max: usize, now: Now, witness: Option<&mut dyn Witness>);

    /// Does what is due without a record.
    fn tick(&mut self, now: Now);

    /// Tries at once what waits for its time.
    fn hurry(&mut self);

    /// Looks whether what it writes to is still the same.
    fn reopen(&mut self, now: Now);

    /// When it wants to be called, at the latest.
    fn wake_at(&self) -> Option<Mono>;

    fn state(&self) -> State;

    /// Whether what it took is out of its hands.
    fn flushed(&self) -> Flushed {
        Flushed::Done
    }

    /// What it has to tell since the last call.
    fn take_events(&mut self) -> Vec<Event>;

    fn view(&self) -> View;

    /// The reason for records that it refuses.
    fn refusal(&self) -> Reason;

    /// The end: what can still be done for the batch, and what is left of it.
    fn end(&mut self, batch: &mut Batch, now: Now, witness: Option<&mut dyn Witness>) -> CloseReport;

    /// The file set, for what only files have.
    fn files(&mut self) -> Option<&mut Engine>;
}
