//! Other limits for a running spool, through its handle. What may change is `settings::change`'s and the engine's matter,
//! and how it is applied is the engine's.

#[cfg(test)]
mod tests;

use std::fmt;

use tracing_spool_fileset::Fault;

use crate::open::builder::SpoolBuilder;
use crate::worker::control::Control;
use crate::worker::requests::RequestError;
use crate::writer::handle::SpoolHandle;

/// Why a running spool did not take other settings. It goes on with those it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconfigureError {
    /// Settings that cannot be used, or cannot be changed while the spool is open: all of them.
    Unusable(Vec<Fault>),
    /// There is no writer thread to tell.
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

/// Its words are all there is to say: an error that it holds is shown, and is not its source.
impl std::error::Error for ReconfigureError {}

impl SpoolHandle {
    /// Changes limits while the spool runs: `change` is given the description of the spool as it is now, and returns
    /// another. What may differ: `max_bytes`, `backup_count`, `max_total_bytes`, `budget_warning_percent`,
    /// `min_free_bytes`, `min_backups`, the retries and their delays, and `linger`. All is checked here; then the writer thread
    /// applies it and removes what is beyond the new limits. Does not wait for that: a [`flush`](Self::flush) after it
    /// does. Of two changes at once the later one stands.
    ///
    /// # Errors
    /// Everything that cannot be used or cannot be changed, at once, each with its field; nothing has then changed. Or there
    /// is no writer thread to tell.
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
    /// From a configuration file that is read again: `handle.reconfigure(|now| now.configure(&config))`.
    pub fn reconfigure(
        &self,
        change: impl FnOnce(SpoolBuilder) -> SpoolBuilder,
    ) -> Result<(), ReconfigureError> {
        let shared = self.shared();
        if shared.is_forked() {
            // The lock below may have been taken when the process forked.
            return Err(ReconfigureError::Unreachable(RequestError::Forked));
        }
        // Not under the lock, which a guard in the same statement would hold: `change` is the user's, and may ask the same.
        let now = shared.described().clone();
        let SpoolBuilder { description: new } = change(SpoolBuilder { description: now });
        let mut described = shared.described();
        let settings = described.changed_to(&new).map_err(ReconfigureError::Unusable)?;
        // Both under the lock, so that the last description is also the last that is applied. The message wakes the thread.
        shared.set_linger(new.linger);
        shared.request(Control::Reconfigure(Box::new(settings))).map_err(ReconfigureError::Unreachable)?;
        *described = new;
        Ok(())
    }
}
