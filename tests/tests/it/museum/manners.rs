//! Proves that a log has manners in a process that is not its own: it waits for no stderr (row P1), takes no signals of the
//! program's (P2), is written however the process ends (P6), and whatever comes after the end (P7).
//! The processes are `leaver`'s.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::{Pid, pipe, write};
use std::os::unix::process::ExitStatusExt as _;
use tracing_spool_tests::skip;

use crate::support::{LONG, finish, read, said, scene};
use crate::threads::exits::{leaver, leaves, lines};

const LINES: usize = 1_000;

/// Runs a process that says much on a stderr; it comes to its end.
fn says_much_on(stderr: impl Into<Stdio>, path: &Path) -> Output {
    let begun = Instant::now();
    let output = finish(leaver(&["says-much", path.to_str().unwrap()]).stderr(stderr));
    assert!(begun.elapsed() < LONG / 4, "it hung for a while: {}", said(&output));
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    output
}

/// How many lines it could not say.
fn skipped(output: &Output) -> u64 {
    let said = said(output);
    let count = said.lines().find_map(|line| line.strip_prefix("skipped "));
    count.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

fn set_flags(file: impl AsFd, change: impl FnOnce(OFlag) -> OFlag) -> OFlag {
    let flags = OFlag::from_bits_retain(fcntl(file.as_fd(), FcntlArg::F_GETFL).unwrap());
    fcntl(file.as_fd(), FcntlArg::F_SETFL(change(flags))).unwrap();
    flags
}

/// A pipe that is full, and whose reading end nobody reads.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = pipe().unwrap();
    set_flags(&writer, |flags| flags | OFlag::O_NONBLOCK);
    while write(&writer, &[b'x'; 4_096]).is_ok() {}
    assert_eq!(write(&writer, b"x"), Err(Errno::EAGAIN));
    set_flags(&writer, |flags| flags - OFlag::O_NONBLOCK);
    (reader, writer)
}

#[test]
fn museum_p1_nobody_reads_stderr() {
    let (_dir, path) = scene();
    let (_reader, writer) = full_pipe();
    let ours = writer.try_clone().unwrap();
    let output = says_much_on(writer, &path);
    assert_eq!(skipped(&output), 2, "an alert, and records after the end: counted, not waited for");
    assert_eq!(set_flags(&ours, |flags| flags) & OFlag::O_NONBLOCK, OFlag::empty(), "as it was found");

    // With a reader each line is there; without one it is counted, and no signal ends the process.
    let (_dir, path) = scene();
    let output = says_much_on(Stdio::piped(), &path);
    assert_eq!(skipped(&output), 0, "{}", said(&output));
    assert_eq!(said(&output).matches("tracing-spool: ").count(), 2, "{}", said(&output));
    let (_dir, path) = scene();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    assert_eq!(skipped(&says_much_on(writer, &path)), 2);
    // A file, and nothing at all, take everything.
    let (dir, path) = scene();
    let file = dir.path().join("stderr.txt");
    assert_eq!(skipped(&says_much_on(File::create(&file).unwrap(), &path)), 0);
    assert_eq!(read(&file).lines().count(), 2);
    let (_dir, path) = scene();
    assert_eq!(skipped(&says_much_on(Stdio::null(), &path)), 0);
}

#[test]
fn museum_p1_a_stopped_terminal() {
    let (_dir, path) = scene();
    let pty = match openpty(None, None) {
        Ok(pty) => pty,
        Err(error) => return skip("museum_p1_a_stopped_terminal", &error.to_string()),
    };
    let flows = says_much_on(pty.slave.try_clone().unwrap(), &path);
    assert_eq!(skipped(&flows), 0);
    // As by Ctrl-S.
    tcflow(&pty.slave, FlowArg::TCOOFF).unwrap();
    let (_dir, path) = scene();
    let output = says_much_on(pty.slave.try_clone().unwrap(), &path);
    assert_eq!(skipped(&output), 2);
}

#[test]
fn museum_p1_a_background_process_on_a_terminal_that_stops_it() {
    const TEST: &str = "museum_p1_a_background_process_on_a_terminal_that_stops_it";
    let (_dir, path) = scene();
    let pty = match openpty(None, None) {
        Ok(pty) => pty,
        Err(error) => return skip(TEST, &error.to_string()),
    };
    // The shell gives its job a group of its own, which is not the terminal's foreground one.
    let job = "stty tostop && { \"$0\" says-much \"$1\" & } && wait $!";
    let mut command = Command::new("setsid");
    command.args(["--ctty", "--wait", "sh", "-mc", job, env!("CARGO_BIN_EXE_leaver")]).arg(&path);
    let terminal = || Stdio::from(pty.slave.try_clone().unwrap());
    command.stdin(terminal()).stdout(Stdio::piped()).stderr(terminal());
    let Ok(running) = command.spawn() else { return skip(TEST, "no setsid") };
    let leader = running.id();
    let (told, ends) = std::sync::mpsc::channel();
    thread::spawn(move || told.send(running.wait_with_output().unwrap()));
    let Ok(output) = ends.recv_timeout(LONG / 4) else {
        // It leads its session: with it the job ends that was stopped.
        kill(Pid::from_raw(leader.try_into().unwrap()), Signal::SIGKILL).unwrap();
        panic!("it was stopped");
    };
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(skipped(&output), 0, "{}", said(&output));
}

