//! Tests a stream whose reader stops, leaves, comes back or is slow, with real pipes, sockets and terminals, on the test's
//! own thread.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test holds the other end")]

mod kinds;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{dup2, mkfifo, pipe};
use tracing_spool_fileset::sim::SimClock;
use tracing_spool_fileset::{Edge, Rules, Wall};

use super::*;

/// A stream, its clock and what is to be written.
struct World {
    stream: Stream,
    batch: Batch,
    millis: u64,
}

impl World {
    fn of(descriptor: impl Into<OwnedFd>) -> Self {
        let stream =
            Stream::open(End::Own(Ours::new(descriptor.into()).unwrap()), Path::new("fd"), "fd", &clock())
                .unwrap();
        Self { stream, batch: Batch::default(), millis: 0 }
    }

    fn now(&self) -> Now {
        let mono = Mono::from_start(Duration::from_millis(self.millis));
        Now { mono, wall: Wall::from_unix_micros(i64::try_from(self.millis).unwrap() * 1_000) }
    }

    fn push(&mut self, record: &str) {
        self.batch.push(record.as_bytes(), &Rules::default());
    }

    /// Calls it; how many records are done with, those refused among them.
    fn append(&mut self) -> usize {
        let now = self.now();
        self.stream.append(&mut self.batch, usize::MAX, now, None);
        self.batch.finished()
    }

    /// The same after a while.
    fn append_after(&mut self, millis: u64) -> usize {
        self.millis += millis;
        self.append()
    }

    fn edges(&mut self) -> Vec<Edge> {
        let edge = |event| if let Event::Alert(alert) = event { Some(alert.edge) } else { None };
        self.stream.take_events().into_iter().filter_map(edge).collect()
    }
}

/// One that stands still.
fn clock() -> Arc<dyn Clock> {
    Arc::new(SimClock::new())
}

fn line(number: usize) -> String {
    format!("line {number} {}", "x".repeat(90))
}

/// Whether each line of a text is one of those that were written, whole and in order.
fn is_in_order(text: &str) -> bool {
    text.ends_with('\n') && text.lines().enumerate().all(|(number, read)| read == line(number))
}

#[test]
fn a_reader_that_sleeps_gets_whole_lines_and_the_rest_when_it_wakes() {
    let (reader, writer) = pipe().unwrap();
    let mut reader = File::from(reader);
    let mut world = World::of(writer);
    (0..5_000).for_each(|number| world.push(&line(number)));
    let taken = world.append();
    assert!(taken > 100 && taken < 5_000, "{taken}");
    assert_eq!(world.batch.partial(), 0, "no half line waits in the pipe");
    assert_eq!(world.stream.state(), State::Full);
    assert_eq!((world.append_after(900), world.append_after(200)), (taken, taken));
    assert_eq!(world.stream.state(), State::Asleep);
    assert_eq!(world.stream.view().moments.blocked_since, Some(Wall::from_unix_micros(0)));
    assert!(world.edges().is_empty(), "no trouble, only a wait");

    let mut read = vec![0; 40_000];
    reader.read_exact(&mut read).unwrap();
    assert!(world.append_after(100) > taken, "it goes on");
    assert_ne!(world.stream.state(), State::Asleep);
    while !world.batch.is_done() {
        let mut more = vec![0; 40_000];
        let bytes = reader.read(&mut more).unwrap();
        read.extend_from_slice(&more[..bytes]);
        world.append_after(100);
    }
    drop(world);
    reader.read_to_end(&mut read).unwrap();
    let text = String::from_utf8(read).unwrap();
    assert_eq!(text.lines().count(), 5_000);
    assert!(is_in_order(&text));
}

