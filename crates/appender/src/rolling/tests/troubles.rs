//! Proves what follows where the disk refuses: records go on, the failure is counted, and stderr has a line.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::super::{Builder, Rotation};
use super::{DAY, HOUR, as_nobody, names, open, permit, read, said, scene, try_open, write};

#[test]
fn what_is_no_link_is_not_replaced_by_one() {
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::HOURLY).filename_prefix("app").latest_symlink("notes");
    let notes = dir.path().join("notes");
    let told = |kind: &str| {
        let path = notes.display();
        format!("{path} is {kind} and no symbolic link: move it away, or give latest_symlink another name")
    };
    fs::create_dir(&notes).unwrap();
    assert_eq!(try_open(&builder, dir.path(), &clock).unwrap_err().to_string(), told("a directory"));
    fs::remove_dir(&notes).unwrap();
    write(dir.path(), "notes", "mine");
    let error = try_open(&builder, dir.path(), &clock).unwrap_err();
    assert_eq!(error.to_string(), told("a file"));
    assert!(std::error::Error::source(&error).is_some());
    fs::remove_file(&notes).unwrap();
    let mut appender = open(&builder, dir.path(), &clock);
    fs::remove_file(&notes).unwrap();
    write(dir.path(), "notes", "mine");
    clock.advance(HOUR);
    appender.write_all(b"two\n").unwrap();
    assert_eq!((appender.failures(), said()), (1, vec![told("a file")]), "told, and no reason not to rotate");
    assert_eq!(
        (read(dir.path(), "notes"), read(dir.path(), "app.2026-01-01-01")),
        ("mine".into(), "two\n".into())
    );
}

#[test]
fn a_link_with_a_name_of_the_log_is_a_fault_and_touches_nothing() {
    let (dir, clock) = scene();
    let logs = dir.path().join("logs");
    let never = || Builder::new().filename_prefix("app").filename_suffix("log");
    let named = |link: &str| {
        format!(
            "latest_symlink = {link:?}: is the name of a file of this log: give the link another name, such as \"latest\""
        )
    };
    for (builder, link) in [
        (never(), "app.log"),
        (never(), "./app.log"),
        (never(), "../logs/app.log"),
        (never(), "app.2025-12-31.log"),
        (never(), "app.log.gz"),
        (never().max_bytes(1), "app.7.log"),
        (never().rotation(Rotation::HOURLY), "app.2025-12-31-23.log"),
        (never().filename_prefix("below/app"), "below/app.log"),
    ] {
        let error = try_open(&builder.latest_symlink(link), &logs, &clock).unwrap_err();
        assert_eq!(error.to_string(), named(link));
    }
    let below = never().filename_prefix("below/app").latest_symlink("below");
    let error = try_open(&below, &logs, &clock).unwrap_err().to_string();
    assert!(error.starts_with("latest_symlink = \"below\": is a directory of this log"), "{error}");
    assert_eq!(names(dir.path()), [""; 0]);
    // What stands there is found by another path, too, and other names are free.
    fs::create_dir(&logs).unwrap();
    std::os::unix::fs::symlink(&logs, dir.path().join("other")).unwrap();
    let elsewhere = never().latest_symlink("../other/app.log");
    assert_eq!(try_open(&elsewhere, &logs, &clock).unwrap_err().to_string(), named("../other/app.log"));
    for free in ["../app.log", "app.7.log", "log", "latest"] {
        drop(open(&never().latest_symlink(free), &logs, &clock));
    }
    let named_latest = Builder::new().filename_prefix("latest").latest_symlink("latest");
    let error = try_open(&named_latest, &logs, &clock).unwrap_err().to_string();
    assert!(error.ends_with("such as \"current\""), "{error}");
}

