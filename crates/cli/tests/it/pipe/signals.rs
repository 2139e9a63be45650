//! Signals: reopen, rotate, end; and what a command gets of them.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use nix::sys::signal::Signal;

use super::support::{Running, World, pipe, until};

#[test]
fn usr1_rotates_and_hup_reopens() {
    let world = World::new();
    let (reader, mut writer) = pipe();
    let mut running = Running::start(world.pipe(&[]).stdin(Stdio::from(reader)));
    writer.write_all(b"one\n").unwrap();
    until("one is written", || world.text() == "one\n");
    running.signal(Signal::SIGUSR1);
    until("it is rotated", || world.path("app.log.1").exists());
    writer.write_all(b"two\n").unwrap();
    until("two is written", || world.text() == "one\ntwo\n");
    std::fs::rename(world.log(), world.path("moved")).unwrap();
    running.signal(Signal::SIGHUP);
    until("it is opened anew", || world.log().exists());
    writer.write_all(b"three\n").unwrap();
    drop(writer);
    assert!(running.end().success());
    let read = |path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(world.path("moved")), "two\n");
    let anew = read(world.log());
    assert!(anew.contains("moved or deleted by others") && anew.ends_with("\nthree\n"), "{anew}");
}

/// An outside rotator signals whoever writes the log, though it may wait for the one before it to let go of it.
#[test]
fn hup_and_usr1_do_not_end_a_pipe_that_is_starting() {
    let world = World::new();
    let (reader, writer) = pipe();
    let mut holder = Running::start(world.pipe(&[]).stdin(Stdio::from(reader)));
    holder.is_ready();
    let (reader, mut input) = pipe();
    let mut running = Running::start(world.pipe(&["--lock-wait=20s"]).stdin(Stdio::from(reader)));
    until("it survives HUP", || running.hears(Signal::SIGHUP));
    assert!(!running.hears(Signal::SIGTERM), "nothing was read yet, so that may end it at once");
    running.signal(Signal::SIGHUP);
    running.signal(Signal::SIGUSR1);
    drop(writer);
    assert!(holder.end().success());
    input.write_all(b"one\n").unwrap();
    until("it writes", || world.text() == "one\n");
    drop(input);
    assert!(running.end().success());
}

#[test]
fn term_and_int_take_what_is_in_the_pipe_and_end_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let world = World::new();
        let (reader, mut writer) = pipe();
        let mut running = Running::start(world.pipe(&[]).stdin(Stdio::from(reader)));
        writer.write_all(b"first\n").unwrap();
        until("it reads", || world.text() == "first\n");
        writer.write_all(&b"a line\n".repeat(5_000)).unwrap();
        writer.write_all(b"the last").unwrap();
        running.signal(signal);
        assert_eq!(running.end().code(), Some(0), "although the pipe is open");
        let lines = world.lines();
        assert_eq!((lines.len(), lines.last().map(String::as_str)), (5_002, Some("the last")));
        drop(writer);
    }
}

#[test]
fn term_ends_it_while_its_writer_never_rests() {
    let world = World::new();
    let mut yes = std::process::Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
    let stdin = yes.stdout.take().unwrap();
    let mut running = Running::start(world.pipe(&["--max-bytes=1 MB", "--backup-count=2"]).stdin(stdin));
    until("it reads", || world.path("app.log.2").exists());
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().code(), Some(0));
    yes.wait().unwrap();
}

#[test]
fn a_command_gets_the_signals_and_its_last_words_are_written() {
    for (signal, name) in [
        (Signal::SIGTERM, "TERM"),
        (Signal::SIGINT, "INT"),
        (Signal::SIGQUIT, "QUIT"),
        (Signal::SIGUSR2, "USR2"),
        (Signal::SIGWINCH, "WINCH"),
    ] {
        let world = World::new();
        let script =
            format!("trap 'echo got {name}; exit 5' {name}; echo ready; while :; do sleep 0.05; done");
        let mut running = Running::start(&mut world.pipe(&["--", "sh", "-c", &script]));
        until("the command runs", || world.text() == "ready\n");
        running.signal(signal);
        assert_eq!(running.end().code(), Some(5), "{name}");
        assert_eq!(world.text(), format!("ready\ngot {name}\n"));
    }
}

#[test]
fn a_stop_is_passed_on_and_goes_for_both() {
    let world = World::new();
    let script = "echo $$; trap 'echo goes on' CONT; while :; do sleep 0.05; done";
    // A job of its own: in an orphaned process group, as of a daemon, the system ignores a stop.
    let mut running = Running::start(world.pipe(&["--", "sh", "-c", script]).process_group(0));
    until("the command runs", || world.text().ends_with('\n'));
    let command = world.text().trim().to_owned();
    let state = |process: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
    };
    running.signal(Signal::SIGTSTP);
    let own = running.0.id().to_string();
    until("both are stopped", || [&own, &command].iter().all(|process| state(process) == Some('T')));
    running.signal(Signal::SIGCONT);
    until("both go on", || world.text().contains("goes on"));
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().code(), Some(128 + 15));
}