#[test]
fn what_is_written_to_a_pipe_at_once_others_cannot_tear() {
    let (mut reader, writer) = pipe().map(|(reader, writer)| (File::from(reader), writer)).unwrap();
    let mut other = File::from(writer.try_clone().unwrap());
    let mut world = World::of(writer);
    let mut text = String::new();
    for round in 0..50 {
        (0..100).for_each(|number| world.push(&line(round * 100 + number)));
        while !world.batch.is_done() {
            let now = world.now();
            world.stream.append(&mut world.batch, 1, now, None);
            other.write_all(b"another's line\n").unwrap();
        }
        world.batch.clear();
        let mut read = vec![0; 60_000];
        let bytes = reader.read(&mut read).unwrap();
        text.push_str(std::str::from_utf8(&read[..bytes]).unwrap());
    }
    let ours: String =
        text.lines().filter(|line| *line != "another's line").map(|line| format!("{line}\n")).collect();
    assert_eq!(ours.lines().count(), 5_000);
    assert!(is_in_order(&ours));
}

#[test]
fn flags_stay_as_they_were_found_set_or_not() {
    for flags in [OFlag::empty(), OFlag::O_NONBLOCK] {
        let (_reader, writer) = pipe().unwrap();
        let shared = writer.try_clone().unwrap();
        fcntl(&shared, FcntlArg::F_SETFL(flags)).unwrap();
        let before = fcntl(&shared, FcntlArg::F_GETFL).unwrap();
        let mut world = World::of(writer);
        (0..5_000).for_each(|number| world.push(&line(number)));
        assert!(world.append() < 5_000, "it does not wait, whatever the flags");
        drop(world);
        assert_eq!(fcntl(&shared, FcntlArg::F_GETFL).unwrap(), before);
    }
}

#[test]
fn a_reader_that_has_left_is_said_once_and_counted() {
    let (reader, writer) = pipe().unwrap();
    let mut world = World::of(writer);
    world.push("read");
    assert_eq!(world.append(), 1);
    drop(reader);
    for _ in 0..10 {
        world.batch.clear();
        (0..100).for_each(|number| world.push(&line(number)));
        assert_eq!((world.append_after(2_000), world.batch.refused().len()), (100, 100));
    }
    assert_eq!(world.edges(), [Edge::Raised]);
    let view = world.stream.view();
    assert_eq!((view.counters.records_refused, view.alerts.len()), (1_000, 1));
    assert_eq!(world.stream.state(), State::Writing, "nothing waits for what cannot come back");
}

#[test]
fn where_a_reader_can_come_back_records_wait_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let open = || OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path).unwrap();
    let reader = open();
    let writer = OpenOptions::new().write(true).open(&path).unwrap();
    let mut world = World::of(writer);
    drop(reader);
    world.push("kept");
    assert_eq!((world.append(), world.stream.state()), (0, State::Failing));
    assert_eq!(world.stream.wake_at(), Some(Mono::from_start(Duration::from_millis(500))));
    assert_eq!(world.append_after(499), 0, "not before its time");
    let mut reader = open();
    assert_eq!(world.append_after(1), 1);
    let mut text = [0; 5];
    reader.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"kept\n");
    world.batch.clear();
    world.push("and well");
    world.append_after(1_000);
    assert_eq!(world.edges(), [Edge::Raised, Edge::Cleared]);
}

#[test]
fn what_was_opened_anew_and_given_to_others_is_neither_written_to_nor_closed() {
    let dir = tempfile::tempdir().unwrap();
    let (mut reader, writer) = pipe().map(|(reader, writer)| (File::from(reader), writer)).unwrap();
    let mut world = World::of(writer);
    world.push("before");
    world.append();
    // What a daemon does: it closes all numbers, and its database gets one of them.
    let database = OpenOptions::new().write(true).create_new(true).open(dir.path().join("db")).unwrap();
    let anew = world.stream.anew.as_mut().unwrap().number().as_mut().unwrap();
    dup2(&database, anew).unwrap();
    let number = anew.as_raw_fd();
    world.push("after");
    assert_eq!((world.append(), world.batch.refused().len()), (2, 0));
    drop(world);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "before\nafter\n", "opened anew once more");
    assert_eq!(std::fs::read_to_string(dir.path().join("db")).unwrap(), "");
    let behind = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap();
    assert!(behind.ends_with("db"), "another's descriptor was closed: {}", behind.display());
}

