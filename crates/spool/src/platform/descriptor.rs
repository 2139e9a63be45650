//! A descriptor that takes bytes: what it leads to, whether it has room, and writes that do not wait for a reader.
//! What is written, and what follows from a refusal, is decided elsewhere.
//!
//! `poll` says whether there is room, but another process may take it before the write. So a pipe or a terminal is opened anew
//! with `O_NONBLOCK`, which leaves the flags of the descriptor that others share alone; a socket takes the wish with each call.
//! Files and devices take what they are given.

use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::LazyLock;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open, readlink};
use nix::libc::PIPE_BUF;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockType, SockaddrLike as _, SockaddrStorage, getsockname, getsockopt, send,
    sockopt,
};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::write;

use crate::platform::ours::{Identity, Ours};

/// What is written to a pipe or a terminal in one call: a pipe takes so much whole, or not at all.
pub(crate) const WHOLE: usize = PIPE_BUF;
/// What is written to a file or a stream socket in one call.
const MUCH: usize = 256 * 1024;

/// A descriptor of ours, or the number of one that is the process's.
#[derive(Debug)]
pub(crate) enum End {
    Stdout,
    Stderr,
    Own(Ours),
}

impl End {
    /// What stands behind it, if it can be reached at all.
    #[expect(clippy::disallowed_methods, reason = "the number alone: no lock is taken, nothing is buffered")]
    pub(crate) fn descriptor(&self) -> nix::Result<BorrowedFd<'_>> {
        // Borrowed from a handle that lives as long as the process.
        static OUT: LazyLock<io::Stdout> = LazyLock::new(io::stdout);
        static ERR: LazyLock<io::Stderr> = LazyLock::new(io::stderr);
        match self {
            Self::Stdout => Ok(OUT.as_fd()),
            Self::Stderr => Ok(ERR.as_fd()),
            Self::Own(ours) => ours.descriptor(),
        }
    }
}

/// How bytes are written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pipe,
    Terminal,
    /// A socket that is a stream.
    Socket,
    /// A socket each of whose writes is a message.
    Messages,
    /// A device, which may take a write as a message too.
    Device,
    File,
}

/// What a descriptor leads to, whatever its number. Its kind is found out once: a terminal that hung up denies that it is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thing {
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
    /// Of a socket: it ends in this system.
    is_local: bool,
}

impl Thing {
    /// What it leads to now.
    pub(crate) fn behind(descriptor: BorrowedFd<'_>) -> nix::Result<Self> {
        let stat = fstat(descriptor)?;
        let kind = match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFIFO => Kind::Pipe,
            SFlag::S_IFSOCK => match getsockopt(&descriptor, sockopt::SockType) {
                Ok(SockType::Datagram | SockType::SeqPacket | SockType::Rdm) => Kind::Messages,
                _ => Kind::Socket,
            },
            SFlag::S_IFCHR if descriptor.is_terminal() => Kind::Terminal,
            SFlag::S_IFCHR => Kind::Device,
            _ => Kind::File,
        };
        let family =
            getsockname::<SockaddrStorage>(descriptor.as_raw_fd()).ok().and_then(|name| name.family());
        Ok(Self { kind, identity: Identity::from(&stat), is_local: family == Some(AddressFamily::Unix) })
    }

    /// The most bytes that are written to it in one call; 0: one record.
    pub(crate) fn piece(&self) -> usize {
        match self.kind {
            Kind::Pipe | Kind::Terminal => WHOLE,
            Kind::Socket | Kind::File => MUCH,
            Kind::Messages | Kind::Device => 0,
        }
    }

    /// Whether other code may have opened it for itself, under a number that had become free: a file that is read as well as
    /// written and not appended to, as every database is and no log; a connection to another system.
    pub(crate) fn may_be_anothers(&self, descriptor: BorrowedFd<'_>) -> bool {
        match self.kind {
            Kind::File => {
                let flags = fcntl(descriptor, FcntlArg::F_GETFL).map(OFlag::from_bits_truncate);
                flags.is_ok_and(|flags| {
                    flags & OFlag::O_ACCMODE == OFlag::O_RDWR && !flags.contains(OFlag::O_APPEND)
                })
            }
            Kind::Socket | Kind::Messages => !self.is_local,
            _ => false,
        }
    }

    /// Whether nobody will ever take bytes there again, after a write that failed so.
    pub(crate) fn is_lost(&self, errno: Errno, descriptor: BorrowedFd<'_>) -> bool {
        let has_ended = matches!(
            errno,
            Errno::EPIPE
                | Errno::ECONNRESET
                | Errno::ECONNABORTED
                | Errno::ENOTCONN
                | Errno::ETIMEDOUT
                | Errno::ESHUTDOWN
        );
        match self.kind {
            // A pipe with a name may be opened by another reader. Where that cannot be found out, it may, too.
            Kind::Pipe => {
                errno == Errno::EPIPE
                    && readlink(path_of(descriptor).as_str())
                        .is_ok_and(|path| path.as_bytes().starts_with(b"pipe:"))
            }
            Kind::Socket => has_ended,
            // Without a connection there is none to lose, but a local one names a socket that is gone.
            Kind::Messages => self.is_local && (has_ended || errno == Errno::ECONNREFUSED),
            Kind::Terminal | Kind::Device => errno == Errno::EIO,
            Kind::File => false,
        }
    }
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

/// What is opened under this path is the same thing, with flags of its own. Linux alone has it.
fn path_of(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// The same pipe or terminal, opened anew so that writes to it do not wait. An error: that cannot be done here, or nobody reads
/// it (ENXIO).
pub(crate) fn open_anew(descriptor: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let path = path_of(descriptor);
    // The master of a pseudo-terminal would be another one's.
    if readlink(path.as_str()).is_ok_and(|path| path.as_bytes().ends_with(b"ptmx")) {
        return Err(Errno::ENOTSUP);
    }
    open(
        path.as_str(),
        OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

/// Writes once. What cannot be taken now is EAGAIN, as far as the kind of thing allows; the caller looks for room first.
pub(crate) fn write_once(descriptor: BorrowedFd<'_>, kind: Kind, bytes: &[u8]) -> nix::Result<usize> {
    match kind {
        Kind::Socket | Kind::Messages => {
            send(descriptor.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)
        }
        _ => write(descriptor, bytes),
    }
}
