//! Proves what is kept, what is pruned and what is never touched, whatever stands there at start (rows R9, R12–R17).
//! It does not prove what happens when a step fails: that is `rotation`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tracing_spool_fileset::sim::SimDisk;
use tracing_spool_fileset::{Edge, Op, OsError, State, Trouble};
use tracing_spool_tests::faulty::{Call, Faulty, Slip};
use tracing_spool_tests::files::{RECORD_BYTES, record};
use tracing_spool_tests::world::{World, small};

use super::scene::{folder, folder_in_memory, real};

const RECORD: u64 = RECORD_BYTES as u64;

#[test]
fn museum_r9_backup_counts_of_0_1_and_2() {
    for backup_count in [0, 1, 2] {
        let (_dir, _disk, mut world) = real(|settings| settings.backup_count = backup_count);
        world.log(22); // five full files and a half
        let found = world.found();
        found.assert_numbers(20 - 4 * backup_count, 22);
        assert_eq!(found.sizes.len() as u32, 1 + backup_count, "{:?}", found.sizes);
        let counters = world.set().counters();
        assert_eq!((counters.rotations, counters.pruned_files), (5, u64::from(5 - backup_count)));
        assert_eq!(counters.pruned_bytes, counters.pruned_files * 4 * RECORD);
        // A restart destroys nothing either.
        world.close();
        world.open();
        world.found().assert_numbers(20 - 4 * backup_count, 22);
        assert_eq!(world.alerts(), []);
    }
}

#[test]
fn museum_r12_a_record_of_ten_times_max_bytes() {
    let (_dir, _disk, mut world) = real(|_| ());
    let long = 10 * 4 * RECORD_BYTES;
    world.log(2);
    assert!(world.push_wide(long - 1));
    world.log(2);
    let found = world.found();
    found.assert_numbers(0, 5);
    let sizes: Vec<u64> = ["app.log.2", "app.log.1", "app.log"].map(|name| found.sizes[name]).to_vec();
    assert_eq!(sizes, [2 * RECORD, long as u64, 2 * RECORD], "a file of its own, whole");
    assert_eq!(found.sizes.len(), 3, "and no empty one");
    assert_eq!(world.set().counters().rotations, 2);
}

#[test]
fn museum_r13_no_empty_file_per_retry_on_a_full_disk() {
    let disk = SimDisk::new();
    let mut world = World::simulated(&disk, small("/logs/app.log"));
    world.open();
    world.log(4);
    let (names, bytes) = (world.names(), world.found().total());
    let used: u64 = disk.list("/logs").iter().map(|(_, bytes)| bytes).sum();
    disk.set_capacity(Some(used));
    disk.clear_journal();
    assert!(
        !world.push(),
        "the file is full, so that this one rotates; an empty file has room on a full disk"
    );
    for _ in 0..1_200 {
        let now = world.clock.now();
        world.set().rotate(now);
        world.wait(Duration::from_millis(500));
    }
    let made: Vec<String> = disk
        .journal()
        .iter()
        .filter(|entry| entry.op == Op::Create && entry.result.is_ok())
        .map(|entry| entry.path.display().to_string())
        .filter(|path| !path.ends_with(".alert"))
        .collect();
    assert_eq!(made, ["/logs/.app.log.new"], "one rotation, of the file that was full");
    assert_eq!(world.set().counters().rotations, 1, "and none of the empty one, in ten minutes of retries");
    let mut now_there = world.names();
    now_there.retain(|name| name != "app.log.1");
    assert_eq!((now_there, world.found().total()), (names, bytes));
    disk.set_capacity(None);
    world.finish();
    world.found().assert_numbers(0, 5);
}

/// Names that are nobody's but their owners'.
const FOREIGN: [&str; 23] = [
    "app.db",
    "app.toml",
    "application.log",
    "app-audit.log",
    "app.log.bak",
    "app.log.01",
    // and what else looks a little like ours
    "app.log.0",
    "app.log.1.bz2",
    "app.log.01.gz",
    "app.log.1.gz.tmp",
    "app.log.1~",
    "app.log.-1",
    "app.log.+1",
    "app.log.1 ",
    "app.log.4294967296",
    "app.log.",
    "app.log2",
    "App.log.1",
    "xapp.log.1",
    "app.1.log",
    ".app.log",
    ".app.log.new.bak",
    "other.log.1",
];

