//! The disk as the engine sees it: each method of the seam, on the state in memory.
//! It passes the gate of `state` once per call, and errs with the numbers that Linux gives.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::disk::SimDisk;
use super::names::{Change, Ino};
use super::state::{LockOwner, Request, State, USER};
use crate::effect::fs::{Follow, Fs, Lock, LockRefusal, LogFile, Outcome};
use crate::model::error::{Holder, Op, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

impl SimDisk {
    fn call<T>(&self, op: Op, path: &Path, body: impl FnOnce(&mut State) -> Outcome<T>) -> Outcome<T> {
        self.request(Request { op, path, to: None, bytes: 0, ino: None }, body)
    }

    fn request<T>(&self, request: Request<'_>, body: impl FnOnce(&mut State) -> Outcome<T>) -> Outcome<T> {
        let mut state = self.state();
        let process = self.process.unwrap_or(state.generation);
        state.call(process, request, |state, _| body(state).map(|value| (value, 0)))
    }

    fn opened(&self, opened: Outcome<(Ino, u64)>, path: &Path, access: Access) -> Outcome<Box<dyn LogFile>> {
        let (ino, process) = opened?;
        let handle = Handle { disk: self.clone(), process, ino, path: path.to_owned() };
        Ok(Box::new(SimFile { handle, access }))
    }
}

impl Fs for SimDisk {
    fn stat(&self, path: &Path) -> Outcome<Meta> {
        self.call(Op::Stat, path, |state| {
            let (_, ino) = state.find(path, Follow::No)?;
            state.meta(ino)
        })
    }

    fn open(&self, path: &Path, follow: Follow) -> Outcome<Box<dyn LogFile>> {
        let opened = self.call(Op::Open, path, |state| {
            let (_, ino) = state.find(path, follow)?;
            openable(state, ino)?;
            hold(state, ino)
        });
        self.opened(opened, path, Access::Append)
    }

    fn open_to_read(&self, path: &Path) -> Outcome<Box<dyn LogFile>> {
        let opened = self.call(Op::Open, path, |state| {
            let (_, ino) = state.find(path, Follow::No)?;
            match state.kind(ino) {
                Some(FileKind::File) => hold(state, ino),
                Some(FileKind::Symlink) => Err(OsError::ELOOP),
                Some(FileKind::Other) => Err(OsError::ENXIO),
                _ => Err(OsError::EINVAL),
            }
        });
        self.opened(opened, path, Access::Read)
    }

    fn create(&self, path: &Path, _mode: u32) -> Outcome<Box<dyn LogFile>> {
        let created = self.call(Op::Create, path, |state| {
            let ino = make(state, path, FileKind::File)?;
            hold(state, ino)
        });
        self.opened(created, path, Access::Append)
    }

    fn rename(&self, from: &Path, to: &Path) -> Outcome<()> {
        self.request(Request { op: Op::Rename, path: from, to: Some(to), bytes: 0, ino: None }, |state| {
            let (from, source) = state.find(from, Follow::No)?;
            let to = state.walk(to, Follow::No)?;
            if to.ino.is_some() {
                return Err(OsError::EEXIST);
            }
            move_name(state, &from, &to.path, source)
        })
    }

    fn replace(&self, from: &Path, to: &Path) -> Outcome<()> {
        self.request(Request { op: Op::Replace, path: from, to: Some(to), bytes: 0, ino: None }, |state| {
            let (from, source) = state.find(from, Follow::No)?;
            let to = state.walk(to, Follow::No)?;
            let is_dir = |ino| state.kind(ino) == Some(FileKind::Directory);
            match to.ino {
                Some(target) if target == source => return Ok(()),
                Some(target) if is_dir(target) && !is_dir(source) => return Err(OsError::EISDIR),
                Some(target) if !is_dir(target) && is_dir(source) => return Err(OsError::ENOTDIR),
                Some(target) if is_dir(target) && state.children(&to.path).next().is_some() => {
                    return Err(OsError::ENOTEMPTY);
                }
                _ => {}
            }
            move_name(state, &from, &to.path, source)
        })
    }

    fn symlink(&self, target: &Path, path: &Path) -> Outcome<()> {
        self.request(Request { op: Op::Link, path, to: Some(target), bytes: 0, ino: None }, |state| {
            let ino = make(state, path, FileKind::Symlink)?;
            state.inode(ino)?.target = target.to_owned();
            Ok(())
        })
    }

    fn read_link(&self, path: &Path) -> Outcome<PathBuf> {
        self.call(Op::Stat, path, |state| {
            let (_, ino) = state.find(path, Follow::No)?;
            let inode = state.inode(ino)?;
            if inode.kind == FileKind::Symlink { Ok(inode.target.clone()) } else { Err(OsError::EINVAL) }
        })
    }

    fn list(&self, path: &Path) -> Outcome<Vec<OsString>> {
        self.call(Op::List, path, |state| {
            let (path, ino) = state.find(path, Follow::Yes)?;
            if state.kind(ino) != Some(FileKind::Directory) {
                return Err(OsError::ENOTDIR);
            }
            Ok(state.children(&path).map(|(name, _)| name.to_owned()).collect())
        })
    }

    fn unlink(&self, path: &Path) -> Outcome<()> {
        self.call(Op::Unlink, path, |state| {
            let (path, ino) = state.find(path, Follow::No)?;
            if state.kind(ino) == Some(FileKind::Directory) {
                return Err(OsError::EISDIR);
            }
            state.writable()?;
            state.change(Change::Unlink(path.as_os_str().into()));
            Ok(())
        })
    }

    fn make_dir(&self, path: &Path, _mode: u32) -> Outcome<()> {
        self.call(Op::MakeDir, path, |state| make(state, path, FileKind::Directory).map(|_| ()))
    }

    fn sync_dir(&self, path: &Path) -> Outcome<()> {
        self.call(Op::SyncDir, path, |state| {
            let (_, ino) = state.find(path, Follow::Yes)?;
            if state.kind(ino) != Some(FileKind::Directory) {
                return Err(OsError::ENOTDIR);
            }
            state.sync_names();
            Ok(())
        })
    }

    fn space(&self, path: &Path) -> Outcome<u64> {
        self.call(Op::Space, path, |state| {
            state.find(path, Follow::Yes)?;
            Ok(state.free())
        })
    }

    fn access(&self, path: &Path) -> Outcome<()> {
        self.call(Op::Access, path, |state| {
            state.find(path, Follow::Yes)?;
            state.writable()
        })
    }

    fn resolve(&self, path: &Path) -> Outcome<PathBuf> {
        self.call(Op::Stat, path, |state| Ok(state.find(path, Follow::Yes)?.0.into_owned()))
    }

    fn read_head(&self, path: &Path, max: usize) -> Outcome<Vec<u8>> {
        self.call(Op::Read, path, |state| {
            let (_, ino) = state.find(path, Follow::No)?;
            let inode = state.inode(ino)?;
            match inode.kind {
                FileKind::File => Ok(inode.live[..inode.live.len().min(max)].to_vec()),
                FileKind::Symlink => Err(OsError::ELOOP),
                FileKind::Other => Err(OsError::ENXIO),
                FileKind::Directory | FileKind::Fifo | FileKind::Device => Err(OsError::EINVAL),
            }
        })
    }

    fn lock(&self, path: &Path, _mode: u32, text: &str) -> Result<Box<dyn Lock>, LockRefusal> {
        let taken = self.call(Op::Lock, path, |state| {
            let ino = match state.walk(path, Follow::No)?.ino {
                Some(ino) => ino,
                None => make(state, path, FileKind::File)?,
            };
            openable(state, ino)?;
            if state.kind(ino) != Some(FileKind::File) {
                return Err(OsError::EINVAL);
            }
            if state.locks.contains_key(&ino) {
                return Ok(Err(holder(state, ino)?));
            }
            state.locks.insert(ino, LockOwner::Process);
            state.inode(ino)?.live.clear();
            // As on the real disk, the lock counts without its words.
            if !state.append(ino, text.as_bytes(), None).is_ok_and(|taken| taken == text.len()) {
                state.inode(ino)?.live.clear();
            }
            Ok(Ok(hold(state, ino)?))
        });
        match taken {
            Ok(Ok((ino, process))) => {
                Ok(Box::new(SimLock(Handle { disk: self.clone(), process, ino, path: path.to_owned() })))
            }
            Ok(Err(holder)) => Err(LockRefusal::Held(holder)),
            Err(error) => Err(LockRefusal::Failed(error)),
        }
    }

    fn lock_holder(&self, path: &Path) -> Outcome<Option<Holder>> {
        self.call(Op::Lock, path, |state| {
            let Some(ino) = state.walk(path, Follow::No)?.ino else { return Ok(None) };
            match state.kind(ino) {
                Some(FileKind::File) if state.locks.contains_key(&ino) => holder(state, ino).map(Some),
                Some(FileKind::File) => Ok(None),
                Some(FileKind::Symlink) => Err(OsError::ELOOP),
                Some(FileKind::Other) => Err(OsError::ENXIO),
                _ => Err(OsError::EINVAL),
            }
        })
    }

    fn user(&self) -> u32 {
        USER
    }
}

/// An open descriptor: keeps its inode alive until it is dropped, or its process is dead.
#[derive(Debug)]
struct Handle {
    disk: SimDisk,
    process: u64,
    ino: Ino,
    path: PathBuf,
}

impl Handle {
    fn call<T>(&self, op: Op, bytes: u64, body: impl FnOnce(&mut State, Ino) -> Outcome<T>) -> Outcome<T> {
        self.counted(op, bytes, |state, ino, _| body(state, ino).map(|value| (value, 0)))
    }

    fn counted<T>(
        &self,
        op: Op,
        bytes: u64,
        body: impl FnOnce(&mut State, Ino, Option<usize>) -> Outcome<(T, u64)>,
    ) -> Outcome<T> {
        let request = Request { op, path: &self.path, to: None, bytes, ino: Some(self.ino) };
        self.disk.state().call(self.process, request, |state, most| body(state, self.ino, most))
    }

    /// Closes it, if the process still lives, and does what else that brings.
    fn close(&self, also: impl FnOnce(&mut State)) {
        let mut state = self.disk.state();
        if state.generation == self.process {
            if let Ok(inode) = state.inode(self.ino) {
                inode.open = inode.open.saturating_sub(1);
            }
            also(&mut state);
        }
    }
}

/// What a descriptor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Append,
    Read,
}

