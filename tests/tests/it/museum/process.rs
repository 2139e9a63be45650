//! Proves what a log makes of a process that does as it likes: closes descriptors that are not its own (row P5), changes its
//! root (row P9), and names a time zone that nobody can read (row P10).

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::fcntl::{Flock, FlockArg};
use tracing_spool::{Compression, OpenError, Overflow, Schedule, Spool, SpoolBuilder};
use tracing_spool_fileset::{FileSet, OpenError as SetError, Settings};
use tracing_spool_tests::files::{RealDisk, Shelf as _, read_back};
use tracing_spool_tests::world::small;
use tracing_spool_tests::{child, host, skip};

use super::scene::{LONG, folder, impatient, lines, log, picture, until};

/// What the application writes into its databases.
const PAGE: &[u8] = b"DATABASE PAGE\n";
/// More of them than the log has descriptors.
const DATABASES: usize = 12;

/// Closes every descriptor, and opens the application's own under their numbers: locked, for appending and for reading.
fn descriptors_are_taken(folder: &Path) -> Vec<(PathBuf, Flock<File>)> {
    host::close_from(3).unwrap();
    let open = |number: usize| {
        let path = folder.join(format!("db{number}"));
        let mut file = File::options().create(true).append(true).read(true).open(&path).unwrap();
        file.write_all(PAGE).unwrap();
        (path, Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap())
    };
    (0..DATABASES).map(open).collect()
}

/// The databases are open, locked, and as the application left them.
#[track_caller]
fn assert_untouched(databases: &[(PathBuf, Flock<File>)]) {
    for (path, open) in databases {
        assert_eq!(fs::read(path).unwrap(), PAGE, "{}", path.display());
        let (ours, there) = (open.metadata().unwrap(), fs::metadata(path).unwrap());
        assert_eq!((ours.dev(), ours.ino()), (there.dev(), there.ino()), "still open: {}", path.display());
        let another = Flock::lock(File::open(path).unwrap(), FlockArg::LockExclusiveNonblock);
        assert!(another.is_err(), "unlocked: {}", path.display());
    }
}

/// The log is idle when it happens: it looks by itself, and no byte goes astray.
fn an_idle_spool_loses_its_descriptors(folder: &Path) {
    let live = folder.join("app.log");
    let builder = impatient(&live).backup_count(100).overflow(Overflow::Block).compression(Compression::Gzip);
    let (spool, guard) = builder.archive_dir(folder.join("old")).open().unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..5, 100);
    handle.flush(LONG).unwrap();
    for round in 0..3 {
        let databases = descriptors_are_taken(folder);
        until("it is noticed", || handle.stats().files.reopened == round + 1);
        let number = u32::try_from(round).unwrap() * 400 + 5;
        log(&spool, 0, number..number + 400, 100);
        handle.flush(LONG).unwrap();
        assert_untouched(&databases);
        handle.rotate().unwrap();
        handle.reopen().unwrap();
        handle.flush(LONG).unwrap();
        until("a rotation is done", || handle.stats().files.rotations >= (round + 1) * 18);
        assert_untouched(&databases);
        if round == 2 {
            until("all is well", || handle.health().is_well());
            assert!(guard.shutdown(LONG).is_complete());
            assert_untouched(&databases);
            break;
        }
        for (path, open) in databases {
            drop(open);
            fs::remove_file(path).unwrap();
        }
    }
    // Everything is in the log, none of it elsewhere; some is compressed by now.
    assert!(live.exists() && !RealDisk.names(&folder.join("old")).is_empty());
}

/// The log is busy: what was under way goes astray at most up to the next look.
fn a_busy_spool_loses_its_descriptors(folder: &Path) {
    let live = folder.join("app.log");
    let (spool, guard) = impatient(&live).backup_count(100).overflow(Overflow::Block).open().unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..500, 100);
    let databases = descriptors_are_taken(folder);
    let mut number = 500;
    until("it is noticed", || {
        log(&spool, 0, number..number + 1, 100);
        number += 1;
        handle.stats().files.reopened > 0
    });
    handle.flush(LONG).unwrap();
    let sizes = || databases.iter().map(|(path, _)| fs::metadata(path).unwrap().len()).collect::<Vec<_>>();
    let before = sizes();
    log(&spool, 1, 0..400, 100);
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(sizes(), before, "not a byte after the look");
    for (path, open) in &databases {
        assert!(fs::read(path).unwrap().starts_with(PAGE), "cut: {}", path.display());
        assert_eq!(open.metadata().unwrap().ino(), fs::metadata(path).unwrap().ino());
        assert!(Flock::lock(File::open(path).unwrap(), FlockArg::LockExclusiveNonblock).is_err());
    }
    let found = read_back(&RealDisk, &live);
    assert_eq!(found.threads[&1], (0..400).collect::<Vec<_>>());
}

