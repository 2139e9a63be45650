//! Proves that a lock file which is removed while in use is made anew, and that nothing is moved or removed while another
//! process has it (row O11, but for rings); and that what a file system cannot do is said once and done without (row O12).

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::libc;
use tracing_spool::{Allow, Compression, Edge, OpenError, Overflow, Spool, Trouble};
use tracing_spool_fileset::{Event, FileSet, OpenError as SetError, OsError, State};
use tracing_spool_tests::files::{RealDisk, Shelf as _, read_back};
use tracing_spool_tests::world::small;
use tracing_spool_tests::{child, host, skip};

use super::scene::{
    Heard, LONG, folder, impatient, lines, log, neighbour, neighbour_with, picture, real, until,
};

/// Whether another process would be refused.
fn is_locked(live: &Path) -> bool {
    matches!(FileSet::open(small(live)), Err(SetError::Locked { .. }))
}

#[test]
fn museum_o11_the_lock_file_is_removed_while_the_log_is_idle() {
    let (dir, live) = folder();
    let archive = dir.path().join("old");
    let heard = Heard::default();
    let (_spool, guard) = impatient(&live).archive_dir(&archive).on_alert(heard.hook()).open().unwrap();
    for place in [dir.path(), &archive] {
        let lock = place.join(".app.log.lock");
        let said = fs::read_to_string(&lock).unwrap();
        fs::remove_file(&lock).unwrap();
        let took = until("it is made anew", || fs::read_to_string(&lock).is_ok_and(|text| text == said));
        assert!(took < Duration::from_secs(3), "{took:?}: each second, and a busy machine");
        assert!(is_locked(&live));
        // Another file in its place, which nobody has locked.
        fs::write(place.join("other"), "somebody").unwrap();
        fs::rename(place.join("other"), &lock).unwrap();
        let took = until("it is taken anew", || fs::read_to_string(&lock).is_ok_and(|text| text == said));
        assert!(took < Duration::from_secs(3), "{took:?}");
        assert!(is_locked(&live));
    }
    assert!(guard.handle().health().is_well());
    assert_eq!(heard.count(Trouble::Lock, Edge::Raised), 0, "nobody else had it");
}

#[test]
fn museum_o11_the_lock_file_is_removed_again_and_again_while_the_log_is_written() {
    let (dir, live) = folder();
    let lock = dir.path().join(".app.log.lock");
    let (spool, guard) = impatient(&live).backup_count(500).overflow(Overflow::Block).open().unwrap();
    for round in 0..30 {
        fs::remove_file(&lock).unwrap();
        log(&spool, 0, round * 100..round * 100 + 100, 100);
        until("it is made anew", || lock.exists());
    }
    guard.handle().flush(LONG).unwrap();
    assert!(is_locked(&live) && guard.handle().health().is_well());
    assert!(guard.handle().stats().files.rotations > 100);
    assert!(guard.shutdown(LONG).is_complete());
    read_back(&RealDisk, &live).assert_numbers(0, 3_000);
    drop(FileSet::open(small(&live)).unwrap());
}

/// The names that a rotation would change.
fn backups(dir: &Path) -> Vec<(String, String)> {
    picture(dir).into_iter().filter(|(name, _)| name.starts_with("app.log.")).collect()
}

#[test]
fn museum_o11_another_process_takes_the_lock_meanwhile() {
    for has_archive in [false, true] {
        let (dir, _disk, mut world) = real(|settings| {
            settings.backup_count = 3;
            settings.archive_dir = has_archive.then(|| settings.path.with_file_name("old"));
        });
        let home = if has_archive { dir.path().join("old") } else { dir.path().to_owned() };
        world.log(20);
        // Only the archive's lock is lost in one case: the neighbour's own log is elsewhere.
        fs::remove_file(home.join(".app.log.lock")).unwrap();
        let other = if has_archive {
            fs::create_dir(dir.path().join("elsewhere")).unwrap();
            neighbour_with(&dir.path().join("elsewhere"), Some(&home))
        } else {
            neighbour(&home)
        };
        let before = backups(&home);
        let rotations = world.set().counters().rotations;
        world.wait(Duration::from_secs(2));
        assert_eq!(world.alerts()[..1], [(Trouble::Lock, Edge::Raised)]);
        world.log(30);
        world.wait(Duration::from_secs(600));
        world.log(10);
        assert_eq!(backups(&home), before, "nothing is renamed or removed");
        assert_eq!(world.finished, world.sent, "records go on");
        assert_eq!(world.set().counters().rotations, rotations);
        let standing = fs::metadata(world.live()).unwrap().len();
        assert_eq!(world.set().live_bytes(), standing, "what the other wrote counts");
        let open = world.set().open_alerts();
        let alert = open.iter().find(|alert| alert.trouble == Trouble::Lock).unwrap();
        assert!(alert.detail.contains("nothing is renamed or removed"), "{alert}");
        other.end();
        world.wait(Duration::from_secs(600));
        world.log(10);
        assert!(world.set().open_alerts().is_empty(), "{:?}", world.set().open_alerts());
        assert!(world.set().counters().rotations > rotations);
        assert!(backups(&home).len() <= 3);
    }
}

