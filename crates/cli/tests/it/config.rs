//! Proves that what `tspool config` prints is what its program reads: by the program itself where it is installed.

mod logrotate;
mod rsyslog;
mod systemd;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tracing_core::Level;
use tracing_spool::{Spool, SpoolGuard};

/// Longer than anything here takes: whoever waits so long waits for ever.
const LONG: Duration = Duration::from_secs(60);

/// What has to be quoted in one way or another.
const ODD_NAMES: [&str; 4] = ["shop.log", "my shop.log", "it's $1, 100% & \u{fc}.log", "say \"shop\".log"];

fn tspool(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tspool")).arg("config").args(arguments).output().unwrap()
}

/// What it prints, where nothing is wrong.
#[track_caller]
fn snippet(arguments: &[&str]) -> String {
    let output = tspool(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code, and what it says, where it refuses.
#[track_caller]
fn refusal(arguments: &[&str]) -> (Option<i32>, String) {
    let output = tspool(arguments);
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A log in a directory that goes when it is dropped.
fn log_at(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    (dir, path)
}

/// Writes the numbers, one line each.
fn write_lines(spool: &Spool, guard: &SpoolGuard, numbers: std::ops::Range<usize>) {
    let mut lines = spool.lines(Level::INFO);
    numbers.for_each(|number| writeln!(lines, "{number:060}").unwrap());
    guard.handle().flush(LONG).unwrap();
}

/// Asks again and again, until it is so or [`LONG`] is over; returns which.
fn until(mut is_so: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > LONG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    true
}

/// The first of these that is there, or none, which is counted as a skip.
fn program(test: &str, places: &[&'static str]) -> Option<&'static str> {
    let found = places.iter().copied().find(|path| Path::new(path).exists());
    if found.is_none() {
        let line = format!("skipped: {test}: {} is not installed\n", places[0]);
        print!("{line}");
        if let Some(path) = std::env::var_os("TRACING_SPOOL_SKIPS") {
            let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
            file.write_all(line.as_bytes()).unwrap();
        }
    }
    found
}

#[test]
fn the_first_line_says_what_was_found() {
    let (dir, path) = log_at("shop.log");
    let path = path.to_str().unwrap();
    let first = |arguments: &[&str]| snippet(arguments).lines().next().unwrap().to_owned();
    let told = |rest: &str| format!("# {path}, backups {rest}");
    assert_eq!(first(&["vector", path]), told("numbered, not compressed (no backup is there yet)"));
    let touch = |name: &str| fs::write(dir.path().join(name), "").unwrap();
    touch("shop.log.2.gz");
    assert_eq!(first(&["vector", path]), told("numbered, gzip (1 backup found)"));
    // Later than what stands there already.
    fs::File::open(dir.path().join("shop.log.2.gz")).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    touch("shop.log.20261123T181911Z");
    touch("shop.log.bak");
    touch("shop.log.01");
    assert_eq!(first(&["vector", path]), told("timestamped, gzip (2 backups found)"));
    let flags = ["vector", path, "--naming", "numbered", "--compression", "zstd"];
    assert_eq!(first(&flags), told("numbered, zstd (as the flags say)"));
    touch("shop.log.2026-11-24.zst");
    assert_eq!(first(&["vector", path]), told("timestamped, zstd (3 backups found)"));
}

#[test]
fn backups_in_an_archive_are_found_there() {
    let (dir, path) = log_at("shop.log");
    let old = dir.path().join("old");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("shop.log.20261123T181911Z.zst"), "").unwrap();
    let (path, old) = (path.to_str().unwrap(), old.to_str().unwrap());
    let text = snippet(&["fluent-bit", path, "--archive-dir", old]);
    assert!(text.contains("timestamped, zstd (1 backup found)"), "{text}");
    assert!(text.contains(&format!("exclude_path: \"{old}/shop.log.*\"\n")), "{text}");
}

#[test]
fn only_programs_that_were_run_are_said_to_be_tested() {
    for (program, is_tested) in [
        ("rsyslog", true),
        ("logrotate", true),
        ("systemd", true),
        ("vector", false),
        ("fluent-bit", false),
        ("alloy", false),
    ] {
        let text = snippet(&[program, "/var/log/shop/shop.log"]);
        let head: Vec<&str> = text.lines().take(3).collect();
        assert_eq!(head.iter().any(|line| line.contains("Not tested here against the program")), !is_tested);
        assert!(text.contains("/var/log/shop"), "{text}");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
        assert!(text.lines().all(|line| line.len() <= 120 || line.starts_with("ExecStart=")), "{text}");
    }
}

#[test]
fn what_a_program_would_misread_is_refused() {
    for (program, name) in [
        ("rsyslog", "shop*.log"),
        ("rsyslog", "back\\slash.log"),
        ("logrotate", "{a,b}.log"),
        ("logrotate", "both \"'.log"),
        ("vector", "$HOME.log"),
        ("fluent-bit", "a,b.log"),
        ("alloy", "shop?.log"),
        ("systemd", "two\nlines.log"),
        ("alloy", "shop.log.7"),
    ] {
        let path = format!("/var/log/shop/{name}");
        let (code, said) = refusal(&[program, &path]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("tspool: ") && said.contains("/var/log/shop/"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(refusal(&["vector", "/var/log/$x.log"]).1.contains("can't be given a name with `$`"));
}

#[test]
fn flags_of_other_programs_are_refused() {
    for (arguments, words) in [
        (&["vector", "/var/log/shop.log", "--to", "logs:514"][..], "--to: only for rsyslog or alloy"),
        (&["systemd", "/var/log/shop.log", "--hup"], "--hup: only for logrotate"),
        (&["rsyslog", "/var/log/shop.log", "--", "/bin/true"], "COMMAND: only for systemd"),
        (&["rsyslog", "/var/log/shop.log", "--to", "logs"], "--to \"logs\": must be HOST:PORT"),
        (&["alloy", "/var/log/shop.log", "--to", "logs:3100"], "must be the push URL of Loki"),
        (&["rsyslog", "/"], "/ is a directory: give the path of a live file"),
        (&["rsyslog", "/tmp"], "/tmp is a directory: give the path of a live file"),
    ] {
        let (code, said) = refusal(arguments);
        assert!(code == Some(2) && said.contains(words), "{said}");
    }
}
