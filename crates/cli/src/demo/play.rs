//! Writes numbered lines with both libraries, into a disk that is full for a while and into a directory with a budget, and
//! counts what became of them.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tracing_core::Level;
use tracing_spool::{Spool, SpoolBuilder};

use super::disk::SmallDisk;
use crate::say::Problem;

/// Lines of the scene with the full disk.
pub(super) const LINES: usize = 30_000;
/// The disk is full from the first to the second of these lines.
const FULL: [usize; 2] = [LINES / 3, 2 * LINES / 3];
/// Lines between two pauses, and how long those are.
const BURST: usize = 100;
const PAUSE: Duration = Duration::from_millis(5);
/// The most that the log with a budget may take, and how much is written to it.
pub(super) const BUDGET: u64 = 2 << 20;
const WRITTEN: u64 = 12 << 20;
const FILES: u64 = 4;
const LINE: usize = 119;

/// What became of the lines of one library.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    pub(super) kept: BTreeSet<usize>,
    /// Lines that are neither whole nor what was written.
    pub(super) damaged: usize,
    /// How many lines it says it has lost.
    pub(super) said_lost: u64,
    /// What else it said.
    pub(super) words: Vec<String>,
}

/// What became of the lines in both.
#[derive(Clone, Debug)]
pub(super) struct FullDisk {
    pub(super) ours: Fate,
    pub(super) theirs: Fate,
}

/// How many bytes stand on the disk with a budget, and without.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) written: u64,
    pub(super) ours: u64,
    pub(super) theirs: u64,
}

/// Writes the same lines with both, one after the other, while something else fills the disk and makes room again.
pub(super) fn full_disk(disk: &SmallDisk) -> Result<FullDisk, Problem> {
    let bar = progress(2 * LINES as u64, "a full disk");
    let ours = {
        let path = disk.path().join("ours.log");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hearing = Arc::clone(&heard);
        let builder = Spool::builder(&path).quiet().on_alert(move |alert| {
            hearing.lock().unwrap_or_else(PoisonError::into_inner).push(alert.to_string());
        });
        let (spool, guard) = opened(builder)?;
        let mut output = spool.lines(Level::INFO);
        write_lines(disk, &bar, &mut |line| output.write_all(line));
        drop(output);
        // The disk has room again: what waits is written now, and not at the next probe.
        let _ = guard.handle().flush(Duration::from_secs(10));
        let said_lost = guard.handle().stats().dropped.total();
        drop(guard);
        let here = format!("{}/", disk.path().display());
        let heard = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
        let words = heard.iter().map(|said: &String| said.replace(&here, "")).collect();
        Fate { said_lost, words, ..found(&path)? }
    };
    let theirs = {
        let path = disk.path().join("theirs.log");
        let appender = tracing_appender::rolling::never(disk.path(), "theirs.log");
        let (mut output, guard) = tracing_appender::non_blocking(appender);
        write_lines(disk, &bar, &mut |line| output.write_all(line));
        let said_lost = output.error_counter().dropped_lines() as u64;
        drop((output, guard));
        Fate { said_lost, ..found(&path)? }
    };
    bar.finish_and_clear();
    Ok(FullDisk { ours, theirs })
}

/// Writes more than a log may take.
pub(super) fn budget(dir: &Path) -> Result<Budget, Problem> {
    let bar = progress(2 * WRITTEN / LINE as u64, "a budget");
    let (ours, theirs) = (dir.join("ours"), dir.join("theirs"));
    let builder =
        Spool::builder(ours.join("app.log")).quiet().max_total_bytes(BUDGET).max_bytes(BUDGET / FILES);
    let (spool, guard) = opened(builder.overflow(tracing_spool::Overflow::Block))?;
    let mut output = spool.lines(Level::INFO);
    let lines = usize::try_from(WRITTEN).unwrap_or(usize::MAX) / LINE;
    for number in 0..lines {
        let _ = output.write_all(&line(number));
        bar.inc(1);
    }
    drop((output, guard));
    let appender = tracing_appender::rolling::never(&theirs, "app.log");
    let (mut output, guard) =
        tracing_appender::non_blocking::NonBlockingBuilder::default().lossy(false).finish(appender);
    for number in 0..lines {
        let _ = output.write_all(&line(number));
        bar.inc(1);
    }
    drop((output, guard));
    bar.finish_and_clear();
    Ok(Budget { written: (lines * LINE) as u64, ours: bytes_in(&ours)?, theirs: bytes_in(&theirs)? })
}

fn opened(builder: SpoolBuilder) -> Result<(Spool, tracing_spool::SpoolGuard), Problem> {
    builder.open().map_err(|error| Problem::failed(format_args!("opening the log: {error}")))
}

/// Writes all lines at the pace of a busy service. In the middle third, the disk is full.
fn write_lines(disk: &SmallDisk, bar: &ProgressBar, write: &mut dyn FnMut(&[u8]) -> std::io::Result<()>) {
    let mut filler = None;
    for number in 0..LINES {
        if number == FULL[0] {
            filler = Some(disk.fill());
        } else if number == FULL[1] {
            filler = None;
        }
        // A logger tells its caller nothing, and neither would this.
        let _ = write(&line(number));
        if number % BURST == 0 {
            bar.inc(BURST as u64);
            std::thread::sleep(PAUSE);
        }
    }
    drop(filler);
}

fn line(number: usize) -> Vec<u8> {
    let mut line = format!("INFO shop: order {number:08} shipped ").into_bytes();
    line.resize(LINE - 1, b'.');
    line.push(b'\n');
    line
}

/// Counts the lines in a file.
fn found(path: &Path) -> Result<Fate, Problem> {
    let text = fs::read(path).map_err(Problem::doing("reading", path))?;
    let mut fate = Fate::default();
    for found in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match number_of(found) {
            Some(number) => _ = fate.kept.insert(number),
            None if memchr::memmem::find(found, b" tracing_spool: ").is_some() => {
                fate.words.push(String::from_utf8_lossy(found).into_owned());
            }
            None => fate.damaged += 1,
        }
    }
    Ok(fate)
}

fn number_of(found: &[u8]) -> Option<usize> {
    let digits = found.strip_prefix(b"INFO shop: order ")?.get(..8)?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (line(number).strip_suffix(b"\n")? == found).then_some(number)
}

fn bytes_in(dir: &Path) -> Result<u64, Problem> {
    let entries = fs::read_dir(dir).map_err(Problem::doing("listing", dir))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum())
}

/// A bar on a terminal; nothing elsewhere.
fn progress(lines: u64, scene: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:<12} {wide_bar} {eta}");
    let bar = ProgressBar::new(lines).with_message(scene);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
