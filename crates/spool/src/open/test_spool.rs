//! For tests: a spool on a simulated disk. The test itself plays the writer thread, and only when it chooses to.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool_fileset::Clock;
use tracing_spool_fileset::sim::{SimClock, SimDisk};
use tracing_subscriber::fmt::MakeWriter as _;

use crate::open::builder::SpoolBuilder;
use crate::open::start;
use crate::worker::round::{Next, Worker};
use crate::worker::shared::Shared;
use crate::writer::event_writer::Spool;
use crate::writer::handle::SpoolHandle;

pub(crate) const LOG: &str = "/log/app.log";

pub(crate) struct Still {
    pub(crate) disk: SimDisk,
    pub(crate) clock: SimClock,
    pub(crate) shared: Arc<Shared>,
    pub(crate) handle: SpoolHandle,
    pub(crate) spool: Spool,
    worker: Worker,
}

pub(crate) fn still(describe: impl FnOnce(SpoolBuilder) -> SpoolBuilder) -> Still {
    let (disk, clock) = (SimDisk::new(), SimClock::new());
    let seen: Arc<dyn Clock> = Arc::new(clock.clone());
    let builder = describe(Spool::builder(LOG).quiet());
    let (shared, worker) = start::assemble_with(builder.description, disk.fs(), &seen).unwrap();
    let (spool, handle) = (Spool::new(Arc::clone(&shared)), SpoolHandle::new(Arc::clone(&shared)));
    Still { disk, clock, shared, handle, spool, worker }
}

impl Still {
    /// Lets the writer thread do all that it can do now.
    pub(crate) fn work(&mut self) {
        while matches!(self.worker.guarded_round(), Next::Again | Next::Yield) {}
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.work();
    }

    /// The live file, with all that was logged.
    pub(crate) fn file(&mut self) -> String {
        self.work();
        String::from_utf8(self.disk.read(LOG).unwrap()).unwrap()
    }

    pub(crate) fn log(&self, text: &str) {
        self.spool.make_writer().write_all(text.as_bytes()).unwrap();
    }

    /// Records until DEBUG is refused by a queue of a hundred.
    pub(crate) fn fill(&self) {
        (0..80).for_each(|_| self.log("filler\n"));
    }
}
