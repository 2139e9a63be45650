//! The calls of a handle that give signals to its spool. How signals are heard is `leaving::signals`'.

use std::io;

use crate::leaving::signals::{self, SignalAction};
use crate::writer::handle::SpoolHandle;

impl SpoolHandle {
    /// Lets SIGHUP open the live file anew, SIGUSR1 rotate it, and SIGTERM, SIGINT (Ctrl-C) and SIGQUIT write what waits in
    /// all spools of the process before they kill: [`install_signals_for`](Self::install_signals_for) with all of
    /// [`SignalAction`].
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
    /// Leave out [`SignalAction::Terminate`], [`Interrupt`](SignalAction::Interrupt) or [`Quit`](SignalAction::Quit) where
    /// the program has its own way to end at that signal, or it would be cut short. A signal that a program blocks on all of
    /// its threads, to read it from a `signalfd` say, stays its own: the thread that serves signals blocks them too.
    ///
    /// A signal to end that the process ignores as this is called stays ignored: a shell has its background jobs ignore SIGINT
    /// and SIGQUIT, and they live on when Ctrl-C ends what is in front of them.
    ///
    /// After the last spool that wants them, the signals that end a process kill as by default, SIGHUP and SIGUSR1 do nothing.
    /// A forked child that executes nothing inherits handlers behind which nobody listens: the signals do not end it before
    /// it has installed them for a spool of its own.
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
        signals::install(&self.shared, actions)
    }
}
