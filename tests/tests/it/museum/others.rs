//! Proves that a log whose directory, or whose archive, is taken from its path touches nothing in the directory that stands
//! there by then as long as another process has it; and that its own account stays true meanwhile (row O1).

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tracing_spool::{Compression, Edge, Overflow, Spool, Trouble};
use tracing_spool_fileset::{Event, FileSet, Naming, Settings};
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RealDisk, read_back};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{child, host, skip};

use super::scene::{Heard, LONG, impatient, lines, log, neighbour, neighbour_with, picture, until};

/// Long enough for a look, and for many attempts at what failed.
const LATER: Duration = Duration::from_secs(600);

/// Directories `1` and `2`, and a link `current` to the first.
fn releases() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap();
    for name in ["1", "2"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    flip(&root, "1");
    (dir, root)
}

/// Lets `current` lead to another release, in one step.
fn flip(root: &Path, to: &str) {
    symlink(to, root.join("new")).unwrap();
    fs::rename(root.join("new"), root.join("current")).unwrap();
}

/// Backups as another program leaves them.
fn backups(dir: &Path) {
    for number in 1..=3 {
        fs::write(dir.join(format!("app.log.{number}")), format!("their history {number}\n")).unwrap();
    }
}

/// A set with three backups, on a real disk and a virtual clock.
fn world(live: &Path, change: impl FnOnce(&mut Settings)) -> World {
    let mut settings = small(live);
    settings.backup_count = 3;
    change(&mut settings);
    let mut world = World::real(&Faulty::new(), settings);
    world.open();
    world
}

/// Backups and live file of a set that is elsewhere than its path says are as it believes.
#[track_caller]
fn assert_true_account(world: &mut World, home: &Path) {
    let found = read_back(&RealDisk, &home.join("app.log"));
    assert_eq!(world.set().total_bytes(), found.total(), "{:?}", found.sizes);
    assert_eq!(found.numbers().last(), Some(&(world.sent - 1)));
}

/// Logs while others have the directory `theirs`; nothing there changes, and the log goes on in `home`.
#[track_caller]
fn goes_on_at_home(world: &mut World, home: &Path, theirs: &Path) {
    let before = picture(theirs);
    let rotations = world.set().counters().rotations;
    world.log(1);
    world.wait(Duration::from_millis(50));
    world.log(60);
    world.wait(LATER);
    world.log(20);
    assert_eq!(picture(theirs), before);
    assert!(world.set().counters().rotations > rotations + 10);
    assert_true_account(world, home);
    assert_eq!(world.alerts(), [(Trouble::Directory, Edge::Raised)]);
    assert!(home.join("ALERT_LOG_ROTATION_FAILED.txt").exists());
}

/// When the others have ended, the log enters their directory, and leaves its own as it is.
#[track_caller]
fn enters_at_last(world: &mut World, home: &Path) {
    world.wait(LATER);
    assert_eq!(world.alerts(), [(Trouble::Directory, Edge::Raised), (Trouble::Directory, Edge::Cleared)]);
    assert!(world.events.iter().any(|event| matches!(event, Event::Entered { .. })));
    let left = picture(home);
    world.log(30);
    assert_eq!(picture(home), left);
    let dir = world.live().parent().unwrap().to_owned();
    assert_true_account(world, &dir);
    assert!(!dir.join("ALERT_LOG_ROTATION_FAILED.txt").exists());
}

#[test]
fn museum_o1_a_current_link_flips_to_a_directory_that_others_own() {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (_dir, root) = releases();
        backups(&root.join("2"));
        let mut world = world(&root.join("current/app.log"), |settings| settings.naming = naming);
        world.log(20);
        let other = neighbour(&root.join("2"));
        flip(&root, "2");
        goes_on_at_home(&mut world, &root.join("1"), &root.join("2"));
        other.end();
        enters_at_last(&mut world, &root.join("1"));
    }
}

#[test]
fn museum_o1_the_link_flips_back_and_forth() {
    let (_dir, root) = releases();
    backups(&root.join("2"));
    let mut world = world(&root.join("current/app.log"), |_| ());
    let other = neighbour(&root.join("2"));
    world.log(20);
    flip(&root, "2");
    goes_on_at_home(&mut world, &root.join("1"), &root.join("2"));
    flip(&root, "1");
    let theirs = picture(&root.join("2"));
    world.wait(LATER);
    world.log(20);
    assert_eq!(world.alerts(), [(Trouble::Directory, Edge::Raised), (Trouble::Directory, Edge::Cleared)]);
    assert!(!world.events.iter().any(|event| matches!(event, Event::Entered { .. })));
    assert_eq!(world.set().counters().reopened, 0, "it has not left");
    assert_true_account(&mut world, &root.join("1"));
    // A second episode, during which the others are killed: their lock ends with them.
    flip(&root, "2");
    world.log(20);
    world.wait(LATER);
    assert_eq!(picture(&root.join("2")), theirs);
    other.kill();
    world.wait(LATER);
    world.log(30);
    assert_eq!(world.alerts().len(), 4);
    assert_true_account(&mut world, &root.join("2"));
}

