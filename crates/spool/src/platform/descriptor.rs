//! A descriptor to write to: what it refers to, whether it has room, and writes that don't wait for a reader. What is
//! written, and what follows from an error, is decided elsewhere.
//!
//! `poll` says whether there is room, but another process may take the room before our write. So a pipe or a terminal is
//! opened again with `O_NONBLOCK`, which leaves alone the flags of the descriptor that others share; a socket takes the
//! flag with each call. Files and devices take what they are given.

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

/// Bytes per write to a pipe or a terminal. A pipe takes that many as a whole, or none.
pub(crate) const WHOLE: usize = PIPE_BUF;
/// Bytes per write to a file or a stream socket.
const MUCH: usize = 256 * 1024;

/// A descriptor of ours, or the number of a standard stream, which belongs to the process.
#[derive(Debug)]
pub(crate) enum End {
    Stdout,
    Stderr,
    Own(Ours),
}

impl End {
    /// Returns what it refers to, if that can be found out.
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

/// How bytes are written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pipe,
    Terminal,
    /// A stream socket.
    Socket,
    /// A datagram socket: each write is a message.
    Messages,
    /// A device, which may treat each write as a message too.
    Device,
    File,
}

/// What a descriptor refers to, whatever its number. Its kind is determined once, because a terminal that hung up denies
/// being one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thing {
    pub(crate) kind: Kind,
    pub(crate) identity: Identity,
    /// For a socket: the other end is on this system.
    is_local: bool,
}

impl Thing {
    /// Returns what the descriptor refers to now.
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

    /// Returns the most bytes per write; 0 means one record.
    pub(crate) fn piece(&self) -> usize {
        match self.kind {
            Kind::Pipe | Kind::Terminal => WHOLE,
            Kind::Socket | Kind::File => MUCH,
            Kind::Messages | Kind::Device => 0,
        }
    }

    /// Returns whether other code may have opened it for itself under a number that had become free: a file that is read as
    /// well as written and not appended to, as every database is and no log; or a connection to another system.
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

    /// Returns whether nobody will ever read from it again, after a write failed with `errno`.
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
            // Another reader may open a named pipe. If we can't find out whether it has a name, assume that it does.
            Kind::Pipe => {
                errno == Errno::EPIPE
                    && readlink(path_of(descriptor).as_str())
                        .is_ok_and(|path| path.as_bytes().starts_with(b"pipe:"))
            }
            Kind::Socket => has_ended,
            // An unconnected socket has no connection to lose, but a local one may name a socket that is gone.
            Kind::Messages => self.is_local && (has_ended || errno == Errno::ECONNREFUSED),
            Kind::Terminal | Kind::Device => errno == Errno::EIO,
            Kind::File => false,
        }
    }
}

/// Returns whether it can be written to at all.
pub(crate) fn is_for_writing(descriptor: BorrowedFd<'_>) -> nix::Result<bool> {
    let flags = OFlag::from_bits_truncate(fcntl(descriptor, FcntlArg::F_GETFL)?);
    Ok(flags & OFlag::O_ACCMODE != OFlag::O_RDONLY)
}

/// Whether there is room for a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Some,
    None,
    /// Nobody reads it; a write would return the error.
    Gone,
}

/// Checks for room, and waits for it for at most `time`.
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

