//! `tspool cat`: every record once and in order, whatever the files look like and whatever happens to them meanwhile.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tracing_spool::{Compression, Naming};
use tracing_spool_tests::skip;

use crate::writer::{Look, Writer, number_of};
use crate::{run, runs, text, tspool};

fn cat(path: &Path, more: &[&str]) -> String {
    let output = run([&["cat", path.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

fn numbers(printed: &str) -> Vec<u64> {
    printed.lines().map(|line| number_of(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

/// A set of lines with one second between them, the oldest in a gzip, then a zstd, then plain.
fn small(dir: &Path) -> String {
    let line = |number: u32| {
        let level = ["DEBUG", " INFO", " WARN", "ERROR"][number as usize % 4];
        format!("2026-11-24T18:{:02}:{:02}.000000Z {level} shop: order {number}\n", number / 60, number % 60)
    };
    let part = |from: u32, to: u32| (from..to).map(line).collect::<String>();
    let at = |name: &str| dir.join(name);
    fs::write(at("app.log.3"), part(0, 40)).unwrap();
    assert!(Command::new("gzip").arg(at("app.log.3")).status().unwrap().success());
    fs::write(at("app.log.2.zst"), zstd::encode_all(part(40, 80).as_bytes(), 3).unwrap()).unwrap();
    fs::write(at("app.log.1"), part(80, 120)).unwrap();
    fs::write(at("app.log"), part(120, 150)).unwrap();
    part(0, 150)
}

#[test]
fn all_forms_are_one_log() {
    let dir = tempfile::tempdir().unwrap();
    let all = small(dir.path());
    let path = dir.path().join("app.log");
    let lines: Vec<&str> = all.split_inclusive('\n').collect();
    assert_eq!(cat(&path, &[]), all);
    assert_eq!(cat(&path, &["-r"]), lines.iter().rev().copied().collect::<String>());
    assert_eq!(cat(&path, &["-n", "75"]), lines[75..].concat());
    assert_eq!(cat(&path, &["-n", "0"]), "");
    assert_eq!(cat(&path, &["-r", "-n", "2"]), [lines[149], lines[148]].concat());
    let times = ["--since", "2026-11-24T18:00:30Z", "--until", "2026-11-24T18:02:10Z"];
    assert_eq!(cat(&path, &times), lines[30..130].concat());
    let errors: String = lines.iter().copied().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(cat(&path, &["--level", "error"]), errors);
    assert_eq!(cat(&path, &["-l", "WARN", "-g", "order 4[23]$", "-n", "5"]), lines[42..44].concat());
    assert_eq!(cat(&path, &["--grep", "order 149"]), lines[149]);
}

/// The help is printed by other means than what a command prints.
#[test]
fn help_that_cannot_be_printed_is_said() {
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return skip("help_that_cannot_be_printed_is_said", "there is no /dev/full");
    };
    for arguments in [&["--help"][..], &["cat", "--help"], &["--version"]] {
        let output = tspool(arguments).stdout(full.try_clone().unwrap()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains("writing to stdout: No space left"), "{said}");
    }
    assert_eq!(run(["cat"]).status.code(), Some(2));
}

/// A machine without a battery starts in 1970, so the first time in a file isn't the end of the one before.
#[test]
fn a_clock_that_began_anew_hides_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (before, after) = ("2026-11-24T18:30:00Z WARN before\n", "2026-11-24T18:31:00Z WARN after\n");
    fs::write(at("app.log.1"), before).unwrap();
    fs::write(at("app.log"), format!("1970-01-01T00:00:01Z INFO boot\n{after}")).unwrap();
    let since = ["--since", "2026-11-24T18:00:00Z"];
    let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_795_545_120);
    for (name, age) in [("app.log.1", 60), ("app.log", 0)] {
        let file = fs::File::options().append(true).open(at(name)).unwrap();
        file.set_modified(written - std::time::Duration::from_secs(age)).unwrap();
    }
    assert_eq!(cat(&at("app.log"), &since), [before, after].concat());
}

/// Nothing printed would look as if nothing had happened.
#[test]
fn a_log_without_times_is_said_if_times_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "").unwrap();
    assert_eq!(cat(&path, &["--since", "1h"]), "", "an empty log has no records of any time");
    fs::write(&path, "{\"level\":\"error\",\"ts\":1764396000.123}\n").unwrap();
    let output = run(["cat", path.to_str().unwrap(), "--since", "1h"]);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(3), String::new()));
    assert!(said.contains("app.log: no line has a time stamp"), "{said}");
    assert!(cat(&path, &["--level", "error"]).contains("1764396000"));
}

