//! Proves what becomes of a log in a process that forks without executing a program: a child that outlives its parent keeps
//! nobody from the log (row P3), a daemon is told and opens anew (row P4), a fork at any moment and a child with its parent's
//! number neither hang nor write (row P8).

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use tracing_spool::{Condition, FlushError, LateRecords, OpenError, Overflow, Spool};
use tracing_spool_fileset::FileSet;
use tracing_spool_tests::forked::{OF_A_CHILD, end, leave, start, storm};
use tracing_spool_tests::world::small;
use tracing_spool_tests::{child, skip};

use super::scene::{LONG, folder, lines, log, until};

/// The threads' part of a path.
const MODULE: &str = "museum::forks";

/// Dies of a kill, and leaves a child behind that lives until its standard input ends.
fn dies_before_its_child(folder: &Path) {
    let (spool, guard) = Spool::builder(folder.join("app.log")).open().unwrap();
    let mut set = FileSet::open(small(folder.join("b.log"))).unwrap();
    lines(&mut set, 0..10);
    log(&spool, 0, 0..10, 100);
    guard.handle().flush(LONG).unwrap();
    start(|| {
        fs::write(folder.join("child"), getpid().to_string()).unwrap();
        log(&spool, 1, 0..10, 100);
        i32::from(std::io::stdin().read_to_end(&mut Vec::new()).is_err())
    });
    until("the child lives", || fs::read_to_string(folder.join("child")).is_ok_and(|pid| !pid.is_empty()));
    kill(getpid(), Signal::SIGKILL).unwrap();
}

#[test]
fn museum_p3_a_forked_child_outlives_its_parent_and_a_restart_starts() {
    let test = format!("{MODULE}::museum_p3_a_forked_child_outlives_its_parent_and_a_restart_starts");
    if let Some(folder) = child::folder() {
        return dies_before_its_child(&folder);
    }
    let (dir, live) = folder();
    let mut command = child::of(&test, dir.path());
    let mut parent =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let keeps_the_child = parent.stdin.take();
    assert!(!parent.wait().unwrap().success(), "killed");
    let child = fs::read_to_string(dir.path().join("child")).unwrap();
    let child = Pid::from_raw(child.parse().unwrap());
    let is_alive = || kill(child, None).is_ok();

    assert!(is_alive());
    let (spool, guard) = Spool::builder(&live).open().unwrap();
    let mut set = FileSet::open(small(live.with_file_name("b.log"))).unwrap();
    lines(&mut set, 10..20);
    log(&spool, 0, 10..20, 100);
    assert!(guard.shutdown(LONG).is_complete());
    assert!(is_alive(), "it was there all the time");
    drop((set, keeps_the_child));
    let found = fs::read_to_string(&live).unwrap();
    assert_eq!(found.lines().count(), 20, "the parent's and the restart's, none of the child's: {found}");
    until("the child ends", || !is_alive());
}

/// Opens the log and becomes a daemon, as programs do that were written without a log in mind.
fn becomes_a_daemon(folder: &Path) {
    let path = folder.join("app.log");
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    log(&spool, 0, 0..10, 100);
    guard.handle().flush(LONG).unwrap();
    let stage = |name: &str| folder.join(name);
    start(|| {
        log(&spool, 1, 0..10, 100);
        assert_eq!(guard.handle().health().condition, Condition::Forked);
        assert_eq!(guard.handle().flush(LONG), Err(FlushError::Forked));
        // A log of its own at once; the parent's, as long as that lives, is refused in its name.
        let (own, of_own) = Spool::builder(folder.join("own.log")).open().unwrap();
        log(&own, 2, 0..10, 100);
        assert!(of_own.shutdown(LONG).is_complete());
        assert!(matches!(Spool::builder(&path).open(), Err(OpenError::Locked { .. })));
        fs::write(stage("refused"), "").unwrap();
        let (anew, guard) = Spool::builder(&path).lock_wait(LONG).open().unwrap();
        log(&anew, 0, 10..20, 100);
        assert!(guard.handle().health().is_well());
        assert!(guard.shutdown(LONG).is_complete());
        fs::write(stage("done"), "").unwrap();
        0
    });
    until("the child was refused", || stage("refused").exists());
    if folder.ends_with("exits") {
        std::process::exit(0);
    }
    leave(0);
}