/// What can be seen of a file from outside: its identity, its bytes, when it was changed.
fn seen(dir: &Path) -> BTreeMap<&'static str, (u64, Vec<u8>, i64, i64)> {
    let look = |name: &'static str| {
        let (path, data) = (dir.join(name), fs::metadata(dir.join(name)).unwrap());
        (name, (data.ino(), fs::read(path).unwrap(), data.ctime(), data.ctime_nsec()))
    };
    FOREIGN.into_iter().map(look).collect()
}

#[test]
fn museum_r14_foreign_names_are_untouched() {
    let (dir, live) = folder();
    for name in FOREIGN {
        fs::write(dir.path().join(name), format!("this is {name}, torn at the end")).unwrap();
    }
    let before = seen(dir.path());
    let mut settings = small(live);
    settings.backup_count = 3;
    settings.max_total_bytes = 12 * RECORD;
    settings.max_record_bytes = Some(8 * RECORD);
    let mut world = World::real(&Faulty::new(), settings);
    for _ in 0..3 {
        world.open();
        world.log(30);
        world.push_wide(8 * RECORD_BYTES - 1); // which prunes
        world.finish();
        world.close();
    }
    assert!(world.names().iter().filter(|name| !FOREIGN.contains(&name.as_str())).count() <= 5);
    world.settings.backup_count = 0; // which prunes the rest at start
    world.open();
    world.log(10);
    assert!(world.set().counters().pruned_files > 0);
    assert_eq!(seen(dir.path()), before);
}

#[test]
fn museum_r15_a_directory_of_many_foreign_files() {
    const MANY: u32 = 200_000;
    let mut calls = Vec::new();
    let mut times = Vec::new();
    for foreign in [0, MANY] {
        let (dir, live) = folder_in_memory();
        for number in 0..foreign {
            // The names nearest to ours, where a prefix search would look.
            fs::File::create(dir.path().join(format!("app.log-{number}"))).unwrap();
        }
        let disk = Faulty::new();
        let mut world = World::real(&disk, small(live));
        let start = Instant::now();
        world.open();
        let opened = start.elapsed();
        world.log(4 * 10);
        times.push((opened, start.elapsed() - opened));
        let journal = disk.take_journal();
        let of_names = journal.iter().filter(|call| call.name.contains(".log")).map(Call::words);
        calls.push((of_names.collect::<Vec<_>>(), journal.len()));
        world.found().assert_numbers(0, 40);
    }
    assert_eq!(
        calls[0], calls[1],
        "start and rotations ask for the same names, however many others there are"
    );
    let (start, rotations) = times[1];
    assert!(
        start < Duration::from_millis(500),
        "{start:?}; measured in milliseconds, bound for busy machines"
    );
    assert!(rotations < 20 * times[0].1 + Duration::from_millis(500), "{times:?}");
}

/// Writes backups whose numbers tell their age: the oldest record in the highest.
fn put_backups(live: &Path, numbers: &[u32]) {
    for (age, number) in numbers.iter().rev().enumerate() {
        let age = u32::try_from(age).unwrap();
        fs::write(live.with_file_name(format!("app.log.{number}")), record(0, age, 49) + "\n").unwrap();
    }
}

/// Files that end in a number, of somebody else.
fn put_others(live: &Path, numbers: &[u32]) {
    for number in numbers {
        fs::write(live.with_file_name(format!("app.log.{number}")), format!("of {number}\n")).unwrap();
    }
}

