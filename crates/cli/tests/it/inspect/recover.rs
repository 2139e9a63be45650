//! `recover` after the real death of a process: each record that was accepted stands in the log or is printed, once.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tracing_core::Level;
use tracing_spool::{Overflow, Spool, SpoolBuilder};
use tracing_spool_fileset::FileId;
use tracing_spool_ring::{Checksum, Limits, Options, Ring, Stamp, Task};

use super::{Place, tspool};

/// Names the directory in which a child logs.
const DIR: &str = "TSPOOL_TEST_DIR";
/// Set if the child's log takes nothing.
const BLOCKED: &str = "TSPOOL_TEST_BLOCKED";

/// The child's log takes nothing, so that all records wait.
const NO_ROOM: u64 = 1 << 60;

impl Place {
    fn killed(&self) -> SpoolBuilder {
        let builder = self.builder().backup_count(1_000).max_total_bytes(100_000_000).max_bytes(100_000);
        builder.durable(self.ring()).overflow(Overflow::Block)
    }
}

/// No test of its own, but what the children of these tests do.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let place = Place { dir: dir.into(), _kept: None };
    let is_blocked = std::env::var_os(BLOCKED).is_some();
    let builder = if is_blocked { place.killed().min_free_bytes(NO_ROOM) } else { place.killed() };
    let (spool, _guard) = builder.open().unwrap();
    println!();
    for number in 0..if is_blocked { 50 } else { u32::MAX } {
        spool.hand_over(Level::INFO, format!("record {number}").as_bytes()).unwrap();
        println!("accepted {number}");
    }
    loop {
        std::thread::park();
    }
}

/// Starts a child, kills it when it has handed over so many records, and returns how many it had.
fn kill(place: &Place, is_blocked: bool, records: u32) -> u32 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "inspect::recover::child", "--nocapture"]);
    command.env(DIR, &place.dir).stdout(Stdio::piped()).stderr(Stdio::null());
    if is_blocked {
        command.env(BLOCKED, "1");
    }
    let mut child = command.spawn().unwrap();
    let mut accepted = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        if let Some(number) = line.strip_prefix("accepted ") {
            accepted = number.parse::<u32>().unwrap_or(accepted) + 1;
        }
        if accepted == records {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(accepted >= records, "the child logs: {accepted}");
    accepted
}

/// How often each record stands in whole lines of these texts.
fn count(texts: impl IntoIterator<Item = impl AsRef<str>>) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    for text in texts {
        for line in text.as_ref().split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            if let Some(number) = line.strip_prefix("record ") {
                *counts.entry(number.parse().unwrap()).or_default() += 1;
            }
        }
    }
    counts
}

