//! The methods of a handle that connect signals to its spool. `leaving::signals` receives them.

use std::io;

use crate::leaving::signals::{self, SignalAction};
use crate::writer::handle::SpoolHandle;

impl SpoolHandle {
    /// Makes SIGHUP reopen the live file, SIGUSR1 rotate it, and SIGTERM, SIGINT (Ctrl-C) and SIGQUIT flush all spools of
    /// the process before they kill it. It is [`install_signals_for`](Self::install_signals_for) with every
    /// [`SignalAction`].
    ///
    /// # Errors
    /// Same as [`install_signals_for`](Self::install_signals_for).
    ///
    /// ```no_run
    /// let (_spool, guard) = tracing_spool::Spool::builder("/var/log/shop/shop.log").open()?;
    /// guard.handle().install_signals()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn install_signals(&self) -> io::Result<()> {
        self.install_signals_for(&SignalAction::ALL)
    }

    /// Connects signals to this spool until it is shut down. If several spools want the same signal, each gets it. Other
    /// handlers of a signal still run, those of `tokio::signal` included.
    ///
    /// Leave out [`SignalAction::Terminate`], [`Interrupt`](SignalAction::Interrupt) or [`Quit`](SignalAction::Quit) if
    /// your program has its own shutdown for that signal, which would otherwise be cut short. A signal that the program
    /// blocks on all its threads, for example to read it from a `signalfd`, isn't affected: the signal thread blocks it
    /// too.
    ///
    /// SIGTERM, SIGINT and SIGQUIT stay ignored if the process ignores them when this is called. A shell starts background
    /// jobs with SIGINT and SIGQUIT ignored, so that they survive a Ctrl-C meant for the foreground.
    ///
    /// After the last spool that wants them is gone, the terminating signals kill by default again, while SIGHUP and
    /// SIGUSR1 do nothing. A forked child that doesn't call `exec` inherits handlers without the thread behind them: the
    /// signals don't end it until it installs them for a spool of its own.
    ///
    /// # Errors
    /// Returns an error if the spool was shut down, in a forked child, and if the system refuses the handler or the thread.
    /// No other action is left half installed then, except for handlers that do nothing.
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
