//! The two ends of the queue, made ready before the log is opened: in memory, or in a file with what is in it. `recovery`
//! decides what becomes of a ring's records.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tracing_spool_fileset::{Batch, Engine, Unfinished};
use tracing_spool_ring::Ring;

#[cfg(not(shuttle))]
use crate::account::claim;
use crate::account::ledger::Dropped;
#[cfg(not(shuttle))]
use crate::account::losses;
use crate::account::recovered::Recovered;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::queue::{Bounds, Queue};
use crate::open::error::OpenError;
#[cfg(not(shuttle))]
use crate::open::recovery::{self, Adopted};
use crate::settings::description::Description;
#[cfg(not(shuttle))]
use crate::settings::durable::Place;
use crate::settings::durable::RUNTIME_DIRECTORY;
#[cfg(not(shuttle))]
use crate::worker::ring_watch::RingFile;
use crate::worker::tray::Tray;

/// Returns the bounds of the queue, for records of at most `max_record` bytes.
pub(super) fn bounds(description: &Description, max_record: u64) -> Bounds {
    Bounds {
        bytes: description.queue_bytes,
        records: description.queue_records,
        max_record: usize::try_from(max_record).unwrap_or(usize::MAX),
        overflow: description.overflow,
        is_flat: description.output.is_verbatim,
    }
}

/// Returns the path of the ring, if it is in a file.
pub(super) fn ring_path(description: &Description) -> Option<PathBuf> {
    description.durable.path(&description.files.path, std::env::var_os(RUNTIME_DIRECTORY))
}

/// Makes the ends ready, and adopts what is in a ring.
pub(super) fn prepare(description: &Description) -> Result<Ends, OpenError> {
    match ring_path(description) {
        Some(path) => prepare_file(description, &path),
        None => prepare_memory(description, None),
    }
}

pub(super) fn prepare_memory(description: &Description, warning: Option<String>) -> Result<Ends, OpenError> {
    let limits = bounds(description, u64::MAX).limits();
    // Readers of a stream often pause. The queue then fills, and a caller that faults in a large page waits until the system
    // has assembled it.
    let made = if description.output.target.is_files() { Ring::in_memory } else { Ring::in_small_pages };
    let (ring, reader) = made(limits).map_err(OpenError::Memory)?;
    Ok(Ends { way: Way::Memory(ring, Inbox::new(reader)), warning })
}

/// The scheduler of `cfg(shuttle)` has no files.
#[cfg(shuttle)]
fn prepare_file(description: &Description, _: &Path) -> Result<Ends, OpenError> {
    prepare_memory(description, None)
}

#[cfg(not(shuttle))]
fn prepare_file(description: &Description, path: &Path) -> Result<Ends, OpenError> {
    use tracing_spool_ring as ring;
    let Description { files, durable, .. } = description;
    let mut options = ring::Options::default();
    options.any_file_system = durable.on_any_file_system;
    options.log = std::path::absolute(&files.path).unwrap_or_else(|_| files.path.clone());
    let is_automatic = durable.place == Place::Automatic;
    let limits = bounds(description, u64::MAX).limits();
    match Ring::open(path, limits, options.clone()) {
        Ok(opened) => {
            if !durable.keeps_claim {
                claim::remove(&opened.ring);
            }
            let adopted = recovery::adopt(opened, files.rules());
            let warning = adopted.set_aside.as_ref().map(|(aside, damage)| {
                format!("the ring could not be used, as {damage}; it is now {}", aside.display())
            });
            let file = RingFile::new(path.to_owned(), limits, options);
            Ok(Ends { way: Way::File(Box::new(adopted), file), warning })
        }
        Err(error) if is_automatic && is_not_given(&error) => prepare_memory(description, None),
        Err(error @ ring::OpenError::Locked { .. }) => Err(OpenError::Ring(error)),
        Err(error @ ring::OpenError::OtherLog { .. }) if !is_automatic => Err(OpenError::Ring(error)),
        Err(error) if is_automatic || durable.or_memory => {
            prepare_memory(description, Some(format!("records do not outlive the process: {error}")))
        }
        Err(error) => Err(OpenError::Ring(error)),
    }
}

/// Returns whether there is no runtime directory for this process after all, although the variable names one. Nobody asked
/// for it, so this isn't trouble: the variable was inherited by a process of another user, or after the directory was
/// removed; the directory is on a disk; or a log of this process that was shut down still has the file, for a clone of its
/// `Spool`.
#[cfg(not(shuttle))]
fn is_not_given(error: &tracing_spool_ring::OpenError) -> bool {
    use nix::errno::Errno;
    use tracing_spool_ring::OpenError as Refused;
    const NOT_OURS: [Errno; 5] = [Errno::ENOENT, Errno::ENOTDIR, Errno::EACCES, Errno::EPERM, Errno::EROFS];
    match error {
        Refused::FileSystem { .. } => true,
        Refused::Locked { process, .. } => *process == Some(std::process::id()),
        Refused::Failed { doing: "opening", errno, .. } => NOT_OURS.contains(&Errno::from_raw(*errno)),
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

/// A queue that is ready.
#[derive(Debug)]
pub(super) struct Ends {
    way: Way,
    /// A warning about it, for the log.
    pub(super) warning: Option<String>,
}

/// The two ends, and what belongs to the reading one.
pub(super) struct Halves {
    pub(super) queue: Queue,
    pub(super) inbox: Inbox,
    pub(super) tray: Option<Tray>,
    pub(super) recovered: Recovered,
    pub(super) stating: Option<Dropped>,
    #[cfg(not(shuttle))]
    pub(super) ring_file: Option<RingFile>,
}

impl Ends {
    /// Returns the write that was under way when the last process died.
    pub(super) fn unfinished(&mut self) -> Option<(Unfinished, &mut Batch)> {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) => Some((adopted.unfinished?, &mut adopted.tray.batch)),
            Way::Memory(..) => None,
        }
    }

    /// Returns the file that the queue is in.
    pub(super) fn ring_file(&self) -> Option<&Path> {
        match &self.way {
            #[cfg(not(shuttle))]
            Way::File(_, file) => Some(file.path()),
            Way::Memory(..) => None,
        }
    }

    /// Removes a ring that was created for a log which isn't opened after all.
    pub(super) fn forsake(&self) {
        match &self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) if adopted.is_new => adopted.ring.remove_file(),
            _ => {}
        }
    }

    /// Resolves that write, now that the log is open and its outcome is known.
    pub(super) fn opened(&mut self, file_set: &Engine) {
        match &mut self.way {
            #[cfg(not(shuttle))]
            Way::File(adopted, _) => adopted.resumed(file_set.resumed()),
            Way::Memory(..) => _ = file_set,
        }
    }

    /// Splits the ends. A notice states the losses of an earlier process, if notices are on; `recovered` reports them in
    /// any case.
    #[cfg_attr(shuttle, expect(unused_variables, reason = "there are no processes before"))]
    pub(super) fn into_halves(self, bounds: Bounds, has_notices: bool) -> Halves {
        match self.way {
            Way::Memory(ring, inbox) => Halves {
                queue: Queue::new(bounds, ring),
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
                let queue = Queue::new(bounds, ring);
                Halves { queue, inbox, tray: Some(tray), recovered, stating, ring_file: Some(file) }
            }
        }
    }
}
