//! Proves that readers which run now and then, and remember their place, read every line once if no more than one rotation
//! lies between two runs: logtail2 and pygtail. Both know the backup `.1`; of stamped ones they have to be told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tracing_spool::Naming;
use tracing_spool_tests::skip;

use super::course::{Course, Kind, for_each_kind};

/// The newest backup whose name is a time, for logtail2: by name, as these sort by time, and not yet compressed.
const STAMPED: &str = "sub { my ($log) = @_; return (sort glob(\"$log.*[0-9Z]\"))[-1] // \"\"; }\n";

/// Asserts that what `command` prints in all its runs is each line once.
fn assert_visits(kind: Kind, command: impl Fn(&Path) -> Command) {
    let mut course = Course::new(kind, 5);
    let mut read = String::new();
    course.run_with_visitor(|path| {
        let output = command(path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}");
        read += &String::from_utf8(output.stdout).unwrap();
    });
    course.assert_read(&read);
}

/// logtail2 as it is installed, but for where it looks for ways to name backups.
fn logtail2(test: &str) -> Option<(TempDir, PathBuf)> {
    let (installed, ways) = ("/usr/sbin/logtail2", "/usr/share/logtail/detectrotate");
    let Ok(text) = fs::read_to_string(installed) else {
        skip(test, "logtail2 is not installed");
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(ways).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    fs::write(dir.path().join("40-tracing-spool.dtr"), STAMPED).unwrap();
    let program = dir.path().join("logtail2");
    fs::write(&program, text.replace(ways, dir.path().to_str().unwrap())).unwrap();
    Some((dir, program))
}

#[test]
fn logtail2_visits_over_fifty_rotations_without_loss_or_repetition() {
    let test = "logtail2_visits_over_fifty_rotations_without_loss_or_repetition";
    let Some((_dir, program)) = logtail2(test) else { return };
    for_each_kind(|kind| {
        assert_visits(kind, |path| {
            let mut command = Command::new("perl");
            command.arg(&program).arg("-f").arg(path).arg("-o").arg(path.with_extension("offset"));
            command
        });
    });
}

#[test]
fn pygtail_visits_over_fifty_rotations_without_loss_or_repetition() {
    let test = "pygtail_visits_over_fifty_rotations_without_loss_or_repetition";
    // Where it stands, for an interpreter that looks nowhere else: that starts in half the time.
    let find = "import os, pygtail.core, sys; print(sys.executable, os.path.dirname(pygtail.__path__[0]), sep='\\n')";
    let found =
        Command::new("python3").args(["-c", find]).output().ok().filter(|found| found.status.success());
    let found = found.map(|found| String::from_utf8(found.stdout).unwrap());
    let Some((python, place)) = found.as_deref().and_then(|found| found.trim_end().split_once('\n')) else {
        return skip(test, "pygtail is not installed for python3");
    };
    let main = format!("import sys; sys.path.append('{place}'); import pygtail.core; pygtail.core.main()");
    for_each_kind(|kind| {
        assert_visits(kind, |path| {
            let mut command = Command::new(python);
            command.args(["-I", "-S", "-c", &main, "--full_lines"]);
            if kind.naming == Naming::Timestamped {
                command.args(["--log-pattern", "%s.*[0-9Z]"]);
            }
            command.arg("-o").arg(path.with_extension("offset")).arg(path);
            command
        });
    });
}
