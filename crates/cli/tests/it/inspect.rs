//! `status`, `plan` and `recover` as processes: what they say is what is there, and reading changes nothing.

mod recover;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tracing_core::Level;
use tracing_spool::{Durable, Notices, Spool, SpoolBuilder};

/// Runs `tspool`, and returns its exit code, what it printed and what it said.
fn tspool(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_tspool")).args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn status(log: &Path) -> (i32, Value) {
    let (code, out, said) = tspool(&["status", log.to_str().unwrap(), "--json"]);
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{said}")))
}

/// A directory with a log of small files.
struct Place {
    dir: PathBuf,
    /// Removes it in the end.
    _kept: Option<tempfile::TempDir>,
}

impl Place {
    fn new() -> Self {
        let kept = tempfile::tempdir().unwrap();
        Self { dir: kept.path().to_owned(), _kept: Some(kept) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("app.log")
    }

    fn builder(&self) -> SpoolBuilder {
        Spool::builder(self.log())
            .max_bytes(1_000)
            .backup_count(4)
            .max_total_bytes(10_000)
            .max_record_bytes(500)
    }

    fn ring(&self) -> Durable {
        Durable::at(self.path("app.ring")).on_any_file_system()
    }

    /// Logs so many lines of 100 bytes, and closes the log.
    fn fill(&self, builder: SpoolBuilder, lines: u32) {
        let (spool, guard) = builder.open().unwrap();
        for number in 0..lines {
            spool.hand_over(Level::INFO, format!("{number:099}").as_bytes()).unwrap();
        }
        assert!(guard.shutdown(Duration::from_secs(10)).is_complete());
    }

    /// Everything that can be seen of the directory.
    fn picture(&self) -> BTreeMap<PathBuf, (u64, i64, i64, u32, Vec<u8>)> {
        let seen = |entry: fs::DirEntry| {
            let (path, meta) = (entry.path(), entry.metadata().unwrap());
            let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            (path, (meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.mode(), bytes))
        };
        fs::read_dir(&self.dir).unwrap().map(|entry| seen(entry.unwrap())).collect()
    }
}

#[test]
fn status_says_who_has_the_log_and_how_much_of_its_limits_is_used() {
    let place = Place::new();
    place.fill(place.builder(), 35);
    fs::write(place.path("core.7"), [0; 4_096]).unwrap();
    let (spool, guard) =
        place.builder().max_age(Duration::from_secs(604_800)).durable(place.ring()).open().unwrap();
    let (code, told) = status(&place.log());
    assert_eq!(code, 0, "{told}");
    assert_eq!((&told["max_total_bytes"], &told["backup_count"]), (&10_000.into(), &4.into()));
    assert_eq!((&told["max_age_seconds"], &told["max_bytes"]), (&604_800.into(), &1_000.into()));
    assert_eq!((&told["total_bytes"], &told["total_percent"]), (&3_500.into(), &35.into()));
    assert_eq!((&told["live_bytes"], &told["backups"]), (&500.into(), &3.into()));
    assert_eq!(told["limits"]["from"], "lock_file");
    assert_eq!(told["lock"]["state"], "held");
    let by = told["lock"]["by"].as_str().unwrap();
    assert!(by.starts_with(&format!("process {} on ", std::process::id())), "{by}");
    assert_eq!(
        (&told["ring"]["process_lives"], &told["ring"]["process"]),
        (&true.into(), &std::process::id().into())
    );
    assert_eq!(told["others"], serde_json::json!({ "files": 1, "bytes": 4_096 }));
    assert_eq!(told["next"]["bytes_left"], 500);
    assert_eq!(told["files"].as_array().unwrap().len(), 4);
    assert_eq!((&told["files"][0]["role"], &told["files"][1]["name"]), (&"live".into(), &"app.log.1".into()));
    drop(guard);
    drop(spool);
    let (code, told) = status(&place.log());
    assert_eq!((code, &told["lock"]["state"], &told["lock"]["by"]), (0, &"free".into(), &Value::Null));
    let (code, text, _) = tspool(&["status", place.log().to_str().unwrap()]);
    assert!(code == 0 && text.contains("free (last held by process"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour but on a terminal: {text}");
}

#[test]
fn status_is_troubled_by_an_alert_and_by_a_limit_that_is_exceeded() {
    let place = Place::new();
    place.fill(place.builder(), 35);
    let log = place.log();
    let log = log.to_str().unwrap();
    let (code, text, _) = tspool(&["status", log, "--max-total-bytes", "3000"]);
    assert!(
        code == 1 && text.contains("trouble: the log takes 3.4 KiB, and max_total_bytes is 2.9 KiB"),
        "{text}"
    );
    let (code, text, _) = tspool(&["status", log, "--backup-count", "2"]);
    assert!(code == 1 && text.contains("there are 3 backups, and backup_count is 2"), "{text}");
    let alert = place.path("ALERT_LOG_ROTATION_FAILED.txt");
    fs::write(&alert, "log: /another.log\nnot ours\n").unwrap();
    assert_eq!(tspool(&["status", log]).0, 0, "another log's");
    fs::write(&alert, format!("log: {log}\nrotation: \u{1b}[31mred\n")).unwrap();
    let (code, text, _) = tspool(&["status", log]);
    assert!(code == 1 && text.contains("trouble: an alert stands: "), "{text}");
    assert!(text.contains("rotation: ?[31mred"), "{text}");
}

#[test]
fn a_lock_file_that_says_no_limits_is_told_of() {
    let place = Place::new();
    place.fill(place.builder(), 35);
    fs::write(place.path(".app.log.lock"), "").unwrap();
    let (_, told) = status(&place.log());
    assert_eq!((&told["limits"]["from"], &told["max_bytes"]), (&"defaults".into(), &(10 << 20).into()));
    let (_, text, _) = tspool(&["status", place.log().to_str().unwrap(), "--backup-count", "3"]);
    assert!(
        text.contains("unknown, the lock file doesn't say") && text.contains("given: backup_count"),
        "{text}"
    );
}

#[test]
fn a_path_that_is_no_log_is_answered_with_the_logs_there() {
    let place = Place::new();
    place.fill(place.builder(), 35);
    let log = place.log().display().to_string();
    for (path, code) in [(place.dir.clone(), 2), (place.path("app.log.1"), 2), (place.path("none.log"), 3)] {
        for command in ["status", "plan"] {
            let (ended, out, said) = tspool(&[command, path.to_str().unwrap()]);
            assert_eq!((ended, out.as_str()), (code, ""), "{said}");
            assert!(said.contains(&format!("(logs there: {log})")), "{said}");
        }
    }
    let (code, _, said) = tspool(&["status", &place.path("no/dir/app.log").display().to_string()]);
    assert!(code == 3 && said.contains("no/dir"), "{said}");
    let link = place.path("latest");
    std::os::unix::fs::symlink(place.log(), &link).unwrap();
    assert_eq!(status(&link).1["log"], log.as_str(), "a link leads to the log");
}

#[test]
fn plan_names_what_a_start_under_these_limits_removes() {
    let place = Place::new();
    place.fill(place.builder(), 45);
    let log = place.log();
    let before = place.picture();
    let (code, text, said) =
        tspool(&["plan", log.to_str().unwrap(), "--max-total-bytes", "2600", "--backup-count", "3"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(before, place.picture(), "a plan changes nothing");
    assert!(text.contains("given      backup_count 3, max_total_bytes 2.5 KiB"), "{text}");
    assert!(text.contains("lock file  max_bytes 1000 B"), "{text}");
    let start: Vec<&str> =
        text.split("\n\n").find(|part| part.starts_with("at the next start")).unwrap().lines().collect();
    let foretold: Vec<String> =
        start[1..].iter().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert_eq!(foretold, ["app.log.4", "app.log.3"], "{text}");
    assert!(
        start[1].ends_with("goes: backup_count") && start[2].ends_with("goes: max_total_bytes"),
        "{text}"
    );
    // Its notices of what it removes would take room, too.
    let builder = place.builder().max_total_bytes(2_600).backup_count(3).notices(Notices::Off);
    let (spool, guard) = builder.open().unwrap();
    let after = place.picture();
    let gone: Vec<PathBuf> = before.keys().filter(|path| !after.contains_key(*path)).cloned().collect();
    assert_eq!(gone, [place.path("app.log.3"), place.path("app.log.4")]);
    drop((spool, guard));
}

/// The lock file tells the longest record, whose default would follow a lower limit.
#[test]
fn plan_takes_a_limit_that_is_lower_than_the_longest_record() {
    let place = Place::new();
    let builder = Spool::builder(place.log()).max_bytes(1_000).backup_count(4).max_total_bytes(2_000_000);
    place.fill(builder, 45);
    let (code, text, said) = tspool(&["plan", place.log().to_str().unwrap(), "--max-total-bytes", "2600"]);
    assert_eq!((code, said.as_str()), (0, ""), "{text}");
    assert!(text.contains("app.log.4") && text.contains("goes: max_total_bytes"), "{text}");
}

/// An archive that only the lock file names must not be left out without a word, nor its limits be guessed.
#[test]
fn a_lock_file_that_cannot_be_read_is_said() {
    let place = Place::new();
    fs::write(place.log(), "one\n").unwrap();
    fs::create_dir(place.path(".app.log.lock")).unwrap();
    let log = place.log().display().to_string();
    for command in ["cat", "verify"] {
        let (_, _, said) = tspool(&[command, &log]);
        assert!(
            said.contains("the lock file can't be looked at") && said.contains("--archive-dir"),
            "{said}"
        );
        assert_eq!(tspool(&[command, &log, "--archive-dir", "/nowhere"]).2, "");
    }
    let (_, plan, _) = tspool(&["plan", &log]);
    assert!(plan.contains("the lock file can't be looked at"), "{plan}");
}

#[test]
fn limits_that_cannot_be_used_are_refused_by_name() {
    let place = Place::new();
    place.fill(place.builder(), 5);
    let log = place.log();
    let (code, _, said) = tspool(&["plan", log.to_str().unwrap(), "--max-total-bytes", "10"]);
    assert!(code == 2 && said.contains("max_total_bytes = 10: must be at least"), "{said}");
    let (code, _, said) = tspool(&["plan", log.to_str().unwrap(), "--max-age", "7"]);
    assert!(code == 2 && said.contains("--max-age") && said.contains("7d"), "{said}");
}

#[test]
fn reading_changes_nothing() {
    let place = Place::new();
    place.fill(place.builder().durable(place.ring()), 35);
    let before = place.picture();
    let (log, ring) = (place.log().display().to_string(), place.path("app.ring").display().to_string());
    for args in [
        &["status", &log][..],
        &["status", &log, "--json"],
        &["plan", &log, "--backup-count", "1"],
        &["recover", &ring],
    ] {
        let (code, _, said) = tspool(args);
        assert_eq!(code, 0, "{said}");
        assert_eq!(before, place.picture(), "{args:?}");
    }
}
