//! Names of the simulated disk: a tree of paths, and the changes that can be made to it.
//! What stands behind a name is in `state`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
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

/// Which names there are, in full, without symlinks inside, and what each stands for. Kept as text in its shortest
/// form: paths are compared part by part, which takes most of the time of a sweep.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<OsString, Ino>);

impl Tree {
    pub(super) fn get(&self, path: &Path) -> Option<Ino> {
        self.0.get(path.as_os_str()).copied()
    }

    /// One of the names of an inode.
    pub(super) fn name_of(&self, ino: Ino) -> Option<&Path> {
        self.0.iter().find(|(_, named)| **named == ino).map(|(path, _)| Path::new(path))
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
    pub(super) fn children(&self, dir: &Path) -> impl Iterator<Item = (&Path, Ino)> {
        let prefix = prefix(dir);
        let depth = prefix.len();
        let is_child = move |path: &OsStr| {
            let name = &path.as_encoded_bytes()[depth..];
            !name.is_empty() && !name.contains(&b'/')
        };
        self.below(prefix).filter(move |(path, _)| is_child(path)).map(|(path, ino)| (Path::new(path), ino))
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Link(path, ino) => {
                self.0.insert(path.clone().into_os_string(), *ino);
            }
            Change::Unlink(path) => {
                self.take(path);
            }
            Change::Move(from, to) => {
                let moved = self.take(from);
                self.take(to);
                for (path, ino) in moved {
                    let target = match Path::new(&path).strip_prefix(from) {
                        Ok(rest) if !rest.as_os_str().is_empty() => to.join(rest),
                        _ => to.clone(),
                    };
                    self.0.insert(target.into_os_string(), ino);
                }
            }
        }
    }

    /// Everything whose name begins with `prefix`, which stands together.
    fn below(&self, prefix: OsString) -> impl Iterator<Item = (&OsStr, Ino)> {
        self.0
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.as_encoded_bytes().starts_with(prefix.as_encoded_bytes()))
            .map(|(path, ino)| (path.as_os_str(), *ino))
    }

    /// Removes a path and everything below it.
    fn take(&mut self, top: &Path) -> Vec<(OsString, Ino)> {
        let itself = self.0.remove_entry(top.as_os_str());
        let below: Vec<_> = self.below(prefix(top)).map(|(path, ino)| (path.to_owned(), ino)).collect();
        for (path, _) in &below {
            self.0.remove(path);
        }
        itself.into_iter().chain(below).collect()
    }
}

/// What the names below a directory begin with.
fn prefix(dir: &Path) -> OsString {
    let mut prefix = dir.as_os_str().to_owned();
    if dir != Path::new("/") {
        prefix.push("/");
    }
    prefix
}
