//! Proves that files which others wrote are left to them: numbers, dates and process ids at the end of a name (row O2), and
//! whatever stands there before the first start (row O3). It does not prove what becomes of names that are nobody's
//! number: that is R14, in `rotation`.

use std::fs;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tracing_spool::{Allow, Compression, Notices, OpenError, Overflow, Spool};
use tracing_spool_fileset::{Event, FileSet, Naming, OpenError as SetError, Reason, Settings};
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RealDisk, Shelf as _};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{host, skip};

use super::scene::{LONG, folder, impatient, lines, log, picture, until};

/// Endings that other programs give: dates of logrotate and cronolog, seconds, process ids, a number that no row leads to.
const FOREIGN: [&str; 22] = [
    "20260101",
    "20260102.gz",
    "2026010112",
    "202601",
    "2026-01-01",
    "2026-01-01.gz",
    "2026-01-01T05",
    "20260101-05",
    "20260101T0500",
    "1764337000",
    "1764337000.gz",
    "1764337000123",
    "4711",
    "4711.gz",
    "4711.zst",
    "7",
    "8.gz",
    "9999",
    "10001",
    "65536.zst",
    "4294967297",
    "18446744073709551617",
];

/// Puts them down; returns a picture of them alone.
fn strangers(dir: &Path) -> Vec<(String, String)> {
    for ending in FOREIGN {
        fs::write(dir.join(format!("app.log.{ending}")), "another program's log\n").unwrap();
    }
    of_strangers(dir)
}

fn of_strangers(dir: &Path) -> Vec<(String, String)> {
    let is_foreign = |name: &String| name.strip_prefix("app.log.").is_some_and(|end| FOREIGN.contains(&end));
    picture(dir).into_iter().filter(|(name, _)| is_foreign(name)).collect()
}

/// A set with three backups, in one of all the ways to keep them.
fn ways(live: &Path, archive: &Path) -> Vec<Settings> {
    let mut all = Vec::new();
    for naming in [Naming::Numbered, Naming::Timestamped] {
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            for archive_dir in [None, Some(archive.to_owned())] {
                let mut settings = small(live);
                (settings.backup_count, settings.naming) = (3, naming);
                (settings.compression, settings.archive_dir) = (compression, archive_dir);
                all.push(settings);
            }
        }
    }
    all
}

#[test]
fn museum_o2_numbers_and_dates_of_others_are_not_ours() {
    for way in 0..12 {
        let (dir, live) = folder();
        let archive = dir.path().join("old");
        fs::create_dir(&archive).unwrap();
        let before = (strangers(dir.path()), strangers(&archive));
        assert_eq!(before.0.len(), FOREIGN.len());
        let settings = ways(&live, &archive).swap_remove(way);
        for start in 0..3 {
            let mut set = FileSet::open(settings.clone()).unwrap();
            lines(&mut set, start * 100..start * 100 + 60);
            assert!(set.counters().rotations > 10, "{settings:?}");
            assert!(set.backups().count() <= 3, "{settings:?}");
            assert!(!set.take_events().iter().any(|event| matches!(event, Event::Adopted { .. })));
            drop(set);
            assert_eq!((of_strangers(dir.path()), of_strangers(&archive)), before, "{settings:?}");
        }
        // Nor when the limits are lowered to the least.
        let mut least = settings.clone();
        (least.backup_count, least.max_total_bytes) = (1, 2 * least.max_bytes);
        let mut set = FileSet::open(least).unwrap();
        lines(&mut set, 900..920);
        drop(set);
        assert_eq!((of_strangers(dir.path()), of_strangers(&archive)), before, "{settings:?}");
    }
}

#[test]
fn museum_o2_they_come_while_the_log_is_open() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = folder();
        let mut settings = small(&live);
        (settings.backup_count, settings.naming) = (3, naming);
        (settings.max_age, settings.max_total_bytes) = (Some(Duration::from_secs(1)), 800);
        let mut world = World::real(&Faulty::new(), settings);
        world.open();
        world.log(20);
        let before = strangers(dir.path());
        world.log(40);
        // Age, a look at the directory, a rotation by the way.
        world.wait(Duration::from_secs(7_200));
        world.log(20);
        world.close();
        world.open();
        world.log(20);
        assert_eq!(of_strangers(dir.path()), before);
    }
}

#[test]
fn museum_o2_a_spool_among_the_files_of_others() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = folder();
        let before = strangers(dir.path());
        for _ in 0..2 {
            let builder = impatient(&live).naming(naming).compression(Compression::Gzip).backup_count(3);
            let (spool, guard) = builder.overflow(Overflow::Block).open().unwrap();
            log(&spool, 0, 0..300, 100);
            guard.handle().flush(LONG).unwrap();
            until("something is compressed", || guard.handle().stats().files.packed_files > 0);
            assert!(guard.shutdown(LONG).is_complete());
            assert_eq!(of_strangers(dir.path()), before);
        }
        let ours = RealDisk.names(dir.path()).len() - before.len();
        assert!(ours <= 5, "live, three backups, the lock: {:?}", RealDisk.names(dir.path()));
    }
}

