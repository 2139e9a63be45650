//! The main thread: it hears signals, tells the input's thread and the command of them, and waits until everything is
//! written.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::getpid;
use tracing_spool::{FlushError, SpoolGuard, SpoolHandle};

use crate::pipe::child::Child;
use crate::pipe::events::{Event, Events};
use crate::pipe::feeder::{Order, Orders};
use crate::pipe::intake::Intake;
use crate::say::{self, End, FAILED, Problem};

/// What the input's thread leaves.
pub(super) type Fed = (Option<Intake>, Result<(), Problem>);

/// How long one attempt to write everything may take before signals are heard again.
const SLICE: Duration = Duration::from_millis(200);
/// From then on a disk that doesn't take the log is worth a word.
const WORTH_A_WORD: Duration = Duration::from_secs(1);
/// What the threads get to end when there is no more time.
const LAST: Duration = Duration::from_millis(200);

/// A pipe at work.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) path: PathBuf,
    pub(super) handle: SpoolHandle,
    pub(super) child: Option<Child>,
    pub(super) orders: Orders,
    pub(super) events: Events<Fed>,
    /// The ring that what isn't written waits in, if it outlives the process.
    pub(super) ring: Option<PathBuf>,
    pub(super) end: Ending,
}

/// How far the end has come.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// When there is no more time.
    deadline: Option<Instant>,
    child_is_gone: bool,
}

/// There is no more time: whoever asked for the end has waited long enough, or has asked again.
#[derive(Debug)]
struct Over;

impl Keeper {
    /// Keeps the pipe until everything is written, or must not be waited for.
    pub(super) fn run(mut self, guard: SpoolGuard) -> Result<End, Problem> {
        let outcome = self.until_fed().and_then(|fed| {
            self.until_child_ends()?;
            self.until_written()?;
            Ok(fed)
        });
        match outcome {
            Ok(fed) => self.finish(guard, fed),
            Err(Over) => Err(self.give_up(guard)),
        }
    }

    fn until_fed(&mut self) -> Result<Fed, Over> {
        loop {
            self.look_at_child();
            match self.events.wait(self.end.deadline) {
                Some(Event::Fed(fed)) => return Ok(fed),
                Some(Event::Signal(signal, is_of_terminal)) => self.hear(signal, is_of_terminal)?,
                None => return Err(Over),
            }
        }
    }

    fn until_child_ends(&mut self) -> Result<(), Over> {
        while self.child.as_mut().is_some_and(|child| child.ended().is_none()) {
            match self.events.wait(self.end.deadline) {
                Some(Event::Signal(signal, is_of_terminal)) => self.hear(signal, is_of_terminal)?,
                Some(Event::Fed(_)) => {}
                None => return Err(Over),
            }
        }
        Ok(())
    }

    /// Waits for a disk that is full or fails, without end.
    fn until_written(&mut self) -> Result<(), Over> {
        let begun = Instant::now();
        let mut is_told = false;
        loop {
            let left = match self.handle.flush(SLICE) {
                Err(FlushError::TimedOut { left } | FlushError::Blocked { left }) => left,
                // All is written, or the writer is gone and the shutdown says what became of the records.
                _ => return Ok(()),
            };
            if begun.elapsed() >= WORTH_A_WORD && !std::mem::replace(&mut is_told, true) {
                let path = self.path.display();
                say::warn(format_args!(
                    "{path}: the input has ended; {left} records wait until the log can be written"
                ));
            }
            if self.end.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(Over);
            }
            if let Some(Event::Signal(signal, is_of_terminal)) = self.events.wait_for(SLICE) {
                self.hear(signal, is_of_terminal)?;
            }
        }
    }

    fn look_at_child(&mut self) {
        let is_gone = self.child.as_mut().is_some_and(|child| child.ended().is_some());
        if is_gone && !std::mem::replace(&mut self.end.child_is_gone, true) {
            self.orders.send(Order::ChildIsGone);
        }
    }

    /// Does what a signal asks for. A request to end goes to the command as long as it runs.
    fn hear(&mut self, signal: Signal, is_of_terminal: bool) -> Result<(), Over> {
        // An error of these means that the log is just being closed.
        match signal {
            Signal::SIGHUP => _ = self.handle.reopen(),
            Signal::SIGUSR1 => _ = self.handle.rotate(),
            Signal::SIGCHLD | Signal::SIGXFSZ => {}
            _ => {
                if let Some(child) = &mut self.child {
                    if child.ended().is_none() {
                        pass_on(child, signal, is_of_terminal);
                        return Ok(());
                    }
                }
                if matches!(signal, Signal::SIGTERM | Signal::SIGINT) {
                    return self.end_soon();
                }
            }
        }
        Ok(())
    }

    /// The first time, gives the rest as much time as a shutdown has. The second time, ends at once.
    fn end_soon(&mut self) -> Result<(), Over> {
        if self.end.deadline.is_some() {
            return Err(Over);
        }
        self.end.deadline = Instant::now().checked_add(self.handle.shutdown_timeout());
        self.orders.send(Order::End);
        Ok(())
    }

    fn finish(&mut self, guard: SpoolGuard, (intake, outcome): Fed) -> Result<End, Problem> {
        let report = guard.shutdown(self.handle.shutdown_timeout());
        if !report.is_complete() {
            let path = self.path.display();
            return Err(Problem::failed(format_args!("{path}: the log isn't complete: {report}")));
        }
        if let Some(intake) = intake {
            intake.remove();
        }
        outcome?;
        let well = if report.dropped > 0 { End::Lost } else { End::Well };
        Ok(self.child.as_mut().and_then(Child::ended).unwrap_or(well))
    }

    /// Ends although not everything is written. If the records outlive the process, it ends as by SIGKILL: what is in the
    /// ring and in the intake waits for the next start.
    fn give_up(&self, guard: SpoolGuard) -> Problem {
        let path = self.path.display();
        if let Some(ring) = &self.ring {
            let left = self.handle.stats().queue.records;
            let ring = ring.display();
            say::warn(format_args!(
                "{path}: {left} records and what was read last wait in {ring} for the next start"
            ));
            signal_hook::low_level::exit(i32::from(FAILED));
        }
        let before = self.handle.stats().dropped.total();
        // The queue closes first, so the input's thread stops waiting and drops what it has in hand.
        let report = guard.shutdown(LAST);
        let left = report.left + report.dropped.saturating_sub(before);
        Problem::failed(format_args!("{path}: {left} records are left unwritten"))
    }
}

/// Passes a signal on. What the terminal sends, the command has got already.
fn pass_on(child: &mut Child, signal: Signal, is_of_terminal: bool) {
    if !is_of_terminal {
        child.tell(signal);
    }
    if signal == Signal::SIGTSTP {
        // Whoever waits for this job must see it stopped.
        let _ = kill(getpid(), Signal::SIGSTOP);
    }
}