/// The text of each file of the log.
fn texts(place: &Place) -> Vec<String> {
    let names = fs::read_dir(&place.dir).unwrap().map(|entry| entry.unwrap().path());
    let is_of_log = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("app.log");
    names.filter(is_of_log).map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn what_waits_is_printed_in_order_and_written_once() {
    let place = Place::new();
    assert_eq!(kill(&place, true, 50), 50);
    let (log, ring) = (place.log().display().to_string(), place.path("app.ring").display().to_string());
    let (code, told) = super::status(&place.log());
    assert_eq!((code, &told["ring"]["records"]), (1, &50.into()), "{told}");
    let before = place.picture();
    let (code, out, said) = tspool(&["recover", &ring]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(out, (0..50).map(|number| format!("record {number}\n")).collect::<String>());
    assert!(said.contains("50 records wait (") && said.contains(&log), "{said}");
    assert_eq!(before, place.picture(), "it only reads");

    let (code, _, said) = tspool(&["recover", &ring, "--into", &log, "--min-free-bytes", "0"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("50 records (") && said.contains("written into"), "{said}");
    let once: BTreeMap<u32, u32> = (0..50).map(|number| (number, 1)).collect();
    assert_eq!(count(texts(&place)), once);
    let (code, out, said) = tspool(&["recover", &ring]);
    assert!(code == 0 && out.is_empty() && said.contains("0 records wait"), "{said}");
    assert_eq!(tspool(&["recover", &ring, "--into", &log, "--min-free-bytes", "0"]).0, 0);
    assert_eq!(count(texts(&place)), once, "still");
}

#[test]
fn a_death_while_writing_leaves_each_record_in_the_log_or_in_print() {
    for round in 0..20 {
        let place = Place::new();
        let accepted = kill(&place, false, 100 + round * 397);
        let ring = place.path("app.ring").display().to_string();
        let (code, out, said) = tspool(&["recover", &ring]);
        assert_eq!(code, 0, "{said}");
        let files = texts(&place);
        let counts = count(files.iter().chain([&out]));
        let (missing, twice) = found(&counts, accepted);
        assert_eq!((missing, twice), (0, 0), "round {round}: of {accepted}; {said}");
        let (code, _, said) = tspool(&["recover", &ring, "--into", &place.log().display().to_string()]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(found(&count(texts(&place)), accepted), (0, 0), "round {round}: {said}");
    }
}

/// Returns how many of the first records are missing, and how many of all stand more than once.
fn found(counts: &BTreeMap<u32, u32>, accepted: u32) -> (usize, usize) {
    let missing = (0..accepted).filter(|number| !counts.contains_key(number)).count();
    (missing, counts.values().filter(|count| **count > 1).count())
}

#[test]
fn a_ring_in_use_and_one_of_another_log_are_refused() {
    let place = Place::new();
    let (ring, log) = (place.path("app.ring").display().to_string(), place.log().display().to_string());
    let (spool, guard) = place.builder().durable(place.ring()).open().unwrap();
    for args in [&["recover", &ring][..], &["recover", &ring, "--into", &log]] {
        let (code, out, said) = tspool(args);
        assert_eq!((code, out.as_str()), (3, ""), "{said}");
        assert!(said.contains(&format!("process {} lives", std::process::id())), "{said}");
    }
    drop(guard);
    drop(spool);
    let other = place.path("other.log");
    drop(Spool::builder(&other).open().unwrap());
    let (code, _, said) = tspool(&["recover", &ring, "--into", other.to_str().unwrap()]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains(&log) && said.contains(other.to_str().unwrap()), "{said}");
    let (code, _, said) = tspool(&["recover", &log]);
    assert!(code == 2 && said.contains("is not a ring file"), "{said}");
    let whole = fs::read(&ring).unwrap();
    let mut damaged = whole.clone();
    // The word that producers change.
    damaged[4_096..4_104].copy_from_slice(&[0x7f; 8]);
    fs::write(&ring, damaged).unwrap();
    for args in [&["recover", &ring][..], &["recover", &ring, "--into", &log]] {
        let (code, out, said) = tspool(args);
        assert!(code == 3 && out.is_empty() && said.contains("can't be read as a ring"), "{said}");
        assert!(fs::exists(&ring).unwrap(), "it is not set aside");
    }
    fs::write(&ring, whole).unwrap();
    fs::write(place.path(".app.log.lock"), "").unwrap();
    let (code, _, said) = tspool(&["recover", &ring, "--into", &log]);
    assert!(code == 2 && said.contains("give --backup-count and --max-total-bytes"), "{said}");
}

/// Puts a ring there whose process died while it appended its first two records of three to the log.
fn put_ring(place: &Place, records: [&str; 3], file: FileId, start: u64) {
    let mut options = Options::default();
    (options.any_file_system, options.log) = (true, place.log());
    let limits = Limits { bytes: 1 << 16, records: 1_000, shares: [100; 5] };
    let mut opened = Ring::open(&place.path("app.ring"), limits, options).unwrap();
    for record in records {
        opened.ring.offer(2, record.as_bytes(), 0).unwrap();
    }
    let until = records[..2].iter().map(|record| Ring::charge(record.len(), 0) / 64).sum();
    let bytes = format!("{}\n{}\n", records[0], records[1]);
    opened.reader.stamp(&Stamp {
        task: Task::Records { until },
        from: 0,
        device: file.device,
        inode: file.inode,
        start,
        bytes: bytes.len() as u64,
        checksum: Checksum::of(bytes.as_bytes()),
        notes: [1, 1 << 20],
    });
}

#[test]
fn what_stands_in_the_file_already_is_left_out() {
    const RECORDS: [&str; 3] = ["one", "the second", "three"];
    let all = "one\nthe second\nthree\n";
    for (there, printed, words) in [
        ("", all, ""),
        ("on", all, "the first record printed stands in"),
        ("one\n", "the second\nthree\n", "1 more stands in"),
        ("one\nthe sec", "the second\nthree\n", "the first record printed stands in"),
        ("one\nthe second\n", "three\n", "2 more stand in"),
        ("one\nthe second\nof others\n", "three\n", "2 more stand in"),
        ("two\n", all, "the first 2 records may stand in the log already"),
    ] {
        let place = Place::new();
        place.fill(place.builder(), 1);
        let mut content = fs::read(place.log()).unwrap();
        let start = content.len() as u64;
        content.extend_from_slice(there.as_bytes());
        fs::write(place.log(), content).unwrap();
        let meta = fs::metadata(place.log()).unwrap();
        put_ring(&place, RECORDS, FileId { device: meta.dev(), inode: meta.ino() }, start);
        // Rotated since: the file is known by its identity.
        fs::rename(place.log(), place.path("app.log.1")).unwrap();
        let (code, out, said) = tspool(&["recover", &place.path("app.ring").display().to_string()]);
        assert_eq!((code, out.as_str()), (0, printed), "{there:?}: {said}");
        assert!(said.contains(words), "{there:?}: {said}");
    }
    let place = Place::new();
    put_ring(&place, RECORDS, FileId { device: 1, inode: 1 }, 0);
    let (code, out, said) = tspool(&["recover", &place.path("app.ring").display().to_string()]);
    assert_eq!((code, out.as_str()), (0, all), "without its log: {said}");
    assert!(said.contains("the first 2 records may stand"), "{said}");
}