#[test]
fn museum_o1_the_directory_is_moved_away_and_made_anew_by_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("log");
    fs::create_dir(&home).unwrap();
    let mut world = world(&home.join("app.log"), |_| ());
    world.log(20);
    let moved = dir.path().join("log.old");
    fs::rename(&home, &moved).unwrap();
    fs::create_dir(&home).unwrap();
    backups(&home);
    let other = neighbour(&home);
    goes_on_at_home(&mut world, &moved, &home);
    other.end();
    enters_at_last(&mut world, &moved);
}

#[test]
fn museum_o1_files_that_others_left_in_the_new_directory_are_not_removed_for_a_limit() {
    let (_dir, root) = releases();
    // Nobody has a lock there, but what stands there would not fit.
    fs::write(root.join("2/app.log"), vec![b'x'; 1 << 20]).unwrap();
    (1..=9).for_each(|number| fs::write(root.join(format!("2/app.log.{number}.gz")), "theirs").unwrap());
    let mut world = world(&root.join("current/app.log"), |_| ());
    world.log(20);
    flip(&root, "2");
    goes_on_at_home(&mut world, &root.join("1"), &root.join("2"));
    // Somebody takes them away.
    for (name, _) in picture(&root.join("2")) {
        fs::remove_file(root.join("2").join(name)).unwrap();
    }
    enters_at_last(&mut world, &root.join("1"));
}

#[test]
fn museum_o1_the_archive_is_replaced() {
    for (naming, moves) in [(Naming::Numbered, false), (Naming::Timestamped, false), (Naming::Numbered, true)]
    {
        let (_dir, root) = releases();
        let live = root.join("app.log");
        let archive = if moves { root.join("1") } else { root.join("current") };
        let mut world = world(&live, |settings| {
            settings.naming = naming;
            settings.archive_dir = Some(archive);
        });
        world.log(20);
        // Others keep theirs in the directory that takes the place of the archive.
        fs::create_dir(root.join("elsewhere")).unwrap();
        backups(&root.join("2"));
        let other = neighbour_with(&root.join("elsewhere"), Some(&root.join("2")));
        let home = if moves {
            fs::rename(root.join("1"), root.join("0")).unwrap();
            fs::rename(root.join("2"), root.join("1")).unwrap();
            root.join("0")
        } else {
            flip(&root, "2");
            root.join("1")
        };
        let theirs = if moves { root.join("1") } else { root.join("2") };
        let before = picture(&theirs);
        world.log(60);
        world.wait(LATER);
        world.log(20);
        assert_eq!(picture(&theirs), before);
        assert_eq!(world.alerts(), [(Trouble::Directory, Edge::Raised)]);
        let bytes = |dir: &Path| read_back(&RealDisk, &dir.join("app.log")).total();
        let standing = bytes(&home) + fs::metadata(&live).unwrap().len();
        assert_eq!(world.set().total_bytes(), standing);
        other.end();
        world.wait(LATER);
        assert_eq!(world.alerts().last(), Some(&(Trouble::Directory, Edge::Cleared)));
        let left = picture(&home);
        world.log(20);
        assert_eq!(picture(&home), left);
        let standing = fs::metadata(&live).unwrap().len();
        let now: u64 = world.set().backups().map(|(_, bytes)| bytes).sum();
        assert_eq!(world.set().total_bytes(), now + standing);
    }
}

#[test]
fn museum_o1_compression_is_on_its_way_when_the_link_flips() {
    let (_dir, root) = releases();
    backups(&root.join("2"));
    fs::write(root.join("2/app.log.4.gz"), "theirs").unwrap();
    let mut settings = small(root.join("current/app.log"));
    (settings.backup_count, settings.compression) = (3, Compression::Gzip);
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 0..40);
    let other = neighbour(&root.join("2"));
    let before = picture(&root.join("2"));
    flip(&root, "2");
    let mut number = 40;
    until("it is told, and a backup is compressed at home", || {
        lines(&mut set, number..number + 1);
        number += 1;
        let is_told = set.open_alerts().iter().any(|alert| alert.trouble == Trouble::Directory);
        is_told && set.counters().packed_files > 3
    });
    assert_eq!(picture(&root.join("2")), before);
    drop(set);
    assert_eq!(picture(&root.join("2")), before, "nor at its end");
    other.end();
}

