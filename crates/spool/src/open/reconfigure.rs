//! New limits for a running spool, through its handle. `settings::change` and the engine decide what may change; the engine
//! applies it.

#[cfg(test)]
mod tests;

use std::fmt;

use tracing_spool_fileset::Fault;

use crate::open::builder::SpoolBuilder;
use crate::worker::control::Control;
use crate::worker::requests::RequestError;
use crate::writer::handle::SpoolHandle;

/// Why a running spool didn't accept new settings. It continues with those it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// Settings that can't be used, or can't be changed while the spool is open: all of them.
    Unusable(Vec<Fault>),
    /// There is no writer thread to apply them.
    Unreachable(RequestError),
}

impl fmt::Display for ReconfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(faults) => {
                f.write_str("the log keeps its settings: ")?;
                for (index, fault) in faults.iter().enumerate() {
                    write!(f, "{}{fault}", if index == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
            Self::Unreachable(error) => error.fmt(f),
        }
    }
}

/// `Display` already shows the inner error, so there is no `source`.
impl std::error::Error for ReconfigureError {}

impl SpoolHandle {
    /// Changes limits while the spool runs. `change` receives a builder with the current settings and returns it with new
    /// ones.
    ///
    /// `max_bytes`, `rotate_every`, `backup_count`, `max_total_bytes` and other limits may change; each setting's row in
    /// the [manual](crate::manual::settings) says whether it may. The call checks everything; the writer thread then
    /// applies the settings and removes what exceeds the new limits. The call doesn't wait for that, but a
    /// [`flush`](Self::flush) after it does. If two threads change settings at once, the later call wins.
    ///
    /// # Errors
    /// Returns every setting that can't be used or can't be changed, each with its name; nothing has changed then. Also
    /// returns an error if there is no writer thread.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// let (_spool, guard) = tracing_spool::Spool::builder(&path).open()?;
    /// let handle = guard.handle();
    /// handle.reconfigure(|now| now.max_total_bytes(20 << 20).backup_count(3))?;
    /// let error = handle.reconfigure(|now| now.mode(0o600)).unwrap_err();
    /// assert_eq!(error.to_string(), "the log keeps its settings: mode = 600: cannot be changed while the log is open");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// To apply a configuration file that was read again: `handle.reconfigure(|now| now.configure(&config))`.
    pub fn reconfigure(
        &self,
        change: impl FnOnce(SpoolBuilder) -> SpoolBuilder,
    ) -> Result<(), ReconfigureError> {
        let shared = self.shared();
        if shared.is_forked() {
            // The lock below may have been held by another thread when the process forked; it would never be released here.
            return Err(ReconfigureError::Unreachable(RequestError::Forked));
        }
        // Clone before calling `change`: a guard in the same statement would live through it, and `change` is user code
        // that may call `reconfigure` itself, which would deadlock.
        let now = shared.described().clone();
        let SpoolBuilder { description: new } = change(SpoolBuilder { description: now });
        let mut described = shared.described();
        let settings = described.changed_to(&new).map_err(ReconfigureError::Unusable)?;
        // Send while holding the lock, so that the last description stored is also the last one applied. The message wakes
        // the thread.
        shared.set_linger(new.linger);
        shared.request(Control::Reconfigure(Box::new(settings))).map_err(ReconfigureError::Unreachable)?;
        *described = new;
        Ok(())
    }
}