/// The set alone, which looks when it is called; and one that is dropped without having looked.
fn a_file_set_loses_its_descriptors(folder: &Path) {
    let live = folder.join("app.log");
    let mut set = FileSet::open(small(&live)).unwrap();
    lines(&mut set, 0..10);
    let databases = descriptors_are_taken(folder);
    until("it is noticed", || {
        set.tick();
        set.counters().reopened > 0
    });
    lines(&mut set, 10..60);
    assert_untouched(&databases);
    read_back(&RealDisk, &live).assert_numbers(0, 60);
    assert!(set.counters().rotations > 10 && set.open_alerts().is_empty());
    drop(set);
    assert_untouched(&databases);
    drop(databases);

    let set = FileSet::open(small(folder.join("b.log"))).unwrap();
    for number in 0..DATABASES {
        fs::remove_file(folder.join(format!("db{number}"))).unwrap();
    }
    let databases = descriptors_are_taken(folder);
    drop(set);
    assert_untouched(&databases);
}

/// The log is alone in having had its descriptors: closed, and nobody takes the numbers.
fn descriptors_are_closed_alone(folder: &Path) {
    let live = folder.join("app.log");
    let (spool, guard) = impatient(&live).backup_count(100).overflow(Overflow::Block).open().unwrap();
    log(&spool, 0, 0..50, 100);
    guard.handle().flush(LONG).unwrap();
    host::close_from(3).unwrap();
    log(&spool, 0, 50..500, 100);
    let flushed = guard.handle().flush(LONG);
    assert!(flushed.is_ok(), "{flushed:?} {:?}", guard.handle().health());
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&RealDisk, &live).assert_numbers(0, 500);
}

/// What a child does in its folder.
type Way = fn(&Path);

#[test]
fn museum_p5_descriptors_are_closed_behind_the_logs_back() {
    const TEST: &str = "museum::process::museum_p5_descriptors_are_closed_behind_the_logs_back";
    const WAYS: [(&str, Way); 4] = [
        ("idle", an_idle_spool_loses_its_descriptors),
        ("busy", a_busy_spool_loses_its_descriptors),
        ("alone", a_file_set_loses_its_descriptors),
        ("closed", descriptors_are_closed_alone),
    ];
    if let Some(folder) = child::folder() {
        let (_, way) = WAYS.into_iter().find(|(name, _)| folder.ends_with(name)).unwrap();
        return way(&folder);
    }
    let (dir, _live) = folder();
    for (name, _) in WAYS {
        let home = dir.path().join(name);
        fs::create_dir(&home).unwrap();
        let output = child::of(TEST, &home).output().unwrap();
        if String::from_utf8_lossy(&output.stderr).contains("close_range: ") {
            return skip(TEST, "no close_range");
        }
        println!("{name}");
        child::assert_passed(&output);
    }
}

/// Without the first three descriptors: the numbers of what the log has open.
fn opens_without_streams(folder: &Path) {
    (0..3).for_each(host::close);
    let (spool, guard) = impatient(&folder.join("app.log")).archive_dir(folder.join("old")).open().unwrap();
    let mut set = FileSet::open(small(folder.join("b.log"))).unwrap();
    lines(&mut set, 0..20);
    log(&spool, 0, 0..100, 100);
    let _flushed = guard.handle().flush(LONG);
    println!("something that the application prints");
    eprintln!("something that the application complains of");
    let numbers = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let file = fs::read_link(entry.path()).ok()?;
        file.starts_with(folder)
            .then(|| format!("{} {}\n", entry.file_name().to_string_lossy(), file.display()))
    });
    let report: String = numbers.collect();
    drop((spool, guard, set));
    fs::write(folder.join("report"), report).unwrap();
    std::process::exit(0);
}

