//! The disk as the engine sees it: each method of `Fs`, on the state in memory. It passes the gate once per call, and
//! returns the errors that Linux returns. What is open is in `file`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::change::Onto;
use super::disk::SimDisk;
use super::file::{Access, Descriptor, SimFile, SimLock};
use super::gate::{Request, Subject};
use super::names::Ino;
use super::open::Fd;
use super::state::{LockOwner, State, id_of};
use crate::effect::fs::{At, Dir, Follow, Fs, Lock, LockRefusal, LogFile, Outcome, Space};
use crate::model::error::{Holder, Op, OsError};
use crate::model::inventory::{FileKind, Meta};

impl SimDisk {
    fn on_path<T>(&self, op: Op, path: &Path, body: impl FnOnce(&mut State) -> Outcome<T>) -> Outcome<T> {
        self.request(Request { op, subject: Subject::Path(path), to: None, bytes: 0 }, &[], body)
    }

    /// A call about a directory. The body is told what stands behind its descriptor.
    fn on_dir<T>(&self, op: Op, dir: &Dir, body: impl FnOnce(&mut State, Ino) -> Outcome<T>) -> Outcome<T> {
        let fd = self.fd(dir);
        let request = Request { op, subject: Subject::Open(fd.ino, dir.path()), to: None, bytes: 0 };
        self.request(request, &[fd], |state| {
            let dir = state.behind(fd)?;
            body(state, dir)
        })
    }

    /// A call about a name. The body is told the directory.
    fn on_name<T>(&self, op: Op, at: &At, body: impl FnOnce(&mut State, Ino) -> Outcome<T>) -> Outcome<T> {
        self.on_name_to(op, at, None, body)
    }

    fn on_name_to<T>(
        &self,
        op: Op,
        at: &At,
        to: Option<Subject<'_>>,
        body: impl FnOnce(&mut State, Ino) -> Outcome<T>,
    ) -> Outcome<T> {
        let fd = self.fd(&at.dir);
        self.request(Request { op, subject: Subject::Name(fd.ino, at), to, bytes: 0 }, &[fd], |state| {
            let dir = state.dir_behind(fd)?;
            body(state, dir)
        })
    }

    /// A call about two names. The body is told their directories.
    fn on_names<T>(
        &self,
        op: Op,
        (from, to): (&At, &At),
        body: impl FnOnce(&mut State, Ino, Ino) -> Outcome<T>,
    ) -> Outcome<T> {
        let fds = [self.fd(&from.dir), self.fd(&to.dir)];
        let [first, second] = [(fds[0], from), (fds[1], to)].map(|(fd, at)| Subject::Name(fd.ino, at));
        self.request(Request { op, subject: first, to: Some(second), bytes: 0 }, &fds, |state| {
            let dirs = (state.dir_behind(fds[0])?, state.dir_behind(fds[1])?);
            body(state, dirs.0, dirs.1)
        })
    }

    /// A call of the process that this speaks for, or of the dead one that opened a descriptor of the call.
    fn request<T>(
        &self,
        request: Request<'_>,
        fds: &[Fd],
        body: impl FnOnce(&mut State) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut state = self.state();
        let now = state.process.generation;
        let dead = fds.iter().filter_map(|fd| fd.process).find(|process| *process != now);
        let process = dead.or(self.process).unwrap_or(now);
        state.call(process, request, |state, _| body(state).map(|value| (value, 0)))
    }

    fn fd(&self, dir: &Dir) -> Fd {
        let ours = dir.handle::<Descriptor>().filter(|descriptor| descriptor.is_on(self));
        ours.map_or(Fd::UNKNOWN, |descriptor| descriptor.fd)
    }

    fn opened(&self, opened: Outcome<Fd>, at: &At, access: Access) -> Outcome<Box<dyn LogFile>> {
        Ok(Box::new(SimFile::new(Descriptor::new(self, opened?), at.path(), access)))
    }
}

