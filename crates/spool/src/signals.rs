//! Signals, where a program wants them to be ours: SIGHUP opens anew, SIGUSR1 rotates, SIGTERM flushes and then kills.
//! What is done for them is the writer thread's; nothing is installed without being asked for.
//!
//! A handler does nothing but take note (`signal_hook`); one thread for the process, however many spools there are, hears
//! of it and does the rest. It is there as long as a spool that wants signals is open.
//!
//! `signal_hook` leaves its handler in place when nobody listens any more, and a program that ignores SIGTERM would be left.
//! So SIGTERM has a second action, which kills as by default while no open spool wants it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGTERM, SIGUSR1};
use signal_hook::flag::register_conditional_default;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use crate::control::Control;
use crate::flush_all::{flush_each, is_open, open};
use crate::handle::{FlushError, RequestError, SpoolHandle};
use crate::process_lock::ProcessLock;
use crate::shared::Shared;

/// What a signal does to a spool: see [`SpoolHandle::install_signals_for`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignalAction {
    /// SIGHUP: as [`SpoolHandle::reopen`].
    Reopen,
    /// SIGUSR1: as [`SpoolHandle::rotate`].
    Rotate,
    /// SIGTERM: all spools of the process are flushed, each for at most its `shutdown_timeout`; then the process dies of
    /// the signal, as it would have without this.
    Terminate,
}

impl SignalAction {
    const ALL: [Self; 3] = [Self::Reopen, Self::Rotate, Self::Terminate];

    fn signal(self) -> i32 {
        match self {
            Self::Reopen => SIGHUP,
            Self::Rotate => SIGUSR1,
            Self::Terminate => SIGTERM,
        }
    }
}

/// Who listens.
#[derive(Debug, Default)]
struct Ears {
    /// A spool and one thing that it wants.
    wants: Vec<(Weak<Shared>, SignalAction)>,
    /// The thread, and the process that it is in.
    thread: Option<(Handle, u32)>,
}

/// Held while signals are installed or given up, and by the thread for copies of pointers.
static EARS: ProcessLock<Ears> = ProcessLock::new(Ears { wants: Vec::new(), thread: None });

/// Whether SIGTERM kills at once. None until it was installed.
static DIES_AT_ONCE: OnceLock<Arc<AtomicBool>> = OnceLock::new();

impl SpoolHandle {
    /// Lets SIGHUP open the live file anew, SIGUSR1 rotate it, and SIGTERM write what waits in all spools of the process
    /// before it kills: [`install_signals_for`](Self::install_signals_for) with all of [`SignalAction`].
    ///
    /// # Errors
    /// As there.
    ///
    /// ```no_run
    /// let (_spool, guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log").open()?;
    /// guard.handle().install_signals()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn install_signals(&self) -> io::Result<()> {
        self.install_signals_for(&SignalAction::ALL)
    }

    /// Lets signals do this to the spool until it is shut down. Several spools may want the same signal, and each gets it;
    /// other handlers of a signal, those of `tokio::signal` too, are called as well.
    ///
    /// Leave [`SignalAction::Terminate`] out where the program has its own way to end at SIGTERM, or that would be cut
    /// short. After the last spool that wants it, SIGTERM kills as by default, SIGHUP and SIGUSR1 do nothing. A forked
    /// child that executes nothing inherits handlers behind which nobody listens: SIGTERM does not end it before it has
    /// installed signals for a spool of its own.
    ///
    /// # Errors
    /// When the spool was shut down, in a forked child, and when the system refuses the handler or the thread. No other
    /// action is then left half installed, but for handlers that do nothing.
    ///
    /// ```no_run
    /// use tracing_spool::SignalAction;
    /// let (_spool, guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log").open()?;
    /// guard.handle().install_signals_for(&[SignalAction::Reopen, SignalAction::Rotate])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn install_signals_for(&self, actions: &[SignalAction]) -> io::Result<()> {
        let shared = &self.shared;
        if shared.queue.origin.is_forked() {
            return Err(io::Error::other(RequestError::Forked));
        }
        let Some(mut ears) = EARS.lock() else { return Err(io::Error::other(RequestError::Forked)) };
        if !is_open(shared) {
            return Err(io::Error::other(RequestError::Closed));
        }
        if actions.contains(&SignalAction::Terminate) && DIES_AT_ONCE.get().is_none() {
            let at_once = Arc::new(AtomicBool::new(true));
            // Before the thread's own: while nobody listens, nobody is told.
            register_conditional_default(SIGTERM, Arc::clone(&at_once))?;
            let _ = DIES_AT_ONCE.set(at_once);
        }
        ears.listen(actions)?;
        let is_again = |spool: &Weak<Shared>, action: &SignalAction| {
            spool.as_ptr() == Arc::as_ptr(shared) && actions.contains(action)
        };
        ears.wants.retain(|(spool, action)| !is_again(spool, action));
        ears.wants.extend(actions.iter().map(|action| (Arc::downgrade(shared), *action)));
        ears.tell_sigterm();
        Ok(())
    }
}