#[test]
fn museum_p2_the_program_reads_its_signals_from_a_descriptor() {
    let (_dir, path) = scene();
    let output = leaves("reads-signals", &path);
    assert_eq!(output.status.code(), Some(0), "a thread of ours took it: {}", said(&output));
    // Each of them, so that it is no matter of chance: blocked is all that can be blocked, but faults.
    let faults = [
        Signal::SIGSEGV,
        Signal::SIGBUS,
        Signal::SIGFPE,
        Signal::SIGILL,
        Signal::SIGTRAP,
        Signal::SIGABRT,
        Signal::SIGSYS,
        Signal::SIGKILL,
        Signal::SIGSTOP,
    ];
    let open = faults.iter().fold(0, |mask, signal| mask | 1_u64 << (*signal as i32 - 1));
    let said = said(&output);
    for thread in ["tracing-spool", "tracing-spool-pack", "spool-signals"] {
        assert!(said.contains(&format!("begins {thread}\n")), "{said}");
    }
    for thread in ["tracing-spool", "tracing-spool-p", "tracing-appende", "spool-signals"] {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("thread {thread} ")));
        let mask = u64::from_str_radix(line.unwrap_or_else(|| panic!("{thread}: {said}")), 16).unwrap();
        // Two signals are the C library's own.
        let blocked = mask | open | 1 << 31 | 1 << 32;
        assert_eq!((blocked, mask & open), (u64::MAX, 0), "{thread}: {mask:x}");
    }
}

#[test]
fn museum_p6_exit_in_a_hook_of_another_log() {
    let (_dir, path) = scene();
    let output = leaves("exits-in-a-hook", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(lines(&path), LINES, "{}", said(&output));
    let of_the_hook = "the process ends in a hook, with 1 records not written";
    assert!(said(&output).contains(of_the_hook), "{}", said(&output));
}

#[test]
fn museum_p6_interrupt_and_quit_flush_and_kill_as_by_default() {
    for (way, signal) in [("interrupted", Signal::SIGINT), ("quit", Signal::SIGQUIT)] {
        let (_dir, path) = scene();
        let output = leaves(way, &path);
        assert_eq!(output.status.signal(), Some(signal as i32), "{}", said(&output));
        assert_eq!(lines(&path), LINES, "{way}");
    }
    // Who leaves one out keeps it.
    let (_dir, path) = scene();
    let output = leaves("interrupt-is-mine", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("SIGINT"), "{}", said(&output));
    assert_eq!(lines(&path), LINES);
}

/// The kernel lets no signal kill it that it does not handle.
#[test]
fn museum_p6_the_first_process_of_a_container_ends_as_a_shell_would_say() {
    const APART: [&str; 5] = ["--user", "--map-root-user", "--pid", "--fork", "--"];
    let unshare = |arguments: &[&str]| Command::new("unshare").args(APART).args(arguments).output();
    match unshare(&["true"]) {
        Ok(output) if output.status.success() => {}
        other => return skip("the first process of a container", &format!("unshare: {other:?}")),
    }
    let (_dir, path) = scene();
    let inside = leaver(&[]);
    let program = inside.get_program().to_str().unwrap();
    let output = unshare(&[program, "interrupted", path.to_str().unwrap()]).unwrap();
    assert_eq!(output.status.code(), Some(128 + Signal::SIGINT as i32), "{}", said(&output));
    assert_eq!(lines(&path), LINES);
}

#[test]
fn museum_p6_what_the_process_ignores_stays_ignored() {
    let (_dir, path) = scene();
    let output = leaves("ignores-interrupt", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("lives on"), "{}", said(&output));
    assert_eq!(lines(&path), LINES);
}

#[test]
fn museum_p6_exit_on_any_thread_with_the_guard_in_a_static() {
    for way in ["static-returns", "static-thread-exits", "appender-exits", "appender-thread-exits"] {
        let (_dir, path) = scene();
        let output = leaves(way, &path);
        assert_eq!(output.status.code(), Some(0), "{way}: {}", said(&output));
        assert_eq!(lines(&path), LINES, "{way}: {}", said(&output));
    }
}

#[test]
fn museum_p6_room_that_comes_back_as_the_process_ends_is_used() {
    let (_dir, path) = scene();
    let output = leaves("room-at-the-end", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = read(&path);
    let numbers = text.lines().filter_map(|line| line.parse::<usize>().ok());
    assert!(numbers.eq(0..LINES), "{}", said(&output));
}

#[test]
fn museum_p7_what_is_logged_after_main_is_written() {
    let (_dir, path) = scene();
    let output = leaves("afterwards", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let text = read(&path);
    let mut lines = text.lines();
    assert!((0..LINES).all(|number| lines.next() == Some(&number.to_string())), "{text}");
    // In which order the first two come is the C library's affair.
    let mut before = [lines.next().unwrap_or(""), lines.next().unwrap_or("")];
    before.sort_unstable();
    assert_eq!(before, ["a destructor of the thread", "before the word"]);
    let after: Vec<String> = (0..20).map(|number| format!("after all {number}")).collect();
    assert!(lines.eq(after), "{text}");
    let appender = read(path.with_extension("appender"));
    assert_eq!((appender.lines().count(), appender.lines().last()), (LINES + 1, Some("after all")));
}

#[test]
fn museum_p7_a_disk_that_hangs_is_waited_for_once() {
    let (_dir, path) = scene();
    let begun = Instant::now();
    let output = leaves("afterwards-stalled", &path);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // 0.2 s for each of two hundred records would be forty.
    assert!(begun.elapsed() < LONG / 6, "it waited again and again");
    assert_eq!(said(&output).matches("as the process ends").count(), 1, "{}", said(&output));
}
