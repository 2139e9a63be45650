//! A whole service with its log in a spool: axum and `TraceLayer` in front, real requests over real connections, small
//! limits, many rotations. It does not need you: it finds a port and a directory, calls itself, reports and ends.
//!
//! ```text
//! cargo run --release -p tracing-spool --example service              JSON lines
//! cargo run --release -p tracing-spool --example service -- --text    plain lines
//! cargo run --release -p tracing-spool --example service -- --keep    leave the files, to look at them
//! ```
//!
//! It answers `/healthz` and `/metrics` too, and asks itself both. It fails if the ledger does not balance or if the files
//! were ever larger than their cap.

#![expect(
    clippy::disallowed_methods,
    reason = "this program measures time and looks at the files from outside"
)]

mod callers;
mod probes;
mod report;
mod sampler;
mod shop;

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing_spool::{Spool, SpoolHandle};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, registry};

use callers::Calls;
use probes::Probed;
use report::{Findings, Ledger};
use sampler::Sampler;

/// A mebibyte a file, so that it rotates many times a second.
const FILE: u64 = 1 << 20;
/// As many backups as there may be by count ...
const OLD: u32 = 5;
/// ... and less than they and a live file can take, so that the cap has something to do.
const CAP: u64 = 5 << 20;
const REQUESTS: usize = 50_000;
const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) type Anything = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    match Choice::of(env::args().skip(1)).and_then(|choice| run(&choice)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// What the command line says.
#[derive(Default)]
struct Choice {
    text: bool,
    keep: bool,
}

impl Choice {
    fn of(args: impl Iterator<Item = String>) -> Result<Self, Anything> {
        let mut choice = Self::default();
        for arg in args {
            match &*arg {
                "--text" => choice.text = true,
                "--keep" => choice.keep = true,
                other => return Err(format!("{other}: unknown; there are --text and --keep").into()),
            }
        }
        Ok(choice)
    }
}

/// The whole story. Whether all went well, or why it could not be told.
fn run(choice: &Choice) -> Result<bool, Anything> {
    let mut dir = tempfile::Builder::new().prefix("tracing-spool-").tempdir()?;
    dir.disable_cleanup(choice.keep);
    let log = &dir.path().join("shop.log");
    let text = choice.text;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));

    // The three lines. The report shows them as they stand here.
    let (spool, guard) = Spool::builder(log).max_bytes(FILE).backup_count(OLD).max_total_bytes(CAP).open()?;
    let lines = spool.layer();
    registry().with(filter).with(if text { lines.boxed() } else { lines.json().boxed() }).init();
    // Up to here.

    let handle = guard.handle();
    let sampler = Sampler::start(log)?;
    report::opening(log, text);
    let (calls, took, probed) = serve_and_call(&handle)?;

    // The runtime is gone, so nobody logs any more: what is offered now is all there will be.
    guard.shutdown(PATIENCE);
    let seen = sampler.stop()?;
    let (ledger, last_line) = (ledger(&handle), last_line(log)?);
    let findings = Findings { calls, took, seen, ledger, probed, last_line };
    report::findings(&findings, &three_lines());
    let faults = findings.faults();
    report::closing(&faults, choice.keep.then_some(dir.path()));
    Ok(faults.is_empty())
}

/// Serves on a port of the system's choosing and calls it until all requests are answered; how long that took, and what
/// the service then says of its log.
fn serve_and_call(handle: &SpoolHandle) -> Result<(Calls, Duration, Probed), Anything> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (close, closed) = oneshot::channel::<()>();
        let routes = shop::routes().merge(probes::routes(handle.clone()));
        let server = axum::serve(listener, routes).with_graceful_shutdown(async {
            // An error is a sender that is gone: time to close, too.
            closed.await.unwrap_or_default();
        });
        let server = tokio::spawn(server.into_future());
        report::calling(address);
        let begun = Instant::now();
        let calls = callers::call(address, CONNECTIONS, REQUESTS).await;
        let took = begun.elapsed();
        let probed = probes::ask(address).await;
        drop(close);
        server.await??;
        Ok((calls?, took, probed?))
    })
}

/// The spool's own account, as the report wants it.
fn ledger(handle: &SpoolHandle) -> Ledger {
    let stats = handle.stats();
    Ledger {
        offered: stats.offered,
        written: stats.written,
        dropped: stats.dropped.total(),
        queued: stats.queue.records,
        rotations: stats.files.rotations,
        pruned: stats.files.pruned_files,
        writes: stats.files.write_calls,
        write_bytes: stats.files.bytes_written,
        alerts: stats.files.alerts_raised,
    }
}

/// This file's own words, so that the report cannot show other lines than those that ran.
fn three_lines() -> Vec<&'static str> {
    let lines = include_str!("main.rs").lines().map(str::trim);
    lines
        .skip_while(|line| !line.starts_with("// The three lines."))
        .skip(1)
        .take_while(|line| *line != "// Up to here.")
        .collect()
}

/// The newest line of the log.
fn last_line(log: &Path) -> Result<String, Anything> {
    let text = std::fs::read_to_string(log)?;
    Ok(text.lines().next_back().unwrap_or_default().to_owned())
}
