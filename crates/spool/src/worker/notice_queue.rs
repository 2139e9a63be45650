//! Notices that wait for their place, and the gap whose loss must be stated. `notice` has the words, and `gap` decides when
//! one is due.

use std::collections::VecDeque;

use tracing_spool_fileset::{Event, Now, Wall};

use crate::account::ledger::Dropped;
use crate::settings::choices::Notices;
use crate::worker::gap::Gap;
use crate::worker::notice;

/// The most notices about the engine that wait; older ones are discarded.
const MOST_LINES: usize = 32;

#[derive(Debug)]
pub(crate) struct Speech {
    pub(crate) style: Notices,
    pub(crate) gap: Gap,
    pub(crate) lines: VecDeque<String>,
    /// Losses that the notice in the tray states.
    pub(crate) stating: Option<Dropped>,
}

impl Speech {
    pub(crate) fn new(style: Notices, lines: VecDeque<String>, stating: Option<Dropped>) -> Self {
        Self { style, gap: Gap::default(), lines, stating }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.style != Notices::Off
    }

    /// Queues a line for an event of the engine, if it belongs in the log.
    pub(crate) fn hear(&mut self, event: &Event, at: Wall) {
        if let Some(line) = notice::of_event(self.style, event, at) {
            if self.lines.len() == MOST_LINES {
                self.lines.pop_front();
            }
            self.lines.push_back(line);
        }
    }

    /// States what has been lost so far, before the record at `place`.
    pub(crate) fn state_losses(&mut self, now: Now, place: u64, dropped: Dropped) {
        if self.is_wanted() {
            self.gap.force(now, place, dropped);
        }
    }
}
