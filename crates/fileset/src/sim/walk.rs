//! Where a path leads on the simulated disk: over symlinks and dots, with the errors that Linux gives.
//! It changes nothing.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::names::Ino;
use super::state::State;
use crate::effect::fs::{Follow, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;

/// As Linux has it.
const HOPS_MAX: usize = 40;
const NAME_BYTES_MAX: usize = 255;

/// Where a path leads: the name without symlinks, and what stands there.
pub(super) struct Spot<'a> {
    pub(super) path: Cow<'a, Path>,
    pub(super) ino: Option<Ino>,
}

impl State {
    /// Where `path` leads. What is on the way must exist; what it names itself need not.
    pub(super) fn walk<'a>(&self, path: &'a Path, last: Follow) -> Outcome<Spot<'a>> {
        if let Some(spot) = self.straight(path, last) {
            return Ok(spot);
        }
        let mut at = PathBuf::from("/");
        let mut hops = 0;
        let mut todo: VecDeque<OsString> = parts(path).collect();
        while let Some(part) = todo.pop_front() {
            if !self.tree.is_dir(at.as_os_str()) {
                return Err(OsError::ENOTDIR);
            }
            if part == ".." {
                at.pop();
                continue;
            }
            if part.len() > NAME_BYTES_MAX {
                return Err(OsError::ENAMETOOLONG);
            }
            let here = at.join(&part);
            let Some(inode) = self.tree.get(here.as_os_str()).and_then(|ino| self.inodes.get(&ino)) else {
                let spot = Spot { path: Cow::Owned(here), ino: None };
                return if todo.is_empty() { Ok(spot) } else { Err(OsError::ENOENT) };
            };
            if inode.kind != FileKind::Symlink || (todo.is_empty() && last == Follow::No) {
                at = here;
                continue;
            }
            hops += 1;
            if hops > HOPS_MAX {
                return Err(OsError::ELOOP);
            }
            if inode.target.is_absolute() {
                at = PathBuf::from("/");
            }
            parts(&inode.target).collect::<Vec<_>>().into_iter().rev().for_each(|part| todo.push_front(part));
        }
        let ino = self.tree.get(at.as_os_str());
        Ok(Spot { path: Cow::Owned(at), ino })
    }

    /// The usual case, for speed: a plain path in a directory, and no symlink to follow.
    fn straight<'a>(&self, path: &'a Path, last: Follow) -> Option<Spot<'a>> {
        let dir = above(path.as_os_str())?;
        // The tree knows paths in their shortest form alone: a directory that it has was spelled so.
        if !self.tree.is_dir(dir) {
            return None;
        }
        let ino = self.tree.get(path.as_os_str());
        let leads_on = last == Follow::Yes && ino.and_then(|ino| self.kind(ino)) == Some(FileKind::Symlink);
        (!leads_on).then_some(Spot { path: Cow::Borrowed(path), ino })
    }

    /// The name and inode of what stands at the path itself.
    pub(super) fn find<'a>(&self, path: &'a Path, last: Follow) -> Outcome<(Cow<'a, Path>, Ino)> {
        let spot = self.walk(path, last)?;
        spot.ino.map(|ino| (spot.path, ino)).ok_or(OsError::ENOENT)
    }
}

/// What stands before the last part of a path, if that part is a name that a directory may hold.
fn above(path: &OsStr) -> Option<&OsStr> {
    let bytes = path.as_bytes();
    let slash = bytes.iter().rposition(|byte| *byte == b'/')?;
    let last = &bytes[slash + 1..];
    let is_name = !matches!(last, b"" | b"." | b"..") && last.len() <= NAME_BYTES_MAX;
    is_name.then(|| OsStr::from_bytes(&bytes[..slash.max(1)]))
}

/// The components that lead somewhere.
fn parts(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::fs::Fs as _;
    use crate::sim::SimDisk;

    #[test]
    fn a_name_has_something_above_it() {
        let above = |path: &'static str| above(OsStr::new(path)).and_then(OsStr::to_str);
        assert_eq!(above("/logs/app.log"), Some("/logs"));
        assert_eq!(above("/logs"), Some("/"));
        assert_eq!(above("/a/.b/..c"), Some("/a/.b"));
        for path in ["", "/", "app.log", "/logs/", "/a/..", "/a/."] {
            assert_eq!(above(path), None, "{path}");
        }
        let long = format!("/{}", "n".repeat(NAME_BYTES_MAX + 1));
        assert_eq!(super::above(OsStr::new(&long)), None);
    }

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
        assert_eq!(disk.resolve(Path::new("/logs/app.log/x")), Err(OsError::ENOTDIR));
        assert_eq!(disk.resolve(Path::new("/none/app.log")), Err(OsError::ENOENT));
    }
}