#[test]
fn museum_p5_descriptors_of_a_process_without_streams_are_at_least_three() {
    const TEST: &str =
        "museum::process::museum_p5_descriptors_of_a_process_without_streams_are_at_least_three";
    if let Some(folder) = child::folder() {
        return opens_without_streams(&folder);
    }
    let (dir, live) = folder();
    if !Path::new("/proc/self/fd").is_dir() {
        return skip(TEST, "no /proc");
    }
    let home = dir.path().canonicalize().unwrap();
    let mut command = child::of(TEST, &home);
    assert!(command.stdin(Stdio::null()).output().unwrap().status.success());
    let report = fs::read_to_string(home.join("report")).unwrap();
    let numbers: Vec<u32> =
        report.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert!(numbers.len() >= 6, "two locks, two live files, directories: {report}");
    assert!(numbers.iter().all(|number| *number >= 3), "{report}");
    for name in ["app.log", "b.log"] {
        let text = fs::read_to_string(live.with_file_name(name)).unwrap();
        assert!(!text.contains("application"), "{text}");
    }
}

/// Ways to tell where the log is.
fn spools(folder: &Path, way: &str) -> SpoolBuilder {
    if way == "relative" {
        std::env::set_current_dir(folder).unwrap();
    }
    let base = if way == "relative" { PathBuf::new() } else { folder.to_owned() };
    let builder = impatient(&base.join("log/app.log")).backup_count(100).overflow(Overflow::Block);
    match way {
        "archive" => builder.archive_dir(base.join("log/old")).compression(Compression::Gzip),
        "beside" => builder.alert_file(base.join("alerts/ALERT.txt")).latest_link(base.join("links/latest")),
        _ => builder.latest_link(base.join("log/latest")),
    }
}

fn changes_its_root(folder: &Path) {
    let way = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let (spool, guard) = spools(folder, &way).open().unwrap();
    let set = (way == "set").then(|| {
        let mut set = FileSet::open(small(folder.join("log/b.log"))).unwrap();
        lines(&mut set, 0..10);
        set
    });
    log(&spool, 0, 0..100, 100);
    guard.handle().flush(LONG).unwrap();
    nix::unistd::chroot(&folder.join("jail")).unwrap();
    if way != "relative" {
        std::env::set_current_dir("/").unwrap();
    }
    log(&spool, 0, 100..500, 100);
    guard.handle().flush(LONG).unwrap();
    let handle = guard.handle();
    handle.rotate().unwrap();
    handle.reopen().unwrap();
    handle.flush(LONG).unwrap();
    if let Some(mut set) = set {
        lines(&mut set, 10..60);
        assert!(set.counters().rotations >= 10);
        set.reopen();
        lines(&mut set, 60..70);
    }
    // A look that nobody asked for.
    let looked = handle.stats().files.failures;
    log(&spool, 0, 500..600, 100);
    handle.flush(LONG).unwrap();
    assert_eq!((handle.stats().dropped.total(), handle.stats().files.reopened), (0, 0), "{looked}");
    assert!(handle.stats().files.rotations >= 20, "{:?}", handle.stats());
    assert!(guard.shutdown(LONG).is_complete());
}

#[test]
fn museum_p9_the_root_is_changed_after_open() {
    const TEST: &str = "museum::process::museum_p9_the_root_is_changed_after_open";
    if let Some(folder) = child::folder() {
        return changes_its_root(&folder);
    }
    if !host::is_root() {
        return skip(TEST, "only root may change its root");
    }
    let (dir, _live) = folder();
    let root = dir.path().canonicalize().unwrap();
    for way in ["empty", "mirrored", "relative", "archive", "beside", "set"] {
        let home = root.join(way);
        let jail = home.join("jail");
        for made in ["jail", "alerts", "links"] {
            fs::create_dir_all(home.join(made)).unwrap();
        }
        // The same path inside, with a log of somebody else's.
        let twin = jail.join(home.strip_prefix("/").unwrap()).join("log");
        if way == "mirrored" {
            fs::create_dir_all(&twin).unwrap();
            (1..=3).for_each(|number| fs::write(twin.join(format!("app.log.{number}")), "theirs\n").unwrap());
            fs::write(twin.join("app.log"), "theirs\n").unwrap();
        }
        let before = (picture(&jail), picture(&twin));
        println!("{way}");
        child::assert_passed(&child::of(TEST, &home).output().unwrap());
        assert_eq!((picture(&jail), picture(&twin)), before, "{way}: nothing is made inside");
        if way != "archive" {
            read_back(&RealDisk, &home.join("log/app.log")).assert_numbers(0, 600);
        }
        if way == "set" {
            read_back(&RealDisk, &home.join("log/b.log")).assert_numbers(0, 70);
        }
    }
}

