//! A disk that is full and freed later, a directory that is removed, a live file that is moved, and an end that can't wait.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use tracing_spool_tests::skip;

use super::support::{Running, World, pipe, run, stderr, until};

/// The number of lines in each of these.
const LINES: usize = 20_001;

fn numbered() -> String {
    (0..LINES).map(|number| format!("{number:08} {}\n", "x".repeat(110))).collect()
}

/// Runs a script as root of a mount namespace of its own, with a small tmpfs at `$DIR`; or says why not.
fn with_tmpfs(test: &str, dir: &std::path::Path, script: &str) -> Option<std::process::Output> {
    let script = format!("set -e; mount -t tmpfs -o size=8M none '{}'; {script}", dir.display());
    let probe = |args: &[&str]| {
        Command::new("unshare").args(args).args(["mount", "-t", "tmpfs", "none", "/mnt"]).output()
    };
    for args in [&["-m"][..], &["-rm"]] {
        if probe(args).is_ok_and(|output| output.status.success()) {
            return Some(Command::new("unshare").args(args).args(["sh", "-c", &script]).output().unwrap());
        }
    }
    skip(test, "no mount namespace for a small tmpfs");
    None
}

#[test]
fn a_full_disk_that_is_freed_later_costs_no_line() {
    let world = World::new();
    let small = world.path("small");
    std::fs::create_dir(&small).unwrap();
    let [input, kept, said] = ["input", "kept", "said"].map(|name| world.path(name));
    std::fs::write(&input, numbered()).unwrap();
    let program = env!("CARGO_BIN_EXE_tspool");
    let script = format!(
        "cd '{}'; dd if=/dev/zero of=filler bs=1k count=7300 2>/dev/null
        {program} pipe app.log --max-bytes=100M --max-total-bytes=200M <'{}' 2>'{}' & pipe=$!
        trap 'kill -9 $pipe 2>/dev/null || true' EXIT
        until grep -q 'no space' '{}'; do sleep 0.05; done
        rm filler; wait $pipe; cp app.log '{}'",
        small.display(),
        input.display(),
        said.display(),
        said.display(),
        kept.display()
    );
    let test = "a_full_disk_that_is_freed_later_costs_no_line";
    let Some(output) = with_tmpfs(test, &small, &script) else { return };
    assert!(output.status.success(), "{}", stderr(&output));
    let kept = std::fs::read_to_string(&kept).unwrap();
    let ours: String =
        kept.lines().filter(|line| !line.contains("tracing_spool")).map(|line| format!("{line}\n")).collect();
    assert!(ours == numbered(), "{} lines", ours.lines().count());
}

/// What a program says, line by line.
struct Words {
    stream: BufReader<std::process::ChildStderr>,
    said: String,
}

impl Words {
    fn of(running: &mut Running) -> Self {
        Self { stream: BufReader::new(running.0.stderr.take().unwrap()), said: String::new() }
    }

    fn until(&mut self, part: &str) {
        while !self.said.contains(part) {
            assert!(self.stream.read_line(&mut self.said).unwrap() > 0, "no {part:?} in {}", self.said);
        }
    }
}

/// What a log may stand on here.
const ALLOWED: &str = "--allow=device";

/// Makes a device at the live path on which no write works, as on a full disk: a /dev/full of the test's own.
fn put_full_device(world: &World, test: &str) -> bool {
    let made = Command::new("mknod").arg(world.log()).args(["c", "1", "7"]).output();
    let is_full =
        || std::fs::write(world.log(), "x").is_err_and(|error| error.kind() == ErrorKind::StorageFull);
    let is_there = made.is_ok_and(|output| output.status.success()) && is_full();
    if !is_there {
        skip(test, "no device can be made, or it doesn't work, which needs root");
    }
    is_there
}

/// A pipe whose log can't be written, with all of its input.
fn blocked(world: &World, args: &[&str]) -> (Running, Words) {
    let (reader, mut writer) = pipe();
    let command = &mut world.pipe(&[&[ALLOWED], args].concat());
    let mut running = Running::start(command.stdin(Stdio::from(reader)).stderr(Stdio::piped()));
    writer.write_all(numbered().as_bytes()).unwrap();
    let mut words = Words::of(&mut running);
    words.until("no space");
    running.is_ready();
    (running, words)
}

