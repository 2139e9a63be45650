//! A descriptor of ours, and the care that is taken with it: others in the process may close its number, or give it to a file of
//! theirs. What is written to it is decided elsewhere.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::stat::fstat;
use tracing_spool_process::ClosedInChildren;

/// What stands behind a number: the same thing, or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&libc::stat> for Identity {
    fn from(stat: &libc::stat) -> Self {
        // Their widths differ between systems.
        fn wide(number: impl TryInto<u64>) -> u64 {
            number.try_into().unwrap_or(u64::MAX)
        }
        Self { device: wide(stat.st_dev), inode: wide(stat.st_ino) }
    }
}

impl Identity {
    /// What stands behind a number now.
    pub(crate) fn behind(descriptor: BorrowedFd<'_>) -> nix::Result<Self> {
        fstat(descriptor).map(|stat| Self::from(&stat))
    }
}

/// A descriptor that remembers what it was opened for.
#[derive(Debug)]
pub(crate) struct Ours {
    /// No child keeps a reader from the end of the stream.
    in_children: Option<ClosedInChildren>,
    /// Always there until dropped.
    descriptor: Option<OwnedFd>,
    identity: Identity,
}

impl Ours {
    /// Takes a descriptor over: programs that the process executes do not get it.
    pub(crate) fn new(given: OwnedFd) -> nix::Result<Self> {
        let identity = Identity::behind(given.as_fd())?;
        let flags = FdFlag::from_bits_retain(fcntl(&given, FcntlArg::F_GETFD)?);
        if !flags.contains(FdFlag::FD_CLOEXEC) {
            fcntl(&given, FcntlArg::F_SETFD(flags | FdFlag::FD_CLOEXEC))?;
        }
        let in_children = Some(ClosedInChildren::new(&given));
        Ok(Self { in_children, descriptor: Some(given), identity })
    }

    /// The same for one that was just opened. Its number is at least 3 afterwards: a program that puts something else behind a
    /// standard stream that it had closed must not put it behind a log.
    pub(crate) fn opened(opened: OwnedFd) -> nix::Result<Self> {
        const FIRST: i32 = 3;
        if opened.as_raw_fd() >= FIRST {
            return Self::new(opened);
        }
        // Duplicates of the standard library have no number below it.
        let higher =
            opened.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Self::new(higher)
    }

    /// The descriptor, as long as its number stands for what it was opened for.
    pub(crate) fn descriptor(&self) -> nix::Result<BorrowedFd<'_>> {
        let descriptor = self.descriptor.as_ref().ok_or(Errno::EBADF)?.as_fd();
        if Identity::behind(descriptor)? == self.identity { Ok(descriptor) } else { Err(Errno::EBADF) }
    }

    #[cfg(test)]
    pub(crate) fn number(&mut self) -> &mut Option<OwnedFd> {
        &mut self.descriptor
    }
}

impl Drop for Ours {
    /// Closes what was opened, and nothing else: a number that stands for another thing by now belongs to whoever opened that.
    fn drop(&mut self) {
        let is_ours = self.descriptor().is_ok();
        // From the close on, the number may be another's.
        self.in_children = None;
        let descriptor = self.descriptor.take();
        if !is_ours {
            std::mem::forget(descriptor);
        }
    }
}
