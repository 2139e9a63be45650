//! Names of the simulated disk: a tree of paths, and the changes that can be made to it.
//! What stands behind a name is in `state`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Number of an inode.
pub(super) type Ino = u64;

/// One change of names, done whole or not at all.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The name stands for the inode, whatever it stood for before.
    Link(PathBuf, Ino),
    /// The name is gone, with everything below it.
    Unlink(PathBuf),
    /// The first name, with everything below it, becomes the second.
    Move(PathBuf, PathBuf),
}

/// Which names there are, in full, without symlinks inside, and what each stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Ino>);

impl Tree {
    pub(super) fn get(&self, path: &Path) -> Option<Ino> {
        self.0.get(path).copied()
    }

    /// One of the names of an inode.
    pub(super) fn name_of(&self, ino: Ino) -> Option<&Path> {
        self.0.iter().find(|(_, named)| **named == ino).map(|(path, _)| path.as_path())
    }

    /// How many names an inode has.
    pub(super) fn links(&self, ino: Ino) -> usize {
        self.0.values().filter(|named| **named == ino).count()
    }

    /// Every inode that has a name.
    pub(super) fn named(&self) -> BTreeSet<Ino> {
        self.0.values().copied().collect()
    }

    /// The names in a directory, in order.
    pub(super) fn children<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a Path, Ino)> {
        self.below(dir).filter(move |(path, _)| path.parent() == Some(dir))
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Link(path, ino) => {
                self.0.insert(path.clone(), *ino);
            }
            Change::Unlink(path) => {
                self.take(path);
            }
            Change::Move(from, to) => {
                let moved = self.take(from);
                self.take(to);
                for (path, ino) in moved {
                    let target = match path.strip_prefix(from) {
                        Ok(rest) if !rest.as_os_str().is_empty() => to.join(rest),
                        _ => to.clone(),
                    };
                    self.0.insert(target, ino);
                }
            }
        }
    }

    /// A path and everything below it; paths are ordered by component, so that they stand together.
    fn below<'a>(&'a self, top: &'a Path) -> impl Iterator<Item = (&'a Path, Ino)> {
        self.0
            .range(top.to_owned()..)
            .take_while(move |(path, _)| path.starts_with(top))
            .map(|(p, i)| (p.as_path(), *i))
    }

    fn take(&mut self, top: &Path) -> Vec<(PathBuf, Ino)> {
        let taken: Vec<_> = self.below(top).map(|(path, ino)| (path.to_owned(), ino)).collect();
        for (path, _) in &taken {
            self.0.remove(path);
        }
        taken
    }
}