/// What stood there, and nothing changed: names, identities, sizes, modes, links, and when they were last touched.
fn listing(dir: &Path) -> Vec<(String, [u64; 6])> {
    let of = |name: String| {
        let data = fs::symlink_metadata(dir.join(&name)).unwrap();
        let times = [data.mtime(), data.ctime(), data.ctime_nsec()].map(|time| u64::try_from(time).unwrap());
        (name, [data.ino(), data.len(), u64::from(data.mode()), times[0], times[1], times[2]])
    };
    RealDisk.names(dir).into_iter().map(of).collect()
}

/// A log of 97 MB with two backups as logrotate leaves them.
fn logrotated(live: &Path) {
    // Hardly any blocks: what counts is what a file is said to have.
    let log = fs::File::create(live).unwrap();
    log.write_all_at(b"the last line\n", (97 << 20) - 14).unwrap();
    for number in 1..=2 {
        fs::write(live.with_file_name(format!("app.log.{number}.gz")), vec![7; 1 << 20]).unwrap();
    }
}

#[track_caller]
fn assert_refusal(error: &SetError, field: &str, files: &[(&str, u64)]) {
    let SetError::Unusable(faults) = error else { panic!("{error:?}") };
    let fault = faults.iter().find(|fault| fault.field == field).unwrap_or_else(|| panic!("{error}"));
    for (name, bytes) in files {
        assert!(fault.wanted.contains(&format!("{name} ({bytes} bytes)")), "{name}: {error}");
    }
    for way in ["move", &format!("raise {field}"), "allow FoundFiles"] {
        assert!(fault.wanted.contains(way), "{way}: {error}");
    }
}

#[test]
fn museum_o3_the_first_start_finds_more_than_fits() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = folder();
        logrotated(&live);
        let before = listing(dir.path());
        let mut settings = Settings::new(&live);
        settings.naming = naming;
        let error = FileSet::open(settings.clone()).unwrap_err();
        assert_refusal(&error, "max_total_bytes", &[("app.log", 97 << 20)]);
        assert_eq!(listing(dir.path()), before, "nothing was touched, and no lock file stands there");
        let spooled = Spool::builder(&live).naming(naming).quiet().open().unwrap_err();
        let OpenError::Unusable(faults) = &spooled else { panic!("{spooled:?}") };
        assert_eq!(faults[0].field, "max_total_bytes", "{spooled}");
        assert_eq!(listing(dir.path()), before);
        // Again, and it is still a first start.
        FileSet::open(settings.clone()).unwrap_err();
        assert_eq!(listing(dir.path()), before);

        // The first way out: the file is moved; what is left fits, is adopted, and that is said.
        fs::rename(&live, live.with_file_name("app.log.kept")).unwrap();
        let mut set = FileSet::open(settings.clone()).unwrap();
        let adopted = Event::Adopted {
            files: 2,
            bytes: 2 << 20,
            names: vec!["app.log.1.gz".to_owned(), "app.log.2.gz".to_owned()],
        };
        assert!(set.take_events().contains(&adopted), "{naming:?}");
        drop(set);
        let mut again = FileSet::open(settings).unwrap();
        assert!(again.take_events().is_empty(), "they are its own by now");
    }
}

#[test]
fn museum_o3_each_limit_that_would_cost_files_is_named() {
    let (dir, live) = folder();
    fs::write(&live, "a line\n").unwrap();
    for number in 1..=9 {
        fs::write(live.with_file_name(format!("app.log.{number}.gz")), vec![7; 100]).unwrap();
    }
    let before = listing(dir.path());
    let error = FileSet::open(Settings::new(&live)).unwrap_err();
    assert_refusal(&error, "backup_count", &[("app.log.6.gz", 100), ("app.log.9.gz", 100)]);
    assert_eq!(listing(dir.path()), before);
    let mut settings = Settings::new(&live);
    (settings.backup_count, settings.max_age) = (20, Some(Duration::from_secs(86_400)));
    for number in 2..=9 {
        let file = fs::File::options().write(true).open(live.with_file_name(format!("app.log.{number}.gz")));
        file.unwrap().set_modified(SystemTime::now() - Duration::from_secs(2 * 86_400)).unwrap();
    }
    let aged = listing(dir.path());
    let error = FileSet::open(settings.clone()).unwrap_err();
    assert_refusal(&error, "max_age", &[("app.log.9.gz", 100)]);
    assert!(!error.to_string().contains("app.log.1.gz"), "min_backups: {error}");
    assert_eq!(listing(dir.path()), aged);

    // Allowed, and it is brought under its limits, which is said of each file.
    settings = Settings::new(&live);
    settings.allow = vec![Allow::FoundFiles];
    let mut set = FileSet::open(settings).unwrap();
    let events = set.take_events();
    let removed = |event: &&Event| matches!(event, Event::Removed { reason: Reason::Count, .. });
    assert_eq!(events.iter().filter(removed).count(), 4, "{events:?}");
    assert!(events.iter().any(|event| matches!(event, Event::Adopted { files: 10, .. })), "{events:?}");
}

