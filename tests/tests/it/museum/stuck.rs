//! Proves that a backup which can be neither moved nor removed is stepped over (row O4): an immutable one, one of root's in a
//! sticky directory, one that is a mount point. Rotation and retention go on around it, and it is told.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tracing_spool::{Compression, Edge, Overflow, Trouble};
use tracing_spool_fileset::{FileSet, Naming, Settings, State};
use tracing_spool_tests::faulty::Faulty;
use tracing_spool_tests::files::{RealDisk, Shelf as _};
use tracing_spool_tests::host::{self, SERVICE, Undo};
use tracing_spool_tests::neighbour::{self, Neighbour};
use tracing_spool_tests::world::{World, small};
use tracing_spool_tests::{child, skip};

use super::scene::{Heard, LONG, folder, impatient, lines, log, until};

/// A folder on a file system with such attributes, where there is one; else why not.
fn folder_with_attributes() -> Result<(TempDir, PathBuf), String> {
    let mut why = String::new();
    for base in [std::env::temp_dir(), PathBuf::from("/var/tmp")] {
        let Ok(dir) = tempfile::tempdir_in(base) else { continue };
        let live = dir.path().canonicalize().unwrap().join("app.log");
        fs::write(dir.path().join("tried"), "").unwrap();
        match host::immovable(&dir.path().join("tried"), 'i') {
            Ok(undo) => {
                drop(undo);
                fs::remove_file(dir.path().join("tried")).unwrap();
                return Ok((dir, live));
            }
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

/// The ways to keep three backups.
fn settings(live: &Path, naming: Naming, archive: Option<PathBuf>) -> Settings {
    let mut settings = small(live);
    (settings.backup_count, settings.naming, settings.archive_dir) = (3, naming, archive);
    settings
}

/// The names of a set's backups, the newest first.
fn backups(dir: &Path, naming: Naming) -> Vec<PathBuf> {
    let names = RealDisk.names(dir).into_iter().filter(|name| name.starts_with("app.log."));
    let mut names: Vec<PathBuf> = names.map(|name| dir.join(name)).collect();
    if naming == Naming::Timestamped {
        names.reverse();
    }
    names
}

/// Logs on while `stuck` can be neither moved nor removed, and again when it can. `each_round`: rotations for eight records,
/// which are two, unless one has to be tried for a while.
#[track_caller]
fn goes_round(world: &mut World, stuck: &Path, each_round: u64, free: impl FnOnce()) {
    let content = fs::read(stuck).unwrap();
    let rotations = world.set().counters().rotations;
    for _ in 0..10 {
        world.log(8);
        world.wait(Duration::from_secs(60));
    }
    assert!(
        world.set().counters().rotations >= rotations + 10 * each_round - 1,
        "{:?}",
        world.set().counters()
    );
    assert_eq!(fs::read(stuck).unwrap(), content);
    assert_eq!(world.set().state(), State::Writing);
    assert_eq!(world.alerts(), [(Trouble::Prune, Edge::Raised)], "said once");
    let said = world.set().open_alerts()[0].to_string();
    assert!(said.contains(&stuck.display().to_string()), "{said}");
    let left: Vec<u64> = world.set().backups().map(|(_, bytes)| bytes).collect();
    assert!((3..=4).contains(&left.len()), "the others turn over: {left:?}");
    free();
    for _ in 0..10 {
        world.log(8);
        world.wait(Duration::from_secs(60));
    }
    assert_eq!(world.alerts(), [(Trouble::Prune, Edge::Raised), (Trouble::Prune, Edge::Cleared)]);
    assert_eq!(world.set().backups().count(), 3);
    let old = world.shelf().bytes(stuck).is_some_and(|bytes| bytes == content);
    assert!(!old, "it went when it could");
}

#[test]
fn museum_o4_an_immutable_backup_is_stepped_over() {
    const TEST: &str = "museum::stuck::museum_o4_an_immutable_backup_is_stepped_over";
    for naming in [Naming::Numbered, Naming::Timestamped] {
        for (which, attribute) in [(0, 'i'), (1, 'i'), (2, 'i'), (1, 'a')] {
            for has_archive in [false, true] {
                let (dir, live) = match folder_with_attributes() {
                    Ok(made) => made,
                    Err(reason) => return skip(TEST, &reason),
                };
                let archive = dir.path().canonicalize().unwrap().join("old");
                let home = if has_archive { archive.clone() } else { dir.path().to_owned() };
                let settings = settings(&live, naming, has_archive.then_some(archive));
                let mut world = World::real(&Faulty::new(), settings);
                world.open();
                world.log(40);
                let stuck = backups(&home, naming).swap_remove(which).canonicalize().unwrap();
                println!("{naming:?}, backup {which} has {attribute}, archive: {has_archive}");
                let undo = host::immovable(&stuck, attribute).unwrap();
                goes_round(&mut world, &stuck, 2, || drop(undo));
            }
        }
    }
}

/// Makes one of the backups immutable that stand in a folder, and starts anew with fewer allowed.
#[test]
fn museum_o4_a_start_finds_an_immutable_backup() {
    const TEST: &str = "museum::stuck::museum_o4_a_start_finds_an_immutable_backup";
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = match folder_with_attributes() {
            Ok(made) => made,
            Err(reason) => return skip(TEST, &reason),
        };
        let mut world = World::real(&Faulty::new(), settings(&live, naming, None));
        world.open();
        world.log(40);
        world.close();
        let stuck = backups(dir.path(), naming).pop().unwrap();
        let undo: Undo = host::immovable(&stuck, 'i').unwrap();
        let content = fs::read(&stuck).unwrap();
        world.settings.backup_count = 1;
        world.open();
        world.log(40);
        assert!(world.set().counters().rotations >= 9);
        assert_eq!(fs::read(&stuck).unwrap(), content);
        assert!(world.alerts().contains(&(Trouble::Prune, Edge::Raised)), "{:?}", world.alerts());
        assert!(world.set().backups().count() <= 2);
        world.close();
        drop(undo);
        world.open();
        world.log(20);
        assert_eq!(world.set().backups().count(), 1);
    }
}

#[test]
fn museum_o4_the_budget_is_kept_round_an_immutable_backup() {
    const TEST: &str = "museum::stuck::museum_o4_the_budget_is_kept_round_an_immutable_backup";
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, live) = match folder_with_attributes() {
            Ok(made) => made,
            Err(reason) => return skip(TEST, &reason),
        };
        let mut settings = settings(&live, naming, None);
        (settings.backup_count, settings.max_total_bytes) = (10, 1_000);
        let mut world = World::real(&Faulty::new(), settings);
        world.open();
        world.log(60);
        let stuck = backups(dir.path(), naming).pop().unwrap();
        let undo = host::immovable(&stuck, 'i').unwrap();
        let content = fs::read(&stuck).unwrap();
        for _ in 0..20 {
            world.log(4);
            let files = backups(dir.path(), naming).into_iter().chain([live.clone()]);
            let standing: u64 = files.map(|path| fs::metadata(path).unwrap().len()).sum();
            assert!(standing <= 1_000, "{standing}");
            world.wait(Duration::from_secs(30));
        }
        assert_eq!(fs::read(&stuck).unwrap(), content);
        assert_eq!(world.finished, world.sent, "no record waits for it");
        assert_eq!(world.alerts(), [(Trouble::Prune, Edge::Raised)], "said once");
        drop(undo);
        world.log(20);
        world.wait(Duration::from_secs(60));
        world.log(20);
        assert_eq!(world.alerts()[1..], [(Trouble::Prune, Edge::Cleared)]);
    }
}

