//! Tries `tspool verify` on logs as they live: being written, rotated, killed, losing records and telling so.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tracing_core::Level;
use tracing_spool::{Compression, Durable, Notices, Overflow, Spool};

use crate::set_of::{Set, Shape, TORTURE, builder, verify};
use crate::writer::{Look, Writer};

/// How the lines of `Writer` state their number.
const WRITER: &str = r" writer: N(?<number>\d{8}) ";
/// An ordinary user, for what root may always do.
const NOBODY: u32 = 65_534;

/// Looks at logs that rotate fifty times a second: a clean set is clean at every moment.
#[test]
fn a_clean_set_is_clean_while_it_rotates() {
    let runs = crate::runs(21);
    for look in Look::ALL {
        let dir = tempfile::tempdir().unwrap();
        let writer = Writer::begin(dir.path(), look);
        let archive = writer.archive().to_str().unwrap().to_owned();
        writer.wait_for(100);
        for run in 0..runs.div_ceil(Look::ALL.len()) {
            let (code, said) = verify(writer.path(), &["--numbers", WRITER, "--archive-dir", &archive]);
            assert!(
                code == 0 && said.contains(": whole") && !said.contains("worth a look"),
                "{run}: {said}({code})"
            );
        }
        let lines = writer.end();
        let (code, said) =
            verify(&dir.path().join("app.log"), &["--numbers", WRITER, "--archive-dir", &archive, "--json"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &said["lines"]), (0, &lines.into()), "{said}");
    }
}

#[test]
fn no_color_takes_the_colours_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = Set::written(Compression::None, Shape::Text).put(dir.path());
    let is_coloured = |variables: &[&str]| {
        let variables = variables.iter().map(|name| (*name, "1"));
        let said = crate::tspool([OsStr::new("verify"), path.as_ref()]).envs(variables).output().unwrap();
        said.stdout.contains(&b'\x1b')
    };
    assert!(!is_coloured(&[]), "there is no terminal");
    assert!(is_coloured(&["CLICOLOR_FORCE"]));
    assert!(!is_coloured(&["CLICOLOR_FORCE", "NO_COLOR"]));
}

#[test]
fn a_line_that_is_being_written_is_no_damage_unless_nobody_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = Set::written(Compression::None, Shape::Text).put(dir.path());
    let (_spool, guard) = builder(dir.path()).open().unwrap();
    // It says which files it found, and then leaves the file alone.
    let deadline = Instant::now() + Duration::from_secs(10);
    while !fs::read_to_string(&path).unwrap().contains(" tracing_spool: ") {
        assert!(Instant::now() < deadline, "the spool says nothing of the files that it found");
        std::thread::yield_now();
    }
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"half a li").unwrap();
    let (code, said) = verify(&path, &[]);
    assert!(said.contains("app.log:22: warning: being written: ") && code == 0, "{said}({code})");
    drop(guard);
    let (code, said) = verify(&path, &[]);
    assert!(
        said.contains("app.log:22: unfinished: ") && said.contains(": half a li\n") && code == 1,
        "{said}"
    );
}

#[test]
fn a_torn_line_that_the_log_tells_of_is_told() {
    for shape in [Shape::Text, Shape::Json, Shape::Torture] {
        let dir = tempfile::tempdir().unwrap();
        let set = Set::written(Compression::None, shape);
        let path = set.put(dir.path());
        let torn = set.files[4].1[19][..50].replace("L00000", "L00002");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(torn.as_bytes()).unwrap();
        let notices = if shape == Shape::Json { Notices::Json } else { Notices::Text };
        let (spool, guard) = builder(dir.path()).notices(notices).open().unwrap();
        let next = set.files[4].1[19].replace("L00000", "L00001");
        spool.lines(Level::INFO).write_all(next.as_bytes()).unwrap();
        guard.shutdown(Duration::from_secs(10));
        let options = if shape == Shape::Torture { &["--numbers", TORTURE][..] } else { &[] };
        let (code, said) = verify(&path, options);
        assert!(said.contains(": warning: torn, and told: ") && code == 4, "{shape:?}: {said}({code})");
        assert!(said.contains("the log also says:"), "{said}");
        let is_named = said.contains("app.log:21: warning: torn, and told: ");
        assert_eq!(is_named, shape != Shape::Text, "in text, nothing tells which line it was: {said}");
    }
}