#[test]
fn museum_o1_a_spool_loses_no_line_on_its_way_to_another_directory() {
    let (_dir, root) = releases();
    let heard = Heard::default();
    let builder = impatient(&root.join("current/app.log")).backup_count(100).overflow(Overflow::Block);
    let (spool, guard) = builder.on_alert(heard.hook()).open().unwrap();
    let handle = guard.handle();
    let other = neighbour(&root.join("2"));
    log(&spool, 0, 0..200, 100);
    flip(&root, "2");
    // Without a record: the writer looks by itself.
    until("it is told", || heard.count(Trouble::Directory, Edge::Raised) == 1);
    let before = picture(&root.join("2"));
    log(&spool, 0, 200..400, 100);
    handle.flush(LONG).unwrap();
    assert_eq!(picture(&root.join("2")), before);
    other.end();
    until("it enters", || heard.count(Trouble::Directory, Edge::Cleared) == 1);
    log(&spool, 0, 400..500, 100);
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read_back(&RealDisk, &root.join("1/app.log")).numbers(), (0..400).collect::<Vec<_>>());
    let text = fs::read_to_string(root.join("2/app.log.1")).unwrap_or_default();
    assert!(!text.contains("their"), "a rotation moved a foreign line: {text}");
    let all: String = picture(&root.join("2"))
        .into_keys()
        .map(|name| fs::read_to_string(root.join("2").join(name)).unwrap())
        .collect();
    assert!(all.contains("the path leads to another directory, and the log goes on there"), "{all}");
    for number in 400..500 {
        assert_eq!(all.matches(&format!(" n{number:07} ")).count(), 1, "{number}");
    }
}

/// In a namespace of its own, where directories may be mounted over.
fn mounted_over(root: &Path) {
    let (home, theirs) = (root.join("log"), root.join("theirs"));
    for dir in [&home, &theirs] {
        fs::create_dir(dir).unwrap();
    }
    backups(&theirs);
    let mut world = world(&home.join("app.log"), |_| ());
    world.log(20);
    let other = neighbour(&theirs);
    let before = picture(&theirs);
    let over = host::bind(&theirs, &home).unwrap();
    world.log(1);
    world.wait(LATER);
    world.log(60);
    assert_eq!(picture(&theirs), before);
    assert_eq!(picture(&home), before, "it is theirs that is seen there");
    assert_eq!(world.alerts(), [(Trouble::Directory, Edge::Raised)]);
    drop(over);
    world.wait(LATER);
    world.log(20);
    assert_eq!(world.alerts().last(), Some(&(Trouble::Directory, Edge::Cleared)));
    assert_true_account(&mut world, &home);
    assert_eq!(picture(&theirs), before);
    other.end();
}

#[test]
fn museum_o1_a_directory_is_mounted_over() {
    const TEST: &str = "museum::others::museum_o1_a_directory_is_mounted_over";
    if let Some(root) = child::folder() {
        return mounted_over(&root);
    }
    let dir = tempfile::tempdir().unwrap();
    match child::that_mounts(TEST, dir.path()) {
        Ok(mut command) => _ = child::assert_passed(&command.output().unwrap()),
        Err(reason) => skip(TEST, &reason),
    }
}

#[test]
fn museum_o1_two_spools_of_one_process_meet() {
    // The next release is opened by the same process, before the old one is let go.
    let (_dir, root) = releases();
    let heard = Heard::default();
    let path = root.join("current/app.log");
    let (old, old_guard) = impatient(&path).backup_count(3).on_alert(heard.hook()).open().unwrap();
    log(&old, 0, 0..50, 100);
    flip(&root, "2");
    let opened = Spool::builder(&path).quiet().open();
    let (new, new_guard) = match opened {
        Ok(opened) => opened,
        // The old one was faster, and is there by now.
        Err(error) => {
            assert!(error.to_string().contains("is being written by"), "{error}");
            return;
        }
    };
    log(&new, 1, 0..50, 100);
    new_guard.handle().flush(LONG).unwrap();
    let before = picture(&root.join("2"));
    until("it is told", || heard.count(Trouble::Directory, Edge::Raised) == 1);
    log(&old, 0, 50..200, 100);
    assert!(old_guard.shutdown(LONG).is_complete());
    assert_eq!(picture(&root.join("2")), before);
    assert!(new_guard.shutdown(LONG).is_complete());
    let found = read_back(&RealDisk, &root.join("2/app.log"));
    assert_eq!(found.threads[&1], (0..50).collect::<Vec<_>>());
}
