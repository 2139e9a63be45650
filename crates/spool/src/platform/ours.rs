//! A descriptor that we own, and the care it needs: other code in the process may close its number, or reuse it for a file
//! of its own. What is written to it is decided elsewhere.

use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::stat::fstat;
use tracing_spool_process::ClosedInChildren;

/// Identifies the thing behind a descriptor number, to tell whether it is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl From<&libc::stat> for Identity {
    fn from(stat: &libc::stat) -> Self {
        // The widths of these fields differ between systems.
        fn wide(number: impl TryInto<u64>) -> u64 {
            number.try_into().unwrap_or(u64::MAX)
        }
        Self { device: wide(stat.st_dev), inode: wide(stat.st_ino) }
    }
}

impl Identity {
    /// Returns what the number refers to now.
    pub(crate) fn behind(descriptor: BorrowedFd<'_>) -> nix::Result<Self> {
        fstat(descriptor).map(|stat| Self::from(&stat))
    }
}

/// A descriptor that remembers what it was opened for.
#[derive(Debug)]
pub(crate) struct Ours {
    /// Closes it in forked children, so that no child keeps a reader from seeing the end of the stream.
    in_children: Option<ClosedInChildren>,
    /// Always `Some` until dropped.
    descriptor: Option<OwnedFd>,
    identity: Identity,
}

impl Ours {
    /// Takes ownership of a descriptor, which programs that the process executes won't inherit.
    pub(crate) fn new(given: OwnedFd) -> nix::Result<Self> {
        let identity = Identity::behind(given.as_fd())?;
        let flags = FdFlag::from_bits_retain(fcntl(&given, FcntlArg::F_GETFD)?);
        if !flags.contains(FdFlag::FD_CLOEXEC) {
            fcntl(&given, FcntlArg::F_SETFD(flags | FdFlag::FD_CLOEXEC))?;
        }
        let in_children = Some(ClosedInChildren::new(&given));
        Ok(Self { in_children, descriptor: Some(given), identity })
    }

    /// Takes ownership of a descriptor that was just opened, and moves it to a number of at least 3: a program that
    /// replaces a closed standard stream must not replace a log.
    pub(crate) fn opened(opened: OwnedFd) -> nix::Result<Self> {
        const FIRST: i32 = 3;
        if opened.as_raw_fd() >= FIRST {
            return Self::new(opened);
        }
        // The standard library never duplicates to a lower number.
        let higher =
            opened.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))?;
        Self::new(higher)
    }

    /// Returns the descriptor as long as its number still refers to what it was opened for.
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
    /// Closes what was opened and nothing else: if the number refers to something else by now, that belongs to whoever
    /// opened it.
    fn drop(&mut self) {
        let is_ours = self.descriptor().is_ok();
        // Once closed, the number may be reused by other code.
        self.in_children = None;
        let descriptor = self.descriptor.take();
        if !is_ours {
            std::mem::forget(descriptor);
        }
    }
}
