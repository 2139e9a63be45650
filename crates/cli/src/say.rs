//! What is said and how a command ends: stdout for what was asked for, stderr for what went wrong, and the exit codes.

use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

/// How a command ends. The numbers are its exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It did what was asked, and all is well.
    Well,
    /// The log is damaged, or lines are missing that it does not say are lost.
    Damaged,
    /// The log is whole, and in trouble: an alert stands, or it is over a limit.
    Troubled,
    /// The log is whole, and says that records were lost.
    Lost,
    /// Some of what was asked for couldn't be read, and each was said.
    Partly,
    /// The code of the command that `pipe` ran, or 128 plus the number of the signal that ended it.
    Of(u8),
}

/// The exit code for a command line or setting that can't be used. It is `clap`'s, too.
pub(crate) const UNUSABLE: u8 = 2;
/// The exit code for something that couldn't be opened, read or written.
pub(crate) const FAILED: u8 = 3;
const DAMAGED: u8 = 1;
const LOST: u8 = 4;

/// What the exit codes mean, for the help and the man pages.
pub(crate) const EXIT_CODES: [(&str, &str); 6] = [
    ("0", "Done, and all is well."),
    (
        "1",
        "The log is damaged, or lines are missing that it doesn't say are lost; an alert is open or a limit is passed.",
    ),
    ("2", "The command line or a setting can't be used. Nothing was touched."),
    ("3", "Something couldn't be opened, read or written. What could be read was printed."),
    ("4", "The log is whole, and says itself that records were lost."),
    (
        "other",
        "With pipe and a command: the command's own code, or 128 and the number of the signal that ended it.",
    ),
];

/// Why a command couldn't do what was asked: what, which path, and what would be right.
#[derive(Debug)]
pub(crate) struct Problem {
    code: u8,
    words: String,
    of: Of,
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Input,
    Stdout,
    /// The reader of stdout has gone, which is no error.
    Reader,
}

impl Problem {
    /// Creates a problem with what was asked for.
    pub(crate) fn unusable(words: impl fmt::Display) -> Self {
        Self { code: UNUSABLE, words: words.to_string(), of: Of::Input }
    }

    /// Creates a problem that was met on the way.
    pub(crate) fn failed(words: impl fmt::Display) -> Self {
        Self { code: FAILED, words: words.to_string(), of: Of::Input }
    }

    /// Returns a function that turns an I/O error into a problem: `reading /var/log/app.log: Permission denied`.
    pub(crate) fn doing<'a>(what: &'a str, path: &'a std::path::Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |error| Self::failed(format_args!("{what} {}: {}", path.display(), plain(&error)))
    }

    /// Turns an error of writing to stdout into a problem. A reader that has gone, as `head` does, is none.
    pub(crate) fn stdout(error: &io::Error) -> Self {
        let of = if error.kind() == io::ErrorKind::BrokenPipe { Of::Reader } else { Of::Stdout };
        Self { code: FAILED, words: format!("writing to stdout: {}", plain(error)), of }
    }

    /// Returns whether nothing more can be printed.
    pub(crate) fn is_of_stdout(&self) -> bool {
        self.of != Of::Input
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

/// Returns the words of an error without the `(os error 13)` behind them.
pub(crate) fn plain(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Returns stdout as a file, without a buffer between.
pub(crate) fn stdout() -> io::Result<File> {
    #[expect(clippy::disallowed_methods, reason = "this is the way to it")]
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// Prints words for people: in colour on a terminal that has colours, unless `NO_COLOR` is set.
pub(crate) fn print(words: &str) -> Result<(), Problem> {
    let mut stdout = anstream::stdout();
    let printed = stdout.write_all(words.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|error| Problem::stdout(&error))
}

/// Writes a line to stderr. If that fails there is nobody to tell.
pub(crate) fn warn(words: impl fmt::Display) {
    let _ = writeln!(anstream::stderr(), "tspool: {words}");
}

/// Ends the program.
pub(crate) fn end(outcome: Result<End, Problem>) -> ExitCode {
    let code = match outcome {
        Ok(End::Well) => 0,
        Ok(End::Damaged | End::Troubled) => DAMAGED,
        Ok(End::Lost) => LOST,
        Ok(End::Of(code)) => code,
        Ok(End::Partly) => FAILED,
        Err(problem) if problem.of == Of::Reader => 0,
        Err(problem) => {
            warn(&problem);
            problem.code
        }
    };
    ExitCode::from(code)
}
