//! Scripted faults: which call fails, how, and how often. A fault has no effect of its own, except the short write.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::journal::Entry;
use crate::model::error::{Op, OsError};

type Predicate = Arc<dyn Fn(&Entry) -> bool + Send + Sync>;

/// One line of a fault script. Unless told otherwise, it makes the first matching call fail once, with `EIO`.
///
/// ```
/// use tracing_spool_fileset::sim::Fault;
/// use tracing_spool_fileset::{Op, OsError};
/// let busy = Fault::on(Op::Rename).path_ends("app.log.1").fails(OsError::EBUSY).times(3);
/// let full = Fault::on(Op::Write).nth(2).fails(OsError::ENOSPC).until_cleared();
/// # let _ = (busy, full);
/// ```
#[derive(Clone)]
pub struct Fault {
    op: Option<Op>,
    seq: Option<u64>,
    path: Option<PathBuf>,
    to: Option<PathBuf>,
    predicate: Option<Predicate>,
    action: Action,
    /// How many fitting calls pass before the first that fails.
    skip: u64,
    /// How many calls it still fails; none: no end.
    left: Option<u64>,
}

/// What a fault does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Fail(OsError),
    /// The write takes at most so many bytes.
    Short(usize),
}

impl Fault {
    /// Creates a fault for calls of one kind.
    #[must_use]
    pub fn on(op: Op) -> Self {
        Self { op: Some(op), ..Self::any() }
    }

    /// Creates a fault for calls of every kind.
    #[must_use]
    pub fn any() -> Self {
        Self {
            op: None,
            seq: None,
            path: None,
            to: None,
            predicate: None,
            action: Action::Fail(OsError::EIO),
            skip: 0,
            left: Some(1),
        }
    }

    /// Begins with the `n`th matching call, counted from 1 and from when the disk gets the fault.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Self {
        self.skip = n.saturating_sub(1);
        self
    }

    /// Matches only the call with number `seq`, counted over calls of all kinds ([`Entry::seq`]).
    #[must_use]
    pub fn at_seq(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }

    /// Matches only calls whose path ends in `path`, in whole components: `app.log` matches `/log/app.log`, not
    /// `/log/my-app.log`.
    #[must_use]
    pub fn path_ends(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Matches only calls whose second path ends in `to`, in whole components.
    #[must_use]
    pub fn to_ends(mut self, to: impl Into<PathBuf>) -> Self {
        self.to = Some(to.into());
        self
    }

    /// Matches only calls that `predicate` accepts. It gets the entry as it will be written if nothing fails, and must
    /// not use the disk.
    #[must_use]
    pub fn matching(mut self, predicate: impl Fn(&Entry) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Makes the call return this error and have no effect.
    #[must_use]
    pub fn fails(mut self, error: OsError) -> Self {
        self.action = Action::Fail(error);
        self
    }

    /// Makes a write take at most `bytes` bytes, and return how many it took. Calls other than writes are left alone.
    #[must_use]
    pub fn short(mut self, bytes: usize) -> Self {
        self.action = Action::Short(bytes);
        self
    }

    /// Strikes one call.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Strikes this many matching calls, one after the other.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.left = Some(calls);
        self
    }

    /// Strikes every matching call until the faults are cleared or the disk is restarted.
    #[must_use]
    pub fn until_cleared(mut self) -> Self {
        self.left = None;
        self
    }

    /// Whether it may have to see the entry of a call of this kind.
    pub(super) fn looks(&self, op: Op) -> bool {
        let is_wanted = self.path.is_some() || self.to.is_some() || self.predicate.is_some();
        is_wanted && self.left != Some(0) && self.op.is_none_or(|of| of == op)
    }

    /// What becomes of the call, if this fault has a say; counts it. Where it [looks](Self::looks), it needs the entry.
    pub(super) fn strike(&mut self, op: Op, seq: u64, entry: Option<&Entry>) -> Option<Action> {
        if self.left == Some(0) || !self.fits(op, seq, entry) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        Some(self.action)
    }

    fn fits(&self, op: Op, seq: u64, entry: Option<&Entry>) -> bool {
        let seen = |accepts: &dyn Fn(&Entry) -> bool| entry.is_some_and(accepts);
        self.op.is_none_or(|of| of == op)
            && self.seq.is_none_or(|of| of == seq)
            && (self.action_is_failure() || op == Op::Write)
            && self.path.as_ref().is_none_or(|end| seen(&|call| call.path.ends_with(end)))
            && self
                .to
                .as_ref()
                .is_none_or(|end| seen(&|call| call.to.as_ref().is_some_and(|to| to.ends_with(end))))
            && self.predicate.as_ref().is_none_or(|accepts| seen(&|call| accepts(call)))
    }

    fn action_is_failure(&self) -> bool {
        matches!(self.action, Action::Fail(_))
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Fault");
        out.field("op", &self.op).field("seq", &self.seq).field("path", &self.path).field("to", &self.to);
        out.field("action", &self.action).field("skip", &self.skip).field("left", &self.left);
        out.finish_non_exhaustive()
    }
}