impl Fs for SimDisk {
    fn look(&self, path: &Path) -> Outcome<Meta> {
        self.on_path(Op::Stat, path, |state| state.meta(state.find_inside(path, Follow::Yes)?))
    }

    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        self.on_path(Op::Stat, path, |state| {
            state.path_inside(&state.walk_inside(path, Follow::Yes)?).ok_or(OsError::ENOENT)
        })
    }

    fn access(&self, path: &Path) -> Outcome<()> {
        self.on_path(Op::Access, path, |state| {
            state.find_inside(path, Follow::Yes)?;
            state.writable()
        })
    }

    fn make_dir(&self, path: &Path, mode: u32) -> Outcome<()> {
        self.on_path(Op::MakeDir, path, |state| {
            let spot = state.walk_inside(path, Follow::No)?;
            if spot.ino.is_some() {
                return Err(OsError::EEXIST);
            }
            let place = spot.place()?;
            state.make(place, FileKind::Directory, mode).map(|_| ())
        })
    }

    fn open_dir(&self, path: &Path) -> Outcome<Dir> {
        let fd = self.on_path(Op::OpenDir, path, |state| {
            let ino = state.find_inside(path, Follow::Yes)?;
            if state.kind(ino) == Some(FileKind::Directory) { state.hold(ino) } else { Err(OsError::ENOTDIR) }
        })?;
        Ok(Dir::new(path, id_of(fd.ino), Descriptor::new(self, fd)))
    }

    fn stat_dir(&self, dir: &Dir) -> Outcome<Meta> {
        self.on_dir(Op::Stat, dir, |state, dir| state.meta(dir))
    }

    fn sync_dir(&self, dir: &Dir) -> Outcome<()> {
        self.on_dir(Op::SyncDir, dir, |state, _| {
            state.sync_names();
            Ok(())
        })
    }

    fn set_dir_owner(&self, dir: &Dir, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        self.on_dir(Op::SetOwner, dir, |state, dir| state.give(dir, user, group))
    }

    fn space(&self, dir: &Dir) -> Outcome<Space> {
        self.on_dir(Op::Space, dir, |state, _| {
            let free = state.free();
            Ok(Space { available: free, free })
        })
    }

    fn name_max(&self, dir: &Dir) -> Outcome<usize> {
        self.on_dir(Op::Space, dir, |state, _| Ok(state.limits.name))
    }

    fn list(&self, dir: &Dir) -> Outcome<Vec<OsString>> {
        self.on_dir(Op::List, dir, |state, dir| match state.kind(dir) {
            // One that was removed is empty, not an error.
            Some(FileKind::Directory) => Ok(state.children(dir).map(|(name, _)| name.to_owned()).collect()),
            _ => Err(OsError::ENOTDIR),
        })
    }

    fn mount_of_dir(&self, dir: &Dir) -> Outcome<Option<u64>> {
        self.on_dir(Op::Stat, dir, |state, dir| Ok(state.mounts.are_told.then(|| state.mount(dir))))
    }

    fn mount_of(&self, at: &At) -> Outcome<Option<u64>> {
        self.on_name(Op::Stat, at, |state, dir| {
            let ino = state.find_at(dir, &at.name, Follow::No)?;
            let own = state.mounts.points.get(&ino).copied();
            Ok(state.mounts.are_told.then(|| own.unwrap_or_else(|| state.mount(dir))))
        })
    }

    fn stat(&self, at: &At) -> Outcome<Meta> {
        self.on_name(Op::Stat, at, |state, dir| state.meta(state.find_at(dir, &at.name, Follow::No)?))
    }

    fn open(&self, at: &At, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        let opened = self.on_name(Op::Open, at, |state, dir| {
            let ino = state.find_at(dir, &at.name, follow)?;
            openable(state, ino)?;
            state.hold(ino)
        });
        self.opened(opened, at, Access::Append)
    }

    fn open_to_read(&self, at: &At) -> Outcome<Box<dyn LogFile>> {
        let opened = self.on_name(Op::Open, at, |state, dir| {
            let ino = state.find_at(dir, &at.name, Follow::No)?;
            readable(state, ino)?;
            state.hold(ino)
        });
        self.opened(opened, at, Access::Read)
    }

    fn create(&self, at: &At, mode: u32) -> Outcome<Box<dyn LogFile>> {
        let created = self.on_name(Op::Create, at, |state, dir| {
            let ino = state.make_at(dir, &at.name, FileKind::File, mode)?;
            state.hold(ino)
        });
        self.opened(created, at, Access::Append)
    }

    fn rename(&self, from: &At, to: &At) -> Outcome<()> {
        self.on_names(Op::Rename, (from, to), |state, from_dir, to_dir| {
            state.rename((from_dir, &from.name), (to_dir, &to.name), Onto::Free)
        })
    }

    fn replace(&self, from: &At, to: &At) -> Outcome<()> {
        self.on_names(Op::Replace, (from, to), |state, from_dir, to_dir| {
            state.rename((from_dir, &from.name), (to_dir, &to.name), Onto::Anything)
        })
    }

    fn symlink(&self, target: &Path, at: &At) -> Outcome<()> {
        self.on_name_to(Op::Link, at, Some(Subject::Path(target)), |state, dir| {
            let ino = state.make_at(dir, &at.name, FileKind::Symlink, 0o777)?;
            state.inode(ino)?.target = target.to_owned();
            Ok(())
        })
    }

    fn read_link(&self, at: &At) -> Outcome<PathBuf> {
        self.on_name(Op::Stat, at, |state, dir| {
            let ino = state.find_at(dir, &at.name, Follow::No)?;
            let inode = state.inode(ino)?;
            if inode.kind == FileKind::Symlink { Ok(inode.target.clone()) } else { Err(OsError::EINVAL) }
        })
    }

    fn unlink(&self, at: &At) -> Outcome<()> {
        self.on_name(Op::Unlink, at, |state, dir| state.unlink(dir, &at.name))
    }

    fn read_head(&self, at: &At, max: usize) -> Outcome<Vec<u8>> {
        self.on_name(Op::Read, at, |state, dir| {
            let ino = state.find_at(dir, &at.name, Follow::No)?;
            readable(state, ino)?;
            let content = &state.inode(ino)?.live;
            Ok(content[..content.len().min(max)].to_vec())
        })
    }

    fn lock(&self, at: &At, mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        let taken = self.on_name(Op::Lock, at, |state, dir| {
            let ino = match state.entry_at(dir, &at.name)? {
                Some(ino) => ino,
                None => state.make_at(dir, &at.name, FileKind::File, mode)?,
            };
            openable(state, ino)?;
            if state.kind(ino) != Some(FileKind::File) {
                return Err(OsError::EINVAL);
            }
            if state.locks.contains_key(&ino) {
                return Ok(Err(holder(state, ino)?));
            }
            state.locks.insert(ino, LockOwner::Process);
            state.places_version += 1;
            // As on the real disk, the lock counts without its words.
            let _ = state.set_lock_text(ino, text);
            Ok(Ok(state.hold(ino)?))
        });
        match taken {
            Ok(Ok(fd)) => Ok(Box::new(SimLock::new(Descriptor::new(self, fd), at.path()))),
            Ok(Err(holder)) => Err(LockRefusal::Held(holder)),
            Err(error) => Err(LockRefusal::Failed(error)),
        }
    }

    fn lock_holder(&self, at: &At) -> Outcome<Option<Holder>> {
        self.on_name(Op::Lock, at, |state, dir| {
            let Some(ino) = state.entry_at(dir, &at.name)? else { return Ok(None) };
            readable(state, ino)?;
            if state.locks.contains_key(&ino) { holder(state, ino).map(Some) } else { Ok(None) }
        })
    }

    fn user(&self) -> u32 {
        self.state().process.user
    }
}

/// Whether it can be opened for writing.
fn openable(state: &State, ino: Ino) -> Outcome<()> {
    match state.kind(ino) {
        Some(FileKind::Symlink) => Err(OsError::ELOOP),
        Some(FileKind::Directory) => Err(OsError::EISDIR),
        Some(FileKind::Other) => Err(OsError::ENXIO),
        // Neither a FIFO nor a device writes to the file system that it has its name on.
        Some(FileKind::Fifo | FileKind::Device) => Ok(()),
        Some(FileKind::File) => state.changeable(ino),
        None => Err(OsError::ENOENT),
    }
}

/// Whether it is a regular file, which alone can be opened for reading.
fn readable(state: &State, ino: Ino) -> Outcome<()> {
    match state.kind(ino) {
        Some(FileKind::File) => Ok(()),
        Some(FileKind::Symlink) => Err(OsError::ELOOP),
        Some(FileKind::Other) => Err(OsError::ENXIO),
        _ => Err(OsError::EINVAL),
    }
}

fn holder(state: &mut State, ino: Ino) -> Outcome<Holder> {
    let bytes = &state.inode(ino)?.live;
    Ok(Holder { text: String::from_utf8_lossy(bytes).trim_end().to_owned() })
}