#[test]
fn museum_o4_a_spool_compresses_and_rotates_round_an_immutable_backup() {
    const TEST: &str = "museum::stuck::museum_o4_a_spool_compresses_and_rotates_round_an_immutable_backup";
    let (dir, live) = match folder_with_attributes() {
        Ok(made) => made,
        Err(reason) => return skip(TEST, &reason),
    };
    let heard = Heard::default();
    let builder = impatient(&live).backup_count(4).compression(Compression::Gzip).overflow(Overflow::Block);
    let (spool, guard) = builder.on_alert(heard.hook()).open().unwrap();
    let handle = guard.handle();
    log(&spool, 0, 0..200, 100);
    handle.flush(LONG).unwrap();
    let packed = || {
        backups(dir.path(), Naming::Numbered).into_iter().find(|path| path.extension() == Some("gz".as_ref()))
    };
    until("one is compressed", || packed().is_some());
    // Between a look at the name and the attribute it may have moved on.
    let mut undo = None;
    until("one is held", || {
        undo = packed().and_then(|path| host::immovable(&path, 'i').ok().map(|undo| (undo, path)));
        undo.is_some()
    });
    let (undo, stuck) = undo.unwrap();
    let (content, rotations) = (fs::read(&stuck).unwrap(), handle.stats().files.rotations);
    log(&spool, 0, 200..1_000, 100);
    handle.flush(LONG).unwrap();
    assert!(handle.stats().files.rotations > rotations + 20);
    assert_eq!(fs::read(&stuck).unwrap(), content);
    until("it is told", || heard.count(Trouble::Prune, Edge::Raised) >= 1);
    assert_eq!(handle.stats().dropped.total(), 0);
    drop(undo);
    let mut number = 1_000;
    until("all is well", || {
        log(&spool, 0, number..number + 100, 100);
        number += 100;
        handle.flush(LONG).unwrap();
        handle.health().is_well()
    });
    assert!(guard.shutdown(LONG).is_complete());
}

