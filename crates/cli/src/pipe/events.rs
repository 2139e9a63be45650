//! What the main thread waits for: a signal, or the end of the input.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use signal_hook::iterator::exfiltrator::WithRawSiginfo;
use signal_hook::iterator::{Handle, SignalsInfo};
use tracing_spool_process::{is_ignored, spawn};

use crate::pipe::platform;
use crate::say::{Problem, plain};

/// Signals that reopen and rotate. They must not end a pipe that is still opening its log.
const OURS: [Signal; 2] = [Signal::SIGHUP, Signal::SIGUSR1];
/// A message to a stderr that is a file at its limit is to fail, and not to kill.
const SURVIVED: Signal = Signal::SIGXFSZ;
/// Signals that end a pipe without a command.
const ENDS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
/// Signals that a command gets instead of us.
const PASSED_ON: [Signal; 7] = [
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
    Signal::SIGCONT,
    Signal::SIGTSTP,
];

/// What happened.
#[derive(Debug)]
pub(super) enum Event<T> {
    /// A signal, and whether the terminal has sent it to the command, too.
    Signal(Signal, bool),
    /// The input has ended.
    Fed(T),
}

/// Where events come in.
#[derive(Debug)]
pub(super) struct Events<T> {
    signals: Handle,
    has_command: bool,
    receiver: Receiver<Event<T>>,
    sender: Sender<Event<T>>,
}

impl<T: Send + 'static> Events<T> {
    /// Listens from here on to the signals that end nothing. With a command, a signal that we were started to ignore stays
    /// ignored, for the command inherits that; without one, those that only reopen and rotate are heard in any case.
    pub(super) fn listen(has_command: bool) -> Result<Self, Problem> {
        let ours = OURS.into_iter().filter(|signal| !has_command || !is_ignored(*signal));
        let wanted = ours.chain([SURVIVED]).map(|signal| signal as i32);
        let mut signals = SignalsInfo::<WithRawSiginfo>::new(wanted).map_err(failed)?;
        let handle = signals.handle();
        let (sender, receiver) = channel();
        let to = sender.clone();
        let life = move || {
            for info in signals.forever() {
                let Ok(signal) = Signal::try_from(info.si_signo) else { continue };
                if to.send(Event::Signal(signal, platform::is_of_terminal(info.si_code))).is_err() {
                    return;
                }
            }
        };
        spawn(Builder::new().name("signals".to_owned()), life).map_err(failed)?;
        Ok(Self { signals: handle, has_command, receiver, sender })
    }

    /// Listens from here on to the signals that end a pipe or go to its command, too. Until then they end the program, as
    /// long as nothing was read.
    pub(super) fn listen_to_ends(&self) -> Result<(), Problem> {
        let ends: &[Signal] = if self.has_command { &PASSED_ON } else { &ENDS };
        // If that one is ignored, the system lets no process wait for its children.
        let children = self.has_command.then_some(Signal::SIGCHLD);
        let heard = ends.iter().copied().filter(|signal| !is_ignored(*signal));
        heard.chain(children).try_for_each(|signal| self.signals.add_signal(signal as i32)).map_err(failed)
    }

    /// Runs `work` on a thread whose result is an event.
    pub(super) fn run(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<()>, Problem> {
        let to = self.sender.clone();
        spawn(Builder::new().name("input".to_owned()), move || _ = to.send(Event::Fed(work())))
            .map_err(|error| Problem::failed(format_args!("starting a thread: {}", plain(&error))))
    }

    /// Waits for the next event, or until the time is over.
    pub(super) fn wait(&self, until: Option<Instant>) -> Option<Event<T>> {
        match until {
            None => self.receiver.recv().ok(),
            Some(until) => self.wait_for(until.saturating_duration_since(Instant::now())),
        }
    }

    pub(super) fn wait_for(&self, time: Duration) -> Option<Event<T>> {
        self.receiver.recv_timeout(time).ok()
    }
}

fn failed(error: std::io::Error) -> Problem {
    Problem::failed(format_args!("listening to signals: {}", plain(&error)))
}
