//! Proves that a file set alone, as an `io::Write`, takes a record whole or refuses it whole.
//! Its use behind tracing-appender's queue is the integration package's.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use tracing_spool_fileset::sim::Fault;
use tracing_spool_fileset::{Op, OsError};

use crate::world::{LIVE, World, settings};

fn open() -> World {
    let mut world = World::new(settings(0, 300));
    world.open();
    world
}

fn content(world: &World) -> String {
    String::from_utf8(world.disk.read(LIVE).unwrap()).unwrap()
}

#[test]
fn one_write_is_one_record() {
    let mut world = open();
    let set = world.set();
    set.write_all(b"bytes").unwrap();
    writeln!(set, "number {}", 7).unwrap();
    writeln!(set, "constant").unwrap();
    assert_eq!(set.write(b"").unwrap(), 0);
    set.flush().unwrap();
    assert_eq!(set.counters().records_written, 3);
    assert_eq!(content(&world), "bytes\nnumber 7\nconstant\n");
}

#[test]
fn a_record_that_cannot_begin_is_refused_whole() {
    let mut world = open();
    world.fill_disk_but_for(0);
    let error = world.set().write(b"record").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert!(error.to_string().contains("write /logs/app.log: ENOSPC"), "{error}");
    world.disk.set_capacity(None);
    world.clock.advance(Duration::from_secs(1));
    world.set().write_all(b"another").unwrap();
    assert_eq!(content(&world), "another\n");
}

#[test]
fn a_record_that_was_begun_is_taken_whole_and_finished_first() {
    let mut world = open();
    world.fill_disk_but_for(3);
    assert_eq!(world.set().write(b"record").unwrap(), 6);
    assert_eq!(content(&world), "rec");
    assert!(world.set().write(b"refused").is_err());
    assert!(world.set().flush().is_err());
    world.disk.set_capacity(None);
    world.set().flush().unwrap();
    world.set().write_all(b"next").unwrap();
    assert_eq!(content(&world), "record\nnext\n");
}

#[test]
fn dropped_with_a_record_begun_it_leaves_no_half() {
    let mut world = open();
    world.fill_disk_but_for(3);
    assert_eq!(world.set().write(b"record").unwrap(), 6);
    world.set = None;
    assert_eq!(content(&world), "");
}

#[test]
fn dropped_when_there_is_room_it_finishes_what_it_began() {
    let mut world = open();
    world.fill_disk_but_for(3);
    assert_eq!(world.set().write(b"record").unwrap(), 6);
    world.disk.set_capacity(None);
    world.set = None;
    assert_eq!(content(&world), "record\n");
}

#[test]
fn at_its_budget_it_says_so() {
    let mut world = open();
    world.disk.fault(Fault::on(Op::Unlink).fails(OsError::EPERM).until_cleared());
    let mut refused = None;
    for _ in 0..20 {
        refused = world.set().write(&[b'x'; 60]).err().or(refused);
    }
    let error = refused.unwrap();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(error.to_string().contains("max_total_bytes"), "{error}");
    assert_eq!(world.disk.violation(), None);
}

#[test]
fn a_record_that_no_file_can_hold_is_given_up_and_the_error_says_why() {
    let mut world = World::new(settings(2, 300));
    world.open();
    world.disk.set_file_limit(Some(20));
    // Begun, it is taken; the flushes that follow are the retries.
    assert_eq!(world.set().write(&[b'x'; 30]).unwrap(), 30);
    for _ in 0..2 {
        assert!(world.set().flush().unwrap_err().to_string().contains("write /logs/app.log: EFBIG"));
        assert_eq!(content(&world).len(), 20);
    }
    assert_eq!(world.set().flush().unwrap_err().raw_os_error(), Some(OsError::EFBIG.code()));
    assert_eq!(content(&world), "");
    world.set().write_all(b"next").unwrap();
    let error = world.set().write(&[b'y'; 30]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FileTooLarge, "the limit is known now");
    world.set().write_all(b"last").unwrap();
    assert_eq!(world.files().concat(), "next\nlast\n");
    assert_eq!(world.set().counters().records_refused, 2);
}
