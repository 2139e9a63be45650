//! Two outputs at once: a console that may sleep, and a file. First with a format for each, then each line in both (`tee`).
//!
//! ```text
//! cargo run -p tracing-spool --example outputs | less
//! ```

#![expect(
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program may show what it did, and where"
)]

use std::error::Error;
use std::io::IsTerminal as _;
use std::time::Duration;

use tracing_spool::{Spool, SpoolGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    // Each has a queue and a thread of its own: a pager that nobody scrolls holds up no file, and neither of them the program.
    let (console, on_console) = Spool::stdout().shutdown_timeout(PATIENCE).open()?;
    let (file, in_file) = Spool::builder(dir.path().join("shop.log")).open()?;

    // What matters on the console, in colours where it is a terminal; everything in the file, as JSON.
    let colours = std::io::stdout().is_terminal();
    let lines = console.layer().compact().with_ansi(colours).with_filter(LevelFilter::INFO);
    let both = registry().with(lines).with(file.layer().json());
    tracing::subscriber::with_default(both, business);

    // One format, made once, for both.
    let tee = registry().with(console.layer().tee(&file));
    tracing::subscriber::with_default(tee, business);

    for (what, guard) in [("console", on_console), ("file", in_file)] {
        say(what, guard);
    }
    Ok(())
}

fn business() {
    let _order = tracing::info_span!("order", id = 7).entered();
    tracing::debug!(items = 2, "placed");
    tracing::info!("shipped");
}

fn say(what: &str, guard: SpoolGuard) {
    eprintln!("{what}: {}", guard.shutdown(PATIENCE));
}
