//! Proves what a program sees of the appender: its types, its lines on stderr, and the time zone that `TZ` names.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on fails")]

use std::env;
use std::error::Error;
use std::fmt::Debug;
use std::fs;
use std::io::Write as _;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::process::{Command, Output};

use tracing_spool_appender::rolling::{Builder, InitError, RollingFileAppender, RollingWriter, Rotation};
use tracing_subscriber::fmt::MakeWriter;

/// Names the directory for a child that does what `scene` says.
const DIRECTORY: &str = "TRACING_SPOOL_APPENDER_TEST";

#[test]
fn types_can_be_sent_shared_and_shown() {
    fn thread_safe<T: Send + Sync + Unpin + Debug>() {}
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    fn an_error<T: Error + Send + Sync + 'static>() {}
    fn makes_writers<T: for<'a> MakeWriter<'a, Writer = RollingWriter<'a>>>() {}
    thread_safe::<RollingFileAppender>();
    thread_safe::<RollingWriter<'_>>();
    thread_safe::<Rotation>();
    thread_safe::<Builder>();
    thread_safe::<InitError>();
    unwind_safe::<RollingFileAppender>();
    unwind_safe::<Rotation>();
    unwind_safe::<Builder>();
    an_error::<InitError>();
    makes_writers::<RollingFileAppender>();
    const BUILDER: Builder = Builder::new();
    let name = |rotation: Rotation| match rotation {
        Rotation::MINUTELY => 'm',
        Rotation::HOURLY => 'h',
        Rotation::DAILY => 'd',
        Rotation::WEEKLY => 'w',
        Rotation::NEVER => 'n',
    };
    assert_eq!(name(Rotation::WEEKLY.clone()), 'w');
    assert!(format!("{BUILDER:?}").starts_with("Builder"));
}

/// Runs one test of this file again, in a process of its own.
fn child(test: &str, directory: &Path, zone: &str) -> Output {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(DIRECTORY, directory).env("TZ", zone).output().unwrap()
}

fn directory_of_child() -> Option<String> {
    env::var(DIRECTORY).ok()
}

#[test]
fn what_goes_wrong_has_a_line_on_stderr() {
    let test = "what_goes_wrong_has_a_line_on_stderr";
    if let Some(directory) = directory_of_child() {
        let builder =
            Builder::new().filename_prefix("app").max_log_files(1).max_bytes(4).latest_symlink("latest");
        let mut appender = builder.build(&directory).unwrap();
        fs::remove_file(format!("{directory}/latest")).unwrap();
        fs::create_dir(format!("{directory}/latest")).unwrap();
        for _ in 0..4 {
            appender.write_all(b"one\n").unwrap();
        }
        assert_eq!(appender.failures(), 3);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("app.bak"), "").unwrap();
    let output = child(test, dir.path(), "UTC");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("tracing-spool: ")).collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("max_log_files leaves 1 file in ") && lines[0].contains("app.bak"), "{said}");
    assert!(lines[1].contains("latest is a directory and no symbolic link"), "{said}");
}

#[test]
fn local_time_is_that_of_the_system() {
    let test = "local_time_is_that_of_the_system";
    let builder = Builder::new().rotation(Rotation::DAILY).local_time();
    if let Some(directory) = directory_of_child() {
        if let Err(error) = builder.build(&directory) {
            eprintln!("{error}");
        }
        return;
    }
    let names = |zone: &str| {
        let dir = tempfile::tempdir().unwrap();
        let output = child(test, dir.path(), zone);
        let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        (names, String::from_utf8(output.stderr).unwrap())
    };
    // A whole day apart.
    let ((east, _), (west, _)) = (names("<+14>-14"), names("<-10>+10"));
    assert_eq!((east.len(), west.len()), (1, 1));
    assert!(west < east, "{west:?} {east:?}");
    let (files, said) = names("Nowhere/Land");
    assert_eq!(files, [""; 0]);
    assert!(
        said.contains("local_time: TZ=Nowhere/Land names no time zone whose rules can be read: set TZ"),
        "{said}"
    );
}
