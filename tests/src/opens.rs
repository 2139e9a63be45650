//! A log opened and closed many times in one process, and what is left of that: nothing. Linux alone tells.

use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use tracing_spool::{Compression, Spool};
use tracing_spool_fileset::{FileSet, Settings};
use tracing_subscriber::fmt::MakeWriter as _;

const LONG: Duration = Duration::from_secs(20);

/// Resident memory may differ by so much between the beginning and the end: the allocator's own ways.
const SWING_KIB: u64 = 4 << 10;

/// What this process has.
#[derive(Clone, Copy, Debug)]
pub struct Owned {
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
    /// Resident memory.
    pub resident_kib: u64,
}

impl Owned {
    /// As `/proc` says; none where it says nothing.
    #[must_use]
    pub fn now() -> Option<Self> {
        let count = |folder| Some(fs::read_dir(folder).ok()?.count());
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident_kib = resident.split_whitespace().next()?.parse().ok()?;
        Some(Self { descriptors: count("/proc/self/fd")?, threads: count("/proc/self/task")?, resident_kib })
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Opens {
    times: u32,
    before: Owned,
    after: Owned,
}

impl fmt::Display for Opens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { times, before, after } = self;
        write!(
            f,
            "opens: {times} logs opened and closed; descriptors {} and {}, threads {} and {}, resident {} and {} KiB",
            before.descriptors,
            after.descriptors,
            before.threads,
            after.threads,
            before.resident_kib,
            after.resident_kib
        )
    }
}

/// Opens and closes a spool and a set alone so many times, after a tenth of that for the allocator to settle.
///
/// # Errors
/// What was left, or could not be done.
pub fn open_and_close(live: &Path, times: u32) -> Result<Opens, String> {
    let silent = || "there is no /proc".to_owned();
    (0..times / 10).try_for_each(|_| once(live))?;
    let before = Owned::now().ok_or_else(silent)?;
    (0..times).try_for_each(|_| once(live))?;
    // The set's thread for compression ends by itself, a moment after the set.
    let mut after = Owned::now().ok_or_else(silent)?;
    for _ in 0..1_000 {
        if after.threads <= before.threads {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
        after = Owned::now().ok_or_else(silent)?;
    }
    let opens = Opens { times, before, after };
    let has_grown = after.descriptors > before.descriptors
        || after.threads > before.threads
        || after.resident_kib > before.resident_kib + SWING_KIB;
    if has_grown { Err(opens.to_string()) } else { Ok(opens) }
}

fn once(live: &Path) -> Result<(), String> {
    let builder = Spool::builder(live).quiet().queue_bytes(1 << 20).compression(Compression::Gzip);
    let (spool, guard) = builder.open().map_err(|error| error.to_string())?;
    let written = writeln!(spool.make_writer(), "a line");
    let report = guard.shutdown(LONG);
    let mut settings = Settings::new(live.with_file_name("set.log"));
    settings.compression = Compression::Gzip;
    let mut set = FileSet::open(settings).map_err(|error| error.to_string())?;
    let by_hand = writeln!(set, "a line");
    drop(set);
    match (written, by_hand) {
        (Ok(()), Ok(())) if report.is_complete() => Ok(()),
        other => Err(format!("{other:?} {report}")),
    }
}