#[test]
fn an_end_that_cant_wait_says_how_many_records_are_left() {
    for args in [&["--shutdown-timeout=300ms"][..], &["--shutdown-timeout=1h"]] {
        let world = World::new();
        if !put_full_device(&world, "an_end_that_cant_wait_says_how_many_records_are_left") {
            return;
        }
        let (mut running, mut words) = blocked(&world, args);
        running.signal(Signal::SIGTERM);
        if args[0].ends_with("1h") {
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(running.0.try_wait().unwrap().is_none(), "the first one gives it time");
            running.signal(Signal::SIGTERM);
        }
        let status = running.end();
        words.until("left unwritten");
        assert_eq!(status.code(), Some(3), "{}", words.said);
        assert!(words.said.contains(&format!("{LINES} records are left unwritten")), "{}", words.said);
    }
}

#[test]
fn what_is_left_of_a_durable_log_is_written_at_the_next_start() {
    let world = World::new();
    if !put_full_device(&world, "what_is_left_of_a_durable_log_is_written_at_the_next_start") {
        return;
    }
    let ring = format!("--durable={}", world.path("ring").display());
    // Most of the input finds no room in the ring and waits in the intake.
    let args = [
        ring.as_str(),
        "--durable-on-any-file-system",
        "--queue-bytes=64KiB",
        "--shutdown-timeout=300ms",
        ALLOWED,
    ];
    let input: String = (0..3_000).map(|number| format!("{number} {}\n", "x".repeat(50))).collect();
    let (reader, mut writer) = pipe();
    let start =
        |reader: OwnedFd| Running::start(world.pipe(&args).stdin(Stdio::from(reader)).stderr(Stdio::piped()));
    let whole = input.clone() + "last";
    let feeder = std::thread::spawn(move || writer.write_all(whole.as_bytes()).unwrap());
    for _ in 0..3 {
        let mut running = start(reader.try_clone().unwrap());
        let mut words = Words::of(&mut running);
        words.until("no space");
        running.is_ready();
        running.signal(Signal::SIGTERM);
        let status = running.end();
        words.until("for the next start");
        assert_eq!(status.code(), Some(3));
    }
    std::fs::remove_file(world.log()).unwrap();
    assert!(start(reader).end().success());
    feeder.join().unwrap();
    let ours: Vec<String> =
        world.lines().into_iter().filter(|line| !line.contains(" tracing_spool: ")).collect();
    let wanted: Vec<&str> = input.lines().chain(["last"]).collect();
    assert_eq!(ours, wanted);
}

#[test]
fn a_directory_that_is_removed_and_a_file_that_is_moved_are_made_anew() {
    for deed in ["moved", "removed"] {
        let world = World::new();
        let dir = world.path("logs");
        let log = dir.join("app.log");
        let (reader, mut writer) = pipe();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tspool"));
        let mut running = Running::start(command.arg("pipe").arg(&log).stdin(Stdio::from(reader)));
        writer.write_all(b"before\n").unwrap();
        until("it is written", || std::fs::read(&log).is_ok_and(|text| text == b"before\n"));
        match deed {
            "moved" => std::fs::rename(&log, world.path("moved")).unwrap(),
            _ => std::fs::remove_dir_all(&dir).unwrap(),
        }
        running.signal(Signal::SIGHUP);
        until("it is made anew", || log.exists());
        writer.write_all(b"after\n").unwrap();
        drop(writer);
        assert!(running.end().success());
        assert!(std::fs::read_to_string(&log).unwrap().ends_with("after\n"), "{deed}");
    }
}

#[test]
fn a_ring_that_is_no_ring_and_an_intake_that_is_none_are_refused() {
    let world = World::new();
    let ring = format!("--durable={}", world.path("ring").display());
    let args = [ring.as_str(), "--durable-on-any-file-system"];
    let spoil = |name: &str, text: &str| {
        std::fs::write(world.path(name), text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(world.path(name), mode).unwrap();
    };
    spoil("ring.intake", "somebody's work");
    let output = run(&mut world.pipe(&args), b"x\n");
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("must be an intake of tspool"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(world.path("ring.intake")).unwrap(), "somebody's work");
    std::fs::remove_file(world.path("ring.intake")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("ring.intake")).unwrap();
    assert_eq!(run(&mut world.pipe(&args), b"x\n").status.code(), Some(3));
    assert!(!world.path("elsewhere").exists());
}
