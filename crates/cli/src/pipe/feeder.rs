//! The thread that reads the streams and hands their lines over. It alone waits for room in the queue; whoever wants
//! something of it sends an order.

use std::os::fd::{AsFd as _, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read, write};

use crate::pipe::intake::Intake;
use crate::pipe::platform::WIDE;
use crate::pipe::source::Source;
use crate::say::Problem;

/// How long a pipe may be silent, once the child is gone, before whoever else has it is not waited for.
const SILENCE: Duration = Duration::from_secs(1);

/// What the thread is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Order {
    /// Take what is there now, and end.
    End = b'e',
    /// The child has gone: end when its pipes are silent.
    ChildIsGone = b'g',
}

/// The sending end of the orders.
#[derive(Debug)]
pub(super) struct Orders(OwnedFd);

impl Orders {
    pub(super) fn send(&self, order: Order) {
        // The pipe is far from full, and a thread that has ended needs no order.
        let _ = write(&self.0, &[order as u8]);
    }
}

/// What the thread works with.
#[derive(Debug)]
pub(super) struct Feeder {
    sources: Vec<Source>,
    intake: Option<Intake>,
    orders: OwnedFd,
    space: Vec<u8>,
    /// How long nothing may come; for ever if there is none.
    patience: PollTimeout,
}

/// What one look at the streams found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Something,
    Silence,
}

impl Feeder {
    pub(super) fn new(sources: Vec<Source>, intake: Option<Intake>) -> Result<(Self, Orders), Problem> {
        let (orders, sender) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)
            .map_err(|error| Problem::failed(format_args!("making a pipe: {}", error.desc())))?;
        let space = vec![0; WIDE];
        Ok((Self { sources, intake, orders, space, patience: PollTimeout::NONE }, Orders(sender)))
    }

    /// Hands over what an earlier process left in the intake.
    fn resume(&mut self) -> Result<(), Problem> {
        let Some(intake) = &mut self.intake else { return Ok(()) };
        let mut lanes: Vec<_> = self
            .sources
            .iter_mut()
            .map(|source| {
                let identity = source.identity();
                (&mut source.lines, identity)
            })
            .collect();
        intake.resume(&mut lanes, &mut self.space)
    }

    /// Reads until the end of all streams, or as an order says, and closes them. Returns the intake too.
    pub(super) fn run(mut self) -> (Option<Intake>, Result<(), Problem>) {
        let mut outcome = self.resume();
        while outcome.is_ok() && self.sources.iter().any(Source::is_open) {
            match self.look() {
                Ok(Look::Something) => {}
                Ok(Look::Silence) => break,
                Err(problem) => outcome = Err(problem),
            }
        }
        for source in &mut self.sources {
            outcome = outcome.and(source.end(self.intake.as_mut()));
        }
        (self.intake, outcome)
    }

    /// Waits for one of the streams and reads it.
    fn look(&mut self) -> Result<Look, Problem> {
        let open = self.sources.iter().filter(|source| source.is_open());
        let mut looked_at = vec![PollFd::new(self.orders.as_fd(), PollFlags::POLLIN)];
        looked_at.extend(open.map(|source| PollFd::new(source.stream(), PollFlags::POLLIN)));
        match poll(&mut looked_at, self.patience) {
            Ok(0) => return Ok(Look::Silence),
            Ok(_) => {}
            Err(Errno::EINTR | Errno::EAGAIN) => return Ok(Look::Something),
            Err(error) => return Err(Problem::failed(format_args!("waiting for input: {}", error.desc()))),
        }
        let mut is_ready =
            looked_at.iter().map(|it| it.any().unwrap_or(true)).collect::<Vec<_>>().into_iter();
        if is_ready.next() == Some(true) {
            self.obey();
        }
        for source in self.sources.iter_mut().filter(|source| source.is_open()) {
            if is_ready.next() == Some(true) {
                source.feed(self.intake.as_mut(), &mut self.space)?;
            }
        }
        Ok(Look::Something)
    }

    fn obey(&mut self) {
        let mut orders = [0; 16];
        let Ok(count) = read(&self.orders, &mut orders) else { return };
        for order in &orders[..count] {
            if *order == Order::End as u8 {
                self.sources.iter_mut().for_each(Source::end_soon);
                self.patience = PollTimeout::ZERO;
            } else if self.patience == PollTimeout::NONE {
                self.patience = PollTimeout::try_from(SILENCE).unwrap_or(PollTimeout::ZERO);
            }
        }
    }
}