impl Ears {
    /// Has the thread hear these signals too.
    fn listen(&mut self, actions: &[SignalAction]) -> io::Result<()> {
        let here = std::process::id();
        if let Some((handle, _)) = self.thread.as_ref().filter(|(_, process)| *process == here) {
            return actions.iter().try_for_each(|action| handle.add_signal(action.signal()));
        }
        let signals = Signals::new(actions.iter().map(|action| action.signal()))?;
        let handle = signals.handle();
        #[expect(clippy::disallowed_methods, reason = "the one thread for signals; its failure is an error")]
        thread::Builder::new().name("spool-signals".to_owned()).spawn(move || serve(signals))?;
        self.thread = Some((handle, here));
        Ok(())
    }

    /// Who wants this.
    fn who_wants(&self, wanted: SignalAction) -> Vec<Arc<Shared>> {
        let wants = self.wants.iter().filter(|(_, action)| *action == wanted);
        wants.filter_map(|(spool, _)| spool.upgrade()).collect()
    }

    fn tell_sigterm(&self) {
        if let Some(at_once) = DIES_AT_ONCE.get() {
            let is_wanted = self.wants.iter().any(|(_, action)| *action == SignalAction::Terminate);
            at_once.store(!is_wanted, Ordering::SeqCst);
        }
    }
}

/// A spool was shut down: the last one ends the thread.
pub(crate) fn left(shared: &Arc<Shared>) {
    let Some(mut ears) = EARS.lock() else { return };
    ears.wants.retain(|(spool, _)| spool.as_ptr() != Arc::as_ptr(shared));
    // In this order: what comes between the two kills, and what came before is still heard.
    ears.tell_sigterm();
    if ears.wants.is_empty() {
        if let Some((handle, _)) = ears.thread.take() {
            handle.close();
        }
    }
}

/// The life of the thread.
fn serve(mut signals: Signals) {
    for signal in signals.forever() {
        act(signal);
    }
    for signal in signals.pending() {
        act(signal);
    }
}

fn act(signal: i32) {
    let Some(action) = SignalAction::ALL.into_iter().find(|action| action.signal() == signal) else { return };
    let spools = EARS.lock().map(|ears| ears.who_wants(action)).unwrap_or_default();
    match action {
        // A spool that leaves just now has no need of it.
        SignalAction::Reopen => spools.iter().for_each(|shared| _ = shared.send(Control::Reopen)),
        SignalAction::Rotate => spools.iter().for_each(|shared| _ = shared.send(Control::Rotate)),
        SignalAction::Terminate => {
            drop(spools);
            for (shared, error) in flush_each(open(), |shared| shared.shutdown_timeout) {
                if error != FlushError::Forked {
                    shared.sink.print(&format_args!("{}: at SIGTERM: {error}", shared.path.display()));
                }
            }
            // It does not return, but for a signal that nobody knows.
            let _ = emulate_default_handler(SIGTERM);
        }
    }
}
