//! Proves that mode and group of the live file go on in the next ones, and never become wider (row O7); and that a program
//! which starts as root and goes on as somebody else keeps its log, over a second start too (row O8).

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::{Mode, umask};
use tempfile::TempDir;
use tracing_spool::{Compression, Op, OpenError, Overflow, Spool};
use tracing_spool_fileset::{Event, FileSet, Naming, OpenError as SetError, Owner, Settings};
use tracing_spool_tests::files::{RealDisk, Shelf as _, read_back};
use tracing_spool_tests::host::{self, OPERATORS, SERVICE};
use tracing_spool_tests::neighbour::{self, Neighbour};
use tracing_spool_tests::world::small;
use tracing_spool_tests::{child, skip};

use super::scene::{LONG, folder, impatient, lines, log, real, until};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Mode, user and group.
fn attributes(path: &Path) -> (u32, u32, u32) {
    let data = fs::symlink_metadata(path).unwrap();
    (data.mode() & 0o7777, data.uid(), data.gid())
}

#[test]
fn museum_o7_mode_and_group_of_the_live_file_go_on() {
    let others_group = if host::is_root() { OPERATORS } else { nix::unistd::getegid().as_raw() };
    for mode in [0o664, 0o600, 0o604, 0o2660, 0o644] {
        for naming in [Naming::Numbered, Naming::Timestamped] {
            let (_dir, _disk, mut world) = real(|settings| settings.naming = naming);
            world.log(2);
            let user = attributes(world.live()).1;
            host::give(world.live(), user, others_group);
            chmod(world.live(), mode);
            world.log(20);
            assert_eq!(attributes(world.live()), (mode, user, others_group), "the fifth after it");
            // Changed again, it goes on as changed again; and over a restart.
            chmod(world.live(), 0o640);
            world.log(4);
            assert_eq!(attributes(world.live()), (0o640, user, others_group));
            world.close();
            chmod(world.live(), mode);
            world.open();
            world.log(4);
            assert_eq!(attributes(world.live()), (mode, user, others_group));
            assert_eq!(world.alerts(), []);
        }
    }
}

#[test]
fn museum_o7_a_live_file_that_is_made_anew_is_no_wider() {
    let (_dir, _disk, mut world) = real(|_| ());
    world.log(2);
    chmod(world.live(), 0o600);
    fs::remove_file(world.live()).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(attributes(world.live()).0, 0o600, "deleted by others");
    fs::rename(world.live(), world.beside("moved")).unwrap();
    world.wait(Duration::from_secs(1));
    assert_eq!(attributes(world.live()).0, 0o600, "moved by others");
    let dir = world.live().parent().unwrap().to_owned();
    fs::rename(&dir, dir.with_extension("moved")).unwrap();
    world.wait(Duration::from_secs(60));
    assert_eq!(attributes(world.live()).0, 0o600, "in another directory");
    fs::remove_dir_all(dir.with_extension("moved")).unwrap();
}

#[test]
fn museum_o7_the_umask_takes_nothing_from_what_an_operator_gave() {
    const TEST: &str = "museum::owners::museum_o7_the_umask_takes_nothing_from_what_an_operator_gave";
    let Some(folder) = child::folder() else {
        let (dir, _live) = folder();
        child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
        return;
    };
    umask(Mode::from_bits_truncate(0o077));
    let live = folder.join("app.log");
    let mut set = FileSet::open(small(&live)).unwrap();
    lines(&mut set, 0..2);
    assert_eq!(attributes(&live).0, 0o600);
    chmod(&live, 0o664);
    lines(&mut set, 2..30);
    assert_eq!(attributes(&live).0, 0o664);
}

#[test]
fn museum_o7_compressed_backups_have_the_attributes_of_the_plain_ones() {
    for (mode, compression) in
        [(0o604, Compression::Gzip), (0o660, Compression::Zstd), (0o600, Compression::Gzip)]
    {
        let (dir, live) = folder();
        let (spool, guard) = impatient(&live)
            .compression(compression)
            .backup_count(50)
            .overflow(Overflow::Block)
            .open()
            .unwrap();
        log(&spool, 0, 0..1, 100);
        guard.handle().flush(LONG).unwrap();
        let (_, user, group) = attributes(&live);
        let group = if host::is_root() { OPERATORS } else { group };
        host::give(&live, user, group);
        chmod(&live, mode);
        log(&spool, 0, 1..200, 100);
        until("some are compressed", || {
            log(&spool, 0, 200..201, 100);
            guard.handle().stats().files.packed_files >= 3
        });
        assert!(guard.shutdown(LONG).is_complete());
        let all: Vec<String> =
            RealDisk.names(dir.path()).into_iter().filter(|name| name.starts_with("app.log")).collect();
        assert!(
            all.iter().any(|name| !name.ends_with("log") && !name.ends_with(char::is_numeric)),
            "{all:?}"
        );
        for name in all {
            assert_eq!(attributes(&dir.path().join(&name)), (mode, user, group), "{name}");
        }
    }
}

