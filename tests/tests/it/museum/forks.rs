//! Proves what becomes of a log in a process that forks without executing a program: a child that outlives its parent keeps
//! nobody from the log (row P3), a daemon is told and opens anew (row P4), a fork at any moment and a child with its parent's
//! number neither hang nor write (row P8).

use std::fs;
use std::io::{self, Read as _, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid};
use tracing_spool::{
    Compression, Condition, Durable, FlushError, LateRecords, OpenError, Overflow, SignalAction, Spool,
};
use tracing_spool_appender::non_blocking;
use tracing_spool_fileset::FileSet;
use tracing_spool_tests::forked::{OF_A_CHILD, end, in_two, leave, start, storm};
use tracing_spool_tests::world::small;
use tracing_spool_tests::{child, skip};

use super::scene::{LONG, folder, lines, log, until};

/// The threads' part of a path.
const MODULE: &str = "museum::forks";

fn ring_in(folder: &Path) -> Durable {
    Durable::at(folder.join("ring")).on_any_file_system()
}

/// Dies of a kill, and leaves a child behind that lives until its standard input ends.
fn dies_before_its_child(folder: &Path) {
    let (spool, guard) = Spool::builder(folder.join("app.log")).durable(ring_in(folder)).open().unwrap();
    let mut set = FileSet::open(small(folder.join("b.log"))).unwrap();
    lines(&mut set, 0..10);
    log(&spool, 0, 0..10, 100);
    guard.handle().flush(LONG).unwrap();
    start(|| {
        fs::write(folder.join("child"), getpid().to_string()).unwrap();
        log(&spool, 1, 0..10, 100);
        i32::from(io::stdin().read_to_end(&mut Vec::new()).is_err())
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
    let (spool, guard) = Spool::builder(&live).durable(ring_in(dir.path())).open().unwrap();
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

/// Forks once, on whatever thread of ours it is called; the child goes on there.
#[derive(Clone, Default)]
struct Fork(Arc<AtomicI32>);

impl Fork {
    fn once(&self) {
        if self.0.load(Ordering::Relaxed) == 0 {
            let child = in_two().map_or(-1, Pid::as_raw);
            self.0.store(child, Ordering::Relaxed);
        }
    }

    /// The child ends by itself.
    fn ends(&self, place: &str) {
        until("it forks", || self.0.load(Ordering::Relaxed) != 0);
        end(Pid::from_raw(self.0.load(Ordering::Relaxed))).unwrap_or_else(|error| panic!("{place}: {error}"));
    }
}

/// A writer that forks as it writes.
struct Forking(fs::File, Fork);

impl Write for Forking {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.1.once();
        self.0.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn forks_in_a_writer(folder: &Path) {
    let (path, fork) = (folder.join("appender.log"), Fork::default());
    let file = fs::OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let (mut writer, guard) = non_blocking(Forking(file, fork.clone()));
    (0..100).for_each(|number| writer.write_all(format!("{number}\n").as_bytes()).unwrap());
    drop(guard);
    fork.ends("appender");
    let found = fs::read_to_string(path).unwrap();
    // The child was forked in the middle of a line, which it writes as well: that is its writer's affair.
    assert!((100..=101).contains(&found.lines().count()), "{found}");
}

fn forks_in_a_hook(place: &'static str, live: &Path) {
    let fork = Fork::default();
    let builder =
        Spool::builder(live).max_bytes(10_000).max_record_bytes(2_000).thread_name("writer").quiet();
    let builder = if place == "writer-pack" { builder.compression(Compression::Gzip) } else { builder };
    let at = |wanted: &'static str| {
        let fork = fork.clone();
        move || {
            if place == wanted {
                fork.once();
            }
        }
    };
    let (alert, rotate, started) = (at("alert"), at("rotate"), fork.clone());
    let begins = move || {
        if thread::current().name() == Some(place) {
            started.once();
        }
    };
    let builder = builder.on_alert(move |_| alert()).on_rotate(move |_| rotate()).on_thread_start(begins);
    let (spool, guard) = builder.open().unwrap();
    guard.handle().install_signals_for(&[SignalAction::Reopen]).unwrap();
    if place == "alert" {
        fs::create_dir(live.with_extension("log.1")).unwrap();
    }
    log(&spool, 0, 0..200, 100);
    // Before anything else is asked for: the child has no word of its parent's end.
    until("it forks", || fork.0.load(Ordering::Relaxed) != 0);
    assert!(guard.shutdown(LONG).is_complete(), "{place}");
    fork.ends(place);
    let files =
        ["log", "log.1", "log.2", "log.3"].map(|suffix| fs::read_to_string(live.with_extension(suffix)));
    let found: usize = files.iter().flatten().map(|text| text.lines().count()).sum();
    assert!(place == "writer-pack" || found == 200, "{place}: {found}");
}

/// After the shutdown it is a caller that writes and runs the hook: its child comes back to it, and logs in vain.
fn forks_in_a_late_hook(live: &Path) {
    let (parent, fork) = (getpid(), Fork::default());
    let rotates = fork.clone();
    let builder = Spool::builder(live).max_bytes(10_000).max_record_bytes(2_000).quiet();
    let builder = builder.late_records(LateRecords::Write).on_rotate(move |_| rotates.once());
    let (spool, guard) = builder.open().unwrap();
    assert!(guard.shutdown(LONG).is_complete());
    log(&spool, 0, 0..200, 100);
    if getpid() != parent {
        leave(0);
    }
    fork.ends("late");
    let files = ["log", "log.1", "log.2"].map(|suffix| fs::read_to_string(live.with_extension(suffix)));
    assert_eq!(files.iter().flatten().map(|text| text.lines().count()).sum::<usize>(), 200);
}

#[test]
fn museum_p8_a_fork_in_a_hook_leaves_no_second_writer() {
    let test = format!("{MODULE}::museum_p8_a_fork_in_a_hook_leaves_no_second_writer");
    if let Some(folder) = child::folder() {
        for place in ["alert", "rotate", "writer", "writer-pack", "spool-signals"] {
            forks_in_a_hook(place, &folder.join(format!("{place}.log")));
        }
        forks_in_a_late_hook(&folder.join("late.log"));
        return forks_in_a_writer(&folder);
    }
    let (dir, _live) = folder();
    child::assert_passed(&child::of(&test, dir.path()).output().unwrap());
}

/// In a process of its own, so that nothing but this test forks with its pipe open.
#[test]
fn a_child_keeps_no_reader_from_the_end_of_a_stream() {
    let test = format!("{MODULE}::a_child_keeps_no_reader_from_the_end_of_a_stream");
    if child::folder().is_none() {
        let (dir, _live) = folder();
        child::assert_passed(&child::of(&test, dir.path()).output().unwrap());
        return;
    }
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let (spool, guard) = Spool::fd(writer).quiet().open().unwrap();
    log(&spool, 0, 0..10, 20);
    guard.handle().flush(LONG).unwrap();
    let lives_on = start(|| {
        thread::sleep(LONG);
        0
    });
    assert!(guard.shutdown(LONG).is_complete());
    let mut text = String::new();
    fs::File::from(reader).read_to_string(&mut text).unwrap(); // to its end
    assert_eq!(text.lines().count(), 10);
    kill(lives_on, Signal::SIGKILL).unwrap();
    end(lives_on).unwrap_err();
}
