//! Proves what a `FileSet`, used without a spool, promises of a whole process. How it takes lines is proved in the file
//! set's own package.

use std::fs;
use std::io::{ErrorKind, Write as _};

use tracing_spool_fileset::{FileSet, Settings};
use tracing_spool_tests::{child, forked, skip};

use crate::support::{files, read, scene};

/// Beyond `RLIMIT_FSIZE` the kernel sends SIGXFSZ, which kills a program that does not block it.
#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_the_end() {
    const TEST: &str = "alone::a_limit_on_the_size_of_files_is_an_error_and_not_the_end";
    if let Some(dir) = child::folder() {
        let mut settings = Settings::new(dir.join("app.log"));
        settings.backup_count = 50;
        let mut set = FileSet::open(settings).unwrap();
        for number in 0..1_000 {
            writeln!(set, "0 {number:0100}").unwrap();
        }
        assert_eq!(set.close().records_left, 0);
        return;
    }
    let (dir, path) = scene();
    match child::behind(&["prlimit", "--fsize=8192", "--"], TEST, dir.path()).output() {
        Ok(output) => {
            child::assert_passed(&output);
            crate::support::assert_lines(&path, 1, 1_000);
            let found = files(&path);
            assert!(found.len() > 10, "{found:?}");
            assert!(found.iter().all(|file| fs::metadata(file).unwrap().len() <= 8_192), "{found:?}");
        }
        Err(error) => skip(TEST, &format!("prlimit: {error}")),
    }
}

/// In a process of its own, so that nothing but this test forks with this test's files open.
#[test]
fn a_forked_child_does_nothing_to_its_parents_files() {
    const TEST: &str = "alone::a_forked_child_does_nothing_to_its_parents_files";
    let Some(dir) = child::folder() else {
        let (dir, _path) = scene();
        child::assert_passed(&child::of(TEST, dir.path()).output().unwrap());
        return;
    };
    let path = dir.join("app.log");
    let mut settings = Settings::new(&path);
    settings.max_bytes = 8;
    let mut set = FileSet::open(settings.clone()).unwrap();
    for line in ["one", "two", "three"] {
        writeln!(set, "{line} of the parent").unwrap();
    }
    let before = files(&path);
    let Some(child) = forked::in_two() else { forked::leave(in_the_child(set, settings)) };
    assert_eq!(forked::end(child), Ok(()), "the code says which step went wrong");
    assert_eq!(files(&path), before);
    writeln!(set, "four of the parent").unwrap();
    assert_eq!(read(&path), "four of the parent\n");
    assert_eq!(set.close().records_left, 0);
}

/// What went wrong, or 0.
fn in_the_child(mut set: FileSet, mut settings: Settings) -> i32 {
    if set.write(b"of the child\n").map_err(|error| error.kind()) != Err(ErrorKind::Unsupported) {
        return 1;
    }
    set.rotate();
    set.reopen();
    set.sync();
    set.tick();
    settings.backup_count = 0;
    match set.reconfigure(settings) {
        Err(faults) if faults[0].wanted.contains("forked child") => (),
        _ => return 2,
    }
    if set.close().records_left == 0 { 0 } else { 3 }
}
