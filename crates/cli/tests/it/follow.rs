//! `tspool follow`: every record once and in order, however often the log rotates meanwhile.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tracing_spool::{Compression, Naming};

use crate::writer::{Look, Writer, number_of};
use crate::{runs, tspool};

/// A running `tspool follow`, and the lines of its stdout and stderr.
struct Follower {
    child: Child,
    lines: Receiver<String>,
    said: Receiver<String>,
}

impl Follower {
    fn begin(path: &Path, more: &[&str]) -> Self {
        let arguments = [&["follow", path.to_str().unwrap()], more].concat();
        let mut child = tspool(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = lines_of(child.stdout.take().unwrap());
        let said = lines_of(child.stderr.take().unwrap());
        Self { child, lines, said }
    }

    fn next(&self) -> String {
        self.lines.recv_timeout(Duration::from_secs(30)).unwrap()
    }

    /// Ends it, and returns what else it has printed, and what it said.
    fn end(mut self) -> (Vec<String>, Vec<String>) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (self.lines.iter().collect(), self.said.iter().collect())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines_of(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
    });
    lines
}

#[test]
fn every_line_once_and_in_order_over_fifty_rotations_a_second() {
    for look in Look::ALL {
        for _ in 0..runs(1) {
            let dir = tempfile::tempdir().unwrap();
            let writer = Writer::begin(dir.path(), look);
            writer.wait_for(300);
            let follower = Follower::begin(writer.path(), &["--since", "2000-01-01"]);
            writer.wait_for(1_500);
            let lines = writer.end();
            for number in 0..lines {
                assert_eq!(number_of(&follower.next()), Some(number), "{look:?}");
            }
            assert_eq!(follower.end(), (vec![], vec![]), "{look:?}");
        }
    }
}

/// A reader that was stopped for many rotations finds the files between, though they are compressed by then.
#[test]
fn a_reader_that_was_stopped_misses_nothing() {
    for look in
        [Look::of(Naming::Numbered, Compression::Gzip), Look::of(Naming::Timestamped, Compression::Zstd)]
    {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::begin(dir.path(), look);
        let follower = Follower::begin(writer.path(), &["--since", "2000-01-01"]);
        let stopped = nix::unistd::Pid::from_raw(i32::try_from(follower.child.id()).unwrap());
        let mut number = 0;
        for pause in 1..=4 {
            while number < writer.written() {
                assert_eq!(number_of(&follower.next()), Some(number));
                number += 1;
            }
            nix::sys::signal::kill(stopped, nix::sys::signal::Signal::SIGSTOP).unwrap();
            writer.wait_for(pause * 1_000);
            nix::sys::signal::kill(stopped, nix::sys::signal::Signal::SIGCONT).unwrap();
        }
        let lines = writer.end();
        for number in number..lines {
            assert_eq!(number_of(&follower.next()), Some(number), "{look:?}");
        }
        assert_eq!(follower.end(), (vec![], vec![]));
    }
}

#[test]
fn files_that_were_removed_are_a_gap() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("app.log"), "one\n").unwrap();
    let follower = Follower::begin(&at("app.log"), &[]);
    assert_eq!(follower.next(), "one");
    // The file that is being read is gone, and so is whatever came behind it.
    fs::write(at("new"), "nine\n").unwrap();
    fs::rename(at("new"), at("app.log")).unwrap();
    assert_eq!(follower.next(), "nine");
    let (_, said) = follower.end();
    assert!(said.len() == 1 && said[0].contains("gap: files were removed"), "{said:?}");
}

/// Somebody replaces the directory, and for a moment something else stands there.
#[test]
fn trouble_that_passes_does_not_end_it() {
    let place = tempfile::tempdir().unwrap();
    let (dir, aside) = (place.path().join("log"), place.path().join("aside"));
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("app.log"), "one\n").unwrap();
    let follower = Follower::begin(&dir.join("app.log"), &[]);
    assert_eq!(follower.next(), "one");
    fs::rename(&dir, aside).unwrap();
    fs::write(&dir, "").unwrap();
    let said = follower.said.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(said.contains("Not a directory"), "{said}");
    fs::remove_file(&dir).unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("app.log"), "two\n").unwrap();
    assert_eq!(follower.next(), "two");
}

#[test]
fn a_file_that_cannot_be_opened_is_said_once() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at(".app.log.lock"), "").unwrap();
    std::os::unix::fs::symlink("app.log", at("app.log")).unwrap();
    let follower = Follower::begin(&at("app.log"), &[]);
    let said = follower.said.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(said.contains("symbolic link"), "{said}");
    // Each look after a change meets it again.
    for round in 0..20 {
        fs::write(at(&format!("other.{round}")), "x").unwrap();
        std::thread::yield_now();
    }
    fs::write(at("new"), "one\n").unwrap();
    fs::rename(at("new"), at("app.log")).unwrap();
    assert_eq!(follower.next(), "one");
    assert_eq!(follower.end(), (vec![], vec![]));
}

#[test]
fn it_waits_for_a_log_and_begins_with_its_last_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let follower = Follower::begin(&path, &["-n", "2"]);
    assert!(follower.said.recv_timeout(Duration::from_secs(30)).unwrap().contains("waiting for it"));
    fs::write(dir.path().join("new"), "one\ntwo\nthree\nfo").unwrap();
    fs::rename(dir.path().join("new"), &path).unwrap();
    assert_eq!([follower.next(), follower.next()], ["two", "three"]);
    append(&path, "ur\nfive\n");
    assert_eq!([follower.next(), follower.next()], ["four", "five"]);
    assert_eq!(follower.end(), (vec![], vec![]));
}

#[test]
fn only_what_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let record = |level: &str| format!("2026-11-24T18:00:00Z {level} shop: x\n  at {level}\n");
    fs::write(&path, record("ERROR") + &record("INFO")).unwrap();
    let follower = Follower::begin(&path, &["--level", "warn"]);
    assert_eq!(follower.next(), "2026-11-24T18:00:00Z ERROR shop: x");
    assert_eq!(follower.next(), "  at ERROR");
    append(&path, &(record("INFO") + &record("WARN") + &record("DEBUG")));
    assert_eq!(follower.next(), "2026-11-24T18:00:00Z WARN shop: x");
    assert_eq!(follower.next(), "  at WARN");
    assert_eq!(follower.end(), (vec![], vec![]));
}

#[test]
fn it_ends_when_its_reader_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "one\n").unwrap();
    let mut child = tspool(["follow", path.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