#[test]
fn stack_traces_stay_with_their_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let records = [
        "2026-11-24T18:00:00Z ERROR shop: failed\n   at shop.rs:7\n\nCaused by: it\n",
        "2026-11-24T18:00:01Z  INFO shop: on\n",
    ];
    fs::write(&path, records.concat()).unwrap();
    assert_eq!(cat(&path, &["-l", "error"]), records[0]);
    assert_eq!(cat(&path, &["-r"]), [records[1], records[0]].concat());
    assert_eq!(cat(&path, &["-g", "Caused by"]), records[0]);
    assert_eq!(cat(&path, &["--since", "2026-11-24T18:00:01Z"]), records[1]);
}

#[test]
fn a_line_that_was_never_ended_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(dir.path().join("app.log.1"), "torn").unwrap();
    fs::write(&path, "next\nlast").unwrap();
    assert_eq!(cat(&path, &[]), "torn\nnext\nlast\n");
    assert_eq!(cat(&path, &["-n", "2"]), "next\nlast\n");
    assert_eq!(cat(&path, &["-g", "t"]), "torn\nnext\nlast\n");
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "line\n".repeat(200_000)).unwrap();
    for more in [&[][..], &["-r"], &["-g", "line"]] {
        let arguments = [&["cat", path.to_str().unwrap()], more].concat();
        let mut child = tspool(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{more:?}");
    }
}

#[test]
fn bad_input_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let failed = |arguments: &[&str], code: i32, words: &str| {
        let output = run([&["cat", path.to_str().unwrap()], arguments].concat());
        assert_eq!(output.status.code(), Some(code));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    };
    failed(&[], 3, "doesn't exist");
    fs::write(&path, "x\n").unwrap();
    failed(&["--since", "soon"], 2, "must be how long ago (2h");
    failed(&["--level", "loud"], 2, "possible values: trace");
    failed(&["--grep", "("], 2, "unclosed group");
    failed(&["-n", "-1"], 2, "");
}

#[test]
fn what_lines_dont_state_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    fs::write(&path, "one\ntwo\n").unwrap();
    for (more, words) in
        [(["--since", "2h"], "no line has a time stamp"), (["--level", "info"], "no line has a level")]
    {
        let output = run([&["cat", path.to_str().unwrap()], &more[..]].concat());
        assert!(output.stdout.is_empty() && text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}

#[test]
fn a_damaged_archive_is_named_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let lines =
        |first: u32| (first..first + 2_000).map(|number| format!("line {number}\n")).collect::<String>();
    let whole = zstd::encode_all(lines(0).as_bytes(), 3).unwrap();
    fs::write(dir.path().join("app.log.2.zst"), &whole[..whole.len() - 20]).unwrap();
    fs::write(dir.path().join("app.log.1.gz"), "this is no gzip at all").unwrap();
    fs::write(&path, lines(4_000)).unwrap();
    for more in [&[][..], &["-r"], &["-n", "9000"], &["-g", "line"]] {
        let output = run([&["cat", path.to_str().unwrap()], more].concat());
        let (printed, said) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(3), "{more:?}: {said}");
        assert!(said.contains("app.log.2.zst: the archive is cut short"), "{said}");
        assert!(said.contains("app.log.1.gz: the archive is damaged"), "{said}");
        assert!(printed.contains("line 4000\n") && printed.contains("line 5999\n"), "{more:?}");
    }
    for enough in [["-n", "2000"], ["-rn", "2000"]] {
        assert_eq!(cat(&path, &enough).lines().count(), 2_000, "older archives are not read");
    }
}

