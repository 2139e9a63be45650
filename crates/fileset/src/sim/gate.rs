//! The gate that every call of the process passes: counts it, makes it fail by script, writes it down. What a call does
//! is in `handle` and `file`.

use std::path::{Path, PathBuf};

use super::crash::When;
use super::fault::Action;
use super::journal::Entry;
use super::names::{Ino, TOP};
use super::state::State;
use crate::effect::fs::{At, Outcome};
use crate::model::error::{Op, OsError};

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Subject<'a> {
    /// A path, as the process said it.
    Path(&'a Path),
    /// A file or directory that is open, and where it was when it was opened.
    Open(Ino, &'a Path),
    /// A name in a directory that is open.
    Name(Ino, &'a At),
}

/// A call that asks to be let in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) op: Op,
    pub(super) subject: Subject<'a>,
    pub(super) to: Option<Subject<'a>>,
    pub(super) bytes: u64,
}

impl State {
    /// Lets one call of the process through: counts it, fails it by script, kills the process if its time has
    /// come, writes it down. The body is told how many bytes it may take at most, and says how many it took.
    pub(super) fn call<T>(
        &mut self,
        process: u64,
        request: Request<'_>,
        body: impl FnOnce(&mut Self, Option<usize>) -> Outcome<(T, u64)>,
    ) -> Outcome<T> {
        if self.script.crashed || process != self.process.generation {
            return Err(OsError::EIO); // the dead do not count
        }
        self.calls.count += 1;
        let dies = self.script.crash.filter(|(seq, _)| *seq == self.calls.count).map(|(_, when)| when);
        let (action, entry) = self.strike(request);
        let result = match (dies, action) {
            (Some(When::Before), _) => Err(OsError::EIO),
            (_, Some(Action::Fail(error))) => {
                self.note_failed_sync(request, error);
                Err(error)
            }
            (_, Some(Action::Short(most))) => self.guarded(|state| body(state, Some(most))),
            (_, None) => self.guarded(|state| body(state, None)),
        };
        self.script.crashed = dies.is_some();
        let exceeded = self.exceeded_cap(request.op);
        let harm = self.harm();
        if exceeded.is_some() || harm.is_some() || self.calls.are_kept {
            let mut entry = entry.unwrap_or_else(|| self.entry(request));
            entry.result = result.as_ref().map_or_else(|error| Err(*error), |_| Ok(()));
            entry.taken = result.as_ref().map_or(0, |(_, taken)| *taken);
            self.report(&entry, exceeded, harm);
            if self.calls.are_kept {
                self.calls.journal.push(entry);
            }
        }
        if self.script.crashed { Err(OsError::EIO) } else { result.map(|(value, _)| value) }
    }

    fn entry(&self, request: Request<'_>) -> Entry {
        Entry {
            seq: self.calls.count,
            op: request.op,
            path: self.now_called(request.subject),
            to: request.to.map(|to| self.now_called(to)),
            bytes: request.bytes,
            taken: 0,
            result: Ok(()),
            at: self.calls.clock.as_ref().map(|clock| clock.now().mono),
        }
    }

    /// The path of a subject as it is now; where it has none, as it was.
    fn now_called(&self, subject: Subject<'_>) -> PathBuf {
        match subject {
            Subject::Path(path) => path.to_owned(),
            Subject::Open(ino, path) => self.tree.path_of(ino, TOP).unwrap_or_else(|| path.to_owned()),
            Subject::Name(dir, at) => match self.tree.path_of(dir, TOP) {
                Some(dir) => dir.join(&at.name),
                None => at.path(),
            },
        }
    }

    /// What the script does to the call; and its entry, if that had to be made for it or is kept.
    fn strike(&mut self, request: Request<'_>) -> (Option<Action>, Option<Entry>) {
        let is_seen = self.calls.are_kept || self.script.faults.iter().any(|fault| fault.looks(request.op));
        let entry = is_seen.then(|| self.entry(request));
        let seq = self.calls.count;
        let action =
            self.script.faults.iter_mut().find_map(|fault| fault.strike(request.op, seq, entry.as_ref()));
        (action, entry)
    }

    fn note_failed_sync(&mut self, request: Request<'_>, error: OsError) {
        let (Op::Sync, OsError::EIO, Subject::Open(ino, _)) = (request.op, error, request.subject) else {
            return;
        };
        if let Some(file) = self.inodes.get_mut(&ino) {
            file.sync_lost = true;
        }
    }
}
