//! Proves that the limits hold while the directory of a log cannot be listed: files are measured and removed by their names.

use std::io::Write as _;

use super::super::{Builder, Rotation};
use super::{HOUR, as_nobody, bytes, names, open, permit, read, said, scene, write};

/// Others may go through the directory, make files and remove them, but not list it.
const UNLISTED: u32 = 0o300;

fn app() -> Builder {
    Builder::new().filename_prefix("app").max_bytes(4).max_total_bytes(12)
}

#[test]
fn the_budget_holds_while_the_directory_cannot_be_listed() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    for name in ["app", "app.1.gz", "app.2"] {
        write(dir.path(), name, "old\n");
    }
    let mut appender = open(&app().max_total_bytes(16), dir.path(), &clock);
    assert_eq!(names(dir.path()), ["app", "app.1.gz", "app.2", "app.3"]);
    permit(dir.path(), UNLISTED);
    for line in ["one\n", "two\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    permit(dir.path(), 0o700);
    assert_eq!(names(dir.path()), ["app.1.gz", "app.2", "app.3", "app.4"], "as the last listing showed them");
    permit(dir.path(), UNLISTED);
    for _ in 0..20 {
        appender.write_all(b"3rd\n").unwrap();
    }
    permit(dir.path(), 0o700);
    assert_eq!(
        names(dir.path()),
        ["app.21", "app.22", "app.23", "app.24"],
        "what was begun since is known, too"
    );
    let lines = said();
    assert!(lines.len() == 1 && lines[0].contains("cannot be listed"), "{lines:?}");
    assert_eq!(appender.failures(), 21, "one for each file that was begun");
}

#[test]
fn files_that_are_passed_by_at_the_start_are_known() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    for name in ["app", "app.1", "app.2"] {
        write(dir.path(), name, "old\n");
    }
    permit(dir.path(), UNLISTED);
    let mut appender = open(&app(), dir.path(), &clock);
    appender.write_all(b"one\n").unwrap();
    permit(dir.path(), 0o700);
    assert_eq!(names(dir.path()), ["app.1", "app.2", "app.3"]);
}

#[test]
fn what_others_removed_or_replaced_meanwhile_is_no_more_counted() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let mut appender = open(&app(), dir.path(), &clock);
    for line in ["one\n", "two\n", "3rd\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    permit(dir.path(), UNLISTED);
    std::fs::remove_file(dir.path().join("app.1")).unwrap();
    std::fs::remove_file(dir.path().join("app")).unwrap();
    std::fs::create_dir(dir.path().join("app")).unwrap();
    for line in ["4th\n", "5th\n"] {
        appender.write_all(line.as_bytes()).unwrap();
    }
    permit(dir.path(), 0o700);
    assert_eq!(names(dir.path()), ["app", "app.2", "app.3", "app.4"]);
    assert_eq!(read(dir.path(), "app.4"), "5th\n");
}

#[test]
fn so_many_files_are_kept_while_the_directory_cannot_be_listed() {
    let _nobody = as_nobody();
    let (dir, clock) = scene();
    let builder = Builder::new().rotation(Rotation::HOURLY).filename_prefix("app").max_log_files(2);
    let mut appender = open(&builder, dir.path(), &clock);
    permit(dir.path(), UNLISTED);
    for _ in 0..3 {
        appender.write_all(b"one\n").unwrap();
        clock.advance(HOUR);
    }
    permit(dir.path(), 0o700);
    assert_eq!(
        (names(dir.path()), bytes(dir.path())),
        (vec!["app.2026-01-01-01".into(), "app.2026-01-01-02".into()], 8)
    );
}