/// What comes of opening a log that rotates each local day.
fn opens_with_a_zone(folder: &Path) {
    let mut settings = Settings::new(folder.join("app.log"));
    settings.rotate_every = Some(Schedule::daily().local());
    let alone = FileSet::open(settings).map(drop);
    let spooled =
        Spool::builder(folder.join("b.log")).rotate_every(Schedule::daily().local()).quiet().open().map(drop);
    match (alone, spooled) {
        (Ok(()), Ok(())) => println!("opened"),
        (Err(SetError::Unusable(alone)), Err(OpenError::Unusable(spooled))) => {
            assert_eq!(alone.len(), 1, "{alone:?}");
            assert_eq!(alone, spooled);
            println!("refused {alone:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// What a child with this time zone says.
fn said_in_zone(test: &str, change: impl FnOnce(&mut Command)) -> String {
    let (dir, _live) = folder();
    let mut command = child::of(test, dir.path());
    command.env_remove("TZDIR");
    change(&mut command);
    let output = command.output().unwrap();
    child::assert_passed(&output);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("opened") || line.contains("refused"));
    line.unwrap_or_default().to_owned()
}

#[test]
fn museum_p10_the_local_time_zone_cannot_be_read() {
    const TEST: &str = "museum::process::museum_p10_the_local_time_zone_cannot_be_read";
    if let Some(folder) = child::folder() {
        return opens_with_a_zone(&folder);
    }
    for zone in ["Nowhere/Atall", "/nonexistent", ":/nonexistent", "Europa/Berlin", "CEST+", "Etc/Unknown"] {
        let said = said_in_zone(TEST, |command| _ = command.env("TZ", zone));
        for part in ["refused", "rotate_every", &format!("TZ={zone}")] {
            assert!(said.contains(part), "TZ={zone}: {said}");
        }
    }
    // A zone that there is, on a system without its rules.
    let (empty, _live) = folder();
    let said =
        said_in_zone(TEST, |command| _ = command.env("TZ", "Europe/Berlin").env("TZDIR", empty.path()));
    println!("TZ=Europe/Berlin without a database: {said}");
    let is_known = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo"].iter().any(|dir| Path::new(dir).is_dir());
    assert!(said.contains("opened") == is_known || said.contains("TZ=Europe/Berlin"), "{said}");
    // What can be read, or says nothing, is well.
    for zone in ["", "UTC", ":UTC", "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3"] {
        let said = said_in_zone(TEST, |command| _ = command.env("TZ", zone));
        assert!(said.contains("opened"), "TZ={zone}: {said}");
    }
    let said = said_in_zone(TEST, |command| _ = command.env_remove("TZ"));
    assert!(said.contains("opened"), "{said}");
}

#[test]
fn museum_p10_other_zones_need_no_local_one() {
    const TEST: &str = "museum::process::museum_p10_other_zones_need_no_local_one";
    let Some(folder) = child::folder() else {
        let (dir, _live) = folder();
        let output = child::of(TEST, dir.path()).env("TZ", "Nowhere/Atall").output().unwrap();
        child::assert_passed(&output);
        return;
    };
    let mut settings = Settings::new(folder.join("app.log"));
    drop(FileSet::open(settings.clone()).unwrap());
    settings.rotate_every = Some(Schedule::daily());
    let mut set = FileSet::open(settings.clone()).unwrap();
    lines(&mut set, 0..3);
    // Nor is it taken for another at a change of the settings.
    settings.rotate_every = Some(Schedule::daily().local());
    let faults = set.reconfigure(settings).unwrap_err();
    assert!(faults.iter().any(|fault| fault.field == "rotate_every"), "{faults:?}");
    lines(&mut set, 3..6);
    set.tick();
}
