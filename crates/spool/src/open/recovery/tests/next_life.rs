//! Tests what the next process reports about the one that died, and what it makes of a ring that isn't its own.

use super::*;
use crate::account::claim::CLAIM;
use crate::platform::sync::Ordering;

#[test]
fn rendering_is_that_of_the_process_that_died() {
    let mut world = World::new();
    let mut process = world.start(|builder| builder.raw_bytes().max_bytes(1 << 16)).unwrap();
    let mut draft = Draft::new(Rank::Info);
    draft.push(b"\x1b[1mbold\x1b[0m\n", 100);
    process.shared.queue.offer(&draft).unwrap();
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").short(6).once());
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.rounds(&mut process, 1);
    drop(process);
    world.disk.restart(Survive::Live);
    world.disk.clear_faults();
    assert_eq!(world.finish().uncertain, 0);
    assert!(world.text().starts_with("\x1b[1mbold\x1b[0m\n"), "{:?}", world.text());
}

#[test]
fn what_was_saved_is_said_in_a_line() {
    let mut world = World::new();
    let process = world.start(|builder| builder).unwrap();
    world.log(&process, 2);
    drop(process);
    let recovered = world.finish();
    assert_eq!((recovered.records, recovered.process), (2, std::process::id()));
    let line = format!("INFO tracing_spool: {recovered}\n");
    assert!(world.text().contains(&line), "{}", world.text());
    world.assert_each_once();
    assert_eq!(world.finish(), Recovered::default(), "and once only");
}

#[test]
fn a_claim_on_the_ring_stands_until_another_log_opens_it() {
    let mut world = World::new();
    let claim =
        |process: &Process| process.shared.queue.rings.current().counter(CLAIM).load(Ordering::Relaxed);
    let process = world.start(SpoolBuilder::keep_claim).unwrap();
    process.shared.queue.rings.current().counter(CLAIM).store(7, Ordering::Relaxed);
    world.log(&process, 2);
    drop(process);
    let process = world.start(SpoolBuilder::keep_claim).unwrap();
    assert_eq!((claim(&process), process.shared.queue.rings.current().admitted()), (7, 2));
    drop(process);
    let process = world.start(|builder| builder).unwrap();
    assert_eq!((claim(&process), process.shared.queue.rings.current().admitted()), (0, 2));
}

#[test]
fn what_is_left_at_a_shutdown_is_in_the_ring() {
    let mut world = World::new();
    let mut process = world.start(|builder| builder).unwrap();
    world.log(&process, 2);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.rounds(&mut process, 1);
    let (reply, answer) = crate::platform::answer::pair();
    process.shared.send(crate::worker::control::Control::Stop(Duration::from_secs(1), reply));
    world.rounds(&mut process, 20);
    assert_eq!(answer.now().unwrap().records, 2);
    let stats = process.shared.stats();
    assert_eq!((stats.queue.records, stats.dropped.total()), (2, 0), "not lost");
    drop(process);
    world.disk.clear_faults();
    assert_eq!(world.finish().records, 2);
    world.assert_each_once();
}

#[test]
fn a_ring_that_was_made_for_a_log_that_does_not_open_goes_again() {
    let mut world = World::new();
    let other = world.dir.path().join("other");
    let process = world.start(|builder| builder).unwrap();
    world.log(&process, 1);
    let at_another_path = Durable::at(&other).on_any_file_system();
    assert!(world.start(|builder| builder.durable(at_another_path)).is_none(), "the log is locked");
    assert!(!other.exists());
    // One that stood there before stays.
    drop(process);
    world.disk.fault(Fault::on(Op::Open).path_ends("app.log").fails(OsError::EACCES).until_cleared());
    assert!(world.start(|builder| builder).is_none());
    world.disk.clear_faults();
    world.finish();
    world.assert_each_once();
}

#[test]
fn losses_survive_a_ring_of_another_size() {
    let mut world = World::new();
    let process = world.start(|builder| builder.queue_records(1)).unwrap();
    world.log(&process, 1);
    let mut draft = Draft::new(Rank::Error);
    draft.push(b"lost", 100);
    let _ = process.shared.submit(&draft);
    let mut process = process;
    // Written, so that the ring is empty; the loss is not stated yet.
    world.rounds(&mut process, 2);
    assert_eq!(process.shared.queue.waiting().records, 0);
    drop(process);
    let larger = world.start(|builder| builder.queue_bytes(1 << 20)).unwrap();
    assert_eq!(larger.shared.recovered.dropped, 1);
}

#[test]
fn a_damaged_ring_is_set_aside_and_alerted() {
    let mut world = World::new();
    drop(world.start(|builder| builder).unwrap());
    let mut image = std::fs::read(world.ring()).unwrap();
    image[8] = 9;
    std::fs::write(world.ring(), image).unwrap();
    let mut process = world.start(|builder| builder).unwrap();
    world.rounds(&mut process, 1);
    let alerts = process.shared.health().alerts;
    assert_eq!(alerts.len(), 1);
    assert!(
        alerts[0].detail.contains("version 9") && alerts[0].detail.contains("ring.damaged.1"),
        "{}",
        alerts[0]
    );
    world.log(&process, 1);
    drop(process);
    world.finish();
    world.assert_each_once();
}

