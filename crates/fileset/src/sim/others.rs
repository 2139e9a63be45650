//! What others do to the simulated disk, and to the process behind its back. Nothing is forbidden here, and nothing
//! counts as a call of the process.

use std::path::{Path, PathBuf};

use super::disk::{SimDisk, put};
use super::names::{Change, Ino, Place};
use super::state::{Inode, LockOwner, State};
use crate::effect::fs::{Follow, Outcome};
use crate::model::error::OsError;
use crate::model::inventory::FileKind;
use crate::model::time::Wall;

impl SimDisk {
    // --- names ---

    /// Renames a file as somebody else, over whatever stands there.
    ///
    /// # Errors
    ///
    /// Returns an error if `from` doesn't exist, and `EINVAL` for a directory that would be moved into itself.
    pub fn ext_rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (from, ino) = named(&state, from.as_ref())?;
        let to = state.walk(to.as_ref(), Follow::No)?.place()?;
        if state.tree.is_within(to.dir, ino) {
            return Err(OsError::EINVAL);
        }
        state.change(Change::Move(from, to));
        Ok(())
    }

    /// Renames a directory and everything in it as somebody else. Whoever holds it open still does.
    ///
    /// # Errors
    ///
    /// Returns an error if `from` doesn't exist or is not a directory.
    pub fn ext_rename_dir(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Outcome<()> {
        must_be_dir(&self.state(), from.as_ref())?;
        self.ext_rename(from, to)
    }

    /// Renames a directory away as somebody else and creates a new one in its place. Returns where the old one is now.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist or is not a directory.
    pub fn ext_replace_dir(&self, path: impl AsRef<Path>) -> Outcome<PathBuf> {
        let path = path.as_ref();
        must_be_dir(&self.state(), path)?;
        let beside = |number: u32| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".away.{number}"));
            PathBuf::from(name)
        };
        let away = (1..).map(beside).find(|away| !self.exists(away)).ok_or(OsError::EEXIST)?;
        self.ext_rename(path, &away)?;
        let mut state = self.state();
        let place = state.walk(path, Follow::No)?.place()?;
        let ino = state.add_durable(FileKind::Directory, &[], Path::new(""));
        state.link(place, ino);
        Ok(away)
    }

    /// Removes a name as somebody else. Whoever has the file open can still use it.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_unlink(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (place, _) = named(&state, path.as_ref())?;
        state.change(Change::Unlink(place));
        Ok(())
    }

    /// Removes a directory and everything in it as somebody else. Whoever holds it open has an empty directory in which
    /// nothing can be created.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist or is not a directory.
    pub fn ext_remove_dir_all(&self, path: impl AsRef<Path>) -> Outcome<()> {
        must_be_dir(&self.state(), path.as_ref())?;
        self.ext_unlink(path)
    }

    /// Gives a file a second name as somebody else.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_hard_link(&self, path: impl AsRef<Path>, second: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (_, ino) = named(&state, path.as_ref())?;
        let second = state.walk(second.as_ref(), Follow::No)?.place()?;
        state.link(second, ino);
        Ok(())
    }

    /// Points a symlink elsewhere as somebody else, in one step: a new one is renamed over it.
    ///
    /// # Errors
    ///
    /// Returns an error if `link` doesn't exist, and `EINVAL` if it is not a symlink.
    pub fn ext_flip(&self, link: impl AsRef<Path>, target: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let (place, ino) = named(&state, link.as_ref())?;
        if state.kind(ino) != Some(FileKind::Symlink) {
            return Err(OsError::EINVAL);
        }
        let new = state.add_durable(FileKind::Symlink, &[], target.as_ref());
        state.link(place, new);
        Ok(())
    }

    // --- files ---

    /// Truncates a file as somebody else.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_truncate(&self, path: impl AsRef<Path>, bytes: usize) -> Outcome<()> {
        self.change_file(path.as_ref(), |file| file.live.resize(bytes, 0))
    }

    /// Sets when a file was last changed as somebody else, as `touch` does.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_touch(&self, path: impl AsRef<Path>, modified: Wall) -> Outcome<()> {
        self.change_file(path.as_ref(), |file| file.modified = modified)
    }

    /// Appends to a file as somebody else, whatever the limits of the disk.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_append(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Outcome<()> {
        self.change_file(path.as_ref(), |file| file.live.extend_from_slice(bytes.as_ref()))
    }

    /// Forbids every change of a file or directory, or allows it again, as `chattr +i` and `-i` do. While it is
    /// forbidden, opening it to append, renaming, replacing or removing it, setting its attributes, and creating,
    /// renaming or removing names in it return `EPERM`. Whoever has it open can still write.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_immovable(&self, path: impl AsRef<Path>, immovable: bool) -> Outcome<()> {
        self.change_file(path.as_ref(), |file| file.immovable = immovable)
    }

    /// Changes the owner of what stands at the path itself.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn set_owner(&self, path: impl AsRef<Path>, user: u32) -> Outcome<()> {
        self.change_itself(path.as_ref(), |inode| inode.owner = user)
    }

    /// Changes the group of what stands at the path itself.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn set_group(&self, path: impl AsRef<Path>, group: u32) -> Outcome<()> {
        self.change_itself(path.as_ref(), |inode| inode.group = group)
    }

    /// Sets the permission bits of what stands at the path itself. They keep nobody out.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) -> Outcome<()> {
        self.change_itself(path.as_ref(), |inode| inode.mode = mode & 0o7777)
    }

    /// Opens a file as a reader that keeps it open: its bytes take room even if it loses its name.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_hold(&self, path: impl AsRef<Path>) -> Outcome<()> {
        self.change_file(path.as_ref(), |file| file.read += 1)
    }

    /// Closes everything that readers have open.
    pub fn ext_let_go(&self) {
        self.state().inodes.values_mut().for_each(|inode| inode.read = 0);
    }

    // --- locks ---

    /// Takes the lock file at `path` as another process, and writes `text` into it. The lock survives a restart of the
    /// process under test, but not a power cut.
    pub fn hold_lock(&self, path: impl AsRef<Path>, text: &str) {
        let mut state = self.state();
        put(&mut state, path.as_ref(), FileKind::File, text.as_bytes(), Path::new(""));
        if let Ok(ino) = state.find(path.as_ref(), Follow::No) {
            state.locks.insert(ino, LockOwner::Other);
            state.places_version += 1;
        }
    }

    /// Releases the lock of the other process. Its file stays.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn release_lock(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path.as_ref(), Follow::No)?;
        if state.locks.get(&ino) == Some(&LockOwner::Other) {
            state.locks.remove(&ino);
            state.places_version += 1;
        }
        Ok(())
    }

    // --- the process ---

    /// Closes every descriptor of the process behind its back: what it has open returns `EBADF` from now on, and its
    /// locks are gone. What it opens later works.
    pub fn ext_close_descriptors(&self) {
        self.state().close_all();
    }

    /// Closes every descriptor of the process behind its back, and opens the file or directory at `path` under the same
    /// numbers. Calls on what the process had open then go to that one, so a write ends up in that file. Work on names
    /// in it returns `EBADF`, as on the real disk.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist.
    pub fn ext_steal_descriptors(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path.as_ref(), Follow::Yes)?;
        state.steal_all(ino);
        Ok(())
    }

    /// Makes the directory at `path` the root of the process behind its back. The paths of the process begin there
    /// until it ends, while directories that it holds stay what they are. The paths of a test still begin at the top of
    /// the disk.
    ///
    /// # Errors
    ///
    /// Returns an error if `path` doesn't exist or is not a directory.
    pub fn ext_chroot(&self, path: impl AsRef<Path>) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path.as_ref(), Follow::Yes)?;
        if !state.tree.is_dir(ino) {
            return Err(OsError::ENOTDIR);
        }
        state.process.root = ino;
        Ok(())
    }

    fn change_file(&self, path: &Path, change: impl FnOnce(&mut Inode)) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path, Follow::Yes)?;
        state.inode(ino).map(change)
    }

    fn change_itself(&self, path: &Path, change: impl FnOnce(&mut Inode)) -> Outcome<()> {
        let mut state = self.state();
        let ino = state.find(path, Follow::No)?;
        state.inode(ino).map(change)
    }
}

/// The name at a path, and what stands there.
fn named(state: &State, path: &Path) -> Outcome<(Place, Ino)> {
    let spot = state.walk(path, Follow::No)?;
    let ino = spot.ino.ok_or(OsError::ENOENT)?;
    Ok((spot.place()?, ino))
}

fn must_be_dir(state: &State, path: &Path) -> Outcome<()> {
    let ino = state.find(path, Follow::No)?;
    if state.tree.is_dir(ino) { Ok(()) } else { Err(OsError::ENOTDIR) }
}
