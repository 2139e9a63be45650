//! The shortest whole program that logs through a spool: open, install, log, leave.
//! It chooses no limits; `service` does, and shows them at work.

use std::error::Error;
use std::time::Duration;

use tracing_spool::Spool;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[expect(clippy::print_stdout, reason = "a program may say what it did")]
fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("shop.log");

    // Fails here, not later: bad settings, no permission, a second process.
    let (spool, guard) = Spool::builder(&path).open()?;
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_ansi(false).with_writer(spool))
        .init();

    tracing::info!(items = 3, "order placed");
    tracing::warn!(left = 2, "stock runs low");

    // Dropping the guard drains too; `shutdown` also says what was left.
    let report = guard.shutdown(Duration::from_secs(5));
    println!("{}\n{report:?}", std::io::read_to_string(open(&path)?)?);
    Ok(())
}

#[expect(clippy::disallowed_types, reason = "an example looks at its log from outside")]
fn open(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    std::fs::File::open(path)
}
