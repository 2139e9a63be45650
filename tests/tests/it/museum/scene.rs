//! The scenes that several rows share: a small set on the real disk, a spool, and what its hook heard.
//! It proves nothing itself.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tracing_spool::{Alert, Edge, Spool, SpoolBuilder, SpoolHandle, Trouble};
use tracing_spool_fileset::{FileSet, OpenError, Settings};
use tracing_spool_tests::child;
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, Shelf as _, record};
use tracing_spool_tests::neighbour::{self, Neighbour};
use tracing_spool_tests::world::{World, small};
use tracing_subscriber::fmt::MakeWriter as _;

/// How long a thread is waited for before the test fails; never the time of anything that is proved.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// A folder of its own, and the live file in it.
pub(super) fn folder() -> (TempDir, PathBuf) {
    with_live(tempfile::tempdir().unwrap())
}

/// The same in memory, where there is a place for that: for a great many files.
pub(super) fn folder_in_memory() -> (TempDir, PathBuf) {
    with_live(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
}

fn with_live(dir: TempDir) -> (TempDir, PathBuf) {
    let live = dir.path().canonicalize().unwrap().join("app.log");
    (dir, live)
}

/// A small set on a real disk that can be made to fail, open, on a virtual clock.
pub(super) fn real(change: impl FnOnce(&mut Settings)) -> (TempDir, Faulty, World) {
    let (dir, live) = folder();
    let disk = Faulty::new();
    let mut settings = small(live);
    change(&mut settings);
    let mut world = World::real(&disk, settings);
    world.open();
    (dir, disk, world)
}

/// What a hook heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Vec<(Trouble, Edge)>>>);

impl Heard {
    pub(super) fn hook(&self) -> impl Fn(&Alert) + Send + Sync + 'static {
        let heard = Arc::clone(&self.0);
        move |alert| heard.lock().unwrap().push((alert.trouble, alert.edge))
    }

    pub(super) fn count(&self, trouble: Trouble, edge: Edge) -> usize {
        self.0.lock().unwrap().iter().filter(|heard| **heard == (trouble, edge)).count()
    }
}

/// Hands numbered records of `width` bytes, newline included, to a spool.
pub(super) fn log(spool: &Spool, thread: u32, numbers: std::ops::Range<u32>, width: usize) {
    for number in numbers {
        let line = record(thread, number, width - 1) + "\n";
        spool.make_writer().write_all(line.as_bytes()).unwrap();
    }
}

/// Waits until `is_so`; returns how long that took.
#[track_caller]
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
    start.elapsed()
}

/// Asserts that the ledger adds up; returns (offered, written, dropped, queued).
#[track_caller]
pub(super) fn ledger(handle: &SpoolHandle) -> (u64, u64, u64, u64) {
    let stats = handle.stats();
    let (written, dropped, queued) = (stats.written, stats.dropped.total(), stats.queue.records);
    assert_eq!(stats.offered, written + dropped + queued);
    (stats.offered, written, dropped, queued)
}

/// Every name in a folder, of what kind it is, and the bytes of what can be read without waiting.
pub(super) fn picture(dir: &Path) -> BTreeMap<String, String> {
    let look = |name: String| {
        let path = dir.join(&name);
        let data = fs::symlink_metadata(&path).unwrap();
        let bytes = if data.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let changed = (data.ino(), data.nlink(), data.ctime(), data.ctime_nsec());
        (name, format!("{:?} {changed:?} {bytes:?}", data.file_type()))
    };
    RealDisk.names(dir).into_iter().map(look).collect()
}

/// Starts another process that has the log `app.log` in `folder`.
#[track_caller]
pub(super) fn neighbour(folder: &Path) -> Neighbour {
    neighbour_with(folder, None)
}

/// The same, with an archive directory.
#[track_caller]
pub(super) fn neighbour_with(folder: &Path, archive: Option<&Path>) -> Neighbour {
    Neighbour::start("museum::scene::a_neighbour_has_its_log_until_it_ends", folder, archive)
}

#[test]
fn a_neighbour_has_its_log_until_it_ends() {
    if let Some(folder) = child::folder() {
        return neighbour::hold(&folder);
    }
    let (dir, live) = folder();
    let neighbour = neighbour(dir.path());
    let refused = FileSet::open(Settings::new(&live));
    assert!(matches!(refused, Err(OpenError::Locked { .. })), "{refused:?}");
    neighbour.end();
    drop(FileSet::open(Settings::new(&live)).unwrap());
}

/// A spool with small files that tries soon again what failed.
pub(super) fn impatient(live: &Path) -> SpoolBuilder {
    let soon = Duration::from_millis(20);
    Spool::builder(live)
        .max_bytes(2_000)
        .max_record_bytes(1_000)
        .retry_base_delay(soon)
        .retry_cooldown(soon)
        .retry_cooldown_max(soon)
        .quiet()
}

/// Lines of a file set of real time.
#[track_caller]
pub(super) fn lines(set: &mut FileSet, numbers: std::ops::Range<u32>) {
    for number in numbers {
        writeln!(set, "{}", record(0, number, RECORD_BYTES - 1)).unwrap();
    }
}
