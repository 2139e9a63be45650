//! The bytes as they came, to stdout or stderr too. A reader that goes away ends this, and not the log.

use std::os::fd::{AsFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::write;

use crate::say;

/// One of the program's own streams.
#[derive(Debug)]
pub(super) struct Tee {
    stream: Stream,
    is_open: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    #[expect(clippy::disallowed_methods, reason = "the bytes pass as they are, whatever a terminal can show")]
    fn with<T>(self, work: impl FnOnce(BorrowedFd<'_>) -> T) -> T {
        match self {
            Self::Stdout => work(std::io::stdout().as_fd()),
            Self::Stderr => work(std::io::stderr().as_fd()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl Tee {
    pub(super) fn to(stream: Stream) -> Self {
        Self { stream, is_open: true }
    }

    /// Writes all of it, and waits for a reader that is slow.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while self.is_open && !bytes.is_empty() {
            match self.stream.with(|stream| write(stream, bytes)) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::EINTR) => {}
                // Whoever shares the stream has made it non-blocking.
                Err(Errno::EAGAIN) => _ = self.stream.with(wait_for_room),
                Err(error) => {
                    self.is_open = false;
                    if error != Errno::EPIPE {
                        say::warn(format_args!(
                            "{}: {}; only the log goes on",
                            self.stream.name(),
                            error.desc()
                        ));
                    }
                }
            }
        }
    }
}

fn wait_for_room(stream: BorrowedFd<'_>) -> nix::Result<i32> {
    poll(&mut [PollFd::new(stream, PollFlags::POLLOUT)], PollTimeout::NONE)
}
