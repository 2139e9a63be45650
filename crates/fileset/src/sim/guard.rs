//! Checks after each change of the simulated disk whether a limit was broken or a file of others was touched.

use super::journal::Entry;
use super::names::{Change, Ino, Place, TOP};
use super::state::{Inode, State};
use super::watch::{Cap, Guard};
use crate::effect::fs::{Follow, Outcome};
use crate::model::error::Op;
use crate::model::inventory::FileKind;
use std::path::{Path, PathBuf};

impl State {
    // --- caps ---

    /// The first cap that is exceeded, as its number and the sum. Only calls that can add to a sum are looked at.
    pub(super) fn exceeded_cap(&mut self, op: Op) -> Option<(usize, u64)> {
        if !matches!(op, Op::Write | Op::Rename | Op::Replace | Op::Truncate)
            || self.watched.violation.is_some()
        {
            return None;
        }
        let mut caps = std::mem::take(&mut self.watched.caps);
        for cap in caps.iter_mut().filter(|cap| cap.names_version != self.names_version) {
            let dir = cap.pinned.or_else(|| self.find(&cap.dir, Follow::Yes).ok());
            let names = dir.into_iter().flat_map(|dir| self.tree.children(dir));
            cap.members.clear();
            cap.members.extend(names.filter(|(name, _)| (cap.names)(name)).map(|(_, ino)| ino));
            cap.names_version = self.names_version;
        }
        let sum = |cap: &Cap| -> u64 {
            let files = cap.members.iter().filter_map(|ino| self.inodes.get(ino));
            files.filter(|file| file.kind == FileKind::File).map(Inode::bytes).sum()
        };
        let sums = caps.iter().map(sum).enumerate();
        let exceeded = sums.zip(&caps).find(|((_, sum), cap)| *sum > cap.bytes).map(|(exceeded, _)| exceeded);
        self.watched.caps = caps;
        exceeded
    }

    // --- harm ---

    /// Makes what the body changes the doing of the process.
    pub(super) fn guarded<T>(&mut self, body: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.set_acting(true);
        let result = body(self);
        self.set_acting(false);
        result
    }

    fn set_acting(&mut self, acting: bool) {
        if let Some(guard) = &mut self.watched.guard {
            guard.acting = acting;
        }
    }

    /// What the call did to others.
    pub(super) fn harm(&mut self) -> Option<String> {
        self.watched.guard.as_mut()?.harm.take()
    }

    /// Says in words what a watch has found: the first time.
    pub(super) fn report(&mut self, entry: &Entry, exceeded: Option<(usize, u64)>, harm: Option<String>) {
        if let Some((cap, bytes)) = exceeded {
            self.watched.violation =
                Some(format!("{bytes} bytes, {:?}, after {entry:?}", self.watched.caps[cap]));
        }
        if let (Some(harm), None) = (harm, &self.watched.breach) {
            self.watched.breach = Some(format!("{harm}, by {entry:?}"));
        }
    }

    /// Looks at a change of names that is about to be made.
    pub(super) fn guard_names(&mut self, change: &Change) {
        let Some(guard) = self.watched.guard.as_ref().filter(|guard| guard.acting) else { return };
        let harm = match change {
            Change::Link(place, ..) => self.harm_at(guard, place, "made"),
            Change::Unlink(place) => self.harm_at(guard, place, "removed"),
            Change::Move(from, to) => {
                let replaced = || self.harm_at(guard, to, "renamed another onto");
                self.harm_at(guard, from, "renamed").or_else(replaced)
            }
        };
        self.note_harm(harm);
    }

    /// Looks at an inode that was just changed, or is about to be.
    pub(super) fn guard_inode(&mut self, ino: Ino) {
        let Some(guard) = self.watched.guard.as_mut().filter(|guard| guard.acting) else { return };
        let now = Some((ino, self.names_version));
        if guard.cleared == now {
            return;
        }
        guard.cleared = now;
        let Some(guard) = &self.watched.guard else { return };
        let mut names = self.tree.names_of(ino).iter();
        let harm = names.find_map(|place| self.foreign_at(guard, place).map(|path| words("wrote", &path)));
        if harm.is_some() {
            self.note_harm(harm);
            self.watched.guard.as_mut().map(|guard| guard.cleared.take());
        }
    }

    fn note_harm(&mut self, harm: Option<String>) {
        if let Some(guard) = self.watched.guard.as_mut().filter(|guard| guard.harm.is_none()) {
            guard.harm = harm;
        }
    }

    /// What doing something to a name does to others, to whom it or something below it may belong.
    fn harm_at(&self, guard: &Guard, place: &Place, done: &str) -> Option<String> {
        let mut todo = vec![place.clone()];
        while let Some(place) = todo.pop() {
            if let Some(path) = self.foreign_at(guard, &place) {
                return Some(words(done, &path));
            }
            let dir = self.tree.get(place.dir, &place.name);
            let below =
                dir.into_iter().flat_map(|dir| self.tree.children(dir).map(move |(name, _)| (dir, name)));
            todo.extend(below.map(|(dir, name)| Place::new(dir, name)));
        }
        None
    }

    /// The path of a name, if that belongs to others.
    fn foreign_at(&self, guard: &Guard, place: &Place) -> Option<PathBuf> {
        let dir = self.tree.path_of(place.dir, TOP)?;
        (guard.foreign)(&dir, &place.name).then(|| dir.join(&*place.name))
    }
}

fn words(done: &str, path: &Path) -> String {
    format!("{done} {}", path.display())
}
