//! The eight scenarios of the production handler that this project began with, on a real disk and at its real sizes.
//! What breaks other loggers beside them is the museum's.

mod bounds;
mod integrity;
mod rotation_errors;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tracing_spool::{Notices, Overflow, Spool, SpoolBuilder, SyncPolicy};
use tracing_subscriber::fmt::MakeWriter as _;

/// A spool that loses nothing and says nothing in its log, in a directory of its own.
fn spool(dir: &Path) -> (PathBuf, SpoolBuilder) {
    let path = dir.join("app.log");
    let builder =
        Spool::builder(&path).overflow(Overflow::Block).notices(Notices::Off).sync(SyncPolicy::Never).quiet();
    (path, builder)
}

/// One record, its newline included.
fn log(spool: &Spool, record: &str) {
    let mut event = spool.make_writer();
    event.write_all(record.as_bytes()).unwrap();
    event.write_all(b"\n").unwrap();
}
