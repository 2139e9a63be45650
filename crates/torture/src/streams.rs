//! Streams and their readers, in processes of their own: one whose reader sleeps, one on a terminal that is stopped, one that
//! prints beside its log, one that ends without dropping its guard.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tracing_spool::Spool;
use tracing_spool_appender::non_blocking::WorkerGuard;
use tracing_spool_appender::rolling;
use tracing_subscriber::prelude::*;

const LINES: u64 = 300_000;
const ERRORS: u64 = 300;
const STEPS: usize = 50;

/// What a child does with its stdout.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Life {
    /// Logs 300,000 lines to it, and says on stderr how that was.
    Floods,
    /// The same with 10,000.
    Fills,
    /// Logs a step and prints its result, with 2 ms between.
    Steps,
    /// Logs to a file through tracing-appender's names, and calls `exit` with the guard in a static, on `main` ...
    ExitsOnMain,
    /// ... on another thread ...
    ExitsOnThread,
    /// ... in a task of tokio.
    ExitsInTask,
}

/// How it was for a child that floods its stdout.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Flood {
    longest_call_ns: u64,
    /// The same by the clock of the thread, which stands still while others have its processor.
    longest_of_thread_ns: u64,
    p999_ns: u64,
    /// How often the thread gave its processor away, which is what waiting is.
    waits: i64,
    offered: u64,
    written: u64,
    dropped: u64,
    errors_dropped: u64,
    end_ms: u64,
}

/// Lives so. For [`streams`]' children.
///
/// # Errors
/// What keeps it from logging.
pub fn live(life: Life, dir: &Path) -> Result<()> {
    match life {
        Life::Floods => flood(LINES),
        Life::Fills => flood(10_000),
        Life::Steps => steps(),
        Life::ExitsOnMain => {
            begin(dir);
            last()
        }
        Life::ExitsOnThread => {
            begin(dir);
            thread::spawn(last).join().map_err(|_| anyhow::anyhow!("it panicked"))?
        }
        Life::ExitsInTask => {
            begin(dir);
            let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
            runtime.block_on(async { tokio::spawn(async { last() }).await })?
        }
    }
}

fn flood(lines: u64) -> Result<()> {
    let (spool, guard) = Spool::stdout().shutdown_timeout(Duration::from_secs(10)).open()?;
    tracing_subscriber::registry().with(spool.layer().with_target(false)).init();
    let mut calls = Vec::with_capacity(usize::try_from(lines)?);
    let (mut longest_of_thread_ns, waits_before) = (0, waits()?);
    for number in 0..lines {
        let (begun, begun_here) = (Instant::now(), thread_time()?);
        if number % (lines / ERRORS).max(1) == 0 {
            tracing::error!(number, "order not shipped");
        } else {
            tracing::info!(number, "order shipped");
        }
        longest_of_thread_ns = longest_of_thread_ns.max(thread_time()?.saturating_sub(begun_here));
        calls.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    let waits = waits()? - waits_before;
    calls.sort_unstable();
    let (handle, begun) = (guard.handle(), Instant::now());
    drop(guard);
    let stats = handle.stats();
    let flood = Flood {
        longest_call_ns: calls[calls.len() - 1],
        longest_of_thread_ns,
        waits,
        p999_ns: calls[calls.len() * 999 / 1_000],
        offered: stats.offered,
        written: stats.written,
        dropped: stats.dropped.total(),
        errors_dropped: stats.dropped.at_level(tracing::Level::ERROR),
        end_ms: u64::try_from(begun.elapsed().as_millis())?,
    };
    writeln!(std::io::stderr(), "{}", serde_json::to_string(&flood)?)?;
    Ok(())
}

/// Nanoseconds that this thread has run.
fn thread_time() -> Result<u64> {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(u64::try_from(Duration::from(time).as_nanos())?)
}

fn waits() -> Result<i64> {
    use nix::sys::resource::{UsageWho, getrusage};
    Ok(getrusage(UsageWho::RUSAGE_THREAD)?.voluntary_context_switches())
}

fn steps() -> Result<()> {
    let (spool, _guard) = Spool::stdout().open()?;
    tracing_subscriber::registry().with(spool.layer().without_time().with_target(false)).init();
    for step in 0..STEPS {
        tracing::info!("step {step} begins");
        thread::sleep(Duration::from_millis(2));
        writeln!(std::io::stdout(), "step {step} result")?;
    }
    Ok(())
}

static GUARD: OnceLock<WorkerGuard> = OnceLock::new();

fn begin(dir: &Path) {
    let (writer, guard) = tracing_spool_appender::non_blocking(rolling::never(dir, "app.log"));
    drop(GUARD.set(guard));
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(lines).init();
    tracing::info!("first");
    thread::sleep(Duration::from_millis(120));
}

fn last() -> Result<()> {
    tracing::error!("LAST");
    thread::sleep(Duration::from_millis(1));
    std::process::exit(1)
}

/// What all these children were seen to do.
#[derive(Debug)]
pub struct Verdict {
    sleeper: Flood,
    stopped: Flood,
    alternating: u32,
    ends: [u32; 3],
    runs: u32,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sleeper, stopped, alternating, ends: [main, thread, task], runs } = self;
        writeln!(
            f,
            "reader asleep for 4 s behind 300,000 lines: {sleeper:?}, each line and each ERROR found"
        )?;
        writeln!(f, "10,000 lines to a stopped terminal: {stopped:?}")?;
        writeln!(f, "begins and result alternate: {alternating} of {runs}")?;
        write!(f, "LAST is there: main {main}, thread {thread}, task {task} of {runs}")
    }
}

