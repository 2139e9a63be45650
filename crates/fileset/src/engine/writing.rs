//! The file that is being written, and what holds its records up.

use super::state::BlockReason;
use crate::model::time::{Mono, Now, Wall};
use crate::policy::backoff::Retry;
use std::time::Duration;

/// What a set without a file has to say of its records.
pub(super) const BLOCKED: &str = "records wait as far as the queue holds them; tried again twice a second";

/// Why no records are written, and until when nothing is tried.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) reason: BlockReason,
    pub(super) until: Mono,
    pub(super) since: Wall,
    pub(super) retry: Retry,
}

/// A size that no file may exceed, met by a record that had a file for itself.
#[derive(Debug, Default)]
pub(super) struct Ceiling {
    /// What a record was given up for.
    pub(super) bytes: Option<u64>,
    /// Calls that have failed on the record in hand.
    pub(super) calls: u32,
}

/// The writing itself: what holds it up, and what becomes of the record in hand.
#[derive(Debug, Default)]
pub(super) struct Writing {
    pub(super) hold: Option<Hold>,
    /// The record in hand has lost its beginning: the batch starts it anew.
    pub(super) rewind: bool,
    /// The file was opened anew because a write said that it is gone, and has taken nothing since.
    pub(super) found_anew: bool,
    /// What is known of a limit on the size of files.
    pub(super) ceiling: Ceiling,
}

impl Writing {
    /// Nothing is tried for `delay`.
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
