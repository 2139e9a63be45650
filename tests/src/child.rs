//! A test that needs a process of its own: the test binary started anew, for one test, if need be in a mount
//! namespace. What the child does is the test's.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Tells the child its folder, and that it is one.
const FOLDER: &str = "TRACING_SPOOL_CHILD";

/// In a child: the folder that its parent names.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    env::var_os(FOLDER).map(PathBuf::from)
}

/// The command that runs the test called `test` (with its module) in a child, behind the words of `before`.
///
/// # Panics
/// Where the test binary cannot be found.
#[must_use]
pub fn behind(before: &[&str], test: &str, folder: impl AsRef<OsStr>) -> Command {
    let exe = env::current_exe().unwrap();
    let mut command = match before.split_first() {
        Some((program, more)) => {
            let mut command = Command::new(program);
            command.args(more).arg(exe);
            command
        }
        None => Command::new(exe),
    };
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder);
    command
}

/// The command that runs the test in a child.
#[must_use]
pub fn of(test: &str, folder: impl AsRef<OsStr>) -> Command {
    behind(&[], test, folder)
}

/// The command that runs the test in a child that may mount what only it sees; or why that cannot be.
///
/// # Errors
/// What the attempt to mount something said.
pub fn that_mounts(test: &str, folder: impl AsRef<OsStr>) -> Result<Command, String> {
    const APART: [&str; 5] = ["unshare", "--user", "--map-root-user", "--mount", "--"];
    let mut attempt = Command::new(APART[0]);
    attempt.args(&APART[1..]).args(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.as_ref());
    match attempt.output() {
        Err(error) => Err(format!("unshare: {error}")),
        Ok(output) if !output.status.success() => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Ok(_) => Ok(behind(&APART, test, folder)),
    }
}

/// Runs a command in this process's namespace.
///
/// # Panics
/// Where it fails.
#[track_caller]
pub fn run(program: &str, args: &[&dyn AsRef<OsStr>]) {
    let output = Command::new(program).args(args.iter().map(AsRef::as_ref)).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Asserts that a child succeeded, and ran a test at all; returns what it said.
///
/// # Panics
/// Where it did not.
#[track_caller]
pub fn assert_passed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let cried = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{}\n{said}\n{cried}", output.status);
    cried.into_owned()
}