#[test]
fn a_link_that_cannot_be_made_says_where_and_what_to_do() {
    let (dir, clock) = scene();
    let builder = Builder::new().filename_prefix("app").latest_symlink("missing/latest");
    let error = try_open(&builder, dir.path(), &clock).unwrap_err().to_string();
    let path = dir.path().join("missing/latest");
    assert!(error.starts_with(&format!("the symbolic link {} cannot be made: ", path.display())), "{error}");
    assert!(
        error.ends_with("let this user write to its directory, or give latest_symlink another name"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_begun_is_tried_again_each_second_and_told_of_each_ten() {
    let (dir, clock) = scene();
    let mut appender =
        open(&Builder::new().rotation(Rotation::DAILY).filename_prefix("app"), dir.path(), &clock);
    let blocked = dir.path().join("app.2026-01-02");
    fs::create_dir(&blocked).unwrap();
    clock.advance(DAY);
    for line in [b"one\n", b"two\n"] {
        appender.write_all(line).unwrap();
    }
    assert_eq!(appender.failures(), 1, "not for each line");
    for _ in 0..10 {
        clock.advance(Duration::from_secs(1));
        appender.write_all(b"three\n").unwrap();
    }
    assert_eq!((appender.failures(), read(dir.path(), "app.2026-01-01").lines().count()), (11, 12));
    let lines = said();
    let begin = format!("the log file {} cannot be opened: ", blocked.display());
    assert!(lines.len() == 2 && lines[0].starts_with(&begin), "{lines:?}");
    assert!(lines[0].ends_with("app.2026-01-01 is written on until it can"), "{lines:?}");
    assert!(lines[1].ends_with("(and 9 more like it since the last such line)"), "{lines:?}");
    fs::remove_dir(&blocked).unwrap();
    clock.advance(Duration::from_secs(1));
    appender.write_all(b"four\n").unwrap();
    assert_eq!((appender.failures(), read(dir.path(), "app.2026-01-02")), (11, "four\n".into()));
}

#[test]
fn a_directory_that_cannot_be_listed_is_told_of() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").max_log_files(2);
    let mut appender = open(&builder, dir.path(), &clock);
    permit(dir.path(), 0o300);
    clock.advance(DAY);
    appender.write_all(b"two\n").unwrap();
    permit(dir.path(), 0o700);
    let lines = said();
    let path = dir.path().display();
    let begin = format!(
        "the log directory {path} cannot be listed, so only files known to this process are removed: "
    );
    assert!(lines.len() == 1 && lines[0].starts_with(&begin) && appender.failures() == 1, "{lines:?}");
    assert_eq!(read(dir.path(), "app.2026-01-02"), "two\n");
}

#[test]
fn an_old_file_that_cannot_be_removed_is_told_of() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let builder = Builder::new().filename_prefix("app.log").max_bytes(4).max_log_files(1);
    let mut appender = open(&builder, dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    write(dir.path(), "app.log.1", "");
    permit(dir.path(), 0o500);
    appender.write_all(b"two\n").unwrap();
    permit(dir.path(), 0o700);
    let lines = said();
    let begin = format!("the old log file {}/app.log cannot be removed: ", dir.path().display());
    assert!(lines.len() == 1 && lines[0].starts_with(&begin) && appender.failures() == 1, "{lines:?}");
    assert_eq!((names(dir.path()).len(), read(dir.path(), "app.log.1")), (2, "two\n".into()));
}

#[test]
fn files_have_the_mode_that_was_asked_for() {
    let (dir, clock) = scene();
    let mode = |name: &str| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    write(dir.path(), "as a reference", ""); // 0666 without what the umask takes
    let umask = 0o666 & !mode("as a reference");
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app");
    drop(open(&builder, dir.path(), &clock));
    assert_eq!(mode("app.2026-01-01"), 0o666 & !umask);
    let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app").mode(0o640);
    let mut appender = open(&builder, dir.path(), &clock);
    clock.advance(DAY);
    appender.write_all(b"x\n").unwrap();
    assert_eq!((mode("app.2026-01-01"), mode("app.2026-01-02")), (0o666 & !umask, 0o640 & !umask));
}

#[test]
fn what_contradicts_itself_touches_nothing() {
    let (dir, clock) = scene();
    let missing = dir.path().join("missing");
    for (builder, told) in [
        (Builder::new().max_bytes(0), "max_bytes = 0: "),
        (Builder::new().max_bytes(1).max_total_bytes(0), "max_total_bytes = 0: "),
        (Builder::new().max_bytes(2).max_total_bytes(1), "max_total_bytes = 1: "),
        (Builder::new().max_total_bytes(1), "max_total_bytes = 1: needs max_bytes"),
        (Builder::new().mode(0o44), "mode = 0o44: "),
    ] {
        let error = try_open(&builder, &missing, &clock).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    assert_eq!(names(dir.path()), [""; 0]);
}
