//! Proves what a rotation does for tailers that poll the live file's name: they miss nothing of a file that was quiet
//! before its rename, and records wait no longer than that, and not at all if somebody waits for them.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing_spool_fileset::internal::inventory::FileId;
use tracing_spool_fileset::sim::{Fault, SimDisk};
use tracing_spool_fileset::{FileSet, Fs as _, Op, OsError, State};

use crate::world::{LIVE, World, settings};

const QUIET: Duration = Duration::from_millis(400);
const STEP: Duration = Duration::from_millis(10);
/// Half a second of records.
const FILE_BYTES: u64 = 2_500;

fn world(quiet: Duration) -> World {
    let mut settings = settings(30, 1 << 20);
    settings.quiet_rotation = quiet;
    settings.max_bytes = FILE_BYTES;
    let mut world = World::new(settings);
    world.open();
    world
}

/// Looks at the name each quarter of a second. What it finds there under another file number is new, and read from its
/// beginning; the file before it is not looked at again.
struct Poller {
    next_look: Duration,
    file: Option<FileId>,
    offset: usize,
    lines: BTreeSet<String>,
}

impl Poller {
    fn new() -> Self {
        Self { next_look: Duration::ZERO, file: None, offset: 0, lines: BTreeSet::new() }
    }

    fn look(&mut self, disk: &SimDisk, at: Duration) {
        if at < self.next_look {
            return;
        }
        self.next_look = at + Duration::from_millis(250);
        let Ok(meta) = disk.look(LIVE.as_ref()) else { return };
        if self.file.replace(meta.id) != Some(meta.id) {
            self.offset = 0;
        }
        let bytes = disk.read(LIVE).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let text = String::from_utf8_lossy(&bytes[self.offset.min(end)..end]);
        self.lines.extend(text.lines().map(str::to_owned));
        self.offset = end;
    }
}

/// Records that the poller has missed, of `count`, one each 10 ms; and the longest time that one had to wait.
fn missed(world: &mut World, count: u32) -> (usize, Duration) {
    let mut poller = Poller::new();
    let (mut waiting_since, mut longest) = (None, Duration::ZERO);
    let mut steps_after = 0;
    while steps_after < 300 {
        if world.sent < count {
            world.push()
        } else {
            steps_after += 1;
            world.append()
        };
        let now = world.clock.now();
        world.set().tick(now);
        let at = now.mono.since_start();
        if world.batch.is_done() {
            if let Some(since) = waiting_since.take() {
                longest = longest.max(at - since);
            }
        } else {
            waiting_since.get_or_insert(at);
        }
        poller.look(&world.disk, at);
        world.clock.advance(STEP);
    }
    let all = (0..count).filter(|number| !poller.lines.contains(&World::text(*number)));
    (all.count(), longest)
}

#[test]
fn a_reader_that_looks_now_and_then_misses_nothing_of_a_quiet_rotation() {
    let (lost, longest) = missed(&mut world(Duration::ZERO), 400);
    assert!(lost > 50, "this reader needs no help: {lost}");
    let mut quiet = world(QUIET);
    let (lost, longest_quiet) = missed(&mut quiet, 400);
    assert_eq!(lost, 0);
    assert!(quiet.set().counters().rotations > 5);
    assert!(longest == Duration::ZERO && longest_quiet <= QUIET, "{longest_quiet:?}");
    quiet.assert_books();
    quiet.assert_records(0, &BTreeSet::new());
    assert_eq!((quiet.edges(), quiet.set().state()), (vec![], State::Writing));
}

#[test]
fn a_rotation_tried_again_is_quiet_again() {
    let mut world = world(QUIET);
    let rename = || Fault::on(Op::Rename).path_ends("app.log").fails(OsError::EBUSY);
    for nth in [1, 2, 4] {
        world.disk.fault(rename().nth(nth).once());
    }
    let (lost, longest) = missed(&mut world, 400);
    assert!(world.set().counters().failures >= 3);
    assert!(lost == 0 && longest <= QUIET, "{lost} {longest:?}");
    world.assert_records(0, &BTreeSet::new());
}

