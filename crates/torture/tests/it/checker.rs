//! Proves that the checker finds what it is there to find: a good log is damaged in every way, and each is named.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tracing_spool_torture::account::Account;
use tracing_spool_torture::checker::{Findings, check};
use tracing_spool_torture::line::Line;
use tracing_spool_torture::page::Progress;
use tracing_spool_torture::set::{self, LogFile};

const LINES: u64 = 30;

/// Two threads, three files, ten lines of each thread in each file.
fn good() -> Vec<Vec<String>> {
    let line = |thread, number: u64| Line { life: 0, thread, number, width: 60 + number as usize }.text();
    let file = |part: u64| {
        (part * 10..part * 10 + 10).flat_map(|number| [line(0, number), line(1, number)]).collect()
    };
    (0..3).map(file).collect()
}

fn found_in(files: &[Vec<String>]) -> Findings {
    let file = |(number, lines): (usize, &Vec<String>)| LogFile {
        path: format!("app.log.{}", 3 - number).into(),
        bytes: lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes(),
    };
    check(&files.iter().enumerate().map(file).collect::<Vec<_>>())
}

fn page() -> Vec<Progress> {
    vec![Progress { offered: LINES, accepted: LINES, flushed: LINES }; 2]
}

fn account() -> Account {
    Account { offered: 2 * LINES, written: 2 * LINES, ..Account::default() }
}

/// Everything that is said of it.
fn said(findings: &Findings) -> String {
    let mut said = findings.faults();
    said.extend(findings.torn.iter().map(|place| format!("torn: {place}")));
    said.extend(findings.faults_of_life(0, &page(), false));
    said.extend(findings.faults_of_account(&account(), &page()));
    said.join("\n")
}

#[test]
fn a_good_log_is_good() {
    let findings = found_in(&good());
    assert_eq!((said(&findings), findings.lines), (String::new(), 2 * LINES));
}

#[test]
fn every_damage_has_its_name() {
    type Damage = fn(&mut Vec<Vec<String>>);
    let damages: [(&str, Damage); 14] = [
        ("are missing", |files| drop(files[1].remove(4))),
        ("are missing", |files| drop(files.remove(1))),
        ("the first line is 10", |files| drop(files.remove(0))),
        ("flushed up to 30, found up to 20", |files| drop(files.remove(2))),
        ("flushed up to 30, found up to 29", |files| drop(files[2].pop())),
        ("repeated", |files| {
            let line = files[0][3].clone();
            files[0].push(line);
        }),
        ("repeated", |files| {
            let line = files[0][3].clone();
            files[0].insert(3, line);
        }),
        ("out of order", |files| files[1].swap(2, 4)),
        ("out of order", |files| files.swap(0, 1)),
        ("torn", |files| {
            files[1][5].pop();
        }),
        ("torn", |files| files[1][5].truncate(20)),
        ("glued", |files| {
            let next = files[1].remove(6);
            files[1][5].push_str(&next);
        }),
        ("split", |files| {
            let rest = files[1][5].split_off(50);
            files[1].insert(6, rest);
        }),
        ("damaged", |files| {
            let byte = files[1][5].pop();
            files[1][5].push(if byte == Some('q') { 'r' } else { 'q' });
        }),
    ];
    for (number, (name, damage)) in damages.into_iter().enumerate() {
        let mut files = good();
        damage(&mut files);
        let said = said(&found_in(&files));
        assert!(said.contains(name), "damage {number}: {name} is not in {said:?}");
    }
}

#[test]
fn a_tail_without_its_newline_is_seen() {
    let line = good()[0][0].clone();
    let file = |name: &str, text: String| LogFile { path: name.into(), bytes: text.into_bytes() };
    let whole = |name| file(name, format!("{line}\n"));
    let findings = check(&[whole("app.log.1"), file("app.log", line[..50].to_owned())]);
    assert!(findings.unended && findings.torn.len() == 1);
    let findings = check(&[file("app.log.1", line.clone()), file("app.log", String::new())]);
    assert!(!findings.unended && findings.torn.len() == 1, "in a backup it is never right: {findings}");
}

#[test]
fn numbers_that_are_not_true_are_seen() {
    let mut files = good();
    files[1].remove(4);
    files[1].insert(4, "2026-11-24T10:00:00Z  WARN tracing_spool: 1 record lost (1 INFO)".to_owned());
    let findings = found_in(&files);
    assert_eq!(findings.lost_as_told(), 1);
    let exact = Account { written: 59, dropped: 1, ..account() };
    assert!(findings.faults_of_account(&exact, &page()).is_empty());
    for wrong in [
        Account { written: 60, ..exact },
        Account { dropped: 0, ..exact },
        Account { dropped: 2, ..exact },
        Account { offered: 61, ..exact },
    ] {
        assert!(!findings.faults_of_account(&wrong, &page()).is_empty(), "{wrong:?}");
    }
    files[1].remove(4);
    assert!(!found_in(&files).faults_of_account(&exact, &page()).is_empty(), "no notice");
}

#[test]
fn compressed_files_are_read_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let files = good();
    let bytes =
        |number: usize| files[number].iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&bytes(1)).unwrap();
    let zst = ruzstd::encoding::compress_to_vec(&*bytes(0), ruzstd::encoding::CompressionLevel::Fastest);
    put(dir.path(), "app.log", &bytes(2));
    put(dir.path(), "app.log.1.gz", &gz.finish().unwrap());
    put(dir.path(), "app.log.2.zst", &zst);
    put(dir.path(), "app.log.old", b"not ours");
    let findings = check(&set::read(&dir.path().join("app.log")).unwrap());
    assert_eq!((said(&findings), findings.lines), (String::new(), 2 * LINES));
    put(dir.path(), "app.log.1.gz", b"no gzip");
    assert!(set::read(&dir.path().join("app.log")).is_err());
}

fn put(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(name), bytes).unwrap();
}