#[test]
fn museum_o11_at_its_limit_a_log_without_its_lock_removes_nothing() {
    let (dir, _disk, mut world) =
        real(|settings| (settings.backup_count, settings.max_total_bytes) = (3, 1_000));
    world.log(16);
    fs::remove_file(dir.path().join(".app.log.lock")).unwrap();
    let other = neighbour(dir.path());
    let before = backups(dir.path());
    world.wait(Duration::from_secs(2));
    let mut pushed = 0;
    while world.push() {
        pushed += 1;
        assert!(pushed < 100, "it has no limit");
    }
    world.wait(Duration::from_secs(60));
    assert!(matches!(world.set().state(), State::Blocked(_)));
    assert_eq!(backups(dir.path()), before);
    let standing: u64 = ["app.log", "app.log.1", "app.log.2", "app.log.3"]
        .iter()
        .filter_map(|name| Some(fs::metadata(dir.path().join(name)).ok()?.len()))
        .sum();
    assert!(standing <= 1_000, "{standing}");
    other.end();
    world.wait(Duration::from_secs(600));
    world.finish();
    assert_eq!(world.finished, world.sent);
    assert!(world.set().open_alerts().is_empty(), "{:?}", world.set().open_alerts());
}

#[test]
fn museum_o11_what_is_being_compressed_waits_for_the_lock() {
    let (dir, live) = folder();
    let mut settings = small(&live);
    settings.compression = Compression::Gzip;
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 0..30);
    fs::remove_file(dir.path().join(".app.log.lock")).unwrap();
    let other = neighbour(dir.path());
    let start = Instant::now();
    until("it is missed", || {
        set.tick();
        set.open_alerts().iter().any(|alert| alert.trouble == Trouble::Lock)
    });
    let before = backups(dir.path());
    let mut number = 30;
    until("it has been written for a second", || {
        lines(&mut set, number..number + 1);
        set.tick();
        number += 1;
        start.elapsed() > Duration::from_secs(1)
    });
    assert_eq!(backups(dir.path()), before);
    other.end();
}

/// What a filter takes away: a name for it, the calls, what they say.
type Lack = (&'static str, &'static [libc::c_long], OsError);

const LACKS: [Lack; 13] = [
    ("fsync-einval", &[libc::SYS_fsync], OsError::EINVAL),
    ("fsync-enosys", &[libc::SYS_fsync], OsError::ENOSYS),
    ("fsync-eopnotsupp", &[libc::SYS_fsync], OsError::EOPNOTSUPP),
    ("fdatasync-einval", &[libc::SYS_fdatasync], OsError::EINVAL),
    ("fdatasync-enosys", &[libc::SYS_fdatasync], OsError::ENOSYS),
    ("renameat2-eperm", &[libc::SYS_renameat2], OsError::EPERM),
    ("renameat2-enosys", &[libc::SYS_renameat2], OsError::ENOSYS),
    ("renameat2-einval", &[libc::SYS_renameat2], OsError::EINVAL),
    ("flock-enosys", &[libc::SYS_flock], OsError::ENOSYS),
    ("flock-enolck", &[libc::SYS_flock], OsError::ENOLCK),
    ("flock-eopnotsupp", &[libc::SYS_flock], OsError::EOPNOTSUPP),
    ("fchmod-eperm", &[libc::SYS_fchmod], OsError::EPERM),
    (
        "all-einval",
        &[libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_renameat2, libc::SYS_flock],
        OsError::EINVAL,
    ),
];

