//! Proves that every public item of tracing-appender 0.2.5 is there, by using it; and that it does what is common to both.
//! Compiled twice: `appender` is the one or the other.

use std::error::Error;
use std::fmt::Debug;
use std::io::{self, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{fs, thread};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use super::appender;
use super::appender::non_blocking::{
    DEFAULT_BUFFERED_LINES_LIMIT, ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard,
};
use super::appender::rolling::{Builder, InitError, RollingFileAppender, RollingWriter, Rotation};

const HOURLY: Rotation = Rotation::HOURLY;
const BUILDER: Builder = Builder::new();

/// Says what it was given, a call for each.
struct Telling(Sender<String>);

impl Write for Telling {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(line).into_owned()).map_err(io::Error::other)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn telling() -> (Telling, Receiver<String>) {
    let (tell, told) = channel();
    (Telling(tell), told)
}

/// What stands in the only file of a directory, and its name.
fn only_file(dir: &Path) -> (String, String) {
    let mut entries: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let path = entries.pop().unwrap();
    assert!(entries.is_empty(), "{entries:?}");
    (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
}

#[test]
fn types_can_be_sent_shared_and_shown() {
    fn thread_safe<T: Send + Sync + Unpin + Debug>() {}
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    fn an_error<T: Error + Send + Sync + 'static>() {}
    fn copies<T: Clone>() {}
    fn compares<T: Eq>() {}
    thread_safe::<NonBlocking>();
    thread_safe::<NonBlockingBuilder>();
    thread_safe::<WorkerGuard>();
    thread_safe::<ErrorCounter>();
    thread_safe::<RollingFileAppender>();
    thread_safe::<Rotation>();
    thread_safe::<Builder>();
    thread_safe::<InitError>();
    unwind_safe::<NonBlocking>();
    unwind_safe::<NonBlockingBuilder>();
    unwind_safe::<ErrorCounter>();
    unwind_safe::<RollingFileAppender>();
    unwind_safe::<Rotation>();
    unwind_safe::<Builder>();
    an_error::<InitError>();
    copies::<NonBlocking>();
    copies::<ErrorCounter>();
    copies::<Rotation>();
    compares::<Rotation>();
}

#[test]
fn rotations_are_constants_and_patterns() {
    let name = |rotation: Rotation| match rotation {
        Rotation::MINUTELY => "minutely",
        Rotation::HOURLY => "hourly",
        Rotation::DAILY => "daily",
        Rotation::WEEKLY => "weekly",
        Rotation::NEVER => "never",
    };
    assert_eq!([name(HOURLY), name(Rotation::NEVER)], ["hourly", "never"]);
    assert_ne!(Rotation::DAILY.clone(), Rotation::WEEKLY);
}

#[test]
fn the_function_the_type_and_the_builder_lead_to_the_same() {
    let of_function: fn(Telling) -> (NonBlocking, WorkerGuard) = appender::non_blocking;
    let of_type: fn(Telling) -> (NonBlocking, WorkerGuard) = NonBlocking::new;
    let of_builder = |telling| {
        NonBlockingBuilder::default()
            .buffered_lines_limit(DEFAULT_BUFFERED_LINES_LIMIT)
            .lossy(true)
            .thread_name("lines")
            .finish(telling)
    };
    for start in [of_function, of_type, of_builder] {
        let (telling, told) = telling();
        let (mut writer, guard) = start(telling);
        let counter: ErrorCounter = writer.error_counter();
        writer.write_all(b"one").unwrap();
        assert_eq!(writer.write(b"two").unwrap(), 3);
        writer.flush().unwrap();
        let mut made: NonBlocking = writer.make_writer();
        made.write_all(b"three").unwrap();
        let received: Vec<String> = told.iter().take(3).collect();
        assert_eq!(received, ["one", "two", "three"], "a line is one call of the writer");
        assert_eq!(counter.clone().dropped_lines(), 0);
        drop(guard);
    }
    assert_eq!(DEFAULT_BUFFERED_LINES_LIMIT, 128_000);
}

#[test]
fn nothing_is_lost_where_callers_wait() {
    let (telling, told) = telling();
    let (writer, guard) = NonBlockingBuilder::default().lossy(false).buffered_lines_limit(1).finish(telling);
    let counter = writer.error_counter();
    thread::scope(|scope| {
        for caller in 0..4 {
            let mut writer = writer.clone();
            scope.spawn(move || {
                for number in 0..25 {
                    writer.write_all(format!("{caller} {number}").as_bytes()).unwrap();
                }
            });
        }
    });
    let mut lines: Vec<String> = told.iter().take(100).collect();
    lines.sort();
    lines.dedup();
    assert_eq!((lines.len(), counter.dropped_lines()), (100, 0));
    drop(guard);
}

#[test]
fn the_shortcuts_name_their_files_after_the_day() {
    type Open = fn(PathBuf, &'static str) -> RollingFileAppender;
    let all: [(Open, usize); 5] = [
        (appender::rolling::minutely, "app.log.2026-11-25-18-19".len()),
        (appender::rolling::hourly, "app.log.2026-11-25-18".len()),
        (appender::rolling::daily, "app.log.2026-11-25".len()),
        (appender::rolling::weekly, "app.log.2026-11-22".len()),
        (appender::rolling::never, "app.log".len()),
    ];
    for (open, len) in all {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("made/on/the/way");
        let mut appender = open(logs.clone(), "app.log");
        appender.write_all(b"file 1\n").unwrap();
        appender.flush().unwrap();
        drop(appender);
        let (name, content) = only_file(&logs);
        assert!(name.starts_with("app.log") && name.len() == len, "{name}");
        assert_eq!(content, "file 1\n");
    }
}

#[test]
fn an_appender_takes_events_with_a_queue_and_without() {
    let dir = tempfile::tempdir().unwrap();
    let appender = RollingFileAppender::new(Rotation::NEVER, dir.path(), "app.log");
    {
        let mut writer: RollingWriter<'_> = appender.make_writer();
        writer.write_all(b"by hand\n").unwrap();
        writer.flush().unwrap();
        assert!(format!("{writer:?}").starts_with("RollingWriter"));
    }
    assert!(format!("{appender:?}").starts_with("RollingFileAppender"));
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .without_time()
        .with_writer(appender.and(io::sink).with_max_level(tracing::Level::INFO));
    tracing::subscriber::with_default(lines.finish(), || {
        tracing::info!("without");
        tracing::debug!("too little");
    });
    let (writer, guard) = appender::non_blocking(appender::rolling::never(dir.path(), "app.log"));
    let lines = tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(writer);
    tracing::subscriber::with_default(lines.finish(), || tracing::info!("with"));
    drop(guard);
    let (_, content) = only_file(dir.path());
    let ends: Vec<&str> = content.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(ends, ["hand", "without", "with"]);
}

#[test]
fn everything_can_be_built() -> Result<(), InitError> {
    let dir = tempfile::tempdir().unwrap();
    let builder: Builder = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("shop")
        .filename_suffix(String::from("log"))
        .max_log_files(2)
        .latest_symlink("latest");
    let mut appender = builder.build(dir.path())?;
    appender.write_all(b"line\n").unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("latest")).unwrap(), "line\n");
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!((names.len(), names[0].as_str()), (2, "latest"));
    assert!(names[1].starts_with("shop.") && names[1].ends_with(".log"), "{names:?}");
    let empty = dir.path().join("of defaults");
    let plain =
        Builder::default().filename_prefix("").filename_suffix("").latest_symlink("").max_log_files(0);
    drop(plain.build(&empty)?);
    assert_eq!(only_file(&empty).0.len(), "2026-11-25".len());
    drop(BUILDER.filename_prefix("const").build(String::from(dir.path().to_str().unwrap()))?);
    Ok(())
}

#[test]
fn a_prefix_that_ends_with_a_slash_makes_names_that_begin_with_a_dot() {
    for (rotation, suffix, len) in [
        (Rotation::NEVER, "log", ".log".len()),
        (Rotation::DAILY, "log", ".2026-11-25.log".len()),
        (Rotation::DAILY, "", ".2026-11-25".len()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        let builder = Builder::new().rotation(rotation).filename_prefix("below/").filename_suffix(suffix);
        builder.build(dir.path()).unwrap().write_all(b"line\n").unwrap();
        let (name, content) = only_file(&dir.path().join("below"));
        assert!(name.starts_with('.') && name.len() == len && content == "line\n", "{name}");
    }
    let dir = tempfile::tempdir().unwrap();
    assert!(Builder::new().filename_prefix("below/").build(dir.path()).is_err(), "a file has to have a name");
}

#[test]
fn what_cannot_be_opened_is_an_error_of_build_and_a_panic_of_new() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error: InitError = Builder::new().filename_prefix("app").build(&file).unwrap_err();
    assert!(error.source().unwrap().is::<io::Error>() && format!("{error:?}").starts_with("InitError"));
    assert!(error.to_string().contains(": "), "{error}");
    assert!(std::panic::catch_unwind(|| RollingFileAppender::new(HOURLY, &file, "app")).is_err());
}