#[test]
fn a_ring_that_cannot_be_made_is_an_error_or_memory_with_an_alert() {
    let world = World::new();
    std::fs::create_dir(world.ring()).unwrap();
    assert!(world.start(|builder| builder).is_none());
    let or_memory = Durable::at(world.ring()).or_memory();
    let process = world.start(|builder| builder.durable(or_memory)).unwrap();
    assert!(process.shared.health().alerts[0].detail.contains("do not outlive"));
}

#[test]
fn a_loss_that_was_not_stated_before_a_death_is_stated_after_it() {
    let mut world = World::new();
    let process = world.start(|builder| builder.queue_records(1)).unwrap();
    world.log(&process, 1);
    let lose = |process: &Process| {
        let mut draft = Draft::new(Rank::Error);
        draft.push(b"lost", 100);
        let _ = process.shared.submit(&draft);
    };
    (0..3).for_each(|_| lose(&process));
    drop(process);
    let recovered = world.finish();
    assert_eq!((recovered.records, recovered.dropped), (1, 3));
    assert!(world.text().contains("; 3 it had dropped and not told of"), "{}", world.text());
    assert_eq!(world.finish().dropped, 0, "stated once");

    // Stated by the process itself, it is not stated again.
    let mut process = world.start(|builder| builder.queue_records(1)).unwrap();
    world.log(&process, 1);
    lose(&process);
    world.rounds(&mut process, 30);
    assert!(world.text().contains("1 record lost: 1 ERROR"), "{}", world.text());
    drop(process);
    assert_eq!(world.finish().dropped, 0);
    world.assert_each_once();
}

#[test]
fn a_notice_that_was_written_is_not_written_again() {
    let mut world = World::new();
    let process = world.start(|builder| builder).unwrap();
    world.log(&process, 1);
    drop(process);
    let mut process = world.start(|builder| builder).unwrap();
    world.rounds(&mut process, 1); // the line about what was saved, and nothing else yet
    assert!(world.text().contains("saved from its ring"), "{}", world.text());
    drop(process);
    // Its file goes, as when it is rotated out: that it was written must not have to be read there.
    world.disk.ext_rename(LOG, "/log/elsewhere").unwrap();
    world.finish();
    assert_eq!(
        world.text().matches("saved from its ring").count(),
        1,
        "that of the last life: {}",
        world.text()
    );
}

#[test]
fn a_notice_cut_by_a_death_is_finished_under_other_limits() {
    let mut world = World::new();
    let process = world.start(|builder| builder).unwrap();
    world.log(&process, 1);
    drop(process);
    let mut process = world.start(|builder| builder).unwrap();
    let line = format!("INFO tracing_spool: {}", process.shared.recovered);
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").short(10).once());
    world.disk.fault(Fault::on(Op::Write).path_ends("app.log").fails(OsError::EIO).until_cleared());
    world.rounds(&mut process, 1);
    drop(process);
    assert_eq!(world.text().len(), 10, "cut in the notice");
    world.disk.restart(Survive::Live);
    world.disk.clear_faults();
    let mut process = world.start(|builder| builder.max_record_bytes(64)).unwrap();
    world.rounds(&mut process, 9);
    let text = world.text();
    assert!(text.lines().next().is_some_and(|first| first.ends_with(&line)), "{text}");
    assert_eq!(text.matches("was unfinished").count(), 0, "{text}");
    assert_eq!(text.matches("\nrecord 0 \n").count(), 1, "{text}");
}

#[test]
fn room_is_not_given_back_inside_a_stamp() {
    use tracing_spool_ring::{Limits, Options, Ring, Stamp, Task};
    let world = World::new();
    let limits = Limits { bytes: 1 << 14, records: 100, shares: [100; 5] };
    let mut options = Options::default();
    options.any_file_system = true;
    let opened = Ring::open(&world.ring(), limits, options.clone()).unwrap();
    (0..4).for_each(|_| assert!(opened.ring.offer(2, b"x", 0).is_ok()));
    let mut inbox = crate::hand_off::inbox::Inbox::lasting(opened.reader, 0..0);
    while inbox.take().is_some() {}
    // Four records were to be written, and the first two were given up.
    inbox.stamp(&Stamp { task: Task::Records { until: 4 }, ..Stamp::default() });
    inbox.release(2, 128);
    drop((inbox, opened.ring));
    let opened = Ring::open(&world.ring(), limits, options.clone()).unwrap();
    let found = opened.found.unwrap();
    assert_eq!((found.records, found.stamp), (2, Some(Stamp { from: 2, ..Stamp::default() })));

    // The same where the stamp is that of a process before.
    let mut inbox = crate::hand_off::inbox::Inbox::lasting(opened.reader, 2..4);
    while inbox.take().is_some() {}
    inbox.release(1, 64);
    drop((inbox, opened.ring));
    let found = Ring::open(&world.ring(), limits, options).unwrap().found.unwrap();
    assert_eq!((found.records, found.stamp), (1, Some(Stamp { from: 3, ..Stamp::default() })));
}