impl Access {
    /// What Linux says of a call that wants more than reading.
    fn may_write(self, error: OsError) -> Outcome<()> {
        if self == Self::Read { Err(error) } else { Ok(()) }
    }
}

#[derive(Debug)]
struct SimFile {
    handle: Handle,
    access: Access,
}

impl LogFile for SimFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        let access = self.access;
        self.handle.counted(Op::Write, wide(bytes.len()), |state, ino, most| {
            access.may_write(OsError::EBADF)?;
            state.writable()?;
            let taken = state.append(ino, bytes, most)?;
            Ok((taken, wide(taken)))
        })
    }

    fn stat(&self) -> Outcome<Meta> {
        self.handle.call(Op::Stat, 0, |state, ino| state.meta(ino))
    }

    fn sync(&mut self) -> Outcome<()> {
        self.handle.call(Op::Sync, 0, |state, ino| match state.kind(ino) {
            Some(FileKind::File) => state.sync_data(ino),
            _ => Err(OsError::EINVAL),
        })
    }

    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        let access = self.access;
        self.handle.call(Op::Truncate, bytes, |state, ino| {
            access.may_write(OsError::EINVAL)?;
            state.writable()?;
            let wall = state.wall();
            let inode = state.inode(ino)?;
            if inode.kind != FileKind::File {
                return Err(OsError::EINVAL);
            }
            inode.live.resize(usize::try_from(bytes).map_err(|_| OsError::EFBIG)?, 0);
            inode.modified = wall;
            Ok(())
        })
    }

    fn last_byte(&self) -> Outcome<Option<u8>> {
        self.handle.call(Op::Read, 0, |state, ino| Ok(state.inode(ino)?.live.last().copied()))
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        self.handle.call(Op::Read, 0, |state, ino| {
            let content = &state.inode(ino)?.live;
            let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or(&[]);
            let count = rest.len().min(bytes.len());
            bytes[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        self.handle.call(Op::SetTime, 0, |state, ino| {
            state.writable()?;
            state.inode(ino)?.modified = modified;
            Ok(())
        })
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.handle.close(|_| ());
    }
}

#[derive(Debug)]
struct SimLock(Handle);

impl Lock for SimLock {
    fn id(&self) -> FileId {
        FileId { device: 1, inode: self.0.ino }
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.0.close(|state| {
            state.locks.remove(&self.0.ino);
        });
    }
}

/// A new name and what stands behind it.
fn make(state: &mut State, path: &Path, kind: FileKind) -> Outcome<Ino> {
    let spot = state.walk(path, Follow::No)?;
    if spot.ino.is_some() {
        return Err(OsError::EEXIST);
    }
    state.writable()?;
    let ino = state.add(kind);
    state.link(&spot.path, ino);
    Ok(ino)
}

fn move_name(state: &mut State, from: &Path, to: &Path, source: Ino) -> Outcome<()> {
    if state.kind(source) == Some(FileKind::Directory) && to.starts_with(from) && to != from {
        return Err(OsError::EINVAL);
    }
    state.writable()?;
    state.change(Change::Move(from.as_os_str().into(), to.as_os_str().into()));
    Ok(())
}

/// Whether it can be opened for writing.
fn openable(state: &State, ino: Ino) -> Outcome<()> {
    match state.kind(ino) {
        Some(FileKind::Symlink) => Err(OsError::ELOOP),
        Some(FileKind::Directory) => Err(OsError::EISDIR),
        Some(FileKind::Other) => Err(OsError::ENXIO),
        // Neither a FIFO nor a device writes to the file system that it has its name on.
        Some(FileKind::Fifo | FileKind::Device) => Ok(()),
        Some(FileKind::File) => state.writable(),
        None => Err(OsError::ENOENT),
    }
}

/// One more descriptor of the inode, of the process that runs.
fn hold(state: &mut State, ino: Ino) -> Outcome<(Ino, u64)> {
    state.inode(ino)?.open += 1;
    Ok((ino, state.generation))
}

fn holder(state: &mut State, ino: Ino) -> Outcome<Holder> {
    let bytes = &state.inode(ino)?.live;
    Ok(Holder { text: String::from_utf8_lossy(bytes).trim_end().to_owned() })
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