/// In a process of its own, whose filter stays with it.
fn goes_without(folder: &Path) {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let (_, calls, error) = LACKS.into_iter().find(|(lack, ..)| *lack == name).unwrap();
    let live = folder.join("app.log");
    let is_lock = calls.contains(&libc::SYS_flock);
    for call in calls {
        if let Err(reason) = host::deny(*call, error) {
            return println!("unfiltered: {reason}");
        }
    }
    let builder = || impatient(&live).backup_count(50).overflow(Overflow::Block);
    if is_lock {
        let before = picture(folder);
        let refused =
            [builder().open().unwrap_err().to_string(), FileSet::open(small(&live)).unwrap_err().to_string()];
        for words in refused {
            assert!(words.contains("locks") && words.contains("NoLock"), "in words: {words}");
        }
        assert_eq!(picture(folder), before, "no lock file that locks nothing");
    }
    let heard = Heard::default();
    let builder = if is_lock { builder().allow(Allow::NoLock) } else { builder() };
    let (spool, guard) = builder.on_alert(heard.hook()).open().unwrap();
    log(&spool, 0, 0..10, 100);
    if name.starts_with("fchmod") {
        guard.handle().flush(LONG).unwrap();
        // A mode that no new file has by itself, given by another call.
        child::run("chmod", &[&"604", &live]);
        assert_eq!(fs::metadata(&live).unwrap().mode() & 0o777, 0o604);
    }
    log(&spool, 0, 10..800, 100);
    guard.handle().flush(LONG).unwrap();
    let (stats, health) = (guard.handle().stats(), guard.handle().health());
    assert!(stats.files.rotations >= 30 && stats.dropped.total() == 0, "{stats:?}");
    assert!(health.last_alert.is_none(), "{health:?}");
    log(&spool, 0, 800..801, 100);
    assert!(guard.shutdown(LONG).is_complete());
    let found = read_back(&RealDisk, &live);
    found.assert_numbers(0, 801);
    let said: Vec<_> = found.notices.iter().filter(|line| line.contains("not supported here")).collect();
    assert_eq!(said.len(), calls.len(), "once for each: {said:?}");

    // The set alone, over what stands there.
    let mut settings = small(&live);
    (settings.backup_count, settings.allow) = (100, vec![Allow::NoLock]);
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 801..900);
    let events = set.take_events();
    let without = events.iter().filter(|event| matches!(event, Event::DoneWithout(_))).count();
    let is_needed = !name.starts_with("fchmod"); // the mode is that of new files by now
    assert_eq!(without, if is_needed { calls.len() } else { 0 }, "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, Event::Alert(_))), "{events:?}");
    assert!(set.counters().rotations >= 20);
}

#[test]
fn museum_o12_what_the_file_system_cannot_do_is_done_without() {
    const TEST: &str = "museum::missing::museum_o12_what_the_file_system_cannot_do_is_done_without";
    if let Some(folder) = child::folder() {
        return goes_without(&folder);
    }
    let (dir, _live) = folder();
    for (name, ..) in LACKS {
        let home = dir.path().join(name);
        fs::create_dir(&home).unwrap();
        let output = child::of(TEST, &home).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some((_, reason)) = said.split_once("unfiltered: ") {
            return skip(TEST, reason.lines().next().unwrap_or_default());
        }
        println!("{name}");
        child::assert_passed(&output);
    }
}

/// A filter that lets nothing be renamed at all.
fn nothing_can_be_renamed(folder: &Path) {
    let live = folder.join("app.log");
    let (spool, guard) = impatient(&live).overflow(Overflow::Block).open().unwrap();
    for call in [libc::SYS_renameat2, libc::SYS_renameat] {
        // The writer's thread is there already and is not filtered: this one is asked to show what the words are.
        host::deny(call, OsError::EPERM).unwrap();
    }
    let mut set = FileSet::open(small(folder.join("other.log"))).unwrap();
    for number in 0..40 {
        writeln!(set, "{number}").unwrap();
    }
    lines(&mut set, 0..40);
    assert_eq!(set.counters().rotations, 0);
    let alerts = set.open_alerts();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].trouble, Trouble::Rotation);
    log(&spool, 0, 0..200, 100);
    assert!(guard.shutdown(LONG).is_complete());
}

#[test]
fn museum_o12_what_is_needed_is_not_done_without() {
    const TEST: &str = "museum::missing::museum_o12_what_is_needed_is_not_done_without";
    if let Some(folder) = child::folder() {
        return nothing_can_be_renamed(&folder);
    }
    let (dir, _live) = folder();
    let output = child::of(TEST, dir.path()).output().unwrap();
    if String::from_utf8_lossy(&output.stderr).contains("seccomp: ") {
        return skip(TEST, "no filters");
    }
    child::assert_passed(&output);
    let names = RealDisk.names(dir.path());
    assert!(
        names.contains(&"other.log".to_owned()) && !names.contains(&"other.log.1".to_owned()),
        "{names:?}"
    );
}

#[test]
fn museum_o12_without_a_word_no_log_is_opened_without_a_lock() {
    // The word is a setting that counts where it is needed, and only there.
    let (_dir, live) = folder();
    let (_spool, _guard) = Spool::builder(&live).allow(Allow::NoLock).quiet().open().unwrap();
    let error = Spool::builder(&live).allow(Allow::NoLock).quiet().open().unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error:?}");
}