/// What the search by halves finds is what reading every line finds.
#[test]
fn times_are_found_in_large_files_without_reading_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let mut all = String::new();
    for number in 0_u32..60_000 {
        let (hour, minute, second) = (number / 3_600, number / 60 % 60, number % 60);
        let fill = "x".repeat(number as usize % 97);
        let trace =
            if number % 50 == 0 { "    at shop.rs\n".repeat(number as usize % 7) } else { String::new() };
        all += &format!("2026-11-24T{hour:02}:{minute:02}:{second:02}Z  INFO shop: {number} {fill}\n{trace}");
    }
    fs::write(&path, &all).unwrap();
    for (since, until) in [
        ("00:00:00", "00:00:01"),
        ("03:10:07", "03:11:00"),
        ("16:39:58", "23:00:00"),
        ("20:00:00", "21:00:00"),
    ] {
        let at = |time: &str| format!("2026-11-24T{time}Z");
        let printed = cat(&path, &["--since", &at(since), "--until", &at(until)]);
        let (mut wanted, mut is_wanted) = (String::new(), false);
        for line in all.split_inclusive('\n') {
            if let Some(time) = line.get(11..19).filter(|_| line.starts_with("2026")) {
                is_wanted = time >= since && time < until;
            }
            if is_wanted {
                wanted += line;
            }
        }
        assert!(printed == wanted, "{since} to {until}: {} bytes, not {}", printed.len(), wanted.len());
        let newest_first = cat(&path, &["--since", &at(since), "--until", &at(until), "-r"]);
        assert_eq!(newest_first.len(), wanted.len());
    }
}

/// A thread that has its time stamp may be suspended before it hands the record over.
#[test]
fn times_are_found_where_records_are_out_of_order_by_less_than_five_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.log");
    let time = |millis: u32| {
        format!("2026-11-24T12:{:02}:{:02}.{:03}Z", millis / 60_000, millis / 1_000 % 60, millis % 1_000)
    };
    let is_late = |number: u32| number / 7 % 2 == 0;
    let stamp = |number: u32| 10_000 + number - if is_late(number) { 4_900 } else { 0 };
    let line = |number: u32| format!("{}  INFO shop: {number}\n", time(stamp(number)));
    fs::write(&path, (0..100_000).map(line).collect::<String>()).unwrap();
    for since in (20_000..90_000).step_by(7_000) {
        let until = since + 2_000;
        let wanted = (0..100_000).filter(|number| (since..until).contains(&stamp(*number)));
        let printed = cat(&path, &["--since", &time(since), "--until", &time(until)]);
        assert!(printed == wanted.map(line).collect::<String>(), "{}: {} bytes", time(since), printed.len());
    }
}

#[test]
fn nothing_is_missing_and_nothing_twice_while_the_log_rotates() {
    for look in Look::ALL {
        for _ in 0..runs(1) {
            let dir = tempfile::tempdir().unwrap();
            let writer = Writer::begin(dir.path(), look);
            let mut before = 0;
            while writer.written() < 1_500 {
                let printed = numbers(&cat(writer.path(), &[]));
                let count = printed.len() as u64;
                assert!(printed.iter().copied().eq(0..count), "{look:?}: {printed:?}");
                assert!(count >= before, "{look:?}: {count} after {before}");
                before = count;
            }
            let path = writer.path().to_owned();
            let lines = writer.end();
            assert_eq!(numbers(&cat(&path, &[])).len() as u64, lines, "{look:?}");
            assert_eq!(numbers(&cat(&path, &["-n", "99"])), (lines - 99..lines).collect::<Vec<_>>());
        }
    }
}

#[test]
fn an_archive_is_found_by_itself_or_named() {
    let dir = tempfile::tempdir().unwrap();
    let look = Look { archive: true, ..Look::of(Naming::Timestamped, Compression::None) };
    let writer = Writer::begin(dir.path(), look);
    writer.wait_for(300);
    let path = writer.path().to_owned();
    let lines = writer.end();
    assert_eq!(numbers(&cat(&path, &[])).len() as u64, lines);
    let archive = dir.path().join("archive");
    assert_eq!(numbers(&cat(&path, &["--archive-dir", archive.to_str().unwrap()])).len() as u64, lines);
}