#[test]
fn a_number_that_others_closed_may_come_back_for_the_same_pipe() {
    let (mut reader, writer) = pipe().map(|(reader, writer)| (File::from(reader), writer)).unwrap();
    let mut world = World::of(writer);
    // Whoever closes numbers that are not their own: what stands there is lost, and the number is the next to be given out.
    let number = world.stream.anew.as_mut().unwrap().number().as_ref().unwrap().as_raw_fd();
    nix::unistd::close(number).unwrap();
    world.push("goes on");
    assert_eq!((world.append(), world.batch.refused().len()), (1, 0));
    drop(world);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "goes on\n");
}

#[test]
fn a_trouble_that_is_over_ends_without_another_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let open = || OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path).unwrap();
    let first = open();
    let mut world = World::of(OpenOptions::new().write(true).open(&path).unwrap());
    drop(first);
    world.push("kept");
    world.append();
    let _second = open();
    world.append_after(500);
    assert_eq!(world.edges(), [Edge::Raised]);
    let over = world.stream.wake_at().unwrap();
    world.millis = u64::try_from(over.since_start().as_millis()).unwrap();
    let now = world.now();
    world.stream.tick(now);
    assert_eq!(world.edges(), [Edge::Cleared]);
}

#[test]
fn a_descriptor_that_others_closed_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let file = File::create(&path).unwrap();
    let mut world = World::of(file);
    world.push("written");
    world.append();
    // What other code does by mistake: it closes the number, and a file of its own gets it.
    let mut database = OpenOptions::new();
    let database = database.read(true).write(true).create(true).truncate(true);
    let database = database.open(dir.path().join("db")).unwrap();
    let End::Own(ours) = &mut world.stream.end else { panic!("it is ours") };
    dup2(&database, ours.number().as_mut().unwrap()).unwrap();
    world.push("lost");
    assert_eq!((world.append(), world.batch.refused()), (2, &[1][..]));
    assert_eq!(std::fs::read_to_string(dir.path().join("db")).unwrap(), "");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "written\n");
    assert_eq!(world.edges(), [Edge::Raised]);
}

#[test]
fn what_cannot_be_written_to_is_a_fault() {
    let (reader, _writer) = pipe().unwrap();
    let fault =
        Stream::open(End::Own(Ours::new(reader).unwrap()), Path::new("fd 7"), "fd", &clock()).unwrap_err();
    assert_eq!(fault.to_string(), "fd = open for reading: must be open for writing");
}

#[test]
fn half_a_line_stays_only_at_the_end_of_time() {
    let (reader, writer) = pipe().unwrap();
    let mut world = World::of(writer);
    world.push(&"x".repeat(200_000));
    assert_eq!(world.append(), 0);
    assert!(world.batch.partial() > 0, "longer than the pipe");
    let now = world.now();
    let report = world.stream.end(&mut world.batch, now, None);
    assert!(report.fragment_left && report.records_left == 1);
    drop(reader);
}

#[test]
fn without_a_descriptor_of_its_own_it_asks_before_it_writes() {
    let (mut reader, writer) = pipe().map(|(reader, writer)| (File::from(reader), writer)).unwrap();
    let mut world = World::of(writer);
    world.stream.anew = None; // as where there is no `/proc`
    (0..5_000).for_each(|number| world.push(&line(number)));
    let mut text = Vec::new();
    while !world.batch.is_done() {
        world.append_after(100);
        assert_eq!(world.batch.partial(), 0);
        let mut more = vec![0; 100_000];
        let bytes = reader.read(&mut more).unwrap();
        text.extend_from_slice(&more[..bytes]);
    }
    drop(world);
    reader.read_to_end(&mut text).unwrap();
    assert!(is_in_order(&String::from_utf8(text).unwrap()));
}
