//! Proves that a rotation which fails, is cut short or never works loses no record and says so once (rows R1–R8, R10,
//! R11). It does not prove what is kept and what is pruned: that is `retention`.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tracing_spool::{BlockReason, Condition, FlushError, Reason, Spool};
use tracing_spool_fileset::sim::{SimDisk, Survive, When};
use tracing_spool_fileset::{Edge, Op, OsError, State, SystemClock, Trouble};
use tracing_spool_tests::faulty::{Call, Faulty, Slip};
use tracing_spool_tests::files::{RECORD_BYTES, RealDisk, of_log, read, read_back, record};
use tracing_spool_tests::world::{World, small};

use super::scene::{Heard, LONG, folder, ledger, log, real};

const ROTATION: [(Trouble, Edge); 2] =
    [(Trouble::Rotation, Edge::Raised), (Trouble::Rotation, Edge::Cleared)];
const PRUNE: [(Trouble, Edge); 2] = [(Trouble::Prune, Edge::Raised), (Trouble::Prune, Edge::Cleared)];

#[test]
fn museum_r1_a_rename_fails_in_the_middle_of_the_shift() {
    let (_dir, disk, mut world) = real(|settings| settings.backup_count = 5); // just enough
    world.log(4 * 5); // app.log and four backups, all full
    disk.take_journal();
    let second = |call: &Call| call.name == "app.log.2";
    disk.slip(Slip::fail(Op::Rename, OsError::EROFS).only(second).times(1));

    world.log(3);
    let renames = disk.take_words(&[Op::Rename]);
    let wanted = ["app.log.4 app.log.5", "app.log.3 app.log.4", "app.log.2 app.log.3 EROFS"];
    assert_eq!(renames[..3], wanted.map(|words| format!("rename {words}")), "no step after the failed one");
    assert_eq!(renames.len() - 3, 1, "only the alert file is renamed after it: {renames:?}");
    assert_eq!(world.set().state(), State::Overdue);
    assert!(!world.beside("app.log.3").exists(), "a gap");
    assert_eq!(world.found().sizes["app.log"], 7 * RECORD_BYTES as u64, "records go on");
    assert_eq!(world.alerts(), ROTATION[..1]);

    world.wait(Duration::from_secs(30));
    let wanted = ["app.log.2 app.log.3", "app.log.1 app.log.2", "app.log app.log.1", ".app.log.new app.log"];
    assert_eq!(
        disk.take_words(&[Op::Rename]),
        wanted.map(|words| format!("rename {words}")),
        "the gap closes"
    );
    world.log(1);
    world.found().assert_numbers(0, 24);
    assert_eq!(world.alerts(), ROTATION);
    assert_eq!(world.set().counters().pruned_files, 0);
}

/// The first record of each file of the set, the newest file first.
fn firsts(world: &World) -> Vec<Option<u32>> {
    let first = |file| read(&[file], |line| panic!("torn: {line:?}")).numbers().first().copied();
    of_log(&RealDisk, world.live()).into_iter().rev().map(first).collect()
}

