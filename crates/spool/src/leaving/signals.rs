//! Signals, if the program asks for them: SIGHUP reopens, SIGUSR1 rotates, SIGTERM, SIGINT and SIGQUIT flush and then kill.
//! The writer thread does the work.
//!
//! A handler only takes note (`signal_hook`). One thread per process, however many spools there are, waits for that and
//! does the rest. It runs as long as a spool that wants signals is open.
//!
//! `signal_hook` leaves its handler in place when nobody listens any more, which would leave a program that ignores
//! SIGTERM. So each terminating signal has a second action, which kills as by default while no open spool wants the signal.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;

use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;
use tracing_spool_process::ProcessLock;

use crate::leaving::outputs::{Output as _, flush_each, open};
use crate::worker::control::Patience;
use crate::worker::requests::{FlushError, RequestError};
use crate::worker::shared::Shared;

/// A signal and what it does to a spool, for [`SpoolHandle::install_signals_for`](crate::SpoolHandle::install_signals_for).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalAction {
    /// SIGHUP reopens the live file, like [`SpoolHandle::reopen`](crate::SpoolHandle::reopen).
    Reopen,
    /// SIGUSR1 rotates the log, like [`SpoolHandle::rotate`](crate::SpoolHandle::rotate).
    Rotate,
    /// SIGTERM flushes all spools of the process, each for at most its `shutdown_timeout`. The process then dies of the
    /// signal, as it would have without this.
    Terminate,
    /// SIGINT (Ctrl-C) does the same.
    Interrupt,
    /// SIGQUIT (Ctrl-\\) does the same, and leaves a core dump if the system makes one.
    Quit,
}

impl SignalAction {
    pub(crate) const ALL: [Self; 5] =
        [Self::Reopen, Self::Rotate, Self::Terminate, Self::Interrupt, Self::Quit];
    /// The signals that end the process.
    const ENDS: [Self; 3] = [Self::Terminate, Self::Interrupt, Self::Quit];

    fn signal(self) -> i32 {
        match self {
            Self::Reopen => SIGHUP,
            Self::Rotate => SIGUSR1,
            Self::Terminate => SIGTERM,
            Self::Interrupt => SIGINT,
            Self::Quit => SIGQUIT,
        }
    }

    fn is_ignored(self) -> bool {
        Signal::try_from(self.signal()).is_ok_and(tracing_spool_process::is_ignored)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Reopen => "SIGHUP",
            Self::Rotate => "SIGUSR1",
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
        }
    }
}

/// Which spools want which signals.
#[derive(Debug, Default)]
struct Ears {
    /// Each pair is a spool and one action that it wants.
    wants: Vec<(Weak<Shared>, SignalAction)>,
    /// The signal thread, and the id of its process.
    thread: Option<(Handle, u32)>,
    /// For each terminating signal that was ever wanted: whether it kills at once.
    kill_at_once: Vec<(SignalAction, Arc<AtomicBool>)>,
}

/// Locked while signals are installed or given up, and by the signal thread only to copy pointers.
static EARS: ProcessLock<Ears> =
    ProcessLock::new(Ears { wants: Vec::new(), thread: None, kill_at_once: Vec::new() });

/// Connects signals to a spool. See [`SpoolHandle::install_signals_for`](crate::SpoolHandle::install_signals_for).
pub(crate) fn install(shared: &Arc<Shared>, actions: &[SignalAction]) -> io::Result<()> {
    if shared.is_forked() {
        return Err(io::Error::other(RequestError::Forked));
    }
    let mut ears = EARS.lock();
    if !shared.is_open() {
        return Err(io::Error::other(RequestError::Closed));
    }
    let is_to_ignore = |action: &SignalAction| SignalAction::ENDS.contains(action) && action.is_ignored();
    let actions: &[SignalAction] =
        &actions.iter().copied().filter(|action| !is_to_ignore(action)).collect::<Vec<_>>();
    for action in SignalAction::ENDS.into_iter().filter(|action| actions.contains(action)) {
        if ears.kill_at_once.iter().all(|(known, _)| *known != action) {
            let at_once = Arc::new(AtomicBool::new(true));
            // Registered before the thread's own handler, so that the signal kills while nobody listens.
            register_conditional_default(action.signal(), Arc::clone(&at_once))?;
            ears.kill_at_once.push((action, at_once));
        }
    }
    ears.listen(actions, shared)?;
    let is_again = |spool: &Weak<Shared>, action: &SignalAction| {
        spool.as_ptr() == Arc::as_ptr(shared) && actions.contains(action)
    };
    ears.wants.retain(|(spool, action)| !is_again(spool, action));
    ears.wants.extend(actions.iter().map(|action| (Arc::downgrade(shared), *action)));
    ears.tell_killers();
    Ok(())
}

