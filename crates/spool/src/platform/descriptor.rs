//! A descriptor that takes bytes: what it leads to, whether it has room, and writes that do not wait for a reader.
//! What is written, and what follows from a refusal, is decided elsewhere.
//!
//! `poll` says whether there is room; between that and the write another process may take it. So a pipe and a terminal are
//! opened anew, without waiting, which leaves the flags of the descriptor that others share as they are; a socket is asked for
//! it with each call. Files and devices take what they are given.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl, open, readlink};
use nix::libc::PIPE_BUF;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::write;

/// What is written to a pipe, or a terminal, in one call: so much a pipe takes whole or not at all.
pub(crate) const WHOLE: usize = PIPE_BUF;
/// What is written to anything else in one call.
const MUCH: usize = 256 * 1024;

/// A descriptor that is ours, or the number of one that is the process's.
#[derive(Debug)]
pub(crate) enum End {
    Stdout,
    Stderr,
    Own(OwnedFd),
}

impl AsFd for End {
    #[expect(clippy::disallowed_methods, reason = "the number alone: no lock is taken, nothing is buffered")]
    fn as_fd(&self) -> BorrowedFd<'_> {
        // Borrowed from a handle that lives as long as the process.
        static OUT: std::sync::LazyLock<io::Stdout> = std::sync::LazyLock::new(io::stdout);
        static ERR: std::sync::LazyLock<io::Stderr> = std::sync::LazyLock::new(io::stderr);
        match self {
            Self::Stdout => OUT.as_fd(),
            Self::Stderr => ERR.as_fd(),
            Self::Own(descriptor) => descriptor.as_fd(),
        }
    }
}

/// How bytes are written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pipe,
    Terminal,
    Socket,
    /// A file or a device.
    Plain,
}

/// What a descriptor leads to, whatever its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thing {
    pub(crate) kind: Kind,
    is_file: bool,
    device: u64,
    inode: u64,
}

impl Thing {
    /// What it leads to now.
    pub(crate) fn behind(descriptor: BorrowedFd<'_>) -> nix::Result<Self> {
        let stat = fstat(descriptor)?;
        let mode = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
        let kind = match mode {
            SFlag::S_IFIFO => Kind::Pipe,
            SFlag::S_IFSOCK => Kind::Socket,
            SFlag::S_IFCHR if descriptor.is_terminal() => Kind::Terminal,
            _ => Kind::Plain,
        };
        let (device, inode) = (stat.st_dev as u64, stat.st_ino as u64);
        Ok(Self { kind, is_file: mode == SFlag::S_IFREG, device, inode })
    }

    /// The most bytes that are written to it in one call.
    pub(crate) fn piece(&self) -> usize {
        match self.kind {
            Kind::Pipe | Kind::Terminal => WHOLE,
            Kind::Socket | Kind::Plain => MUCH,
        }
    }

    /// Whether it may be a file that other code opened for itself under a number that had become free: read as well as
    /// written, and not for appending, as no log is and every database.
    pub(crate) fn is_anothers_file(&self, descriptor: BorrowedFd<'_>) -> bool {
        let flags = fcntl(descriptor, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
        let reads =
            |flags: OFlag| flags & OFlag::O_ACCMODE == OFlag::O_RDWR && !flags.contains(OFlag::O_APPEND);
        self.is_file && flags.is_ok_and(reads)
    }

    /// Whether a pipe may have a reader again: it has a name, under which it can be opened.
    pub(crate) fn may_be_read_again(&self, descriptor: BorrowedFd<'_>) -> bool {
        let leads_to = readlink(path_of(descriptor).as_str());
        self.kind == Kind::Pipe && leads_to.is_ok_and(|path| path.as_bytes().starts_with(b"/"))
    }
}

/// What is opened anew under this path is the same thing, with flags of its own. Linux alone has it.
fn path_of(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// Whether it can be written to at all.
pub(crate) fn is_for_writing(descriptor: BorrowedFd<'_>) -> nix::Result<bool> {
    let flags = OFlag::from_bits_truncate(fcntl(descriptor, FcntlArg::F_GETFL)?);
    Ok(flags & OFlag::O_ACCMODE != OFlag::O_RDONLY)
}

/// What a look for room finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Some,
    None,
    /// Nobody reads it: a write would say which error that is.
    Gone,
}

/// Looks for room, and waits for some for at most this time.
pub(crate) fn room(descriptor: BorrowedFd<'_>, time: Duration) -> Room {
    let mut asked = [PollFd::new(descriptor, PollFlags::POLLOUT)];
    let millis = PollTimeout::try_from(time).unwrap_or(PollTimeout::ZERO);
    match poll(&mut asked, millis) {
        Ok(ready) if ready > 0 => match asked[0].revents() {
            Some(PollFlags::POLLOUT) => Room::Some,
            _ => Room::Gone,
        },
        _ => Room::None,
    }
}

/// The same pipe or terminal, opened anew so that writes to it do not wait. An error: that cannot be done here, or nobody reads
/// it (ENXIO).
pub(crate) fn open_anew(descriptor: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    open(
        path_of(descriptor).as_str(),
        OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

/// Writes once. What cannot be taken now is EAGAIN, as far as the kind of thing allows; the caller looks for room first.
pub(crate) fn write_once(descriptor: BorrowedFd<'_>, kind: Kind, bytes: &[u8]) -> nix::Result<usize> {
    match kind {
        Kind::Socket => send(descriptor.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL),
        _ => write(descriptor, bytes),
    }
}