#[test]
fn a_backup_that_may_not_be_moved_is_stepped_over_and_costs_nothing() {
    for refused in [OsError::EACCES, OsError::EPERM] {
        let (_dir, disk, mut world) = real(|settings| settings.backup_count = 5);
        world.log(4 * 5); // app.log and four backups, all full
        let of_it = |call: &Call| call.name == "app.log.2" || call.to.as_deref() == Some("app.log.2");
        for op in [Op::Rename, Op::Replace, Op::Unlink] {
            disk.slip(Slip::fail(op, refused).only(of_it));
        }
        disk.take_journal();
        world.log(1);
        let moved = ["app.log.4 app.log.5", "app.log.3 app.log.4"].map(|names| format!("rename {names}"));
        let around = ["app.log.1 app.log.3", "app.log app.log.1", ".app.log.new app.log"];
        let wanted: Vec<String> = moved
            .into_iter()
            .chain([1, 2].map(|_| format!("rename app.log.2 app.log.3 {refused:?}"))) // once again at once
            .chain(around.map(|names| format!("rename {names}")))
            .chain(["rename .app.log.alert ALERT_LOG_ROTATION_FAILED.txt".to_owned()])
            .collect();
        assert_eq!(disk.take_words(&[Op::Rename]), wanted, "around it, in the same attempt");
        assert_eq!(world.set().state(), State::Writing);
        assert_eq!(world.alerts(), PRUNE[..1], "{refused}");
        assert_eq!(firsts(&world), [20, 16, 8, 12, 4, 0].map(Some), "nothing is lost for it");

        // It is left where it is, and counts: the others grow older around it.
        world.log(4 * 4);
        assert_eq!(firsts(&world), [36, 32, 8, 28, 24, 20].map(Some));
        assert_eq!(world.alerts(), PRUNE[..1]);
        // As soon as it lets itself be moved it is one among the others.
        disk.heal();
        world.wait(Duration::from_secs(600));
        world.log(4 * 3);
        assert_eq!(firsts(&world), [48, 44, 40, 36, 32, 8].map(Some));
        world.log(4);
        assert_eq!(firsts(&world), [52, 48, 44, 40, 36, 32].map(Some));
        assert_eq!(world.alerts(), PRUNE, "{refused}");
    }
}

#[test]
fn museum_r2_renaming_fails_for_ever() {
    const WIDTH: usize = 100;
    let (_dir, live) = folder();
    let (disk, heard) = (Faulty::new(), Heard::default());
    disk.slip(Slip::fail(Op::Rename, OsError::EACCES).only(|call| call.name.contains("app.log")));
    let (spool, guard) = Spool::builder(&live)
        .max_bytes(10 * WIDTH as u64)
        .max_total_bytes(1_200 * WIDTH as u64)
        .queue_records(200)
        .on_alert(heard.hook())
        .quiet()
        .open_with(disk.fs(), Arc::new(SystemClock::new()))
        .unwrap();
    let handle = guard.handle();

    // Under the cap nothing is lost, although not one rotation works.
    for part in 0..10 {
        log(&spool, 0, part * 100..(part + 1) * 100, WIDTH);
        handle.flush(LONG).unwrap();
    }
    assert_eq!(ledger(&handle), (1_000, 1_000, 0, 0));
    read_back(&RealDisk, &live).assert_numbers(0, 1_000);
    assert_eq!(heard.count(Trouble::Rotation, Edge::Raised), 1);
    assert_eq!(handle.health().condition, Condition::Overdue);

    // At the cap the rest is held as far as the queue holds it, and counted.
    for part in 10..30 {
        log(&spool, 0, part * 100..(part + 1) * 100, WIDTH);
        let _ = handle.flush(LONG);
    }
    assert_eq!(handle.flush(LONG), Err(FlushError::Blocked { left: 190 }), "95 % of 200");
    assert_eq!(handle.health().condition, Condition::Blocked(BlockReason::Budget));
    assert_eq!(ledger(&handle), (3_000, 1_200, 1_610, 190));
    assert_eq!(handle.stats().dropped.for_reason(Reason::DiskBudget), 1_610);
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(0, 1_200);
    assert_eq!(found.total(), 1_200 * WIDTH as u64, "to the last byte");
    assert_eq!(heard.count(Trouble::Rotation, Edge::Raised), 1, "one episode, one alert");
    assert_eq!(heard.count(Trouble::BudgetFull, Edge::Raised), 1);

    // And when renaming works again, all that waited is written, and the log says how much is missing.
    disk.heal();
    handle.flush(LONG).unwrap();
    assert_eq!(ledger(&handle), (3_000, 1_390, 1_610, 0));
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_eq!((report.written, report.dropped, report.left), (1_390, 1_610, 0));
    let found = read_back(&RealDisk, &live);
    assert_eq!(found.lost_as_told(), 1_610, "{:?}", found.notices);
    assert_eq!(heard.count(Trouble::Rotation, Edge::Cleared), 1);
    assert_eq!(heard.count(Trouble::BudgetFull, Edge::Cleared), 1);
}

