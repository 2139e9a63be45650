//! Follows paths on the simulated disk, over symlinks and dots, with the errors that Linux returns. It changes nothing.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use super::names::{Ino, Place, TOP};
use super::state::State;
use crate::effect::fs::{Follow, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;

/// As Linux has it.
const HOPS_MAX: usize = 40;

/// Where a path leads.
pub(super) struct Spot<'a> {
    /// The last name and the directory that it is in; none if the path ends at a directory that it doesn't name, as
    /// `/` and `..` do.
    last: Option<(Ino, &'a OsStr)>,
    /// What stands there.
    pub(super) ino: Option<Ino>,
}

impl Spot<'_> {
    /// The name, to make something under it or to remove it; `EBUSY` for a path that ends without one.
    pub(super) fn place(&self) -> Outcome<Place> {
        self.last.map(|(dir, name)| Place::new(dir, name)).ok_or(OsError::EBUSY)
    }
}

impl State {
    /// Where `path` leads from the top of the disk. What is on the way must exist; what it names itself need not.
    pub(super) fn walk<'a>(&'a self, path: &'a Path, last: Follow) -> Outcome<Spot<'a>> {
        Walk { state: self, root: TOP, hops: 0 }.along(TOP, path, last)
    }

    /// Where `path` leads for the process, which may live below a directory of its own.
    pub(super) fn walk_inside<'a>(&'a self, path: &'a Path, last: Follow) -> Outcome<Spot<'a>> {
        Walk { state: self, root: self.process.root, hops: 0 }.along(self.process.root, path, last)
    }

    /// What stands at the path.
    pub(super) fn find(&self, path: &Path, last: Follow) -> Outcome<Ino> {
        self.walk(path, last)?.ino.ok_or(OsError::ENOENT)
    }

    /// What stands at the path for the process.
    pub(super) fn find_inside(&self, path: &Path, last: Follow) -> Outcome<Ino> {
        self.walk_inside(path, last)?.ino.ok_or(OsError::ENOENT)
    }

    /// What stands under a name of a directory that is held.
    pub(super) fn find_at(&self, dir: Ino, name: &OsStr, last: Follow) -> Outcome<Ino> {
        let ino = self.entry_at(dir, name)?.ok_or(OsError::ENOENT)?;
        if last == Follow::No || self.kind(ino) != Some(FileKind::Symlink) {
            return Ok(ino);
        }
        let mut walk = Walk { state: self, root: self.process.root, hops: 0 };
        walk.along(dir, Path::new(name), last)?.ino.ok_or(OsError::ENOENT)
    }

    /// What stands under a name of a directory that is held, if anything does: a symlink itself, if it is one.
    pub(super) fn entry_at(&self, dir: Ino, name: &OsStr) -> Outcome<Option<Ino>> {
        let bytes = name.as_encoded_bytes();
        if matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') {
            return Err(OsError::EINVAL); // no caller of ours has such a name
        }
        self.is_short_enough(name)?;
        Ok(self.tree.get(dir, name))
    }

    fn is_short_enough(&self, name: &OsStr) -> Outcome<()> {
        if name.len() > self.limits.name { Err(OsError::ENAMETOOLONG) } else { Ok(()) }
    }

    /// The path that leads straight there, as the process sees it; none if nothing stands there.
    pub(super) fn path_inside(&self, spot: &Spot<'_>) -> Option<PathBuf> {
        let ino = spot.ino?;
        match spot.last {
            Some((dir, name)) => Some(self.tree.path_of(dir, self.process.root)?.join(name)),
            None => self.tree.path_of(ino, self.process.root),
        }
    }
}

/// One walk: the symlinks on it are counted together.
struct Walk<'a> {
    state: &'a State,
    root: Ino,
    hops: usize,
}

impl<'a> Walk<'a> {
    fn along(&mut self, from: Ino, path: &'a Path, last: Follow) -> Outcome<Spot<'a>> {
        let mut spot = Spot { last: None, ino: Some(if path.is_absolute() { self.root } else { from }) };
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let name = match part {
                Component::Prefix(_) | Component::RootDir | Component::CurDir => continue,
                Component::ParentDir => {
                    let dir = self.dir(&spot)?;
                    let above =
                        if dir == self.root { dir } else { self.state.tree.above(dir).unwrap_or(dir) };
                    spot = Spot { last: None, ino: Some(above) };
                    continue;
                }
                Component::Normal(name) => name,
            };
            let dir = self.dir(&spot)?;
            self.state.is_short_enough(name)?;
            spot = Spot { last: Some((dir, name)), ino: self.state.tree.get(dir, name) };
            let is_followed = last == Follow::Yes || parts.peek().is_some();
            if let Some(target) = spot.ino.filter(|_| is_followed).and_then(|ino| self.target(ino)) {
                self.hops += 1;
                if self.hops > HOPS_MAX {
                    return Err(OsError::ELOOP);
                }
                spot = self.along(dir, target, Follow::Yes)?;
            }
        }
        Ok(spot)
    }

    /// The directory that the walk has come to, for the next step.
    fn dir(&self, spot: &Spot<'a>) -> Outcome<Ino> {
        let ino = spot.ino.ok_or(OsError::ENOENT)?;
        if self.state.tree.is_dir(ino) { Ok(ino) } else { Err(OsError::ENOTDIR) }
    }

    /// Where the inode leads, if it is a symlink.
    fn target(&self, ino: Ino) -> Option<&'a Path> {
        let inode = self.state.inodes.get(&ino)?;
        (inode.kind == FileKind::Symlink).then_some(&inode.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::fs::Fs as _;
    use crate::sim::SimDisk;

    #[test]
    fn a_path_spelled_in_any_way_leads_to_the_same_place() {
        let disk = SimDisk::new();
        disk.put("/logs/app.log", "");
        disk.mkdir_all("/logs/old");
        disk.put_symlink("/logs/link", "old");
        assert_eq!(disk.resolve(Path::new("/logs/link")).as_deref(), Ok(Path::new("/logs/old")));
        for path in
            ["/logs/app.log", "//logs/app.log", "/logs/./app.log", "/logs/old/../app.log", "/./logs//app.log"]
        {
            assert_eq!(disk.resolve(Path::new(path)).as_deref(), Ok(Path::new("/logs/app.log")), "{path}");
        }
        assert_eq!(disk.resolve(Path::new("/logs/old/..")).as_deref(), Ok(Path::new("/logs")));
        assert_eq!(disk.resolve(Path::new("/logs/link/..")).as_deref(), Ok(Path::new("/logs")));
        assert_eq!(disk.resolve(Path::new("/../..")).as_deref(), Ok(Path::new("/")));
        assert_eq!(disk.resolve(Path::new("/logs/app.log/x")), Err(OsError::ENOTDIR));
        assert_eq!(disk.resolve(Path::new("/logs/app.log/..")), Err(OsError::ENOTDIR));
        assert_eq!(disk.resolve(Path::new("/none/app.log")), Err(OsError::ENOENT));
        assert_eq!(disk.resolve(Path::new("/none/..")), Err(OsError::ENOENT));
    }

    #[test]
    fn symlinks_that_lead_to_themselves_end() {
        let disk = SimDisk::new();
        disk.put_symlink("/a", "b/x");
        disk.put_symlink("/b", "/a");
        assert_eq!(disk.look(Path::new("/a")), Err(OsError::ELOOP));
        assert_eq!(disk.look(Path::new("/b/x")), Err(OsError::ELOOP));
    }
}
