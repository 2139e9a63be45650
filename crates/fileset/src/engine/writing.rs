//! The file that is being written, and what holds its records up.

use super::state::BlockReason;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::Retry;
use std::time::Duration;

/// What a set without a file reports about its records.
pub(super) const BLOCKED: &str = "records wait as far as the queue holds them; tried again twice a second";

/// Why no records are written, and until when nothing is tried.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) reason: BlockReason,
    pub(super) until: Mono,
    pub(super) since: Wall,
    pub(super) retry: Retry,
}

/// What is known of a limit on the size of files.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    /// The size that was refused to a record that had a file for itself.
    pub(super) bytes: Option<u64>,
    /// Failed calls for the current record.
    pub(super) calls: u32,
}

/// The state of writing: what holds it up, and what becomes of the current record.
#[derive(Debug, Default)]
pub(super) struct Writing {
    pub(super) hold: Option<Hold>,
    /// Whether the current record has lost its beginning, so that the batch starts it again.
    pub(super) rewind: bool,
    /// Whether the file was reopened because a write reported that it is gone, and has taken nothing since.
    pub(super) found_anew: bool,
    /// What is known of a file size limit.
    pub(super) ceiling: Ceiling,
}

impl Writing {
    /// Tries nothing for `delay`.
    pub(super) fn hold(&mut self, reason: BlockReason, delay: Duration, now: Now) -> Flow {
        let until = now.mono + delay;
        match &mut self.hold {
            Some(hold) => (hold.reason, hold.until) = (reason, until),
            None => self.hold = Some(Hold { reason, until, since: now.wall, retry: Retry::default() }),
        }
        Flow::Stop
    }

    pub(super) fn may_try(&self, now: Now) -> bool {
        self.hold.as_ref().is_none_or(|hold| hold.until <= now.mono)
    }
}

/// Whether the loop of `append` goes on.
#[derive(PartialEq, Eq)]
pub(super) enum Flow {
    GoOn,
    Stop,
}