#[test]
fn museum_r3_emfile_twice_while_rotating() {
    let (_dir, disk, mut world) = real(|_| ());
    world.log(4);
    disk.take_journal();
    disk.slip(Slip::fail(Op::Create, OsError::EMFILE).of_name(".app.log.new").times(2));
    world.log(12);
    world.wait(Duration::from_secs(100));
    world.log(12);
    world.found().assert_numbers(0, 28);
    assert_eq!(world.alerts(), ROTATION, "one alert, and its end");
    let tries = |call: &&Call| call.op == Op::Create && call.name == ".app.log.new";
    let times: Vec<u64> = disk
        .take_journal()
        .iter()
        .filter(tries)
        .filter_map(|call| Some(call.at?.since_start().as_secs()))
        .take(3)
        .collect();
    assert_eq!(
        times,
        [0, 30, 90],
        "no retries for what does not pass in a moment; one probe after each wait"
    );
}

#[test]
fn museum_r4_the_first_backup_name_is_a_directory() {
    let (_dir, disk, mut world) = real(|settings| settings.backup_count = 8);
    let taken = world.beside("app.log.1");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("precious"), "not a log").unwrap();
    world.log(4 * 6);
    let found = world.found();
    found.assert_numbers(0, 24);
    let numbers: Vec<&str> = found.sizes.keys().map(String::as_str).collect();
    assert_eq!(numbers, ["app.log", "app.log.2", "app.log.3", "app.log.4", "app.log.5", "app.log.6"]);
    assert_eq!(fs::read_to_string(taken.join("precious")).unwrap(), "not a log");
    assert_eq!(world.alerts(), [(Trouble::ForeignSlot, Edge::Raised)], "once, not with every rotation");
    let alert = fs::read_to_string(world.beside("ALERT_LOG_ROTATION_FAILED.txt")).unwrap();
    assert!(alert.contains("app.log.1 is not a regular file"), "{alert}");
    let touched = disk.take_words(&[Op::Rename, Op::Unlink]);
    assert!(!touched.iter().any(|words| words.split(' ').any(|word| word == "app.log.1")), "{touched:?}");

    fs::remove_dir_all(&taken).unwrap();
    world.log(4);
    world.found().assert_numbers(0, 28);
    assert!(world.beside("app.log.1").is_file(), "the number is used again");
    assert_eq!(world.alerts()[1..], [(Trouble::ForeignSlot, Edge::Cleared)]);
}

#[test]
fn museum_r5_the_new_file_cannot_be_created() {
    let (_dir, disk, mut world) = real(|_| ());
    world.log(8);
    let words = disk.take_words(&[Op::Create, Op::Rename]);
    let rotation = ["create .app.log.new", "rename app.log app.log.1", "rename .app.log.new app.log"];
    assert_eq!(words[words.len() - 3..], rotation, "the new file is opened first");

    disk.slip(Slip::fail(Op::Create, OsError::EACCES).of_name(".app.log.new"));
    world.log(40);
    world.wait(Duration::from_secs(600));
    assert_eq!(world.set().state(), State::Overdue);
    let moved = disk.take_words(&[Op::Rename, Op::Unlink]);
    assert!(moved.iter().all(|words| words.contains("alert")), "no file was moved for a rotation: {moved:?}");
    world.found().assert_numbers(0, 48);

    disk.heal();
    world.wait(Duration::from_secs(300));
    world.log(4);
    world.found().assert_numbers(0, 52);
    assert_eq!(world.alerts(), ROTATION);
    assert!(world.set().counters().rotations >= 2);
}

