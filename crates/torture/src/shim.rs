//! The library that is preloaded into a driver to make its disk fail: built on the spot, with the C compiler there is.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kinds of calls that it knows.
pub const OPS: [&str; 7] = ["open", "write", "rename", "unlink", "fdatasync", "fsync", "ftruncate"];

/// Builds it in `dir`.
///
/// # Errors
/// Why it cannot be: `NotFound` where there is no C compiler.
pub fn build(dir: &Path) -> io::Result<PathBuf> {
    let (source, library) = (dir.join("fault.c"), dir.join("fault.so"));
    std::fs::write(&source, include_str!("../shim/fault.c"))?;
    let output = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-pthread", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    Ok(library)
}

/// What happens to one call, and to those of its kind after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// One of [`OPS`].
    pub op: &'static str,
    /// Which call of its kind, from 1.
    pub nth: u64,
    /// What happens.
    pub action: Action,
    /// To how many calls in a row.
    pub times: u64,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It fails with this errno.
    Error(i32),
    /// It takes at most so many bytes.
    Short(u64),
    /// It takes so many milliseconds more.
    Delay(u64),
    /// It takes at most so many bytes, and does not return.
    Hang(u64),
    /// It takes at most so many bytes and returns; the next of its kind, which does nothing, does not.
    HangNext(u64),
}

impl Rule {
    fn text(&self) -> String {
        let action = match self.action {
            Action::Error(error) => format!("e{error}"),
            Action::Short(bytes) => format!("s{bytes}"),
            Action::Delay(ms) => format!("d{ms}"),
            Action::Hang(bytes) => format!("h{bytes}"),
            Action::HangNext(bytes) => format!("n{bytes}"),
        };
        format!("{}:{}:{action}:{}", self.op, self.nth, self.times)
    }
}

/// The variables that put it into a process, for files below `dir`.
#[must_use]
pub fn variables(library: &Path, dir: &Path) -> Vec<(&'static str, OsString)> {
    vec![("LD_PRELOAD", library.into()), ("SPOOL_FAULT_DIR", dir.into())]
}

/// The variable that holds a rule.
#[must_use]
pub fn rule_variable(rule: &Rule) -> (&'static str, OsString) {
    ("SPOOL_FAULT", rule.text().into())
}
