//! Checks every second whether the ring's file still exists, and creates it anew if others removed it. Records in an
//! unlinked ring are still written, but no later process would find them after a death.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing_spool_fileset::{Engine, Mono, Now};
use tracing_spool_ring::{FileState, Limits, Opened, Options, Ring, Task};

use crate::account::claim;
use crate::hand_off::inbox::Inbox;
use crate::hand_off::queue::Queue;

/// Time between two checks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the ring is, and how it was opened.
#[derive(Debug)]
pub(crate) struct RingFile {
    path: PathBuf,
    limits: Limits,
    options: Options,
    /// None means at once.
    next_look: Option<Mono>,
    /// An alert about it is open.
    is_alerted: bool,
}

impl RingFile {
    pub(crate) fn new(path: PathBuf, limits: Limits, options: Options) -> Self {
        Self { path, limits, options, next_look: None, is_alerted: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks if it is time.
    pub(crate) fn look(&mut self, queue: &Queue, inbox: &mut Inbox, file_set: &mut Engine, now: Now) {
        if inbox.go_on() {
            queue.rings.leave_old();
        }
        if self.next_look.is_some_and(|next_look| now.mono < next_look) {
            return;
        }
        self.next_look = Some(now.mono + LOOK_EVERY);
        let what = match queue.rings.current().file_state() {
            FileState::Removed => "was removed",
            FileState::Replaced => "was replaced",
            _ => {
                if std::mem::take(&mut self.is_alerted) {
                    file_set.hand_off_is_well(now);
                }
                return;
            }
        };
        let outcome = match self.make_anew(queue, inbox) {
            Ok(()) => "made anew: what waits in it outlives the process again".to_owned(),
            Err(why) => format!("not made anew, and what waits does not outlive the process: {why}"),
        };
        self.is_alerted = true;
        file_set.warn_of_hand_off(&format!("the ring {} {what}; it is {outcome}", self.path.display()), now);
    }

    fn make_anew(&self, queue: &Queue, inbox: &mut Inbox) -> Result<(), String> {
        if inbox.is_behind() {
            return Err("the one before it is not yet empty".to_owned());
        }
        let opened =
            Ring::open(&self.path, self.limits, self.options.clone()).map_err(|error| error.to_string())?;
        if !is_empty(&opened) {
            return Err("another with records in it stands there, which the next start writes".to_owned());
        }
        claim::remove(&opened.ring);
        let offset = queue.rings.renew(opened.ring).ok_or("it was removed too often")?;
        inbox.follow(opened.reader, offset);
        Ok(())
    }
}

/// Returns whether it holds nothing of an earlier process.
fn is_empty(opened: &Opened) -> bool {
    opened.found.as_ref().is_none_or(|found| {
        let is_at_rest = |task: &Task| !matches!(task, Task::Text(_));
        found.records == 0 && found.stamp.as_ref().is_none_or(|stamp| is_at_rest(&stamp.task))
    })
}
