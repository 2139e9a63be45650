//! A real log that is being written while a test reads it: a `Spool` that rotates fifty times a second.
//!
//! ```ignore
//! let mut writer = Writer::begin(dir.path(), Look { naming: Naming::Numbered, compression: Compression::Gzip, archive: false });
//! writer.path();                  // the live file, `<dir>/app.log`
//! writer.archive();               // where the backups stand, for `--archive-dir`: `<dir>`, or `<dir>/archive`
//! writer.written();               // how many lines were handed over so far: 0..written
//! let lines = writer.end();       // stops, flushes, closes; how many lines stand in the set now
//! number_of(line);                // the number of one of its lines, if it is one
//! ```
//!
//! The lines are `2026-11-24T18:19:11.000250Z  INFO writer: N00000041 fill`, numbered from 0 without a gap, with time stamps
//! that never go back. Nothing is lost (callers wait) and nothing is pruned. Dropping the writer stops it, too.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tracing_core::Level;
use tracing_spool::{Compression, Durable, Naming, Overflow, Spool};

/// Fifty rotations a second.
pub(crate) const BETWEEN_ROTATIONS: Duration = Duration::from_millis(20);
/// Lines between two looks at the clock, about fifty a file.
const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_millis(4);
/// More than any test rotates.
const BACKUPS: u32 = 9_000;
const LEVELS: [(Level, &str); 4] =
    [(Level::DEBUG, "DEBUG"), (Level::INFO, " INFO"), (Level::WARN, " WARN"), (Level::ERROR, "ERROR")];

/// How the backups look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) naming: Naming,
    pub(crate) compression: Compression,
    /// Whether the backups stand in `<dir>/archive`.
    pub(crate) archive: bool,
}

impl Look {
    /// Every naming with every compression, and an archive.
    pub(crate) const ALL: [Self; 7] = [
        Self::of(Naming::Numbered, Compression::None),
        Self::of(Naming::Numbered, Compression::Gzip),
        Self::of(Naming::Numbered, Compression::Zstd),
        Self::of(Naming::Timestamped, Compression::None),
        Self::of(Naming::Timestamped, Compression::Gzip),
        Self::of(Naming::Timestamped, Compression::Zstd),
        Self { archive: true, ..Self::of(Naming::Numbered, Compression::Gzip) },
    ];

    pub(crate) const fn of(naming: Naming, compression: Compression) -> Self {
        Self { naming, compression, archive: false }
    }
}

/// A thread that writes lines into a log and rotates it.
#[derive(Debug)]
pub(crate) struct Writer {
    path: PathBuf,
    archive: PathBuf,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    thread: Option<JoinHandle<u64>>,
}

impl Writer {
    /// Opens `<dir>/app.log` and begins to write and rotate it.
    pub(crate) fn begin(dir: &Path, look: Look) -> Self {
        let path = dir.join("app.log");
        let archive = if look.archive { dir.join("archive") } else { dir.to_owned() };
        let mut builder = Spool::builder(&path)
            .backup_count(BACKUPS)
            .max_total_bytes(u64::MAX)
            .naming(look.naming)
            .compression(look.compression)
            .durable(Durable::off())
            .overflow(Overflow::Block);
        if look.archive {
            builder = builder.archive_dir(&archive);
        }
        let (spool, guard) = builder.open().unwrap();
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, count) = (Arc::clone(&stop), Arc::clone(&written));
        let thread = std::thread::spawn(move || {
            let mut outputs = LEVELS.map(|(level, name)| (spool.lines(level), name));
            let mut rotated = Instant::now();
            while !stopped.load(Ordering::Relaxed) {
                for _ in 0..BURST {
                    let number = count.load(Ordering::Relaxed);
                    let at = usize::try_from(number).unwrap() % LEVELS.len();
                    let (output, name) = &mut outputs[at];
                    output.write_all(line(number, name).as_bytes()).unwrap();
                    count.store(number + 1, Ordering::Release);
                }
                if rotated.elapsed() >= BETWEEN_ROTATIONS {
                    guard.handle().rotate().unwrap();
                    rotated += BETWEEN_ROTATIONS;
                }
                std::thread::sleep(PAUSE); // the pace of a log, fifty lines a file
            }
            drop(outputs);
            let report = guard.shutdown(Duration::from_secs(30));
            assert_eq!(report.dropped, 0, "the writer's callers wait");
            count.load(Ordering::Relaxed)
        });
        Self { path, archive, stop, written, thread: Some(thread) }
    }

    /// Returns the path of the live file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the directory of the backups.
    pub(crate) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Returns how many lines were handed over so far.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Waits until so many lines were handed over.
    pub(crate) fn wait_for(&self, lines: u64) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.written() < lines {
            assert!(Instant::now() < deadline, "the writer came to {} of {lines} lines", self.written());
            std::thread::yield_now();
        }
    }

    /// Stops, closes the log, and returns how many lines stand in it.
    pub(crate) fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Returns a line with its newline.
fn line(number: u64, level: &str) -> String {
    let width = usize::try_from(number % 60).unwrap();
    let now = jiff::Timestamp::now();
    format!("{now:.6} {level} writer: N{number:08} {:x<width$}\n", "")
}

/// Returns the number of a line of the writer.
pub(crate) fn number_of(line: &str) -> Option<u64> {
    line.split_once(" writer: N")?.1.get(..8)?.parse().ok()
}

#[test]
fn the_writer_leaves_every_line_once_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let writer = Writer::begin(dir.path(), Look::of(Naming::Timestamped, Compression::None));
    writer.wait_for(500);
    let lines = writer.end();
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("app.log"));
    // The live file's name sorts first, and it is the newest.
    files.sort();
    files.rotate_left(1);
    let text: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let numbers: Vec<u64> = text.lines().filter_map(number_of).collect();
    assert!(files.len() > 3, "{files:?}");
    assert_eq!(numbers, (0..lines).collect::<Vec<_>>());
}
