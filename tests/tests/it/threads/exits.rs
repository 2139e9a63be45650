//! Proves what becomes of the records that wait when a process ends without dropping the guard (T7), and what signals do.
//! The processes are `leaver`'s; on its slow disk, whoever does not wait leaves most of its lines behind.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tracing_spool::{FlushError, Spool, flush_all};
use tracing_spool_fileset::SystemClock;
use tracing_spool_tests::faulty::Faulty;

use crate::support::{LONG, finish, log, read, said, scene, until};

const LINES: usize = 1_000;

/// A process of `leaver`, not yet started.
pub(crate) fn leaver(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_leaver"));
    command.args(words).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Lets a process log and leave this way.
pub(crate) fn leaves(way: &str, log: &Path) -> Output {
    finish(&mut leaver(&[way, log.to_str().unwrap()]))
}

/// The lines of a log, which are the first of what was logged, in order, and whole.
pub(crate) fn lines(log: &Path) -> usize {
    let text = read(log);
    for (number, line) in text.lines().enumerate() {
        assert_eq!(line, number.to_string());
    }
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().count()
}

#[test]
fn museum_t7_exit_and_return_without_the_guard() {
    for way in ["returns", "exits", "main-logged", "opener-exits", "another-exits", "another-flushes"] {
        let (_dir, path) = scene();
        let output = leaves(way, &path);
        assert_eq!(output.status.code(), Some(0), "{way}: {}", said(&output));
        assert_eq!(lines(&path), LINES, "{way}: {}", said(&output));
    }
}

#[test]
fn museum_t7_exit_does_not_wait_for_a_disk_that_hangs() {
    let (_dir, path) = scene();
    let begun = Instant::now();
    let output = leaves("stalled", &path);
    assert!(begun.elapsed() < LONG / 4, "bounded by its shutdown_timeout of 0.2 s");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let loss = "as the process ends: flush timed out with 1000 records waiting";
    assert!(said(&output).contains(loss), "{}", said(&output));
}

#[test]
fn museum_t7_abort_loses_what_waits_and_leaves_whole_lines() {
    let (_dir, path) = scene();
    let output = leaves("aborts", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGABRT as i32), "{}", said(&output));
    let before = lines(&path);
    assert_eq!(before, LINES / 2, "what waited is lost");
    // The next start goes on where it ended.
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    log(&spool, &before.to_string());
    drop(guard);
    assert_eq!(lines(&path), before + 1);
}

#[test]
fn a_panic_flushes_after_the_hook_of_before() {
    let (_dir, path) = scene();
    let output = leaves("panics", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGABRT as i32), "{}", said(&output));
    let text = read(&path);
    assert_eq!(text.lines().count(), LINES + 1, "all, before `abort`");
    assert_eq!(text.lines().last(), Some("the hook of before"));

    // Installed twice, it waits once for a disk that hangs.
    let (_dir, path) = scene();
    let output = leaves("panics-stalled", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGABRT as i32), "{}", said(&output));

    // On the writer thread too, which cannot wait for itself.
    let (_dir, path) = scene();
    let output = leaves("hook-panics", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(read(&path).lines().filter(|line| line.parse::<usize>().is_ok()).count() == LINES);
}

#[test]
fn a_record_of_a_threads_last_breath_is_taken() {
    struct LastBreath(RefCell<Option<Spool>>);
    impl Drop for LastBreath {
        fn drop(&mut self) {
            if let Some(spool) = self.0.take() {
                log(&spool, "last");
            }
        }
    }
    thread_local! {
        static LAST: LastBreath = const { LastBreath(RefCell::new(None)) };
    }
    let (_dir, path) = scene();
    let (spool, guard) = Spool::builder(&path).open().unwrap();
    // Made before the thread has logged, and so unmade after all that the spool keeps for the thread is gone.
    let thread = thread::spawn(move || {
        LAST.with(|last| *last.0.borrow_mut() = Some(spool.clone()));
        log(&spool, "first");
    });
    thread.join().unwrap();
    assert!(guard.shutdown(LONG).is_complete());
    assert_eq!(read(&path), "first\nlast\n");
}

#[test]
fn museum_t7_sigterm_kills_at_once_where_nobody_asked_for_more() {
    let (_dir, path) = scene();
    let output = leaves("dies", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGTERM as i32), "{}", said(&output));
    assert_eq!(lines(&path), LINES / 2, "what waited is lost");
}

#[test]
fn museum_t7_sigterm_flushes_and_kills_where_signals_are_installed() {
    let (_dir, path) = scene();
    let output = leaves("dies-flushed", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGTERM as i32), "{}", said(&output));
    assert_eq!(lines(&path), LINES);

    // A disk that hangs does not keep it alive.
    let (_dir, path) = scene();
    let begun = Instant::now();
    let output = leaves("dies-stalled", &path);
    assert!(begun.elapsed() < LONG / 4);
    assert_eq!(output.status.signal(), Some(Signal::SIGTERM as i32), "{}", said(&output));
    let loss = "at SIGTERM: flush timed out with 1000 records waiting";
    assert!(said(&output).contains(loss), "{}", said(&output));

    // After the last spool it kills as it always did; the other two do nothing.
    let (_dir, path) = scene();
    let output = leaves("dies-afterwards", &path);
    assert_eq!(output.status.signal(), Some(Signal::SIGTERM as i32), "{}", said(&output));
    assert!(said(&output).contains("alive"), "{}", said(&output));
}