/// Runs them, those that end at once `runs` times.
///
/// # Errors
/// What one of them did that it must not.
pub fn streams(this: &Path, scratch: &Path, runs: u32) -> Result<Verdict> {
    let mut ends = [0; 3];
    let ways = [Life::ExitsOnMain, Life::ExitsOnThread, Life::ExitsInTask];
    for (life, count) in ways.into_iter().zip(&mut ends) {
        *count = (0..runs).map(|run| ends_with_last(this, scratch, life, run)).sum::<Result<u32>>()?;
    }
    Ok(Verdict {
        sleeper: sleep_behind(this)?,
        stopped: stop_terminal(this)?,
        alternating: (0..runs).map(|_| alternates(this)).sum::<Result<u32>>()?,
        ends,
        runs,
    })
}

fn child(this: &Path, life: Life) -> Command {
    let mut command = Command::new(this);
    let name = life.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    command.args(["stream-life", &name]).stdin(Stdio::null());
    command
}

fn told(child: &mut Child) -> Result<Flood> {
    let mut said = String::new();
    child.stderr.take().context("no stderr")?.read_to_string(&mut said)?;
    ensure!(child.wait()?.success(), "it failed: {said}");
    let account = said.lines().find(|line| line.starts_with('{')).context("no account")?;
    Ok(serde_json::from_str(account)?)
}

/// No call took a millisecond of its thread, and none gave the processor away.
fn nobody_waited(flood: &Flood) -> Result<()> {
    ensure!(flood.longest_of_thread_ns < 1_000_000 && flood.waits == 0, "a caller waited: {flood:?}");
    Ok(())
}

/// A reader that sleeps for four seconds, and then reads all.
fn sleep_behind(this: &Path) -> Result<Flood> {
    let mut child = child(this, Life::Floods).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    thread::sleep(Duration::from_secs(4));
    let (mut lines, mut errors, mut lost) = (0, 0, 0);
    for line in BufReader::new(child.stdout.take().context("no stdout")?).lines() {
        let line = line?;
        if let Some((_, said)) = line.split_once(" tracing_spool: ") {
            lost += said.split(' ').next().unwrap_or_default().parse::<u64>()?;
            continue;
        }
        ensure!(line.contains("order") && line.contains("number="), "half a line: {line:?}");
        lines += 1;
        errors += u64::from(line.contains("ERROR"));
    }
    let flood = told(&mut child)?;
    ensure!(
        flood.offered == LINES && flood.written == lines && flood.dropped == lost,
        "{flood:?}: {lines} {lost}"
    );
    nobody_waited(&flood)?;
    ensure!(errors == ERRORS && flood.errors_dropped == 0, "{errors} errors");
    Ok(flood)
}

fn stop_terminal(this: &Path) -> Result<Flood> {
    use nix::sys::termios::{FlowArg, tcflow};
    let pair = nix::pty::openpty(None, None)?;
    tcflow(&pair.slave, FlowArg::TCOOFF)?;
    let mut child =
        child(this, Life::Fills).stdout(Stdio::from(pair.slave)).stderr(Stdio::piped()).spawn()?;
    let flood = told(&mut child)?;
    nobody_waited(&flood)?;
    ensure!(flood.offered == 10_000 && flood.written + flood.dropped == 10_000, "{flood:?}");
    Ok(flood)
}

fn alternates(this: &Path) -> Result<u32> {
    let output = child(this, Life::Steps).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let expected = (0..STEPS).flat_map(|step| [format!("step {step} begins"), format!("step {step} result")]);
    Ok(u32::from(text.lines().map(|line| line.trim_start().trim_start_matches("INFO ")).eq(expected)))
}

fn ends_with_last(this: &Path, scratch: &Path, life: Life, run: u32) -> Result<u32> {
    let dir = scratch.join(format!("{life:?}-{run}"));
    std::fs::create_dir(&dir)?;
    let status = child(this, life).arg(&dir).status()?;
    ensure!(status.code() == Some(1), "{status}");
    Ok(u32::from(std::fs::read_to_string(dir.join("app.log"))?.contains("LAST")))
}
