//! What a spool recovered from a process that died. `open::recovery` does it.

use std::fmt;

/// What a spool recovered from a process that ended without writing all its records.
///
/// ```
/// let nothing = tracing_spool::Recovered::default();
/// assert_eq!((nothing.records, nothing.to_string().is_empty()), (0, false));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Accepted records that weren't in a file yet, or not completely.
    pub records: u64,
    /// Bytes of these records, as callers handed them over.
    pub bytes: u64,
    /// Records that a thread had begun to hand over when it died. Nothing is left of them.
    pub holes: u64,
    /// Records, among `records`, that may be in the log twice, because the file they were being written to was moved,
    /// removed or changed by others.
    pub uncertain: u64,
    /// Records that the process had dropped and not yet stated in the log.
    pub dropped: u64,
    /// The id of that process, or 0 if there was none.
    pub process: u32,
}

impl Recovered {
    /// Returns whether there is anything to report.
    pub(crate) fn is_worth_a_line(&self) -> bool {
        self.records > 0 || self.holes > 0 || self.dropped > 0
    }
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.records == 1 { "" } else { "s" };
        let Self { records, bytes, process, holes, uncertain, dropped } = self;
        write!(f, "{records} record{plural} ({bytes} bytes) of process {process} saved from its ring")?;
        if *holes > 0 {
            write!(f, "; {holes} begun and not accepted")?;
        }
        if *uncertain > 0 {
            write!(f, "; {uncertain} may stand twice, as their file was moved or changed")?;
        }
        if *dropped > 0 {
            write!(f, "; {dropped} it had dropped and not told of")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_speaks_of_what_there_is_alone() {
        let saved = Recovered { records: 1, bytes: 5, process: 7, ..Recovered::default() };
        assert_eq!(saved.to_string(), "1 record (5 bytes) of process 7 saved from its ring");
        let all = Recovered { records: 2, bytes: 9, process: 7, holes: 3, uncertain: 1, dropped: 4 };
        assert_eq!(
            all.to_string(),
            "2 records (9 bytes) of process 7 saved from its ring; 3 begun and not accepted; \
             1 may stand twice, as their file was moved or changed; 4 it had dropped and not told of"
        );
        assert!(!Recovered::default().is_worth_a_line());
        for worth in
            [saved, Recovered { holes: 1, ..saved }, Recovered { dropped: 1, ..Recovered::default() }]
        {
            assert!(worth.is_worth_a_line());
        }
        assert!(Recovered { holes: 1, ..Recovered::default() }.is_worth_a_line());
    }
}
