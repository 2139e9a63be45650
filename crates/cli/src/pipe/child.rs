//! The command whose output is the log: found before anything is touched, started, told of signals, and its end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{AccessFlags, Pid, access};

use crate::say::{self, End};

const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;
/// Where commands are looked for if no `PATH` says so.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A running command.
#[derive(Debug)]
pub(super) struct Child {
    process: std::process::Child,
    end: Option<End>,
}

/// Returns how a command ends that can't be run, if that can be seen before it's tried.
pub(super) fn is_missing(command: &OsStr) -> Option<End> {
    let is_executable = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    let candidates: Vec<PathBuf> = if command.as_encoded_bytes().contains(&b'/') {
        vec![PathBuf::from(command)]
    } else {
        let dirs = std::env::var_os("PATH").unwrap_or_else(|| PATH.into());
        std::env::split_paths(&dirs).map(|dir| dir.join(command)).collect()
    };
    if candidates.iter().any(is_executable) {
        return None;
    }
    let is_there = candidates.iter().any(|path| path.exists());
    Some(not_run(command, if is_there { io::ErrorKind::PermissionDenied } else { io::ErrorKind::NotFound }))
}

/// Says why a command isn't run, and returns the code that a shell would.
fn not_run(command: &OsStr, why: io::ErrorKind) -> End {
    let command = Path::new(command).display();
    if why == io::ErrorKind::NotFound {
        say::warn(format_args!("{command}: command not found"));
        return End::Of(NOT_FOUND);
    }
    say::warn(format_args!("{command}: can't be run; must be an executable file"));
    End::Of(NOT_EXECUTABLE)
}

impl Child {
    /// Starts a command, and returns it with the pipes of its stdout and stderr. Handlers of ours are reset in it, and
    /// signals that we were started to ignore stay ignored.
    pub(super) fn start(command: &[OsString]) -> Result<(Self, [OwnedFd; 2]), End> {
        let Some((name, args)) = command.split_first() else { return Err(End::Of(NOT_FOUND)) };
        let mut command = Command::new(name);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| not_run(name, error.kind()))?;
        let stdout = process.stdout.take().map(ChildStdout::into);
        let stderr = process.stderr.take().map(ChildStderr::into);
        match (stdout, stderr) {
            (Some(stdout), Some(stderr)) => Ok((Self { process, end: None }, [stdout, stderr])),
            // Both were asked for.
            _ => Err(End::Of(NOT_EXECUTABLE)),
        }
    }

    /// Passes a signal on, unless the command has ended.
    pub(super) fn tell(&mut self, signal: Signal) {
        if self.ended().is_none() {
            if let Ok(process) = i32::try_from(self.process.id()) {
                let _ = kill(Pid::from_raw(process), signal);
            }
        }
    }

    /// Returns how the command has ended, if it has.
    pub(super) fn ended(&mut self) -> Option<End> {
        if self.end.is_none() {
            let code = match self.process.try_wait() {
                Ok(status) => {
                    status.map(|status| status.code().or(status.signal().map(|signal| 128 + signal)))?
                }
                // Somebody else has waited for it, and knows its code.
                Err(_) => None,
            };
            self.end = Some(End::Of(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)));
        }
        self.end
    }
}
