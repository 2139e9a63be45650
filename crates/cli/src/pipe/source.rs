//! A stream that lines come from: stdin, or one of a child's two. It is read in large pieces, through the intake if there is
//! one.

use std::io::Stdin;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::read;

use crate::pipe::intake::Intake;
use crate::pipe::lines::Lines;
use crate::pipe::platform;
use crate::pipe::tee::Tee;
use crate::say::Problem;

/// What a stream that is no pipe still gives once the program was told to end.
const REST: usize = 64 << 10;

/// A descriptor.
#[derive(Debug)]
pub(super) enum Stream {
    Stdin(Stdin),
    Child(OwnedFd),
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Stdin(stdin) => stdin.as_fd(),
            Self::Child(pipe) => pipe.as_fd(),
        }
    }
}

/// A stream with its lines.
#[derive(Debug)]
pub(super) struct Source {
    name: &'static str,
    stream: Stream,
    pub(super) lines: Lines,
    tee: Option<Tee>,
    /// Its place in the intake.
    lane: usize,
    /// How much the pipe holds at most.
    holds: usize,
    /// How much is read at most, once there is an end to it.
    rest: Option<usize>,
    is_open: bool,
}

impl Source {
    pub(super) fn new(
        name: &'static str,
        stream: Stream,
        lines: Lines,
        tee: Option<Tee>,
        lane: usize,
    ) -> Self {
        let holds = platform::widen(stream.as_fd()).unwrap_or(REST);
        Self { name, stream, lines, tee, lane, holds, rest: None, is_open: true }
    }

    pub(super) fn stream(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }

    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Returns the device and inode of the stream, which tell whether it is the same as an earlier process's.
    pub(super) fn identity(&self) -> (u64, u64) {
        #[expect(clippy::useless_conversion, reason = "not on each system are these u64")]
        fstat(self.stream()).map_or((0, 0), |stat| (u64::from(stat.st_dev), u64::from(stat.st_ino)))
    }

    /// Takes no more than what is in the pipe now.
    pub(super) fn end_soon(&mut self) {
        self.rest.get_or_insert(self.holds);
    }

    /// Reads once and hands over the lines that are complete. Returns whether there was anything.
    pub(super) fn feed(&mut self, intake: Option<&mut Intake>, space: &mut [u8]) -> Result<bool, Problem> {
        let most = self.rest.unwrap_or(space.len()).min(space.len());
        let space = &mut space[..most];
        let taken = match intake {
            Some(intake) => {
                let taken = intake.take(self.lane, self.stream.as_fd(), space)?;
                if let Ok(bytes) = taken {
                    self.lines.push(bytes);
                    intake.settle(self.lane, self.lines.open())?;
                }
                taken
            }
            None => read(self.stream.as_fd(), &mut *space).map(|len| {
                self.lines.push(&space[..len]);
                &space[..len]
            }),
        };
        match taken {
            Ok(bytes) => {
                self.is_open = !bytes.is_empty();
                if let Some(tee) = &mut self.tee {
                    tee.pass(bytes);
                }
                if let Some(rest) = &mut self.rest {
                    *rest -= bytes.len();
                    self.is_open &= *rest > 0;
                }
                Ok(!bytes.is_empty())
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(false),
            Err(error) => {
                self.is_open = false;
                Err(Problem::failed(format_args!("reading {}: {}", self.name, error.desc())))
            }
        }
    }

    /// Makes a line of what waits for its newline. Nothing more is read.
    pub(super) fn end(&mut self, intake: Option<&mut Intake>) -> Result<(), Problem> {
        self.is_open = false;
        match intake {
            Some(intake) => intake.end(self.lane, &mut self.lines),
            None => {
                self.lines.end();
                Ok(())
            }
        }
    }
}
