//! What the tests of `pipe` share: a directory, the program, the lines of a set in order, and waiting for something to be so.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(20);

/// A directory in memory, where there is one, with a log in it.
pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
}

impl World {
    pub(super) fn new() -> Self {
        Self { dir: tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path("app.log")
    }

    /// Returns the program with `pipe`, the log and these arguments, and no variable of the test's own.
    pub(super) fn pipe(&self, args: &[&str]) -> Command {
        // Whoever runs tests in the background may have told them to ignore some, which a program inherits.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,QUIT", env!("CARGO_BIN_EXE_tspool")]);
        command.arg("pipe").arg(self.log()).args(args).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TSPOOL_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Returns the text of the set, the oldest file first.
    pub(super) fn text(&self) -> String {
        set_text(&self.log())
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

/// Returns the text of a set with numbered backups, the oldest first.
pub(super) fn set_text(log: &Path) -> String {
    let backup = |number: u32| PathBuf::from(format!("{}.{number}", log.display()));
    let mut files = vec![log.to_owned()];
    files.extend((1..).map(backup).take_while(|path| path.exists()));
    let read = |path: &PathBuf| String::from_utf8(std::fs::read(path).unwrap_or_default()).unwrap();
    files.iter().rev().map(read).collect()
}

/// Runs it with this input to its end.
pub(super) fn run(command: &mut Command, input: &[u8]) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that ends early reads no more.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output().unwrap()
    })
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A pipe: the reading end, and the writing one as a file.
pub(super) fn pipe() -> (OwnedFd, File) {
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).unwrap();
    (reader, File::from(writer))
}

/// Polls until it is so.
pub(super) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that ends with the test.
pub(super) struct Running(pub(super) Child);

impl Running {
    pub(super) fn start(command: &mut Command) -> Self {
        Self(command.spawn().unwrap())
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.0.id()).unwrap()), signal).unwrap();
    }

    /// Waits until it hears signals.
    pub(super) fn is_ready(&self) {
        until("it hears signals", || self.hears(Signal::SIGTERM));
    }

    /// Returns whether it has a handler for this signal.
    pub(super) fn hears(&self, signal: Signal) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() >> (signal as u32 - 1) & 1 == 1
    }

    /// Waits for its end.
    pub(super) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        until("the program ends", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Numbers without much order, the same in each run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}
