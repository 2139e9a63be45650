//! What the modules share: a directory, lines in and out, and processes of their own for what needs one.
//! It proves nothing itself.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tracing_spool::Spool;
use tracing_subscriber::fmt::MakeWriter as _;

/// Longer than anything here takes: whoever waits so long waits for ever.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Says in a process of its own which test it is for.
const CHILD: &str = "TRACING_SPOOL_CHILD";

/// A directory that goes when it is dropped, and the log in it.
pub(crate) fn scene() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    (dir, path)
}

/// One record, as INFO.
pub(crate) fn log(spool: &Spool, text: &str) {
    spool.make_writer().write_all(text.as_bytes()).unwrap();
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

/// The log and its backups, oldest first.
pub(crate) fn files(log: &Path) -> Vec<PathBuf> {
    let name = log.file_name().unwrap().to_str().unwrap();
    let mut numbers: Vec<u32> = fs::read_dir(log.parent().unwrap())
        .unwrap()
        .filter_map(|entry| {
            let file = entry.unwrap().file_name().into_string().unwrap();
            file.strip_prefix(name)?.strip_prefix('.')?.parse().ok()
        })
        .collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let backups = numbers.iter().map(|number| log.with_file_name(format!("{name}.{number}")));
    backups.chain([log.to_owned()]).collect()
}

/// All that the log and its backups hold, oldest first.
pub(crate) fn content(log: &Path) -> String {
    files(log).iter().map(read).collect()
}

/// Asserts that the lines `thread number` are all there, once, whole, each thread's in order.
pub(crate) fn assert_lines(log: &Path, threads: usize, each: usize) {
    let mut next = vec![0; threads];
    for line in content(log).lines() {
        let mut words = line.split_whitespace().map(|word| word.parse::<usize>().unwrap());
        let (thread, number) = (words.next().unwrap(), words.next().unwrap());
        assert_eq!(number, next[thread], "thread {thread}: lost, repeated or out of order: {line:?}");
        next[thread] += 1;
    }
    assert_eq!(next, vec![each; threads]);
}

/// Names and what can be told of them, for a comparison of before and after.
pub(crate) fn listing(dir: &Path) -> Vec<(String, u64, u64, u32, u64)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let meta = fs::symlink_metadata(entry.path()).unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, meta.ino(), meta.size(), meta.mode(), meta.nlink())
        })
        .collect();
    all.sort();
    all
}

/// Whether this process was started by [`child`] for `test`.
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var_os(CHILD).is_some_and(|name| name == test)
}

/// What runs the one test `test` of this binary in a process of its own; in it, [`is_child`] says so. With a `runner`,
/// that program runs it: its arguments come before ours.
pub(crate) fn child(test: &str, runner: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap();
    let mut command = match runner {
        [] => Command::new(own),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(CHILD, test);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    command
}

/// Runs the one test `test` in a process of its own, and asserts that it passes there. Returns what it printed.
#[track_caller]
pub(crate) fn passes_alone(test: &str) -> String {
    passes(&mut child(test, &[]))
}

/// Asserts that a [`child`] ran its test, and that it passed. Returns what it printed.
#[track_caller]
pub(crate) fn passes(command: &mut Command) -> String {
    let output = finish(command);
    assert!(output.status.success() && said(&output).contains("1 passed"), "{}", said(&output));
    said(&output)
}

/// Runs a [`child`] to its end. One that does not end is killed, with what it has started (which would keep its output
/// open for ever), by the id of the group that it leads; and it fails the test.
pub(crate) fn finish(command: &mut Command) -> Output {
    let mut running = command.spawn().unwrap();
    if !ends(&mut running) {
        let group = Pid::from_raw(running.id().try_into().unwrap());
        killpg(group, Signal::SIGKILL).unwrap();
        let output = running.wait_with_output().unwrap();
        panic!("it hangs: {}", said(&output));
    }
    running.wait_with_output().unwrap()
}

fn ends(child: &mut Child) -> bool {
    until(|| child.try_wait().unwrap().is_some())
}

/// Everything that a process has printed.
pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}\n{}", output.status, text(&output.stdout), text(&output.stderr))
}

/// Asks again and again, until it is so or [`LONG`] is over; returns which.
pub(crate) fn until(is_so: impl FnMut() -> bool) -> bool {
    until_within(LONG, is_so)
}

/// The same with less patience.
pub(crate) fn until_within(patience: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > patience {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
    true
}
