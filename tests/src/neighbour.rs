//! Another process that has a log, until it is told to end or the test is over. It runs the test binary anew, for a test
//! that calls [`hold`].

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tracing_spool_fileset::{Allow, FileSet, Settings};

use crate::child;

/// Names the neighbour's archive directory.
const ARCHIVE: &str = "TRACING_SPOOL_NEIGHBOUR_ARCHIVE";
/// What it says when it has its log.
pub const READY: &str = "the neighbour is in";

/// The other process.
#[derive(Debug)]
pub struct Neighbour(Child);

impl Neighbour {
    /// Starts it for the log `app.log` in `folder`; `test` is the test that calls [`hold`].
    ///
    /// # Panics
    /// Where it cannot have its log.
    #[must_use]
    #[track_caller]
    pub fn start(test: &str, folder: &Path, archive: Option<&Path>) -> Self {
        let mut command = child::of(test, folder);
        if let Some(archive) = archive {
            command.env(ARCHIVE, archive);
        }
        Self::run(&mut command)
    }

    /// Starts a process that calls [`wait_for_the_end`] when it has what it wants.
    ///
    /// # Panics
    /// Where it does not say so.
    #[must_use]
    #[track_caller]
    pub fn run(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.as_mut().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains(READY) {
            line.clear();
            let read = said.read_line(&mut line).unwrap();
            all.push_str(&line);
            assert!(read > 0, "the neighbour cannot have its log: {all}");
        }
        Self(child)
    }

    /// Ends it, as it would by itself.
    ///
    /// # Panics
    /// Where it ends otherwise.
    #[track_caller]
    pub fn end(mut self) {
        drop(self.0.stdin.take());
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        let status = self.0.wait().unwrap();
        assert!(status.success(), "{status}: {said}");
    }

    /// Kills it.
    ///
    /// # Panics
    /// Where it is not there.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        let _killed = self.0.wait().unwrap();
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In the other process: holds the log in `folder`, with a line of its own, until told to end.
///
/// # Panics
/// Where it cannot have it.
pub fn hold(folder: &Path) {
    let mut settings = Settings::new(folder.join("app.log"));
    // Whatever stands there is its own.
    (settings.backup_count, settings.allow) = (100, vec![Allow::FoundFiles]);
    settings.archive_dir = std::env::var_os(ARCHIVE).map(Into::into);
    let mut set = FileSet::open(settings).unwrap();
    writeln!(set, "the neighbour's line").unwrap();
    wait_for_the_end();
}

/// In the other process: says that it is ready, and waits until it is told to end.
///
/// # Panics
/// Where its input cannot be read.
pub fn wait_for_the_end() {
    println!("{READY}");
    let _all = std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
