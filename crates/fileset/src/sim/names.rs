//! The names of the simulated disk: the entries of each directory, and the changes that can be made to them. What
//! stands behind a name is in `state`; `walk` follows paths.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::inventory::FileKind;

/// Number of an inode.
pub(super) type Ino = u64;

/// One component of a path.
pub(super) type Name = Arc<OsStr>;

/// The directory at the top: the only one that has no name.
pub(super) const TOP: Ino = 1;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) dir: Ino,
    pub(super) name: Name,
}

impl Place {
    pub(super) fn new(dir: Ino, name: &OsStr) -> Self {
        Self { dir, name: name.into() }
    }
}

/// One change of names, done whole or not at all.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The name stands for the inode, whatever it stood for before.
    Link(Place, Ino, FileKind),
    /// The name is gone, with everything below it.
    Unlink(Place),
    /// The first name, with everything below it, becomes the second.
    Move(Place, Place),
}

/// Which directories there are, and which entries they have. A directory that was removed is not among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    dirs: BTreeMap<Ino, BTreeMap<Name, Ino>>,
    /// The names of each inode that has any. A directory has one.
    names: BTreeMap<Ino, Vec<Place>>,
}

impl Tree {
    /// A tree with the topmost directory alone.
    pub(super) fn new() -> Self {
        Self { dirs: BTreeMap::from([(TOP, BTreeMap::new())]), names: BTreeMap::new() }
    }

    pub(super) fn get(&self, dir: Ino, name: &OsStr) -> Option<Ino> {
        self.dirs.get(&dir)?.get(name).copied()
    }

    /// Whether the inode is a directory that has not been removed.
    pub(super) fn is_dir(&self, ino: Ino) -> bool {
        self.dirs.contains_key(&ino)
    }

    /// The names of an inode, the oldest first.
    pub(super) fn names_of(&self, ino: Ino) -> &[Place] {
        self.names.get(&ino).map_or(&[], Vec::as_slice)
    }

    /// How many names an inode has.
    pub(super) fn links(&self, ino: Ino) -> u64 {
        let named = u64::try_from(self.names_of(ino).len()).unwrap_or(u64::MAX);
        if ino == TOP { 1 } else { named }
    }

    /// The directory above.
    pub(super) fn above(&self, dir: Ino) -> Option<Ino> {
        self.names_of(dir).first().map(|place| place.dir)
    }

    /// The path of a directory or of the first name of a file, as seen from `root`; none if there is no way to it.
    pub(super) fn path_of(&self, ino: Ino, root: Ino) -> Option<PathBuf> {
        let (mut at, mut names) = (ino, Vec::new());
        while at != root {
            let place = self.names_of(at).first()?;
            names.push(&place.name);
            at = place.dir;
        }
        let mut path = PathBuf::from("/");
        path.extend(names.into_iter().rev().map(|name| &**name));
        Some(path)
    }

    /// Whether `ino` is `dir` or stands somewhere below it.
    pub(super) fn is_within(&self, ino: Ino, dir: Ino) -> bool {
        std::iter::successors(Some(ino), |at| self.above(*at)).any(|at| at == dir)
    }

    /// The entries of a directory, in order.
    pub(super) fn children(&self, dir: Ino) -> impl Iterator<Item = (&OsStr, Ino)> {
        self.dirs.get(&dir).into_iter().flatten().map(|(name, ino)| (&**name, *ino))
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Link(place, ino, kind) => {
                self.remove(place);
                if *kind == FileKind::Directory {
                    self.dirs.entry(*ino).or_default();
                }
                self.insert(place, *ino);
            }
            Change::Unlink(place) => self.remove(place),
            Change::Move(from, to) => {
                let Some(ino) = self.take(from) else { return };
                self.remove(to);
                self.insert(to, ino);
            }
        }
    }

    fn insert(&mut self, place: &Place, ino: Ino) {
        if let Some(entries) = self.dirs.get_mut(&place.dir) {
            entries.insert(Arc::clone(&place.name), ino);
            self.names.entry(ino).or_default().push(place.clone());
        }
    }

    fn take(&mut self, place: &Place) -> Option<Ino> {
        let ino = self.dirs.get_mut(&place.dir)?.remove(&place.name)?;
        self.forget(ino, place);
        Some(ino)
    }

    fn forget(&mut self, ino: Ino, place: &Place) {
        let Some(names) = self.names.get_mut(&ino) else { return };
        names.retain(|name| name != place);
        if names.is_empty() {
            self.names.remove(&ino);
        }
    }

    /// Removes a name; if it is a directory's, with everything below it.
    fn remove(&mut self, place: &Place) {
        let mut todo: Vec<Ino> = self.take(place).into_iter().collect();
        while let Some(dir) = todo.pop() {
            for (name, ino) in self.dirs.remove(&dir).unwrap_or_default() {
                self.forget(ino, &Place { dir, name });
                todo.push(ino);
            }
        }
    }
}
