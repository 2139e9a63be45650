//! A log that is written and rotated fifty times while another program reads it, in each naming and compression; and
//! the comparison of what was read with what was written. Which program reads is the test's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tracing_spool::{Compression, Naming, Spool, SpoolGuard};
use tracing_spool_tests::skip;

use crate::support::{LONG, log, scene, until, until_within};

pub(super) const ROTATIONS: usize = 50;
/// Together more than a kilobyte, as some readers know a file by its first.
const LINES_EACH: usize = 40;
/// Bytes of a line with its newline: all have as many.
const LINE_BYTES: u64 = "2026-11-29T06:00:00.000000Z  INFO shop: order=00000000\n".len() as u64;

/// How backups are named and stored.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) naming: Naming,
    pub(super) compression: Compression,
}

const KINDS: [Kind; 6] = [
    Kind { naming: Naming::Numbered, compression: Compression::None },
    Kind { naming: Naming::Numbered, compression: Compression::Gzip },
    Kind { naming: Naming::Numbered, compression: Compression::Zstd },
    Kind { naming: Naming::Timestamped, compression: Compression::None },
    Kind { naming: Naming::Timestamped, compression: Compression::Gzip },
    Kind { naming: Naming::Timestamped, compression: Compression::Zstd },
];

/// Runs a course for each kind of log, all at once.
#[track_caller]
pub(super) fn for_each_kind(course: impl Fn(Kind) + Sync) {
    thread::scope(|scope| {
        KINDS
            .map(|kind| {
                scope.spawn({
                    let course = &course;
                    move || course(kind)
                })
            })
            .map(|it| it.join())
    })
    .into_iter()
    .zip(KINDS)
    .for_each(|(outcome, kind)| assert!(outcome.is_ok(), "{kind:?}"));
}

/// A log, and how much of it is written.
pub(super) struct Course {
    _dir: TempDir,
    pub(super) path: PathBuf,
    spool: Spool,
    guard: SpoolGuard,
    written: usize,
}

impl Course {
    pub(super) fn new(kind: Kind, backups: u32) -> Self {
        let (dir, path) = scene();
        let builder = Spool::builder(&path).naming(kind.naming).compression(kind.compression);
        let (spool, guard) = builder.backup_count(backups).quiet().open().unwrap();
        Self { _dir: dir, path, spool, guard, written: 0 }
    }

    fn write(&mut self, count: usize) {
        (self.written..self.written + count).for_each(|number| log(&self.spool, &line(number)));
        self.written += count;
        self.guard.handle().flush(LONG).unwrap();
    }

    fn rotate(&self) {
        let handle = self.guard.handle();
        handle.rotate().unwrap();
        // It is asked for, and records have no place behind it: without this the next ones may come before it.
        handle.flush(LONG).unwrap();
    }

    /// Writes a file, of which `is_read` hears after its first line, and leaves the rest unread behind at the rotation.
    pub(super) fn run_with_follower(&mut self, mut is_read: impl FnMut(u64) -> bool) {
        for rotation in 0..=ROTATIONS {
            self.write(1);
            let bytes = self.written as u64 * LINE_BYTES;
            assert!(
                until(|| is_read(bytes)),
                "after {rotation} rotations a line is lost: nothing more is read"
            );
            self.write(LINES_EACH - 1);
            if rotation < ROTATIONS {
                self.rotate();
            }
        }
        assert_eq!(self.guard.handle().stats().files.rotations, ROTATIONS as u64);
    }

    /// Writes half a file before each rotation and half behind it, and lets `look` read in between.
    pub(super) fn run_with_visitor(&mut self, mut look: impl FnMut(&Path)) {
        for _ in 0..ROTATIONS {
            self.write(LINES_EACH / 2);
            look(&self.path);
            self.write(LINES_EACH / 4);
            self.rotate();
            self.write(LINES_EACH / 4);
        }
        look(&self.path);
    }

    /// Asserts that each line was read once, in order.
    #[track_caller]
    pub(super) fn assert_read(&self, read: &str) {
        let wanted: Vec<String> = (0..self.written).map(line).collect();
        let found: Vec<&str> = read.lines().collect();
        if found != wanted {
            let count = |line: &String| found.iter().filter(|found| *found == line).count();
            let lost = wanted.iter().filter(|line| count(line) == 0).count();
            let odd = found.iter().filter(|found| !wanted.iter().any(|line| line == *found)).count();
            let repeated = found.len() - odd - (wanted.len() - lost);
            panic!("of {} lines {lost} lost, {repeated} repeated, {odd} broken; in order: no", wanted.len());
        }
    }

    /// Waits until what is to be compressed is, after which no name changes any more. Returns all files but hidden ones.
    pub(super) fn at_rest(&self, kind: Kind) -> Vec<PathBuf> {
        let names = || {
            let entries = fs::read_dir(self.path.parent().unwrap()).unwrap();
            let files = entries.map(|entry| entry.unwrap().path());
            files
                .filter(|file| !file.file_name().unwrap().to_str().unwrap().starts_with('.'))
                .collect::<Vec<_>>()
        };
        let is_packed =
            |file: &&PathBuf| file.extension().is_some_and(|ending| ending == "gz" || ending == "zst");
        let packed = if kind.compression == Compression::None { 0 } else { ROTATIONS - 1 };
        assert!(
            until(|| names().iter().filter(is_packed).count() == packed),
            "the newest backup alone stays plain"
        );
        names()
    }
}

/// A program that follows a log until it is ended, and prints into a file what it reads.
struct Follower(Child);

impl Follower {
    fn end(&mut self) {
        let id = Pid::from_raw(self.0.id().try_into().unwrap());
        let _ = kill(id, Signal::SIGTERM);
        if !until_within(LONG / 6, || self.0.try_wait().unwrap().is_some()) {
            self.0.kill().unwrap();
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asserts that a program which follows a log prints each of its lines once: `command` makes it for the log and for the
/// file that it prints into.
pub(super) fn assert_follows(kind: Kind, command: impl Fn(&Path, &Path) -> Command) {
    let mut course = Course::new(kind, 5);
    let other = tempfile::tempdir().unwrap();
    let printed = other.path().join("printed");
    let mut command = command(&course.path, &printed);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let mut follower = Follower(command.spawn().unwrap());
    let bytes = || fs::metadata(&printed).map_or(0, |meta| meta.len());
    course.run_with_follower(|wanted| bytes() >= wanted);
    let all = course.written as u64 * LINE_BYTES;
    until_within(LONG / 6, || bytes() >= all);
    follower.end();
    course.assert_read(&fs::read_to_string(&printed).unwrap());
}

/// Whether a program can be run, which is said where it can't.
pub(super) fn is_there(test: &str, program: &str, probe: &str) -> bool {
    let output = Command::new(program).arg(probe).stdin(Stdio::null()).output();
    let is_there = output.is_ok();
    if !is_there {
        skip(test, &format!("{program} is not installed"));
    }
    is_there
}

/// A line with a time of its own, as readers that merge files go by it.
fn line(number: usize) -> String {
    let (minute, second, milli) = (number / 60_000, number / 1_000 % 60, number % 1_000);
    format!("2026-11-29T06:{minute:02}:{second:02}.{milli:03}000Z  INFO shop: order={number:08}")
}
