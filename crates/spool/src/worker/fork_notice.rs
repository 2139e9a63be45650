//! The line that tells a forked child what to do, once per process.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_spool_process::Process;

/// The process that has been told, or 0.
#[derive(Debug, Default)]
pub(crate) struct Told(AtomicU64);

impl Told {
    /// Returns whether this process must be told now: once per process, although a child inherits the value.
    pub(crate) fn is_due(&self) -> bool {
        let here = Process::here().number();
        self.0.swap(here, Ordering::Relaxed) != here
    }
}

/// Returns the text for a forked child about the log at `path`.
pub(crate) fn words(path: &Path) -> String {
    format!(
        "{}: process {} is a fork of the one that opened this log, and its records are lost; it can open a log of its own \
         at once, and this one when its parent has ended",
        path.display(),
        std::process::id()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_is_told_once() {
        let told = Told::default();
        assert!(told.is_due() && !told.is_due());
        told.0.store(Process::ELSEWHERE.number(), Ordering::Relaxed);
        assert!(told.is_due() && !told.is_due(), "a parent that was told is another one");
    }
}
