//! The files of a set as a reader finds them: which there are, in which order, and what each holds. Nothing is changed.

mod log;
mod member;
mod snapshot;

pub(crate) use log::{Found, LIMITS, Lock, Log, absent, find};
pub(crate) use member::{Member, Role};
pub(crate) use snapshot::{Shut, Snapshot, open, open_until};
