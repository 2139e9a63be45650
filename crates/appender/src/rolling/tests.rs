//! Tests what an appender with dated names leaves in its directory, with a clock that jumps and the real disk.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests look at the real disk")]

use std::cell::RefCell;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use tempfile::TempDir;
use tracing_spool_fileset::sim::SimClock;

use super::outside::Outside;
use super::{Builder, InitError, RollingFileAppender};

mod batches;
mod beside;
mod budget;
mod local_time;
mod many_threads;
mod model;
mod retention;
mod rotation;
mod size;
mod torn;
mod troubles;
mod unlisted;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

thread_local! {
    /// What would stand on stderr.
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn say(line: &dyn Display) -> bool {
    SAID.with_borrow_mut(|said| said.push(line.to_string()));
    true
}

/// What this thread's appenders have said since the last call.
fn said() -> Vec<String> {
    SAID.take()
}

/// A directory, and a clock that shows Thursday, the first of January 2026, at midnight UTC.
fn scene() -> (TempDir, SimClock) {
    (tempfile::tempdir().unwrap(), SimClock::new())
}

/// Whose local time is that of Berlin.
fn outside(clock: &SimClock) -> Outside {
    let berlin = || Ok(TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap());
    Outside { clock: Box::new(clock.clone()), local_zone: berlin, say }
}

fn try_open(builder: &Builder, dir: &Path, clock: &SimClock) -> Result<RollingFileAppender, InitError> {
    builder.build_with(dir, outside(clock))
}

fn open(builder: &Builder, dir: &Path, clock: &SimClock) -> RollingFileAppender {
    try_open(builder, dir, clock).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

fn write(dir: &Path, name: &str, content: &str) {
    fs::write(dir.join(name), content).unwrap();
}

/// Lets permissions bind this thread, even if the tests are run by root, until it is dropped.
struct AsNobody {
    #[cfg(target_os = "linux")]
    before: nix::unistd::Uid,
}

#[cfg(target_os = "linux")]
fn as_nobody() -> AsNobody {
    const NOBODY: u32 = 65_534;
    AsNobody { before: nix::unistd::setfsuid(nix::unistd::Uid::from_raw(NOBODY)) }
}

#[cfg(target_os = "linux")]
impl Drop for AsNobody {
    fn drop(&mut self) {
        nix::unistd::setfsuid(self.before);
    }
}

#[cfg(not(target_os = "linux"))]
fn as_nobody() -> AsNobody {
    AsNobody {}
}

fn permit(dir: &Path, mode: u32) {
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
}

/// Bytes of all files.
fn bytes(dir: &Path) -> u64 {
    names(dir).iter().map(|name| fs::symlink_metadata(dir.join(name)).unwrap().len()).sum()
}