/// A folder of the service's.
fn services() -> (TempDir, PathBuf) {
    let (dir, live) = folder();
    chmod(dir.path(), 0o755);
    host::give(dir.path(), SERVICE, SERVICE);
    (dir, live)
}

/// As the service: an operator gives the live file to a group that the service is not in.
fn cannot_give_the_group(folder: &Path) {
    host::become_user(SERVICE, SERVICE);
    let live = folder.join("app.log");
    let mut settings = small(&live);
    settings.compression = Compression::Gzip;
    let mut set = FileSet::open(settings).unwrap();
    lines(&mut set, 0..2);
    println!("{}", neighbour::READY);
    until("it is the operators'", || attributes(&live) == (0o660, SERVICE, OPERATORS));
    lines(&mut set, 2..40);
    assert_eq!(attributes(&live), (0o600, SERVICE, SERVICE), "not wider than for its user");
    let mut said = Vec::new();
    let mut number = 40;
    until("the backup of the operators is compressed", || {
        lines(&mut set, number..number + 1);
        number += 1;
        said.extend(set.take_events());
        set.counters().packed_files > 8
    });
    drop(set);
    for name in RealDisk.names(folder).iter().filter(|name| name.starts_with("app.log")) {
        let (mode, user, group) = attributes(&folder.join(name));
        let is_theirs = (mode, group) == (0o660, OPERATORS);
        assert!(user == SERVICE && (is_theirs || mode & 0o077 == 0), "{name}: {mode:o} {group}");
    }
    let lacks = |event: &&Event| matches!(event, Event::DoneWithout(failure) if failure.op == Op::SetOwner);
    assert_eq!(said.iter().filter(lacks).count(), 1, "said once: {said:?}");
    assert!(!said.iter().any(|event| matches!(event, Event::Alert(_))), "{said:?}");
}

#[test]
fn museum_o7_a_group_that_cannot_be_given_makes_the_next_file_narrower() {
    const TEST: &str = "museum::owners::museum_o7_a_group_that_cannot_be_given_makes_the_next_file_narrower";
    if let Some(folder) = child::folder() {
        return cannot_give_the_group(&folder);
    }
    if !host::is_root() {
        return skip(TEST, "only root can be two users");
    }
    let (dir, live) = services();
    let service = Neighbour::run(child::of(TEST, dir.path()).stdin(std::process::Stdio::piped()));
    chmod(&live, 0o660);
    host::give(&live, SERVICE, OPERATORS);
    service.end();
}

/// Every name in a folder, with its user.
fn users(dir: &Path) -> Vec<(String, u32)> {
    RealDisk.names(dir).into_iter().map(|name| (name.clone(), attributes(&dir.join(name)).1)).collect()
}

/// How a daemon that starts as root may be told of its log.
fn daemon(folder: &Path) -> Settings {
    let mut settings = small(folder.join("log/app.log"));
    settings.archive_dir = folder.ends_with("archive").then(|| folder.join("log/old"));
    settings.owner = (!folder.ends_with("plain")).then(|| Owner::ids(SERVICE, SERVICE));
    settings.latest_link = Some(folder.join("log/latest"));
    if settings.owner.is_some() {
        // Otherwise the service may not read what root has written.
        settings.compression = Compression::Gzip;
    }
    settings
}

/// Starts as root, goes on as the service, ends; as root again, and as the service.
fn drops_privileges(folder: &Path) {
    let start = std::env::var("START").unwrap();
    if start == "service" {
        host::become_user(SERVICE, SERVICE);
    }
    let first: u32 = std::env::var("FIRST").unwrap().parse().unwrap();
    let mut set = FileSet::open(daemon(folder)).unwrap();
    lines(&mut set, first..first + 10);
    if start == "root" {
        host::become_user(SERVICE, SERVICE);
    }
    lines(&mut set, first + 10..first + 100);
    set.tick();
    assert!(set.counters().rotations >= 20, "{:?}", set.counters());
    assert_eq!(set.open_alerts(), []);
}

