//! What the process holds open on the simulated disk: directories, files and locks, each until it is dropped. Each call
//! on one passes the gate once. How they are opened is in `handle`.

use std::path::PathBuf;
use std::sync::Arc;

use super::disk::SimDisk;
use super::gate::{Request, Subject};
use super::names::Ino;
use super::open::Fd;
use super::state::{State, id_of};
use crate::effect::fs::{Lock, LogFile, Outcome};
use crate::model::error::{Op, OsError};
use crate::model::inventory::{FileId, FileKind, Meta};
use crate::model::time::Wall;

/// An open descriptor: keeps its inode alive until it is dropped, lost, or its process is dead.
#[derive(Debug)]
pub(super) struct Descriptor {
    disk: SimDisk,
    pub(super) fd: Fd,
}

impl Descriptor {
    pub(super) fn new(disk: &SimDisk, fd: Fd) -> Self {
        Self { disk: disk.clone(), fd }
    }

    /// Whether it is one of this disk.
    pub(super) fn is_on(&self, disk: &SimDisk) -> bool {
        Arc::ptr_eq(&self.disk.state, &disk.state)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        self.disk.state().release(self.fd);
    }
}

/// An open file, and where it was opened.
#[derive(Debug)]
struct Handle {
    descriptor: Descriptor,
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
        let Descriptor { disk, fd } = &self.descriptor;
        let process = fd.process.unwrap_or_default();
        let request = Request { op, subject: Subject::Open(fd.ino, &self.path), to: None, bytes };
        disk.state().call(process, request, |state, most| {
            let ino = state.behind(*fd)?;
            body(state, ino, most)
        })
    }
}

/// What a descriptor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Append,
    Read,
}

#[derive(Debug)]
pub(super) struct SimFile {
    handle: Handle,
    access: Access,
}

impl SimFile {
    pub(super) fn new(descriptor: Descriptor, path: PathBuf, access: Access) -> Self {
        Self { handle: Handle { descriptor, path }, access }
    }

    /// What Linux says of a call that wants more than reading. What others put in the descriptor's place can be
    /// written to.
    fn may_write(&self, state: &State, error: OsError) -> Outcome<()> {
        let is_denied = self.access == Access::Read && !state.is_lost(self.handle.descriptor.fd);
        if is_denied { Err(error) } else { Ok(()) }
    }
}

impl LogFile for SimFile {
    fn write(&mut self, bytes: &[u8]) -> Outcome<usize> {
        self.handle.counted(Op::Write, wide(bytes.len()), |state, ino, most| {
            self.may_write(state, OsError::EBADF)?;
            if state.kind(ino) == Some(FileKind::Directory) {
                return Err(OsError::EBADF); // nobody can have that open for writing
            }
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
            Some(FileKind::Directory) => Ok(()),
            _ => Err(OsError::EINVAL),
        })
    }

    fn truncate(&mut self, bytes: u64) -> Outcome<()> {
        self.handle.call(Op::Truncate, bytes, |state, ino| {
            self.may_write(state, OsError::EINVAL)?;
            state.writable()?;
            if state.kind(ino) != Some(FileKind::File) {
                return Err(OsError::EINVAL);
            }
            let (wall, length) = (state.wall(), usize::try_from(bytes).map_err(|_| OsError::EFBIG)?);
            let inode = state.written(ino)?;
            inode.live.resize(length, 0);
            inode.modified = wall;
            Ok(())
        })
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Outcome<usize> {
        self.handle.call(Op::Read, 0, |state, ino| {
            let inode = state.inode(ino)?;
            if inode.kind == FileKind::Directory {
                return Err(OsError::EISDIR);
            }
            let content = &inode.live;
            let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or(&[]);
            let count = rest.len().min(bytes.len());
            bytes[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn set_modified(&mut self, modified: Wall) -> Outcome<()> {
        self.handle.call(Op::SetTime, 0, |state, ino| {
            state.set(ino, |inode| {
                inode.modified = modified;
                Ok(())
            })
        })
    }

    fn set_mode(&mut self, mode: u32) -> Outcome<()> {
        self.handle.call(Op::SetMode, 0, |state, ino| state.set_bits(ino, mode))
    }

    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        self.handle.call(Op::SetOwner, 0, |state, ino| state.give(ino, user, group))
    }
}

#[derive(Debug)]
pub(super) struct SimLock(Handle);

impl SimLock {
    pub(super) fn new(descriptor: Descriptor, path: PathBuf) -> Self {
        Self(Handle { descriptor, path })
    }
}

impl Lock for SimLock {
    fn id(&self) -> FileId {
        id_of(self.0.descriptor.fd.ino)
    }

    fn stat(&self) -> Outcome<Meta> {
        self.0.call(Op::Stat, 0, |state, ino| state.meta(ino))
    }

    fn set_owner(&mut self, user: Option<u32>, group: Option<u32>) -> Outcome<()> {
        self.0.call(Op::SetOwner, 0, |state, ino| state.give(ino, user, group))
    }

    fn set_text(&mut self, text: &str) -> Outcome<()> {
        self.0.call(Op::Write, wide(text.len()), |state, ino| {
            state.writable()?;
            state.set_lock_text(ino, text)
        })
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        let Descriptor { disk, fd } = &self.0.descriptor;
        disk.state().unlock(*fd);
    }
}

fn wide(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