#[test]
fn museum_t3_a_forked_child_that_exits_flushes_nothing_and_ends() {
    let (_dir, path) = scene();
    let output = leaves("forks", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(read(&path), "before\nafter\n");
    assert!(!said(&output).contains("as the process ends"), "{}", said(&output));
}

/// A process that does what it is told.
pub(crate) struct Server {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let mut child = leaver(&["serve"]).stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let (orders, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, orders, answers: BufReader::new(answers) }
    }

    /// Tells it something, and returns what it answers.
    pub(crate) fn tell(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    pub(crate) fn open(&mut self, log: &Path) {
        assert_eq!(self.tell(&format!("open {}", log.display())), "opened");
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// It ends as its input does.
    pub(crate) fn end(mut self) {
        drop(self.orders);
        assert!(until(|| self.child.try_wait().unwrap().is_some()), "it hangs");
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn signals_open_anew_and_rotate_every_spool_that_wants_them() {
    let (dir, first) = scene();
    let [second, third] = ["second.log", "third.log"].map(|name| dir.path().join(name));
    let mut server = Server::start();
    for (number, path) in [&first, &second, &third].into_iter().enumerate() {
        server.open(path);
        if path != &third {
            // Twice is once.
            assert_eq!(server.tell(&format!("signals {number}")), "Ok(())");
            assert_eq!(server.tell(&format!("signals {number}")), "Ok(())");
        }
        server.tell(&format!("log {number} old"));
    }
    assert_eq!(server.tell("flush"), "Ok(())");

    // Its clock stands still, so it looks at nothing by itself.
    for path in [&first, &second, &third] {
        fs::rename(path, path.with_extension("moved")).unwrap();
    }
    server.signal(Signal::SIGHUP);
    assert!(until(|| first.exists() && second.exists()), "SIGHUP opens anew");
    (0..3).for_each(|number| drop(server.tell(&format!("log {number} new"))));
    assert_eq!(server.tell("flush"), "Ok(())");
    assert!(!third.exists(), "it wanted no signals");
    assert!(read(&first).ends_with("new\n") && read(&second).ends_with("new\n"));
    assert_eq!(read(first.with_extension("moved")), "old\n");

    server.signal(Signal::SIGUSR1);
    let rotated = |path: &Path| path.with_extension("log.1").exists() && path.exists();
    assert!(until(|| rotated(&first) && rotated(&second)), "SIGUSR1 rotates");

    // One thread, which ends with the last of them.
    if cfg!(target_os = "linux") {
        assert_eq!(server.tell("threads"), "1");
    }
    assert_eq!(server.tell("close 0"), "true");
    server.tell("log 1 newer");
    server.tell("flush");
    server.signal(Signal::SIGUSR1);
    assert!(until(|| second.with_extension("log.2").exists()), "the other still has it");
    assert_eq!(server.tell("close 1"), "true");
    assert!(until(|| server.tell("threads") == "0"));

    // And a later spool begins anew.
    server.open(&first);
    assert_eq!(server.tell("signals 3"), "Ok(())");
    server.tell("log 3 again");
    server.tell("flush");
    server.signal(Signal::SIGUSR1);
    assert!(until(|| first.with_extension("log.2").exists()));
    server.end();
}

#[test]
fn signals_of_a_spool_that_was_shut_down_are_an_error() {
    let (_dir, path) = scene();
    let (_spool, guard) = Spool::builder(&path).open().unwrap();
    let handle = guard.handle();
    drop(guard);
    let error = handle.install_signals().unwrap_err();
    assert_eq!(error.to_string(), "the spool was shut down");
}

#[test]
fn all_spools_are_flushed_and_each_that_is_not_complete_is_named() {
    // In a process of its own, as it is about all spools of the process.
    const TEST: &str = "threads::exits::all_spools_are_flushed_and_each_that_is_not_complete_is_named";
    if !crate::support::is_child(TEST) {
        crate::support::passes_alone(TEST);
        return;
    }
    assert_eq!(flush_all(LONG), Ok(()), "none is open");
    let (dir, first) = scene();
    let [second, third] = ["second.log", "third.log"].map(|name| dir.path().join(name));
    let opened = [&first, &second].map(|path| Spool::builder(path).open().unwrap());
    for (spool, _) in &opened {
        (0..LINES).for_each(|number| log(spool, &number.to_string()));
    }
    assert_eq!(flush_all(LONG), Ok(()));
    assert_eq!([lines(&first), lines(&second)], [LINES; 2]);

    let disk = Faulty::new();
    let clock = std::sync::Arc::new(SystemClock::new());
    let (spool, guard) = Spool::builder(&third).quiet().open_with(disk.fs(), clock).unwrap();
    disk.stall();
    log(&spool, "hangs");
    disk.wait_for_stalled_write();
    log(&opened[0].0, &LINES.to_string());
    let error = flush_all(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.logs, [(third.canonicalize().unwrap(), FlushError::TimedOut { left: 1 })], "{error}");
    assert_eq!(lines(&first), LINES + 1, "one that hangs does not keep the others");
    disk.release();
    drop(guard);
    drop(opened);
    assert_eq!(flush_all(LONG), Ok(()), "those that were shut down are passed over");
}