/// As another user, in a sticky directory of root's, where one backup is root's too.
fn as_a_service(folder: &Path) {
    let naming = if folder.ends_with("numbered") { Naming::Numbered } else { Naming::Timestamped };
    host::become_user(SERVICE, SERVICE);
    let mut set = FileSet::open(settings(&folder.join("app.log"), naming, None)).unwrap();
    lines(&mut set, 0..40);
    println!("{}", neighbour::READY);
    let stuck = backups(folder, naming).swap_remove(1);
    // Root takes it in the meantime.
    until("it is root's", || fs::metadata(&stuck).unwrap().uid() == 0);
    let (content, rotations) = (fs::metadata(&stuck).unwrap().len(), set.counters().rotations);
    lines(&mut set, 40..140);
    assert!(set.counters().rotations >= rotations + 24, "{:?}", set.counters());
    assert_eq!(fs::metadata(&stuck).unwrap().len(), content);
    let alerts = set.open_alerts();
    assert_eq!(alerts.iter().map(|alert| alert.trouble).collect::<Vec<_>>(), [Trouble::Prune]);
    assert!(alerts[0].failure.as_ref().is_some_and(|failure| failure.to_string().contains("EPERM")));
    assert_eq!(set.state(), State::Writing);
}

#[test]
fn museum_o4_a_backup_of_roots_in_a_sticky_directory() {
    const TEST: &str = "museum::stuck::museum_o4_a_backup_of_roots_in_a_sticky_directory";
    if let Some(folder) = child::folder() {
        return as_a_service(&folder);
    }
    if !host::is_root() {
        return skip(TEST, "only root can be two users");
    }
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let (dir, _live) = folder();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let name = if naming == Naming::Numbered { "numbered" } else { "timestamped" };
        let sticky = dir.path().join(name);
        fs::create_dir(&sticky).unwrap();
        fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).unwrap();
        let service = Neighbour::run(&mut child::of(TEST, &sticky));
        let stuck = backups(&sticky, naming).swap_remove(1);
        host::give(&stuck, 0, 0);
        service.end();
        assert_eq!(fs::metadata(&stuck).unwrap().uid(), 0);
        let newest = fs::read_to_string(sticky.join("app.log")).unwrap();
        assert!(newest.lines().last().is_some_and(|line| line.contains(" n0000139 ")), "{newest}");
    }
}

/// In a namespace of its own: a backup that is a mount point, for a while and from the start.
fn mounted(folder: &Path) {
    for naming in [Naming::Numbered, Naming::Timestamped] {
        let home = folder.join(format!("{naming:?}"));
        let live = home.join("app.log");
        let mut world = World::real(&Faulty::new(), settings(&live, naming, None));
        world.open();
        world.log(40);
        let stuck = backups(&home, naming).swap_remove(1);
        let over = host::bind(&stuck, &stuck).unwrap();
        goes_round(&mut world, &stuck, 1, || drop(over));
    }
}

#[test]
fn museum_o4_a_backup_that_is_a_mount_point() {
    const TEST: &str = "museum::stuck::museum_o4_a_backup_that_is_a_mount_point";
    if let Some(folder) = child::folder() {
        return mounted(&folder);
    }
    let (dir, _live) = folder();
    match child::that_mounts(TEST, dir.path()) {
        Ok(mut command) => _ = child::assert_passed(&command.output().unwrap()),
        Err(reason) => skip(TEST, &reason),
    }
}
