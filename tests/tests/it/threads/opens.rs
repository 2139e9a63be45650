//! Proves that a log which is opened and closed again and again leaves nothing behind in the process.
//! The long form is `just opens`.

use tracing_spool_tests::opens::{Owned, open_and_close};
use tracing_spool_tests::{child, skip};

#[test]
fn logs_that_are_opened_and_closed_leave_nothing() {
    const TEST: &str = "threads::opens::logs_that_are_opened_and_closed_leave_nothing";
    if Owned::now().is_none() {
        return skip(TEST, "no /proc");
    }
    // Alone in its process, or other tests' threads would be counted.
    if let Some(folder) = child::folder() {
        println!("{}", open_and_close(&folder.join("app.log"), 100).unwrap());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
}
