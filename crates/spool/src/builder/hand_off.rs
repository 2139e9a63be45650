//! Which hand-off a spool has, and its two ends made ready before the log is opened.
//! What a ring's records become is `recovery`'s.

use std::path::PathBuf;
use std::sync::Arc;

use tracing_spool_fileset::{Batch, Engine, Unfinished};
use tracing_spool_ring::{Limits, Ring};

use super::SpoolBuilder;
use crate::error::OpenError;
use crate::ledger::Dropped;
use crate::origin::Origin;
use crate::queue::{Bounds, HandOff, Queue};
use crate::rank::Rank;
use crate::recovered::Recovered;
#[cfg(not(shuttle))]
use crate::recovery::{self, Adopted};
use crate::ring_inbox::RingInbox;
use crate::source::Source;
use crate::tray::Tray;

/// Where the ring of a durable hand-off is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Durable {
    pub(super) path: PathBuf,
    on_any_file_system: bool,
    or_memory: bool,
}

/// The hand-off that outlives the process.
impl SpoolBuilder {
    /// Records wait in a ring in this file, which outlives the process: whatever ends it, SIGKILL included, the next
    /// process that opens the log with the same file writes what it had accepted, each record once. There is no
    /// default path. It has to be on tmpfs, in a directory that outlives the process:
    /// systemd's `RuntimeDirectory=` with `RuntimeDirectoryPreserve=restart`, or a Kubernetes `emptyDir` in memory. The
    /// file takes the next power of two above `queue_bytes`, and an eighth more. A power cut is not survived: a tmpfs is
    /// gone then, and of other file systems a part.
    ///
    /// The file stays locked until the last clone of the [`Spool`](crate::Spool) is gone.
    ///
    /// ```no_run
    /// use tracing_spool::{Overflow, Spool};
    /// let (spool, guard) = Spool::builder("/var/log/shop/shop.log")
    ///     .durable("/run/shop/log.ring")
    ///     .overflow(Overflow::Block)
    ///     .open()?;
    /// println!("{}", guard.recovered());
    /// # Ok::<(), tracing_spool::OpenError>(())
    /// ```
    pub fn durable(mut self, path: impl Into<PathBuf>) -> Self {
        self.durable = Some(Durable { path: path.into(), on_any_file_system: false, or_memory: false });
        self
    }

    /// The ring of [`durable`](Self::durable) may be on any file system. On some, btrfs and NFS among them, the room of a
    /// file is not given for good: where it is missing the process is ended by SIGBUS.
    pub fn durable_on_any_file_system(mut self) -> Self {
        if let Some(durable) = &mut self.durable {
            durable.on_any_file_system = true;
        }
        self
    }

    /// Where the ring of [`durable`](Self::durable) cannot be made, records wait in memory, with an alert, instead of an
    /// error from [`open`](Self::open). A ring that is in use is an error still.
    pub fn durable_or_memory(mut self) -> Self {
        if let Some(durable) = &mut self.durable {
            durable.or_memory = true;
        }
        self
    }

    /// How records get to the writer thread where they need not outlive the process (in pages).
    pub fn hand_off(mut self, hand_off: HandOff) -> Self {
        self.hand_off = hand_off;
        self
    }

    /// Makes the ends ready, and takes up what is in a ring.
    pub(super) fn prepare(&self) -> Result<Ends, OpenError> {
        let shares = Rank::ALL.map(|rank| u8::try_from(rank.mark_percent()).unwrap_or(100));
        let limits = Limits { bytes: self.queue_bytes, records: self.queue_records, shares };
        #[cfg(not(shuttle))]
        if let Some(durable) = &self.durable {
            return self.prepare_durable(durable, limits);
        }
        match self.hand_off {
            HandOff::Pages => Ok(Ends::new(Way::Pages)),
            HandOff::Ring => {
                let (ring, reader) = Ring::in_memory(limits).map_err(OpenError::Memory)?;
                Ok(Ends::new(Way::Ring(ring, RingInbox::new(reader))))
            }
        }
    }

    #[cfg(not(shuttle))]
    fn prepare_durable(&self, durable: &Durable, limits: Limits) -> Result<Ends, OpenError> {
        use tracing_spool_ring as ring;
        let path = std::path::absolute(&durable.path).unwrap_or_else(|_| durable.path.clone());
        let mut options = ring::Options::default();
        options.any_file_system = durable.on_any_file_system;
        match Ring::open(&path, limits, options) {
            Ok(opened) => {
                let adopted = recovery::adopt(opened, self.settings.rules());
                let warning = adopted.set_aside.as_ref().map(|(aside, damage)| {
                    format!("the ring could not be used, as {damage}; it is now {}", aside.display())
                });
                Ok(Ends { warning, ..Ends::new(Way::Durable(Box::new(adopted))) })
            }
            Err(error) if durable.or_memory && !matches!(error, ring::OpenError::Locked { .. }) => {
                let (ring, reader) = Ring::in_memory(limits).map_err(OpenError::Memory)?;
                let warning = Some(format!("records do not outlive the process: {error}"));
                Ok(Ends { warning, ..Ends::new(Way::Ring(ring, RingInbox::new(reader))) })
            }
            Err(error) => Err(OpenError::Ring(error)),
        }
    }
}

/// By which way records go.
#[derive(Debug)]
enum Way {
    Pages,
    Ring(Arc<Ring>, RingInbox),
    #[cfg(not(shuttle))]
    Durable(Box<Adopted>),
}

/// A hand-off that is ready.
#[derive(Debug)]
pub(super) struct Ends {
    way: Way,
    /// What is to be said about it.
    pub(super) warning: Option<String>,
}

/// What a spool is made of.
pub(super) struct Parts {
    pub(super) queue: Queue,
    pub(super) source: Source,
    pub(super) tray: Option<Tray>,
    pub(super) recovered: Recovered,
    pub(super) stating: Option<Dropped>,
}

impl Ends {
    fn new(way: Way) -> Self {
        Self { way, warning: None }
    }

    /// The write that was under way when the last process died.
    pub(super) fn unfinished(&mut self) -> Option<(Unfinished, &mut Batch)> {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::Durable(adopted) => Some((adopted.unfinished?, &mut adopted.tray.batch)),
            _ => None,
        }
    }

    /// The log is open: what became of that write is known.
    pub(super) fn opened(&mut self, file_set: &Engine) {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::Durable(adopted) => adopted.resumed(file_set.resumed()),
            _ => _ = file_set,
        }
    }

    pub(super) fn into_parts(self, bounds: Bounds) -> Parts {
        let origin = Origin::here();
        let (tray, recovered, stating) = (None, Recovered::default(), None);
        match self.way {
            Way::Pages => {
                let (queue, source) = Queue::of_pages(bounds, origin);
                Parts { queue, source, tray, recovered, stating }
            }
            Way::Ring(ring, inbox) => {
                let queue = Queue::of_ring(bounds, origin, ring);
                Parts { queue, source: Source::Ring(inbox), tray, recovered, stating }
            }
            #[cfg(not(shuttle))]
            Way::Durable(adopted) => {
                let Adopted { ring, inbox, tray, recovered, unstated, .. } = *adopted;
                let queue = Queue::of_ring(bounds, origin, ring);
                let stating = Some(unstated);
                Parts { queue, source: Source::Ring(inbox), tray: Some(tray), recovered, stating }
            }
        }
    }
}