/// Has a spool lose lines, and returns how many it says it lost.
fn lose(dir: &Path, notices: Notices) -> u64 {
    let (spool, guard) = Spool::builder(dir.join("app.log"))
        .queue_records(64)
        .durable(Durable::off())
        .overflow(Overflow::DropNewest)
        .notices(notices)
        .open()
        .unwrap();
    let mut output = spool.lines(Level::INFO);
    for number in 0..20_000_u64 {
        let now = jiff::Timestamp::now();
        let line = match notices {
            Notices::Json => format!("{{\"timestamp\":\"{now:.6}\",\"message\":\"N{number}.\"}}\n"),
            _ => format!("{now:.6}  INFO shop: N{number}.\n"),
        };
        output.write_all(line.as_bytes()).unwrap();
        if number % 5_000 == 4_999 {
            guard.handle().flush(Duration::from_secs(10)).unwrap();
        }
    }
    // The last one is written, so that what is missing is between others.
    guard.handle().flush(Duration::from_secs(10)).unwrap();
    let last = jiff::Timestamp::now();
    let last = match notices {
        Notices::Json => format!("{{\"timestamp\":\"{last:.6}\",\"message\":\"N20000.\"}}\n"),
        _ => format!("{last:.6}  INFO shop: N20000.\n"),
    };
    output.write_all(last.as_bytes()).unwrap();
    drop(output);
    guard.shutdown(Duration::from_secs(10)).dropped
}

const LOSER: &str = r"N(?<number>\d+)\.";

#[test]
fn what_was_lost_is_listed_and_explains_what_is_missing() {
    for notices in [Notices::Text, Notices::Json] {
        let dir = tempfile::tempdir().unwrap();
        let lost = lose(dir.path(), notices);
        assert!(lost > 0, "20,000 lines through a queue of 64");
        let path = dir.path().join("app.log");
        let (code, said) = verify(&path, &["--numbers", LOSER, "--json"]);
        let object: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(code, 4, "{object:#}");
        assert_eq!(object["verdict"], "lost");
        assert_eq!(
            (&object["lost"]["records"], &object["lost"]["levels"]["INFO"]),
            (&lost.into(), &lost.into())
        );
        assert_eq!(object["lost"]["reasons"]["queue full"], lost);
        assert_eq!(
            (&object["missing"]["told"], &object["missing"]["untold"]),
            (&lost.into(), &0.into()),
            "{object:#}"
        );
        let (code, said) = verify(&path, &["--numbers", LOSER]);
        assert!(
            said.contains("lost, as the log says:") && said.contains("queue full") && code == 4,
            "{said}"
        );
        assert!(said.contains(" lost in ") && said.contains(", all told"), "{said}");

        // One line more is missing than the log says.
        let text = fs::read_to_string(&path).unwrap();
        let at = text.find("N0.").unwrap();
        let next = text[at..].find('\n').unwrap() + at + 1;
        let end = text[next..].find('\n').unwrap() + next + 1;
        fs::write(&path, text[..next].to_owned() + &text[end..]).unwrap();
        let (code, said) = verify(&path, &["--numbers", LOSER]);
        assert!(said.contains(": missing: ") && code == 1, "{said}({code})");

        // And all of them are, once nobody tells of them.
        let silent: String =
            text.split_inclusive('\n').filter(|line| !line.contains("tracing_spool")).collect();
        fs::write(&path, silent).unwrap();
        let (code, said) = verify(&path, &["--numbers", LOSER, "--json"]);
        let object: Value = serde_json::from_str(&said).unwrap();
        assert_eq!((code, &object["missing"]["untold"]), (1, &lost.into()));
    }
}

#[test]
fn a_window_of_time_leaves_files_and_losses_out() {
    let dir = tempfile::tempdir().unwrap();
    lose(dir.path(), Notices::Text);
    let path = dir.path().join("app.log");
    assert_eq!(verify(&path, &["--since", "1h"]).0, 4);
    let (code, said) = verify(&path, &["--until", "1h"]);
    assert!(code == 0 && said.contains("1 file of other times not read"), "{said}({code})");
    let (code, said) = verify(&path, &["--since", "1h", "--until", "2h"]);
    assert!(code == 2 && said.contains("--since is later than --until"), "{said}({code})");
    let (code, said) = verify(&path, &["--since", "soon"]);
    assert!(code == 2 && said.contains("must be how long ago"), "{said}({code})");
}

#[test]
fn a_file_that_may_not_be_read_is_named_and_the_rest_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = Set::written(Compression::None, Shape::Torture).put(dir.path());
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let shut = dir.path().join("app.log.2");
    fs::set_permissions(&shut, PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tspool"));
    command.arg("verify").arg(&path);
    if nix::unistd::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = match command.output() {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return tracing_spool_tests::skip(
                "verify_unreadable",
                "another user may not run the program where it is built",
            );
        }
        output => output.unwrap(),
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let wanted = format!("{}: unreadable: Permission denied\n", shut.display());
    assert!(said.starts_with(&wanted) && said.contains("4 files, 80 lines"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_exit_code_tells_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let set = Set::written(Compression::Zstd, Shape::Torture);
    let path = set.put(dir.path());
    assert_eq!(verify(&path, &["--quiet"]), (0, String::new()));
    fs::write(&path, "torn").unwrap();
    assert_eq!(verify(&path, &["-q", "--numbers", TORTURE]), (1, String::new()));
    let (code, said) = verify(&dir.path().join("other.log"), &[]);
    assert!(code == 3 && said.contains("other.log doesn't exist"), "{said}({code})");
    let (code, said) = verify(&path, &["--numbers", "(?<nummer>x)"]);
    assert!(code == 2 && said.contains("<nummer>"), "{said}({code})");
}
