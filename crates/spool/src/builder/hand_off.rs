//! The two ends of the hand-off, made ready before the log is opened: in memory, or in a file with what is in it.
//! What a ring's records become is `recovery`'s.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_spool_fileset::{Batch, Engine, Unfinished};
use tracing_spool_ring::Ring;

use super::SpoolBuilder;
#[cfg(not(shuttle))]
use super::durable::Place;
use super::durable::RUNTIME_DIRECTORY;
use crate::error::OpenError;
use crate::inbox::Inbox;
use crate::ledger::Dropped;
#[cfg(not(shuttle))]
use crate::losses;
use crate::origin::Origin;
use crate::queue::{Bounds, Queue};
use crate::recovered::Recovered;
#[cfg(not(shuttle))]
use crate::recovery::{self, Adopted};
#[cfg(not(shuttle))]
use crate::ring_file::RingFile;
use crate::tray::Tray;

impl SpoolBuilder {
    /// The bounds of the queue, for records of at most so many bytes.
    pub(super) fn bounds(&self, max_record: u64) -> Bounds {
        let max_record = usize::try_from(max_record).unwrap_or(usize::MAX);
        Bounds { bytes: self.queue_bytes, records: self.queue_records, max_record, overflow: self.overflow }
    }

    /// Where the ring is, if in a file.
    pub(super) fn ring_path(&self) -> Option<PathBuf> {
        self.durable.path(&self.settings.path, std::env::var_os(RUNTIME_DIRECTORY))
    }

    /// Makes the ends ready, and takes up what is in a ring.
    pub(super) fn prepare(&self) -> Result<Ends, OpenError> {
        match self.ring_path() {
            Some(path) => self.prepare_file(&path),
            None => self.prepare_memory(None),
        }
    }

    fn prepare_memory(&self, warning: Option<String>) -> Result<Ends, OpenError> {
        let limits = self.bounds(u64::MAX).limits();
        let (ring, reader) = Ring::in_memory(limits).map_err(OpenError::Memory)?;
        Ok(Ends { way: Way::Memory(ring, Inbox::new(reader)), warning })
    }

    /// There are no files under the scheduler.
    #[cfg(shuttle)]
    fn prepare_file(&self, _: &Path) -> Result<Ends, OpenError> {
        self.prepare_memory(None)
    }

    #[cfg(not(shuttle))]
    fn prepare_file(&self, path: &Path) -> Result<Ends, OpenError> {
        use tracing_spool_ring as ring;
        let mut options = ring::Options::default();
        options.any_file_system = self.durable.on_any_file_system;
        options.log = std::path::absolute(&self.settings.path).unwrap_or_else(|_| self.settings.path.clone());
        let is_automatic = self.durable.place == Place::Automatic;
        let limits = self.bounds(u64::MAX).limits();
        match Ring::open(path, limits, options.clone()) {
            Ok(opened) => {
                let adopted = recovery::adopt(opened, self.settings.rules());
                let warning = adopted.set_aside.as_ref().map(|(aside, damage)| {
                    format!("the ring could not be used, as {damage}; it is now {}", aside.display())
                });
                let file = RingFile::new(path.to_owned(), limits, options);
                Ok(Ends { way: Way::File(Box::new(adopted), file), warning })
            }
            Err(error) if is_automatic && is_not_given(&error) => self.prepare_memory(None),
            Err(error @ ring::OpenError::Locked { .. }) => Err(OpenError::Ring(error)),
            Err(error @ ring::OpenError::OtherLog { .. }) if !is_automatic => Err(OpenError::Ring(error)),
            Err(error) if is_automatic || self.durable.or_memory => {
                self.prepare_memory(Some(format!("records do not outlive the process: {error}")))
            }
            Err(error) => Err(OpenError::Ring(error)),
        }
    }
}

/// Whether there is no directory for this process's ring after all, though the variable names one. Nobody has asked for it, so
/// this is no trouble: the variable was inherited, by a process of another user or after the directory had gone; the directory
/// is on a disk; or a log of this process that was shut down still has the file, for a clone of its `Spool`.
#[cfg(not(shuttle))]
fn is_not_given(error: &tracing_spool_ring::OpenError) -> bool {
    use nix::errno::Errno;
    use tracing_spool_ring::OpenError as Refused;
    const NOT_OURS: [Errno; 5] = [Errno::ENOENT, Errno::ENOTDIR, Errno::EACCES, Errno::EPERM, Errno::EROFS];
    match error {
        Refused::FileSystem { .. } => true,
        Refused::Locked { process, .. } => *process == Some(std::process::id()),
        Refused::Failed { doing: "opening", error, .. } => NOT_OURS.contains(error),
        _ => false,
    }
}

/// Where records wait.
#[derive(Debug)]
enum Way {
    Memory(Arc<Ring>, Inbox),
    #[cfg(not(shuttle))]
    File(Box<Adopted>, RingFile),
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
    pub(super) inbox: Inbox,
    pub(super) tray: Option<Tray>,
    pub(super) recovered: Recovered,
    pub(super) stating: Option<Dropped>,
    #[cfg(not(shuttle))]
    pub(super) ring_file: Option<RingFile>,
}

impl Ends {
    /// The write that was under way when the last process died.
    pub(super) fn unfinished(&mut self) -> Option<(Unfinished, &mut Batch)> {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) => Some((adopted.unfinished?, &mut adopted.tray.batch)),
            Way::Memory(..) => None,
        }
    }

    /// The log is not opened after all: of a ring that was made for it nothing is left.
    pub(super) fn forsake(&self) {
        match &self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) if adopted.is_new => adopted.ring.remove_file(),
            _ => {}
        }
    }

    /// The log is open: what became of that write is known.
    pub(super) fn opened(&mut self, file_set: &Engine) {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) => adopted.resumed(file_set.resumed()),
            Way::Memory(..) => _ = file_set,
        }
    }

    /// Losses of a process before are stated by a notice, where there are any; `recovered` tells them in any case.
    #[cfg_attr(shuttle, expect(unused_variables, reason = "there are no processes before"))]
    pub(super) fn into_parts(self, bounds: Bounds, has_notices: bool) -> Parts {
        let origin = Origin::here();
        match self.way {
            Way::Memory(ring, inbox) => Parts {
                queue: Queue::new(bounds, origin, ring),
                inbox,
                tray: None,
                recovered: Recovered::default(),
                stating: None,
                #[cfg(not(shuttle))]
                ring_file: None,
            },
            #[cfg(not(shuttle))]
            Way::File(adopted, file) => {
                let Adopted { ring, inbox, tray, recovered, unstated, .. } = *adopted;
                let stating = has_notices.then_some(unstated);
                if !has_notices {
                    losses::state(&ring, &unstated);
                }
                let queue = Queue::new(bounds, origin, ring);
                Parts { queue, inbox, tray: Some(tray), recovered, stating, ring_file: Some(file) }
            }
        }
    }
}