#[test]
fn museum_o3_an_archive_answers_for_itself() {
    let (dir, live) = folder();
    let archive = dir.path().join("old");
    fs::create_dir(&archive).unwrap();
    drop(FileSet::open(Settings::new(&live)).unwrap());
    // The log has been here before; in the archive it has not.
    (1..=9).for_each(|number| fs::write(archive.join(format!("app.log.{number}")), "theirs").unwrap());
    let mut settings = Settings::new(&live);
    settings.archive_dir = Some(archive.clone());
    let before = listing(&archive);
    let error = FileSet::open(settings.clone()).unwrap_err();
    assert_refusal(&error, "backup_count", &[("app.log.6", 6)]);
    assert!(error.to_string().contains(&archive.join("app.log.6").display().to_string()), "{error}");
    assert_eq!(listing(&archive), before);
    settings.backup_count = 9;
    let mut set = FileSet::open(settings).unwrap();
    assert!(set.take_events().iter().any(|event| matches!(event, Event::Adopted { files: 9, .. })));
}

#[test]
fn museum_o3_another_logs_lock_is_no_proof() {
    let (dir, live) = folder();
    logrotated(&live);
    drop(FileSet::open(Settings::new(live.with_file_name("other.log"))).unwrap());
    let before = listing(dir.path());
    let error = FileSet::open(Settings::new(&live)).unwrap_err();
    assert_refusal(&error, "max_total_bytes", &[("app.log", 97 << 20)]);
    assert_eq!(listing(dir.path()), before);
    // The other ways out: a higher limit, or a word.
    let mut settings = Settings::new(&live);
    settings.max_total_bytes = 100 << 20;
    settings.backup_count = 9;
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 0..3);
    assert!(live.with_file_name("app.log.1").exists(), "it was rotated, and nothing removed");
    assert_eq!(set.counters().pruned_files, 0);
}

#[test]
fn museum_o3_the_log_says_what_it_has_taken() {
    for (style, shown) in [(Notices::Text, "INFO tracing_spool: "), (Notices::Json, "\"level\":\"INFO\"")] {
        let (_dir, live) = folder();
        fs::write(&live, "an old line\n").unwrap();
        fs::write(live.with_file_name("app.log.1.gz"), "packed").unwrap();
        let (spool, guard) = Spool::builder(&live).notices(style).quiet().open().unwrap();
        log(&spool, 0, 0..1, 50);
        assert!(guard.shutdown(LONG).is_complete());
        let text = fs::read_to_string(&live).unwrap();
        let said: Vec<&str> = text.lines().filter(|line| line.contains("taken as this log's own")).collect();
        assert_eq!(said.len(), 1, "{text}");
        for part in [shown, "2 files", "18 bytes", "app.log, app.log.1.gz"] {
            assert!(said[0].contains(part), "{part}: {said:?}");
        }
        let (_spool, guard) = Spool::builder(&live).notices(style).quiet().open().unwrap();
        assert!(guard.shutdown(LONG).is_complete());
        assert_eq!(fs::read_to_string(&live).unwrap(), text, "said once");
    }
}

#[test]
fn museum_o3_a_start_that_failed_was_no_start() {
    const TEST: &str = "museum::found::museum_o3_a_start_that_failed_was_no_start";
    // The live file may not be opened; put right, the next start is still the first, and asks before it removes.
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = folder();
        fs::write(&live, "a line\n").unwrap();
        let archive = dir.path().join("old");
        fs::create_dir(&archive).unwrap();
        let mut settings = small(&live);
        (settings.naming, settings.archive_dir) = (naming, Some(archive.clone()));
        let undo = match host::immovable(&live, 'i') {
            Ok(undo) => undo,
            Err(reason) => return skip(TEST, &reason),
        };
        let before = (listing(dir.path()), listing(&archive));
        let error = FileSet::open(settings.clone()).unwrap_err();
        assert!(matches!(error, SetError::Failed(_)), "{error:?}");
        let names =
            |listing: &[(String, [u64; 6])]| listing.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&listing(dir.path())), names(&before.0), "no lock file is left");
        assert_eq!(names(&listing(&archive)), names(&before.1));
        drop(undo);
        (1..=9).for_each(|number| fs::write(archive.join(format!("app.log.{number}")), "theirs").unwrap());
        settings.backup_count = 3;
        let error = FileSet::open(settings).unwrap_err();
        assert_refusal(&error, "backup_count", &[("app.log.9", 6)]);
    }
}