/// A world with a file that is full, and a record that waits for its rotation.
fn waiting() -> World {
    let mut world = world(QUIET);
    while world.push() {}
    let now = world.clock.now();
    assert!(world.set().is_silent(now) && world.set().counters().rotations == 0);
    assert_eq!(world.set().deadline(), Some(now.mono + QUIET));
    assert_eq!((world.set().state(), world.edges()), (State::Writing, vec![]));
    world
}

#[test]
fn the_silence_ends_in_time() {
    let mut world = waiting();
    world.clock.advance(QUIET - Duration::from_millis(1));
    assert!(!world.append());
    world.clock.advance(Duration::from_millis(1));
    assert!(world.append());
    assert_eq!(world.set().counters().rotations, 1);
}

#[test]
fn who_is_pressed_or_asks_for_a_flush_does_not_wait() {
    let mut world = waiting();
    world.set().set_pressed(true);
    assert!(world.append(), "half the queue is full");
    let mut world = waiting();
    world.set().hurry();
    assert!(world.append(), "a flush");
    let mut world = waiting();
    world.close();
    assert_eq!(world.booked, u64::from(world.sent), "a shutdown");
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_file_that_was_quiet_anyway_needs_no_silence() {
    let mut world = world(QUIET);
    world.push();
    world.clock.advance(QUIET);
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().counters().rotations, 1);
    world.push();
    world.clock.advance(QUIET / 4);
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().counters().rotations, 1, "this one was written a moment ago");
    assert!(!world.push());
    world.clock.advance(QUIET * 3 / 4);
    let now = world.clock.now();
    world.set().tick(now);
    assert_eq!(world.set().counters().rotations, 2);
    assert!(world.append());
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_file_found_at_start_is_quiet_since_its_last_change() {
    let mut world = world(QUIET);
    world.settings.rotate_on_start = true;
    world.push();
    world.close();
    world.clock.advance(QUIET / 4);
    world.open();
    assert_eq!(world.set().counters().rotations, 0);
    assert_eq!(world.set().deadline(), Some(world.clock.now().mono + QUIET * 3 / 4));
    world.finish_batch();
    world.rest();
    assert_eq!(world.set().counters().rotations, 1);
}

#[test]
fn alone_as_a_writer_nothing_waits() {
    use std::io::Write as _;
    let world = world(QUIET);
    let (settings, clock) = (world.settings.clone(), Box::new(world.clock.clone()));
    drop(world.set);
    let mut set = FileSet::open_with(settings, world.disk.fs(), clock).unwrap();
    for _ in 0..400 {
        set.write_all(b"a record of some length, to fill the file\n").unwrap();
    }
    assert!(set.counters().rotations > 3);
}

#[test]
fn a_rotation_by_size_too_soon_after_the_last_waits_and_is_counted() {
    let mut settings = settings(30, 4_000);
    settings.min_rotation_interval = Duration::from_secs(10);
    let mut world = World::new(settings);
    world.open();
    world.log(10);
    let first = world.set().counters();
    assert_eq!(
        (first.rotations, first.rotations_put_off),
        (1, 1),
        "the first is not the second within ten seconds"
    );
    assert!(world.set().live_bytes() > 200);
    world.clock.advance(Duration::from_secs(10));
    world.log(1);
    assert_eq!(world.set().counters().rotations, 2);
    // Asked for, it does not wait.
    let now = world.clock.now();
    world.set().rotate(now);
    assert_eq!(world.set().counters().rotations, 3);
    assert_eq!(world.edges(), []);
    world.assert_records(0, &BTreeSet::new());
}

#[test]
fn a_rotation_does_not_wait_where_the_record_would_have_no_room() {
    let mut settings = settings(3, 600);
    settings.min_rotation_interval = Duration::from_secs(3_600);
    let mut world = World::new(settings);
    world.open();
    for _ in 0..60 {
        assert!(world.push(), "blocked: {:?}", world.set);
        assert!(world.set().total_bytes() <= 600);
    }
    assert!(world.set().counters().rotations > 3 && world.set().counters().rotations_put_off > 3);
    world.assert_records(world.oldest_kept(), &BTreeSet::new());
    world.assert_rest();
}