#[test]
fn museum_p4_a_daemon_is_told_and_opens_its_log_anew() {
    let test = format!("{MODULE}::museum_p4_a_daemon_is_told_and_opens_its_log_anew");
    if let Some(folder) = child::folder() {
        return becomes_a_daemon(&folder);
    }
    let (dir, _live) = folder();
    for way in ["exits", "leaves"] {
        let home = dir.path().join(way);
        fs::create_dir(&home).unwrap();
        // Not a pipe: the daemon has it too.
        let said = home.join("stderr");
        let mut command = child::of(&test, &home);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&said).unwrap());
        let status = command.status().unwrap();
        let said = || fs::read_to_string(&said).unwrap();
        assert!(status.success(), "{way}: {}", said());
        until("the daemon is done", || home.join("done").exists() || said().contains("panicked"));
        assert_eq!(
            said().matches("is a fork of the one that opened this log").count(),
            1,
            "{way}: {}",
            said()
        );
        let count = |name: &str| fs::read_to_string(home.join(name)).unwrap().lines().count();
        assert_eq!((count("app.log"), count("own.log")), (20, 10), "{way}: {}", said());
    }
}

#[test]
fn museum_p8_a_fork_in_the_middle_of_a_hand_off() {
    const FORKS: u32 = 300;
    let test = format!("{MODULE}::museum_p8_a_fork_in_the_middle_of_a_hand_off");
    if let Some(folder) = child::folder() {
        println!("{}", storm(&folder.join("app.log"), FORKS).unwrap());
        return;
    }
    let (dir, _live) = folder();
    child::assert_passed(&child::of(&test, dir.path()).output().unwrap());
}

/// The first process of a namespace, whose child is the first of another: both have the number 1.
fn has_a_child_of_its_own_number(folder: &Path) {
    assert_eq!(getpid().as_raw(), 1);
    let open = |name: &str| {
        let builder = Spool::builder(folder.join(name)).quiet().queue_records(64);
        builder.overflow(Overflow::Block).late_records(LateRecords::Write).open().unwrap()
    };
    let ((spool, guard), (late, ended)) = (open("app.log"), open("late.log"));
    log(&spool, 0, 0..10, 100);
    log(&late, 0, 0..10, 100);
    guard.handle().flush(LONG).unwrap();
    assert!(ended.shutdown(LONG).is_complete());
    log(&late, 0, 10..11, 100);
    unshare(CloneFlags::CLONE_NEWPID).unwrap();
    let mut guard = Some(guard);
    let child = start(|| {
        assert_eq!(getpid().as_raw(), 1);
        // More than the queue holds: whoever waited for room would wait for ever.
        log(&spool, 1, 0..200, 100);
        log(&late, 1, 0..200, 100);
        assert_eq!(guard.as_ref().unwrap().handle().flush(LONG), Err(FlushError::Forked));
        assert_eq!(guard.as_ref().unwrap().handle().health().condition, Condition::Forked);
        i32::from(!guard.take().unwrap().shutdown(LONG).forked)
    });
    end(child).unwrap();
    log(&spool, 0, 10..20, 100);
    log(&late, 0, 11..20, 100);
    assert!(guard.take().unwrap().shutdown(LONG).is_complete());
}

#[test]
fn museum_p8_a_child_has_its_parents_number() {
    const APART: [&str; 6] = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--"];
    let test = format!("{MODULE}::museum_p8_a_child_has_its_parents_number");
    if let Some(folder) = child::folder() {
        return has_a_child_of_its_own_number(&folder);
    }
    match Command::new(APART[0]).args(&APART[1..]).arg("true").output() {
        Ok(output) if output.status.success() => {}
        Ok(output) => return skip(&test, &String::from_utf8_lossy(&output.stderr)),
        Err(error) => return skip(&test, &format!("unshare: {error}")),
    }
    let (dir, live) = folder();
    child::assert_passed(&child::behind(&APART, &test, dir.path()).output().unwrap());
    for name in ["app.log", "late.log"] {
        let found = fs::read_to_string(live.with_file_name(name)).unwrap();
        assert_eq!(found.lines().count(), 20, "{name}: {found}");
        assert!(!found.contains(OF_A_CHILD), "{name}");
    }
}
