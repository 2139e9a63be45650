//! Proves that logrotate, the real one, can move a log away or cut it while it is written.
//! What is lost between a copy and a cut is logrotate's own, and not counted here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tracing_spool::Spool;
use tracing_spool_tests::skip;

use crate::support::{LONG, log, read, scene, until};
use crate::threads::exits::Server;

const TURNS: u64 = 10;

/// logrotate with one stanza for one log, the moved files in a directory of their own.
struct Logrotate {
    program: &'static str,
    configuration: PathBuf,
    status: PathBuf,
    moved: PathBuf,
}

impl Logrotate {
    /// None where it is not installed, which is said.
    fn new(test: &str, log: &Path, rules: &str) -> Option<Self> {
        let found = ["/usr/sbin/logrotate", "/usr/bin/logrotate", "/sbin/logrotate"];
        let Some(program) = found.into_iter().find(|path| Path::new(path).exists()) else {
            skip(test, "logrotate is not installed");
            return None;
        };
        let configuration = log.with_file_name("logrotate.conf");
        let (status, moved) = (log.with_file_name("logrotate.status"), log.with_file_name("moved"));
        fs::create_dir(&moved).unwrap();
        let (log, olddir) = (log.display(), moved.display());
        let text = format!("{log} {{\n rotate 1000\n nocompress\n olddir {olddir}\n {rules}\n}}\n");
        fs::write(&configuration, text).unwrap();
        Some(Self { program, configuration, status, moved })
    }

    fn turn(&self) {
        let mut command = Command::new(self.program);
        command.args(["--force", "--state"]).arg(&self.status).arg(&self.configuration);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What was moved or copied, and then the live file: the numbers in them, oldest first.
    fn numbers(&self, log: &Path) -> Vec<u64> {
        let mut texts: Vec<Vec<u64>> = fs::read_dir(&self.moved)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .chain([log.to_owned()])
            .map(|path| read(path).lines().map(|line| line.parse().unwrap()).collect())
            .collect();
        texts.sort();
        texts.concat()
    }
}

#[test]
fn logrotate_create_with_sighup_loses_nothing() {
    let (_dir, path) = scene();
    let mut server = Server::start();
    let hup = format!("create\n postrotate\n kill -HUP {}\n endscript", server.process());
    let test = "logrotate_create_with_sighup_loses_nothing";
    let Some(logrotate) = Logrotate::new(test, &path, &hup) else { return server.end() };
    server.open(&path);
    assert_eq!(server.tell("signals 0"), "Ok(())");
    assert_eq!(server.tell("stream 0"), "streaming");
    for turn in 1..=TURNS {
        let has_lines = || fs::metadata(&path).is_ok_and(|meta| meta.len() > 0);
        assert!(until(has_lines), "after {turn} turns: SIGHUP opened the new file");
        logrotate.turn();
    }
    let logged: u64 = server.tell("halt").parse().unwrap();
    assert_eq!(server.tell("close 0"), "true");
    server.end();
    assert_eq!(fs::read_dir(&logrotate.moved).unwrap().count() as u64, TURNS);
    assert!(logrotate.numbers(&path).into_iter().eq(0..logged), "lost, repeated or out of order");
}

#[test]
fn logrotate_copytruncate_is_survived() {
    let (_dir, path) = scene();
    let test = "logrotate_copytruncate_is_survived";
    let Some(logrotate) = Logrotate::new(test, &path, "copytruncate") else { return };
    // Nobody logs between the copy and the cut: nothing is lost, and there is no hole of zeros.
    let (spool, guard) = Spool::builder(&path).quiet().open().unwrap();
    for turn in 0..TURNS {
        (turn * 100..(turn + 1) * 100).for_each(|number| log(&spool, &number.to_string()));
        guard.handle().flush(LONG).unwrap();
        logrotate.turn();
        assert_eq!(read(&path), "");
    }
    log(&spool, &(TURNS * 100).to_string());
    assert!(guard.shutdown(LONG).is_complete());
    assert!(logrotate.numbers(&path).into_iter().eq(0..=TURNS * 100));
}

#[test]
fn logrotate_copytruncate_while_logging_leaves_whole_lines() {
    let (_dir, path) = scene();
    let test = "logrotate_copytruncate_while_logging_leaves_whole_lines";
    let Some(logrotate) = Logrotate::new(test, &path, "copytruncate") else { return };
    let mut server = Server::start();
    server.open(&path);
    server.tell("stream 0");
    for _ in 0..TURNS {
        assert!(until(|| fs::metadata(&path).unwrap().len() > 0));
        logrotate.turn();
    }
    let logged: u64 = server.tell("halt").parse().unwrap();
    assert_eq!(server.tell("close 0"), "true");
    server.end();
    // What stands in the live file after a cut is whole, in order, and the end of what was logged.
    let live: Vec<u64> = read(&path).lines().map(|line| line.parse().unwrap()).collect();
    let first = live.first().copied().unwrap_or(logged);
    assert!(live.into_iter().eq(first..logged));
}