impl Ears {
    /// Makes the signal thread listen to these signals too.
    fn listen(&mut self, actions: &[SignalAction], shared: &Arc<Shared>) -> io::Result<()> {
        let here = std::process::id();
        if let Some((handle, _)) = self.thread.as_ref().filter(|(_, process)| *process == here) {
            return actions.iter().try_for_each(|action| handle.add_signal(action.signal()));
        }
        let signals = Signals::new(actions.iter().map(|action| action.signal()))?;
        let handle = signals.handle();
        let begun = Arc::clone(shared);
        let life = move || {
            if !begun.thread_starts() {
                return std::mem::forget((begun, signals));
            }
            drop(begun);
            serve(signals);
        };
        crate::platform::sync::spawn(thread::Builder::new().name("spool-signals".to_owned()), life)?;
        self.thread = Some((handle, here));
        Ok(())
    }

    /// Returns the spools that want this action.
    fn who_wants(&self, wanted: SignalAction) -> Vec<Arc<Shared>> {
        let wants = self.wants.iter().filter(|(_, action)| *action == wanted);
        wants.filter_map(|(spool, _)| spool.upgrade()).collect()
    }

    /// Sets for each terminating signal whether it kills at once, as the open spools want it now.
    fn tell_killers(&self) {
        for (action, at_once) in &self.kill_at_once {
            let is_wanted = self.wants.iter().any(|(_, wanted)| wanted == action);
            at_once.store(!is_wanted, Ordering::SeqCst);
        }
    }
}

/// Removes a spool that was shut down. The last one ends the signal thread.
pub(crate) fn left(shared: &Arc<Shared>) {
    let mut ears = EARS.lock();
    ears.wants.retain(|(spool, _)| spool.as_ptr() != Arc::as_ptr(shared));
    // The order matters: a signal between these two steps kills, and one before them is still handled.
    ears.tell_killers();
    if ears.wants.is_empty() {
        if let Some((handle, _)) = ears.thread.take() {
            handle.close();
        }
    }
}

/// Runs the signal thread.
fn serve(mut signals: Signals) {
    for signal in signals.forever() {
        act(signal);
    }
    for signal in signals.pending() {
        act(signal);
    }
}

/// Ends the process by a signal. PID 1 of a container isn't killed by a signal that it doesn't handle, so it exits with the
/// code that a shell would report.
#[expect(clippy::disallowed_methods, reason = "the signal was to end the process, and cannot")]
fn end_by(signal: i32) {
    if std::process::id() == 1 {
        std::process::exit(128 + signal);
    }
    // This returns only for an unknown signal.
    let _ = emulate_default_handler(signal);
}

fn act(signal: i32) {
    let Some(action) = SignalAction::ALL.into_iter().find(|action| action.signal() == signal) else { return };
    let spools = EARS.lock().who_wants(action);
    match action {
        // An error means that the spool is just shutting down, and needs nothing.
        SignalAction::Reopen => spools.iter().for_each(|spool| _ = spool.reopen()),
        SignalAction::Rotate => spools.iter().for_each(|spool| _ = spool.rotate()),
        SignalAction::Terminate | SignalAction::Interrupt | SignalAction::Quit => {
            drop(spools);
            for (output, error) in flush_each(open(), Patience::Waits, |output| output.patience()) {
                if error != FlushError::Forked {
                    let (log, signal) = (output.name(), action.name());
                    output.print(&format_args!("{}: at {signal}: {error}", log.display()));
                }
            }
            end_by(signal);
        }
    }
}
