//! Names of the simulated disk: a tree of paths, and the changes that can be made to it.
//! What stands behind a name is in `state`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::ops::Bound;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::model::inventory::FileKind;

/// Number of an inode.
pub(super) type Ino = u64;

/// A path in full, in its shortest form. Kept as text: paths are compared part by part, which is slow.
pub(super) type Name = Arc<OsStr>;

/// One change of names, done whole or not at all.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The name stands for the inode, whatever it stood for before.
    Link(Name, Ino, FileKind),
    /// The name is gone, with everything below it.
    Unlink(Name),
    /// The first name, with everything below it, becomes the second.
    Move(Name, Name),
}

/// What stands behind a name.
#[derive(Clone, Copy, Debug)]
struct Target {
    ino: Ino,
    is_dir: bool,
}

/// Which names there are, in full, without symlinks inside, and what each stands for.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    names: BTreeMap<Name, Target>,
    /// How many names each inode has that has one.
    links: BTreeMap<Ino, u64>,
}

impl Tree {
    pub(super) fn get(&self, path: &OsStr) -> Option<Ino> {
        self.names.get(path).map(|target| target.ino)
    }

    pub(super) fn is_dir(&self, path: &OsStr) -> bool {
        self.names.get(path).is_some_and(|target| target.is_dir)
    }

    /// One of the names of an inode.
    pub(super) fn name_of(&self, ino: Ino) -> Option<&Path> {
        self.names.iter().find(|(_, target)| target.ino == ino).map(|(path, _)| Path::new(path))
    }

    /// How many names an inode has.
    pub(super) fn links(&self, ino: Ino) -> u64 {
        self.links.get(&ino).copied().unwrap_or(0)
    }

    /// The names in a directory, without it, in order.
    pub(super) fn children(&self, dir: &Path) -> impl Iterator<Item = (&OsStr, Ino)> {
        let prefix = prefix(dir);
        let depth = prefix.len();
        self.below(prefix).filter_map(move |(path, ino)| {
            let name = &path.as_bytes()[depth..];
            (!name.is_empty() && !name.contains(&b'/')).then(|| (OsStr::from_bytes(name), ino))
        })
    }

    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Link(path, ino, kind) => {
                self.take(path);
                self.insert(Arc::clone(path), Target { ino: *ino, is_dir: *kind == FileKind::Directory });
            }
            Change::Unlink(path) => self.take_all(path),
            Change::Move(from, to) => self.rename(from, to),
        }
    }

    fn rename(&mut self, from: &OsStr, to: &Name) {
        let below = if self.is_dir(from) { self.take_below(from) } else { Vec::new() };
        let itself = self.take(from);
        self.take_all(to);
        if let Some(target) = itself {
            self.insert(Arc::clone(to), target);
        }
        for (path, target) in below {
            let rest = Path::new(&path).strip_prefix(from).unwrap_or_else(|_| Path::new(""));
            self.insert(Path::new(to).join(rest).into_os_string().into(), target);
        }
    }

    fn insert(&mut self, path: Name, target: Target) {
        self.names.insert(path, target);
        *self.links.entry(target.ino).or_default() += 1;
    }

    fn take(&mut self, path: &OsStr) -> Option<Target> {
        let target = self.names.remove(path)?;
        let links = self.links.entry(target.ino).or_default();
        *links = links.saturating_sub(1);
        if *links == 0 {
            self.links.remove(&target.ino);
        }
        Some(target)
    }

    /// Removes a path and everything below it.
    fn take_all(&mut self, top: &OsStr) {
        if self.is_dir(top) {
            self.take_below(top);
        }
        self.take(top);
    }

    fn take_below(&mut self, top: &OsStr) -> Vec<(Name, Target)> {
        let names: Vec<Name> = self.below(prefix(Path::new(top))).map(|(path, _)| Arc::clone(path)).collect();
        names.into_iter().filter_map(|path| self.take(&path).map(|target| (path, target))).collect()
    }

    /// Everything whose name begins with `prefix`, which stands together.
    fn below(&self, prefix: OsString) -> impl Iterator<Item = (&Name, Ino)> {
        self.names
            .range::<OsStr, _>((Bound::Included(prefix.as_os_str()), Bound::Unbounded))
            .take_while(move |(path, _)| path.as_bytes().starts_with(prefix.as_bytes()))
            .map(|(path, target)| (path, target.ino))
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
