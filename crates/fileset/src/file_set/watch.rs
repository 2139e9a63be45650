//! Whether the live file is still ours: others move, delete, replace and truncate log files.
//! How the file is found again is a job like any other (`job`).

use super::FileSet;
use crate::effect::execute::Place;
use crate::effect::fs::Fs as _;
use crate::model::error::OsError;
use crate::model::settings::WATCH_EVERY;
use crate::model::time::Now;

impl FileSet {
    /// Compares the file that is open with what stands under its name, at most every [`WATCH_EVERY`].
    pub(super) fn watch(&mut self, now: Now) {
        if now.mono < self.watch_at {
            return;
        }
        self.watch_at = now.mono + WATCH_EVERY;
        self.free_bytes = None;
        let Some(current) = &mut self.stage.current else { return };
        let path = match current.place {
            Place::Live => self.stage.names.live(),
            Place::Hidden => self.stage.names.hidden(),
            Place::Moved => {
                if current.file.stat().is_ok_and(|meta| meta.links == 0) {
                    self.lose_name();
                }
                return;
            }
            Place::Nameless => return,
        };
        match self.stage.fs.stat(path) {
            Ok(meta) if meta.id == current.id => {
                if !current.special {
                    // Truncated by a copytruncate, or appended to by others: the budget counts what is there.
                    if meta.bytes < current.bytes && current.partial > 0 {
                        // The record in hand has lost its beginning: it starts anew.
                        current.partial = 0;
                        current.torn = !matches!(current.file.last_byte(), Ok(None | Some(b'\n')));
                        self.rewind = true;
                    }
                    current.bytes = meta.bytes;
                }
            }
            Ok(_) | Err(OsError::ENOENT | OsError::ESTALE | OsError::ENOTDIR) => self.displaced(now),
            // Cannot be told now; the next look may.
            Err(_) => self.counters.failures += 1,
        }
    }

    /// The file being written is not under its name any more. It is written on while it has a name at all; meanwhile
    /// the live file is found or made anew.
    pub(super) fn displaced(&mut self, now: Now) {
        if let Some(current) = &mut self.stage.current {
            current.place = Place::Moved;
            if current.file.stat().is_ok_and(|meta| meta.links == 0) {
                self.lose_name();
            }
        }
        self.stage.drop_next();
        self.start_reopening(now);
    }

    /// What is written into a file without a name is gone: nothing more goes there, and the record in hand starts
    /// anew in the next file.
    pub(super) fn lose_name(&mut self) {
        if let Some(current) = &mut self.stage.current {
            current.place = Place::Nameless;
            self.rewind |= std::mem::take(&mut current.partial) > 0;
        }
    }
}