#[test]
fn museum_o8_starts_as_root_and_goes_on_as_a_service() {
    const TEST: &str = "museum::owners::museum_o8_starts_as_root_and_goes_on_as_a_service";
    if let Some(folder) = child::folder() {
        return drops_privileges(&folder);
    }
    if !host::is_root() {
        return skip(TEST, "only root can be two users");
    }
    for way in ["given", "archive", "plain"] {
        let (dir, _live) = folder();
        chmod(dir.path(), 0o755);
        let home = dir.path().join(way);
        fs::create_dir(&home).unwrap();
        if way == "plain" {
            // Nobody said whose it is but the directory.
            fs::create_dir(home.join("log")).unwrap();
            host::give(&home.join("log"), SERVICE, SERVICE);
        }
        // What root made for nobody else, nobody else may open.
        let third = if way == "plain" { "root" } else { "service" };
        for (number, start) in ["root", "root", third, "root"].into_iter().enumerate() {
            let first = (number * 100).to_string();
            let mut command = child::of(TEST, &home);
            let output = command.env("START", start).env("FIRST", first).output().unwrap();
            child::assert_passed(&output);
        }
        let log = home.join("log");
        // Of a link nobody asks whose it is, where its directory is the service's.
        for (name, user) in users(&log).into_iter().filter(|(name, _)| name != "latest") {
            assert!(user == SERVICE || way == "plain", "{way}: {name} belongs to {user}");
        }
        assert_eq!(attributes(&log).1, SERVICE, "{way}");
        if way == "archive" {
            assert_eq!(attributes(&log.join("old")).1, SERVICE);
        }
        let live = read_back(&RealDisk, &log.join("app.log"));
        assert_eq!(live.numbers().last(), Some(&399), "{way}");
    }
}

/// As root first, then as the service, with the writer's threads.
fn spool_drops_privileges(folder: &Path) {
    let builder = impatient(&folder.join("log/app.log")).backup_count(100).overflow(Overflow::Block);
    let (spool, guard) = builder.owner(Owner::ids(SERVICE, SERVICE)).open().unwrap();
    log(&spool, 0, 0..100, 100);
    host::become_user(SERVICE, SERVICE);
    log(&spool, 0, 100..1_000, 100);
    guard.handle().flush(LONG).unwrap();
    until("all is well", || guard.handle().health().is_well());
    assert!(guard.handle().stats().files.rotations > 30);
    // An alert that is raised now has its file.
    fs::remove_file(folder.join("log/.app.log.lock")).unwrap();
    until("the lock is made anew", || folder.join("log/.app.log.lock").exists());
    assert!(guard.shutdown(LONG).is_complete());
}

#[test]
fn museum_o8_a_spool_goes_on_as_a_service() {
    const TEST: &str = "museum::owners::museum_o8_a_spool_goes_on_as_a_service";
    if let Some(folder) = child::folder() {
        return spool_drops_privileges(&folder);
    }
    if !host::is_root() {
        return skip(TEST, "only root can be two users");
    }
    let (dir, _live) = folder();
    chmod(dir.path(), 0o755);
    child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
    for (name, user) in users(&dir.path().join("log")) {
        assert_eq!(user, SERVICE, "{name}");
    }
    assert_eq!(read_back(&RealDisk, &dir.path().join("log/app.log")).numbers().len(), 1_000);
}

#[test]
fn museum_o8_root_writes_what_belongs_to_the_owner_of_the_directory_alone() {
    const TEST: &str =
        "museum::owners::museum_o8_root_writes_what_belongs_to_the_owner_of_the_directory_alone";
    if !host::is_root() {
        return skip(TEST, "only root can give files away");
    }
    let (_dir, live) = services();
    fs::write(&live, "the service's line\n").unwrap();
    host::give(&live, SERVICE, SERVICE);
    drop(FileSet::open(small(&live)).unwrap());
    assert_eq!(attributes(&live).1, SERVICE);
    // A third user's is refused, in words.
    host::give(&live, OPERATORS, OPERATORS);
    let error = FileSet::open(small(&live)).unwrap_err();
    let SetError::Unusable(faults) = &error else { panic!("{error:?}") };
    assert!(faults[0].field == "path" && faults[0].wanted.contains("ForeignOwner"), "{error}");
    let error = Spool::builder(&live).quiet().open().unwrap_err();
    assert!(matches!(error, OpenError::Unusable(_)), "{error:?}");
    // Unless the settings say that it is the one.
    let mut settings = small(&live);
    settings.owner = Some(Owner::ids(OPERATORS, OPERATORS));
    drop(FileSet::open(settings).unwrap());
}
