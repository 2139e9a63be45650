//! Checks whether descriptors, directories, locks and the live file are still the engine's own.

use super::machine::Engine;
use crate::effect::execute::Place;
use crate::effect::fs::Fs as _;
use crate::model::alert::{Event, Trouble};
use crate::model::error::OsError;
use crate::model::time::Now;

impl Engine {
    /// Checks everything that others may have changed, at most every [`WATCH_EVERY`].
    pub(super) fn watch(&mut self, now: Now) {
        if now.mono < self.watch.due {
            return;
        }
        self.watch.looked(now.mono);
        self.retention.forget_free_bytes();
        self.mind_descriptors(now);
        self.mind_directories(now);
        self.mind_locks(now);
        self.mind_live_file(now);
    }

    /// Checks whether our descriptors still refer to our files: other code in the process may have closed them, and
    /// opened files of its own under the same numbers.
    fn mind_descriptors(&mut self, now: Now) {
        if self.mend_descriptors() {
            self.lose_descriptor(now);
        }
    }

    /// Lets go of descriptors that are no longer ours, and reopens those of the directories. Returns whether the live
    /// file's was among them.
    pub(super) fn mend_descriptors(&mut self) -> bool {
        let stage = &mut self.stage;
        stage.next = stage.next.take().filter(|file| file.is_sound());
        stage.retired = stage.retired.take().filter(|file| file.is_sound());
        stage.site.mend_descriptors();
        stage.current.as_ref().is_some_and(|file| !file.is_sound())
    }

    /// The descriptor refers to another file, or to none: reopens the live file and begins the current record again.
    pub(super) fn lose_descriptor(&mut self, now: Now) {
        let Some(file) = self.stage.current.take() else { return };
        self.syncing.left(file.sealed);
        if file.partial > 0 {
            self.writing.rewind = true;
            self.desk.counters.fragments += 1;
            self.desk.say(Event::FragmentLeft { path: self.desk.log(), bytes: file.partial });
        }
        // Before the same file is reopened, which may get the same number.
        drop(file);
        self.start_reopening(now);
    }

    /// Returns whether we hold the locks, if there are directories to have them in.
    fn mind_locks(&mut self, now: Now) {
        if !self.stage.dirs_stand() {
            return;
        }
        match self.stage.site.hold() {
            Ok(()) => self.clear(Trouble::Lock, now),
            Err(failure) => {
                self.desk.counters.failures += 1;
                let detail =
                    "nothing is renamed or removed until it is had again; records go on to the open file";
                self.turn(now).raise(Trouble::Lock, Some(failure), detail, 1);
            }
        }
    }

    /// Compares the open file with what stands under its name.
    fn mind_live_file(&mut self, now: Now) {
        let Some(current) = &mut self.stage.current else { return };
        let at = match current.place {
            Place::Live => self.stage.site.live_file(),
            Place::Hidden => self.stage.site.hidden_file(),
            Place::Moved => {
                if current.is_nameless() {
                    self.lose_name();
                }
                return;
            }
            Place::Nameless => return,
        };
        match self.stage.site.fs.stat(&at) {
            Ok(meta) if meta.id == current.id => {
                if !current.special {
                    // Others truncated it (copytruncate) or appended to it: the budget counts what is there.
                    if meta.bytes < current.bytes && current.partial > 0 {
                        // The current record has lost its beginning, and starts again.
                        current.partial = 0;
                        current.torn = current.ends_torn();
                        self.writing.rewind = true;
                    }
                    current.header_bytes = current.header_bytes.min(meta.bytes);
                    current.bytes = meta.bytes;
                }
            }
            Ok(_) | Err(OsError::ENOENT | OsError::ESTALE | OsError::ENOTDIR) => self.displaced(now),
            // Can't be told now; the next check may.
            Err(_) => self.desk.counters.failures += 1,
        }
    }

    /// The file being written is not under its name any more. It is still written while it has any name; meanwhile the
    /// live file is found or created again.
    pub(super) fn displaced(&mut self, now: Now) {
        self.leave_place();
        self.stage.drop_next();
        // The directory itself may be gone.
        self.watch.hurry(now.mono);
        self.start_reopening(now);
    }

    /// The file being written is not where the set is any more.
    pub(super) fn leave_place(&mut self) {
        if let Some(current) = &mut self.stage.current {
            current.place = Place::Moved;
            if current.is_nameless() {
                self.lose_name();
            }
        }
    }

    /// What is written into a file without a name is lost. Writes nothing more there, and begins the current record
    /// again in the next file.
    pub(super) fn lose_name(&mut self) {
        if let Some(current) = &mut self.stage.current {
            current.place = Place::Nameless;
            self.writing.rewind |= std::mem::take(&mut current.partial) > 0;
        }
    }
}