/// Opening this path gives the same thing with flags of its own. Only Linux has it.
fn path_of(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

/// Opens the same pipe or terminal again, so that writes to it don't wait. Returns an error if that can't be done here, or
/// if nobody reads it (ENXIO).
pub(crate) fn open_anew(descriptor: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let path = path_of(descriptor);
    // Opening `ptmx` would create another pseudo-terminal.
    if readlink(path.as_str()).is_ok_and(|path| path.as_bytes().ends_with(b"ptmx")) {
        return Err(Errno::ENOTSUP);
    }
    open(
        path.as_str(),
        OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

/// Writes once. Returns EAGAIN for what can't be taken now, as far as the kind of thing supports that. The caller checks
/// for room first.
pub(crate) fn write_once(descriptor: BorrowedFd<'_>, kind: Kind, bytes: &[u8]) -> nix::Result<usize> {
    match kind {
        Kind::Socket | Kind::Messages => {
            send(descriptor.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)
        }
        _ => write(descriptor, bytes),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_types, reason = "the test opens what a descriptor may lead to")]

    use std::fs::{File, OpenOptions};
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::unix::net::{UnixDatagram, UnixStream};

    use nix::pty::openpty;
    use nix::unistd::pipe;

    use super::*;

    fn behind(descriptor: impl AsFd) -> Thing {
        Thing::behind(descriptor.as_fd()).unwrap()
    }

    #[test]
    fn a_thing_is_known_by_how_it_takes_bytes() {
        let (_reader, writer) = pipe().unwrap();
        let terminal = openpty(None, None).unwrap();
        let (stream, _peer) = UnixStream::pair().unwrap();
        let (messages, _peers) = UnixDatagram::pair().unwrap();
        let device = File::open("/dev/null").unwrap();
        let file = tempfile::tempfile().unwrap();
        let kinds = [
            (behind(&writer), Kind::Pipe, WHOLE),
            (behind(&terminal.slave), Kind::Terminal, WHOLE),
            (behind(&stream), Kind::Socket, MUCH),
            (behind(&messages), Kind::Messages, 0),
            (behind(&device), Kind::Device, 0),
            (behind(&file), Kind::File, MUCH),
        ];
        for (thing, kind, piece) in kinds {
            assert_eq!((thing.kind, thing.piece()), (kind, piece));
        }
        assert_eq!((WHOLE, MUCH), (4_096, 262_144));
    }

    #[test]
    fn what_other_code_opens_for_itself_is_no_log() {
        let dir = tempfile::tempdir().unwrap();
        let open = |reads: bool, appends: bool| {
            let mut options = OpenOptions::new();
            options.read(reads).write(!appends).append(appends).create(true).truncate(false);
            options.open(dir.path().join("file")).unwrap()
        };
        let is_anothers =
            |descriptor: &dyn AsFd| behind(descriptor.as_fd()).may_be_anothers(descriptor.as_fd());
        assert!(is_anothers(&open(true, false)), "as a database is opened");
        assert!(!is_anothers(&open(false, false)) && !is_anothers(&open(true, true)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(is_anothers(&TcpStream::connect(listener.local_addr().unwrap()).unwrap()));
        assert!(!is_anothers(&UnixStream::pair().unwrap().0) && !is_anothers(&pipe().unwrap().1));
    }

    #[test]
    fn what_is_lost_depends_on_what_may_come_back() {
        let is_lost =
            |descriptor: &dyn AsFd, errno| behind(descriptor.as_fd()).is_lost(errno, descriptor.as_fd());
        let (_reader, writer) = pipe().unwrap();
        assert!(is_lost(&writer, Errno::EPIPE) && !is_lost(&writer, Errno::EIO));
        let (stream, _peer) = UnixStream::pair().unwrap();
        assert!(is_lost(&stream, Errno::ECONNRESET) && !is_lost(&stream, Errno::ENOMEM));
        let (local, _peers) = UnixDatagram::pair().unwrap();
        assert!(is_lost(&local, Errno::ECONNREFUSED) && !is_lost(&local, Errno::EMSGSIZE));
        let remote = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(!is_lost(&remote, Errno::ECONNREFUSED) && !is_lost(&remote, Errno::ENETUNREACH));
        let terminal = openpty(None, None).unwrap();
        assert!(is_lost(&terminal.slave, Errno::EIO) && !is_lost(&terminal.slave, Errno::EPIPE));
        assert!(!is_lost(&tempfile::tempfile().unwrap(), Errno::EIO));
    }

    #[test]
    fn a_look_for_room_waits_for_no_longer_than_it_may() {
        let (reader, writer) = pipe().unwrap();
        assert_eq!(room(writer.as_fd(), Duration::ZERO), Room::Some);
        let anew = open_anew(writer.as_fd()).unwrap();
        while write_once(anew.as_fd(), Kind::Pipe, &[b'x'; WHOLE]).is_ok() {}
        assert_eq!(room(writer.as_fd(), Duration::ZERO), Room::None);
        drop(reader);
        assert_eq!(room(writer.as_fd(), Duration::ZERO), Room::Gone);
    }
}
