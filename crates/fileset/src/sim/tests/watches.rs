//! Tests what the simulated disk watches after each call: the total size of files, and that what belongs to others
//! stays. It stops nothing.

use std::path::Path;

use super::{LIVE, create, disk, log, open};
use crate::effect::fs::{Follow, Fs};
use crate::model::inventory::FileKind;
use crate::model::time::Wall;
use crate::sim::SimDisk;

#[test]
fn a_cap_is_watched_after_every_call() {
    let disk = disk();
    disk.assert_total("/log", |name| name.to_string_lossy().starts_with("app.log"), 8);
    disk.put("/log/other", "much more than eight bytes");
    disk.put_kind("/log/app.log.9", FileKind::Directory);
    let mut file = create(&disk, "app.log");
    file.write(b"12345678").unwrap();
    assert_eq!(disk.violation(), None);
    file.write(b"9").unwrap();
    file.truncate(0).unwrap();
    let violation = disk.violation().unwrap();
    assert!(
        violation.starts_with("9 bytes, at most 8 bytes in /log, after Entry") && violation.contains("Write")
    );
}

#[test]
fn a_cap_stays_with_its_directory_or_with_its_path() {
    let exceeded = |watch: fn(&SimDisk), name: &str| {
        let disk = disk();
        watch(&disk);
        let away = disk.ext_replace_dir("/log").unwrap();
        let dir = disk.open_dir(if name == "old" { &away } else { Path::new("/log") }).unwrap();
        disk.create(&dir.at("app.log"), 0o640).unwrap().write(b"much").unwrap();
        disk.violation().is_some()
    };
    let by_identity: fn(&SimDisk) = |disk| disk.assert_total("/log", |_| true, 3);
    let by_path: fn(&SimDisk) = |disk| disk.assert_total_at("/log", |_| true, 3);
    assert!(exceeded(by_identity, "old") && !exceeded(by_identity, "new"));
    assert!(!exceeded(by_path, "old") && exceeded(by_path, "new"));
}

#[test]
fn a_cap_of_a_directory_that_is_not_there_yet_waits_for_it() {
    let disk = SimDisk::new();
    disk.assert_total("/log", |_| true, 3);
    disk.make_dir(Path::new("/log"), 0o750).unwrap();
    create(&disk, "app.log").write(b"much").unwrap();
    assert!(disk.violation().is_some());
}

/// A disk on which all belongs to others that isn't called `app.log` or so in `/log`.
fn protected() -> SimDisk {
    let disk = disk();
    disk.put("/log/precious", "theirs");
    disk.put("/other/app.log", "theirs");
    disk.put_symlink("/log/theirs", "precious");
    disk.put("/log/app.log", "ours");
    disk.protect(|dir, name| {
        dir != Path::new("/log") || !name.to_string_lossy().trim_start_matches('.').starts_with("app.log")
    });
    disk
}

#[test]
fn work_on_its_own_files_is_no_breach() {
    let disk = protected();
    let dir = log(&disk);
    let _lock = disk.lock(&dir.at(".app.log.lock"), 0o640, "me").unwrap();
    let mut file = open(&disk, "app.log");
    file.write(b" more").unwrap();
    disk.rename(&dir.at("app.log"), &dir.at("app.log.1")).unwrap();
    let mut new = disk.create(&dir.at("app.log"), 0o640).unwrap();
    new.set_mode(0o600).unwrap();
    file.set_modified(Wall::from_unix_micros(7)).unwrap();
    disk.unlink(&dir.at("app.log.1")).unwrap();
    disk.symlink(Path::new("app.log"), &dir.at("app.log.latest")).unwrap();
    disk.replace(&dir.at("app.log.latest"), &dir.at("app.log.link")).unwrap();
    disk.create(&dir.at("precious"), 0o640).unwrap_err();
    file.write(b"it has no name by now").unwrap();
    assert_eq!(disk.breach(), None);
}

#[test]
fn what_others_do_is_no_breach() {
    let disk = protected();
    disk.ext_append("/log/precious", "more").unwrap();
    disk.ext_rename("/log/precious", "/log/elsewhere").unwrap();
    disk.put("/log/new", "");
    disk.ext_unlink("/log/theirs").unwrap();
    disk.stat_dir(&log(&disk)).unwrap();
    assert_eq!(disk.breach(), None);
}

#[test]
fn every_way_to_do_harm_is_a_breach() {
    type Act = fn(&SimDisk);
    let harms: [(&str, Act); 14] = [
        ("removed /log/precious", |disk| disk.unlink(&log(disk).at("precious")).unwrap()),
        ("removed /log/theirs", |disk| disk.unlink(&log(disk).at("theirs")).unwrap()),
        ("renamed /log/precious", |disk| {
            disk.rename(&log(disk).at("precious"), &log(disk).at("app.log.1")).unwrap();
        }),
        ("renamed another onto /log/precious", |disk| {
            disk.replace(&log(disk).at("app.log"), &log(disk).at("precious")).unwrap();
        }),
        ("renamed /other/app.log", |disk| {
            disk.protect(|_, name| name == "app.log");
            let top = disk.open_dir(Path::new("/")).unwrap();
            disk.rename(&top.at("other"), &top.at("another")).unwrap();
        }),
        ("made /log/new", |disk| drop(create(disk, "new"))),
        ("made /log/new", |disk| disk.make_dir(Path::new("/log/new"), 0o750).unwrap()),
        ("made /log/new", |disk| disk.symlink(Path::new("x"), &log(disk).at("new")).unwrap()),
        ("wrote /log/precious", |disk| {
            disk.put_symlink(LIVE, "precious");
            let mut file = disk.open(&log(disk).at("app.log"), Follow::Yes).unwrap();
            file.write(b"x").unwrap();
        }),
        ("wrote /log/precious", |disk| {
            disk.ext_hard_link("/log/precious", "/log/app.log.2").unwrap();
            open(disk, "app.log.2").truncate(0).unwrap();
        }),
        ("wrote /log/precious", |disk| {
            let mut file = open(disk, "app.log");
            file.write(b"x").unwrap();
            disk.ext_steal_descriptors("/log/precious").unwrap();
            file.write(b"x").unwrap();
        }),
        ("wrote /log/precious", |disk| {
            let mut file = disk.open_to_read(&log(disk).at("precious")).unwrap();
            file.set_modified(Wall::from_unix_micros(7)).unwrap();
        }),
        ("wrote /log/precious", |disk| drop(disk.lock(&log(disk).at("precious"), 0o640, "me").unwrap())),
        ("wrote /log", |disk| disk.set_dir_owner(&log(disk), Some(1000), None).unwrap()),
    ];
    for (harm, act) in harms {
        let disk = protected();
        act(&disk);
        let breach = disk.breach().unwrap_or_default();
        assert!(breach.starts_with(&format!("{harm}, by Entry")), "{harm}: {breach}");
        assert!(disk.open_dir(Path::new("/log")).is_ok());
        assert_eq!(disk.breach(), Some(breach), "the first one is kept");
    }
}

#[test]
fn a_call_that_fails_is_no_breach() {
    let disk = protected();
    disk.ext_immovable("/log/precious", true).unwrap();
    disk.unlink(&log(&disk).at("precious")).unwrap_err();
    disk.set_short_writes(Some(1));
    disk.set_capacity(Some(0));
    disk.put_symlink(LIVE, "/other/app.log");
    disk.open(&log(&disk).at("app.log"), Follow::Yes).unwrap().write(b"x").unwrap_err();
    assert_eq!(disk.breach(), None);
}