/// Takes them away: each is as it was.
fn take_others(live: &Path, numbers: &[u32]) {
    for number in numbers {
        let path = live.with_file_name(format!("app.log.{number}"));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("of {number}\n"));
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn museum_r16_gaps_and_surplus_backups_at_start() {
    // Numbers that stand there, the limit, the numbers after start, and those that somebody else counts: beyond the
    // limit a number is ours as long as there is one behind the other.
    type Scene<'a> = (&'a [u32], u32, &'a [u32], &'a [u32]);
    let scenes: [Scene<'_>; 9] = [
        (&[1, 3], 5, &[1, 3], &[]),
        (&[1, 3], 3, &[1, 3], &[]),
        (&[1, 2, 3, 4, 5, 6, 7, 8], 3, &[1, 2, 3], &[]),
        (&[1, 2, 3, 4, 5, 7, 8], 3, &[1, 2, 3], &[7, 8]),
        (&[2, 4, 6], 3, &[2], &[6]),
        (&[1, 64, 128], 1, &[1], &[64, 128]),
        (&[5], 0, &[], &[5]),
        (&[1, 2], 0, &[], &[]),
        (&[1, 2, 3], 3, &[1, 2, 3], &[]),
    ];
    for (numbers, backup_count, kept, others) in scenes {
        let (_dir, live) = folder();
        let ours: Vec<u32> = numbers.iter().copied().filter(|number| !others.contains(number)).collect();
        put_backups(&live, &ours);
        put_others(&live, others);
        // Of an earlier life: what is found at a first start is not removed.
        fs::write(live.with_file_name(".app.log.lock"), "").unwrap();
        let mut settings = small(&live);
        settings.backup_count = backup_count;
        let mut world = World::real(&Faulty::new(), settings);
        world.open();
        let standing: Vec<u32> = world.set().backups().filter_map(|(slot, _)| slot.number()).collect();
        assert_eq!(standing, kept, "{numbers:?}, {backup_count}");
        assert_eq!(world.set().counters().pruned_files as usize, ours.len() - kept.len());
        let pruned = u32::try_from(ours.len() - kept.len()).unwrap();
        world.sent = u32::try_from(ours.len()).unwrap();
        take_others(&live, others);
        world.found().assert_numbers(pruned, world.sent);
        put_others(&live, others);
        world.log(5); // one rotation: the lowest gap is absorbed, nothing goes that need not
        let oldest = u32::try_from(kept.len()).unwrap() == backup_count;
        let next = if backup_count == 0 { world.sent - 1 } else { pruned + u32::from(oldest) };
        take_others(&live, others);
        world.found().assert_numbers(next, world.sent);
        assert_eq!(world.alerts(), []);
    }
}

#[test]
fn museum_r17_the_clock_on_the_wall_steps() {
    const HOUR: i64 = 3_600_000_000;
    let (_dir, disk, mut world) = real(|_| ());
    // DST back and forth, NTP, a dead battery (1970), the far future, and the ends of what can be said.
    let steps = [
        -HOUR,
        HOUR,
        -1,
        400 * 24 * HOUR,
        -57 * 365 * 24 * HOUR,
        8_000 * 365 * 24 * HOUR,
        i64::MAX,
        i64::MIN,
    ];
    for step in steps {
        world.clock.step_wall(step);
        world.log(6);
        // The schedule goes by the other clock: a step in the middle of a wait changes nothing.
        disk.slip(Slip::fail(Op::Rename, OsError::EBUSY).of_name("app.log").times(2));
        let (now, rotations) = (world.clock.now(), world.set().counters().rotations);
        world.set().rotate(now);
        assert_eq!(world.set().state(), State::Overdue);
        world.clock.step_wall(step.saturating_neg());
        world.wait(Duration::from_millis(299));
        assert_eq!(world.set().counters().rotations, rotations, "0.1 s, then 0.2 s");
        world.wait(Duration::from_millis(1));
        assert_eq!(world.set().counters().rotations, rotations + 1);
        world.clock.step_wall(step);
        // An alert raised and cleared on different days.
        disk.slip(Slip::fail(Op::Rename, OsError::EACCES).of_name("app.log").times(1));
        world.log(5);
        world.clock.step_wall(step.saturating_neg());
        world.wait(Duration::from_secs(30));
        world.log(1);
    }
    world.found().assert_numbers(0, world.sent);
    let one = [(Trouble::Rotation, Edge::Raised), (Trouble::Rotation, Edge::Cleared)];
    assert_eq!(world.alerts(), one.repeat(steps.len()));
}