#[test]
fn museum_r6_leftovers_of_a_killed_rotation_at_start() {
    let text = |numbers: std::ops::Range<u32>| {
        numbers.map(|number| record(0, number, 49) + "\n").collect::<String>()
    };
    // Names and records of each file as the kill left them, and the names after the next start.
    type Scene<'a> = (&'a [(&'a str, std::ops::Range<u32>)], &'a [&'a str]);
    let scenes: [Scene<'_>; 6] = [
        // The new file was created, nothing was moved.
        (&[(".app.log.new", 0..0), ("app.log", 0..3)], &["app.log"]),
        // The shift was cut short: a gap.
        (
            &[("app.log.3", 0..2), ("app.log.2", 2..4), ("app.log", 4..6)],
            &["app.log", "app.log.2", "app.log.3"],
        ),
        // The live file had become a backup, nothing more.
        (&[("app.log.1", 0..3), (".app.log.new", 0..0)], &["app.log", "app.log.1"]),
        // And records had gone into the new file already.
        (&[("app.log.1", 0..3), (".app.log.new", 3..5)], &["app.log", "app.log.1"]),
        // The same, after others had made a live file too.
        (
            &[("app.log.1", 0..3), ("app.log", 3..5), (".app.log.new", 5..6)],
            &["app.log", "app.log.1", "app.log.2"],
        ),
        // Not even a live file, and gaps.
        (&[("app.log.4", 0..3), ("app.log.2", 3..5)], &["app.log", "app.log.2", "app.log.4"]),
    ];
    // The second time as if nothing of it were ours: no lock file says that this log was here before.
    for ((left, after), is_ours) in scenes.into_iter().flat_map(|scene| [(scene, true), (scene, false)]) {
        let (_dir, live) = folder();
        for (name, numbers) in left {
            fs::write(live.with_file_name(name), text(numbers.clone())).unwrap();
        }
        if is_ours {
            fs::write(live.with_file_name(".app.log.lock"), "of the killed one").unwrap();
        }
        let mut world = World::real(&Faulty::new(), small(live));
        world.open();
        world.sent = left.iter().map(|(_, numbers)| numbers.end).max().unwrap();
        let found = world.found();
        found.assert_numbers(0, world.sent);
        let unused = |name: &&String| is_ours || *name != ".app.log.new" || found.sizes[*name] > 0;
        assert_eq!(found.sizes.keys().filter(unused).collect::<Vec<_>>(), after, "{left:?}");
        // Rotation is not blocked by what was found: it works at once, and ever again.
        world.log(40);
        world.found().assert_numbers(0, world.sent);
        assert!(!world.beside(".app.log.new").exists(), "{left:?}");
        assert!(world.set().counters().rotations >= 9, "{left:?}");
        assert_eq!(world.alerts(), [], "{left:?}");
    }
}

#[test]
fn museum_r7_killed_before_and_after_every_call_of_a_rotation() {
    let start = |disk: &SimDisk| {
        let mut settings = small("/logs/app.log");
        settings.backup_count = 7; // just enough: a gap that is not closed would cost a file
        let mut world = World::simulated(disk, settings);
        world.open();
        world.log(4 * 4);
        world
    };
    let disk = SimDisk::new();
    let mut world = start(&disk);
    let first = disk.count() + 1;
    world.log(2); // one rotation, with a shift of three backups
    let last = disk.count();
    assert!(last - first > 10, "too little happens");

    let mut points = 0;
    for call in first..=last {
        for when in [When::Before, When::After] {
            let disk = SimDisk::new();
            let mut world = start(&disk);
            disk.crash_at(call, when);
            world.log(2);
            let (sent, finished) = (world.sent, world.finished);
            assert!(disk.crashed() && sent - finished <= 1);
            drop(world.set.take());
            world.batch.clear();
            world.events.clear();
            disk.restart(Survive::Live);
            world.open();
            world.log(31 - finished); // eight files, whether or not the record in hand got there
            let what = format!("killed {when:?} call {call}");
            let found = world.found();
            // The record in hand may or may not have got there; everything else did, once, whole and in order.
            let wanted = |with: bool| (0..world.sent).filter(move |n| with || !(finished..sent).contains(n));
            let is_so = [true, false].iter().any(|with| wanted(*with).eq(found.numbers().iter().copied()));
            assert!(is_so, "{what}: {:?}, {:?}", found.numbers(), found.sizes);
            assert!(!found.sizes.contains_key(".app.log.new") && world.alerts().is_empty(), "{what}");
            points += 1;
        }
    }
    assert_eq!(points, 2 * (last - first + 1));
}

#[test]
fn museum_r8_a_failed_step_truncates_nothing() {
    let errors = [OsError::EACCES, OsError::ENOSPC, OsError::EIO, OsError::EROFS, OsError::EMFILE];
    let ops = [Op::Create, Op::Rename, Op::Sync, Op::SyncDir, Op::Stat, Op::Open];
    for op in ops {
        for error in errors {
            let (_dir, disk, mut world) = real(|settings| settings.min_backups = Some(settings.backup_count));
            world.log(4 * 3);
            disk.take_journal();
            disk.slip(Slip::fail(op, error));
            for _ in 0..188 {
                world.push();
            }
            // Also a restart over what the failures have left.
            world.close();
            disk.heal();
            world.open();
            world.wait(Duration::from_secs(300));
            world.found().assert_numbers(0, 200);
            assert_eq!(disk.take_words(&[Op::Truncate]), [""; 0], "{op} fails with {error}");
        }
    }
}

#[test]
fn museum_r10_counters_move_after_success_alone() {
    let (_dir, disk, mut world) = real(|_| ());
    world.log(3);
    let before = world.set().counters();
    disk.slip(Slip::fail(Op::Write, OsError::EIO).of_name("app.log"));
    assert!(!world.push());
    world.wait(Duration::from_secs(5));
    let after = world.set().counters();
    assert!(after.failures > before.failures + 3);
    assert_eq!(
        (after.records_written, after.bytes_written, after.write_calls),
        (before.records_written, before.bytes_written, before.write_calls)
    );
    assert_eq!(world.set().live_bytes(), fs::metadata(world.live()).unwrap().len());

    disk.heal();
    disk.slip(Slip::short(7).times(1));
    disk.slip(Slip::fail(Op::Write, OsError::EIO).of_name("app.log"));
    world.wait(Duration::from_secs(1));
    let part = world.set().counters();
    assert_eq!(
        (part.records_written, part.bytes_written),
        (3, before.bytes_written + 7),
        "what was taken, no more"
    );
    assert_eq!(world.set().live_bytes(), fs::metadata(world.live()).unwrap().len());

    disk.heal();
    world.finish();
    disk.slip(Slip::fail(Op::Rename, OsError::EBUSY).of_name("app.log"));
    world.log(3);
    assert_eq!(world.set().counters().rotations, 0, "it was tried and has not happened");
    assert_eq!(world.found().total(), 7 * RECORD_BYTES as u64);
    disk.heal();
    world.wait(Duration::from_secs(30));
    assert_eq!(world.set().counters().rotations, 1);
    let counters = world.set().counters();
    assert_eq!((counters.records_written, counters.bytes_written), (7, 7 * RECORD_BYTES as u64));
    world.found().assert_numbers(0, 7);
}

#[test]
fn museum_r11_no_event_is_split_across_two_files() {
    let (_dir, disk, mut world) = real(|_| ());
    // Every write takes a few bytes, so that any rotation but one between records would split one.
    disk.slip(Slip::short(7));
    for number in 0..60_usize {
        world.push_wide(30 + number * 37 % 90);
        world.finish();
    }
    world.found().assert_numbers(0, 60); // which reads file by file
    assert!(world.set().counters().rotations > 10);

    // Also where the rotation is asked for in the middle of a record that cannot be finished.
    disk.heal();
    disk.slip(Slip::short(11).times(1));
    disk.slip(Slip::fail(Op::Write, OsError::EIO).only(|call| !call.name.contains("alert")));
    assert!(!world.push_wide(40));
    let (rotations, now) = (world.set().counters().rotations, world.clock.now());
    world.set().rotate(now);
    world.wait(Duration::from_secs(60));
    assert_eq!(world.set().counters().rotations, rotations, "not while the file ends in half a record");
    disk.heal();
    world.finish();
    world.tick();
    assert_eq!(world.set().counters().rotations, rotations + 1);
    world.log(1);
    world.found().assert_numbers(0, 62);
}
