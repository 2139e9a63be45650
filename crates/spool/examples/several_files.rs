//! Several logs in one program, three ways: errors in a file of their own, a console beside a file, a file for one part of
//! the program. It finds a directory, logs, shows what stands where, and ends by itself.
//!
//! ```text
//! cargo run -p tracing-spool --example several_files
//! ```

#![expect(clippy::print_stdout, reason = "a program may show what it did")]
#![expect(clippy::disallowed_methods, reason = "it shows what stands in its files")]

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use tracing::Level;
use tracing_spool::{OpenError, Spool};
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    errors_apart(dir.path())?;
    console_and_file(dir.path())?;
    by_target(dir.path())?;
    let mut files: Vec<_> = std::fs::read_dir(dir.path())?.collect::<Result<_, _>>()?;
    files.sort_by_key(std::fs::DirEntry::file_name);
    for file in files.iter().filter(|file| file.path().extension().is_some_and(|end| end == "log")) {
        println!("\n{}", file.file_name().to_string_lossy());
        print!("{}", std::fs::read_to_string(file.path())?);
    }
    Ok(())
}

/// Everything in one file, errors in a second one too: that one is small, and kept for long.
fn errors_apart(dir: &Path) -> Result<(), OpenError> {
    let (all, _all_guard) = Spool::builder(dir.join("all.log")).open()?;
    let (errors, _errors_guard) = Spool::builder(dir.join("all-errors.log"))
        .max_bytes(1 << 20)
        .backup_count(20)
        .max_total_bytes(21 << 20)
        .open()?;
    // Spans pass, or the errors would stand there without the order that they belong to.
    let only_errors = filter_fn(|meta| meta.is_span() || *meta.level() == Level::ERROR);
    let subscriber = registry().with(all.layer()).with(errors.layer().with_filter(only_errors));
    // A real program says `.init()` and keeps both guards until the end of `main`.
    tracing::subscriber::with_default(subscriber, business);
    Ok(())
}

/// What matters on the console, in colours; everything in a file, as JSON, without a trace of them.
fn console_and_file(dir: &Path) -> Result<(), OpenError> {
    let (spool, _guard) = Spool::builder(dir.join("json.log")).open()?;
    let console = fmt::layer().compact().with_filter(LevelFilter::INFO);
    let file = spool.layer().json();
    tracing::subscriber::with_default(registry().with(console).with(file), business);
    Ok(())
}

/// Payments in a file of their own, made durable with each error; all the rest in another.
fn by_target(dir: &Path) -> Result<(), OpenError> {
    let (payments, payments_guard) = Spool::builder(dir.join("payments.log")).sync_at(Level::ERROR).open()?;
    let (rest, rest_guard) = Spool::builder(dir.join("rest.log")).open()?;
    let only = filter_fn(|meta| meta.is_span() || meta.target() == "payments");
    let others = Targets::new().with_default(LevelFilter::DEBUG).with_target("payments", LevelFilter::OFF);
    let subscriber =
        registry().with(payments.layer().with_filter(only)).with(rest.layer().with_filter(others));
    tracing::subscriber::with_default(subscriber, business);
    // One after the other, each with its own patience: dropping the guards would do the same with the default.
    payments_guard.shutdown(Duration::from_secs(5));
    rest_guard.shutdown(Duration::from_secs(1));
    Ok(())
}

/// What the program does.
fn business() {
    let order = tracing::info_span!("order", id = 7);
    let _entered = order.enter();
    tracing::debug!("stock looked at");
    tracing::info!(items = 2, "placed");
    tracing::info!(target: "payments", cents = 1_999, "asked for");
    tracing::error!(target: "payments", "no answer");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(dir: &Path, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn errors_stand_in_a_file_of_their_own_too() {
        let dir = tempfile::tempdir().unwrap();
        errors_apart(dir.path()).unwrap();
        assert_eq!(lines(dir.path(), "all.log").len(), 4);
        let errors = lines(dir.path(), "all-errors.log");
        assert!(
            errors.len() == 1 && errors[0].ends_with("ERROR order{id=7}: payments: no answer"),
            "{errors:?}"
        );
    }

    #[test]
    fn a_console_beside_a_file_leaves_no_colours_in_it() {
        let dir = tempfile::tempdir().unwrap();
        console_and_file(dir.path()).unwrap();
        let lines = lines(dir.path(), "json.log");
        assert_eq!(lines.len(), 4);
        let last: serde_json::Value = serde_json::from_str(&lines[3]).unwrap();
        assert_eq!((&last["span"]["id"], &last["fields"]["message"]), (&7.into(), &"no answer".into()));
        assert!(lines.iter().all(|line| !line.contains("u001b")), "{lines:?}");
    }

    #[test]
    fn a_part_of_the_program_has_its_own_file() {
        let dir = tempfile::tempdir().unwrap();
        by_target(dir.path()).unwrap();
        let (payments, rest) = (lines(dir.path(), "payments.log"), lines(dir.path(), "rest.log"));
        assert!(
            payments.len() == 2 && payments.iter().all(|line| line.contains("payments: ")),
            "{payments:?}"
        );
        assert!(rest.len() == 2 && rest.iter().all(|line| !line.contains("payments: ")), "{rest:?}");
    }
}
