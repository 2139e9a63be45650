//! Proves what a log without files answers: to a flush, to a rotation, at its end. How it writes is proved in
//! `crates/spool/src/sink`.

use std::io::{self, Write};
use std::time::Duration;

use tracing_spool::{Condition, FlushError, LateRecords, OpenError, RequestError, Spool};

use crate::support::{LONG, log, until};

const SHORT: Duration = Duration::from_millis(100);

/// Takes everything and passes nothing on.
struct Keeps;

impl Write for Keeps {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::Error::other("not now"))
    }
}

#[test]
fn a_writer_that_never_flushes_is_known_to_flush_to_health_and_to_the_end() {
    for late in [LateRecords::Count, LateRecords::Write] {
        let (spool, guard) = Spool::writer(Keeps).late_records(late).quiet().open().unwrap();
        log(&spool, "taken");
        let handle = guard.handle();
        assert_eq!(handle.flush(LONG), Err(FlushError::NotFlushed));
        assert!(until(|| handle.health().condition == Condition::Stalled), "{:?}", handle.health());
        let report = guard.shutdown(SHORT);
        assert!(report.unflushed && !report.is_complete(), "{late:?}: {report:?}");
        assert_eq!((report.written, report.left, report.dropped), (1, 0, 0), "{late:?}");
        assert!(report.to_string().contains("could not flush"), "{report}");
    }
}

#[test]
fn a_log_without_files_has_none_to_rotate_and_no_hook_for_it() {
    let (_spool, guard) = Spool::writer(io::sink()).open().unwrap();
    assert_eq!(guard.handle().rotate(), Err(RequestError::NoFiles));
    assert_eq!(guard.handle().reopen(), Ok(()), "which looks where it leads");
    assert!(guard.shutdown(LONG).is_complete());
    let error = Spool::writer(io::sink()).on_rotate(|_| {}).open().unwrap_err();
    assert!(matches!(error, OpenError::Unusable(_)) && error.to_string().contains("on_rotate"), "{error}");
}
