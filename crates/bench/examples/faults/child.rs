//! What a child does: events before, during and after a fault, and the fault itself. Nobody looks at the files here.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::account::{is_of_others, payload};
use crate::loggers::{self, Logger, Setup};

/// Events of a phase; some seven files' worth of `LIMIT` in all.
const EVENTS: usize = 400;
const LIMIT: u64 = 20_000;
/// Events that are more than any bounded queue holds, and the size of a file then.
const FLOOD: usize = 300_000;
/// Events before an end that nobody announced.
const LAST: usize = 20_000;
const FLOOD_LIMIT: u64 = 10_000_000;
/// So that nothing is pruned, where pruning is not the subject.
const KEEP: usize = 1000;
/// Every logger that looks for something now and then has looked after that.
const SETTLED: Duration = Duration::from_millis(1500);

/// What logrotate calls the live file that it moves away.
pub const MOVED: &str = "moved-by-logrotate";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    FullForAWhile,
    FullToTheEnd,
    DirectoryDeleted,
    FileDeleted,
    FileMoved,
    Copytruncate,
    Permission,
    Rename,
    Exit,
    ExitSlow,
    Kill,
    Overflow,
    Stdout,
    Panic,
    Retention,
    /// No fault: the log is opened and closed, after a kill.
    Restart,
}

pub const FAULTS: [Fault; 15] = [
    Fault::FullForAWhile,
    Fault::FullToTheEnd,
    Fault::DirectoryDeleted,
    Fault::FileDeleted,
    Fault::FileMoved,
    Fault::Copytruncate,
    Fault::Permission,
    Fault::Rename,
    Fault::Exit,
    Fault::ExitSlow,
    Fault::Kill,
    Fault::Overflow,
    Fault::Stdout,
    Fault::Panic,
    Fault::Retention,
];

impl Fault {
    pub fn named(name: &str) -> Result<Self> {
        let all = FAULTS.into_iter().chain([Self::Restart]);
        all.into_iter()
            .find(|fault| fault.name() == name)
            .with_context(|| format!("no fault is called {name}"))
    }

    pub fn name(self) -> &'static str {
        self.texts().0
    }

    pub fn about(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::FullForAWhile => (
                "full-for-a-while",
                "A tmpfs of 1 MiB is filled by another file, which is removed after 400 events.",
            ),
            Self::FullToTheEnd => ("full-to-the-end", "The same, and the other file stays."),
            Self::DirectoryDeleted => (
                "directory-deleted",
                "`rm -r` of the log's directory after 400 events, which are gone with it. 400 more at once, and 400 after 1.5 s.",
            ),
            Self::FileDeleted => {
                ("file-deleted", "`rm` of the live file after 400 events; what stood in it is gone.")
            }
            Self::FileMoved => (
                "file-moved",
                "logrotate's `create`: the live file is renamed, and an empty one is made in its place. Lines that go to the renamed file after that don't count as found.",
            ),
            Self::Copytruncate => {
                ("copytruncate", "logrotate's `copytruncate`: the live file is copied and cut to nothing.")
            }
            Self::Permission => (
                "permission",
                "`chmod 0555` on the directory for 400 events, three rotations' worth; the process isn't root.",
            ),
            Self::Rename => (
                "rename",
                "A directory that isn't empty stands at the next backup's name from the start, and is taken away after 400 events.",
            ),
            Self::Exit => {
                ("exit", "`std::process::exit` right after 20,000 events, with the guard still alive.")
            }
            Self::ExitSlow => {
                ("exit-slow", "The same after 400 events on a disk where each `write` takes 1 ms.")
            }
            Self::Kill => {
                ("kill", "SIGKILL right after 20,000 events; the durable log is then opened once more.")
            }
            Self::Overflow => (
                "overflow",
                "One `write` to the log takes 2 s while 300,000 events come as fast as one thread makes them; loggers drop where they can.",
            ),
            Self::Stdout => (
                "stdout",
                "The log goes to stdout, a pipe whose reader sleeps for 4 s while 300,000 events come.",
            ),
            Self::Panic => (
                "panic",
                "After 400 events one whose `Display` writes half of its text and panics (caught by the caller), then 400 more.",
            ),
            Self::Retention => (
                "retention",
                "Two backups are kept (for tracing-appender: two files of a daily log) among files of others with similar names; the process runs twice.",
            ),
            Self::Restart => ("restart", "The log is opened and closed."),
        }
    }

    pub fn fills_a_disk(self) -> bool {
        matches!(self, Self::FullForAWhile | Self::FullToTheEnd)
    }

    pub fn needs_the_shim(self) -> bool {
        matches!(self, Self::Overflow | Self::ExitSlow)
    }

    pub fn ends_by_itself(self) -> bool {
        !matches!(self, Self::Exit | Self::ExitSlow | Self::Kill)
    }

    /// Whether the logger can be brought into this at all.
    pub fn suits(self, logger: &str) -> bool {
        match self {
            Self::FullForAWhile | Self::FullToTheEnd => logger != loggers::DURABLE,
            _ if logger == loggers::KEEPS => false,
            Self::Stdout => loggers::writes_to_stdout(logger),
            Self::Rename => loggers::next_backup(logger).is_some(),
            Self::Permission => loggers::rotates(logger),
            Self::Panic => ![loggers::NATIVE, loggers::DURABLE].contains(&logger),
            Self::Kill | Self::Restart => true,
            _ => logger != loggers::DURABLE,
        }
    }
}

/// What only the child knows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Before, during, after.
    pub logged: [usize; 3],
    pub told: Option<u64>,
    pub longest_micros: u64,
    pub end_millis: u64,
}

impl Report {
    pub fn of(place: &Path) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(place.join("report")).ok()?).ok()
    }

    fn leave(&self, place: &Path) -> Result<()> {
        Ok(fs::write(place.join("report"), serde_json::to_string(self)?)?)
    }
}

/// Logs, and keeps count.
struct Caller {
    logger: Logger,
    next: usize,
    report: Report,
}

impl Caller {
    fn log(&mut self, phase: usize, events: usize, pause: Duration) {
        for number in self.next..self.next + events {
            let payload = payload(number);
            let begun = Instant::now();
            (self.logger.event)(format_args!("{payload}"));
            let micros = begun.elapsed().as_micros() as u64;
            self.report.longest_micros = self.report.longest_micros.max(micros);
            if !pause.is_zero() {
                thread::sleep(pause);
            }
        }
        self.next += events;
        self.report.logged[phase] += events;
    }

    /// A phase of usual size, and time for what it left behind.
    fn phase(&mut self, phase: usize) {
        self.log(phase, EVENTS, Duration::from_millis(1));
        self.settle();
    }

    fn settle(&self) {
        (self.logger.flush)();
        thread::sleep(SETTLED);
    }
}

pub fn run(fault: Fault, name: &str, place: &Path) -> Result<()> {
    let dir = place.join("log");
    let many = [Fault::Overflow, Fault::Stdout, Fault::Exit, Fault::Kill].contains(&fault);
    let limit = if many { FLOOD_LIMIT } else { LIMIT };
    let keep = if fault == Fault::Retention { 2 } else { KEEP };
    let setup = Setup {
        dir: &dir,
        place,
        limit,
        keep,
        stdout: fault == Fault::Stdout,
        prunes: fault == Fault::Retention,
    };
    if fault == Fault::Restart {
        close(loggers::open(name, &setup)?);
        return Ok(());
    }
    let mut caller = Caller { logger: loggers::open(name, &setup)?, next: 0, report: Report::default() };
    act(fault, &mut caller, &dir, place)?;
    let Caller { logger, mut report, .. } = caller;
    let begun = Instant::now();
    report.told = close(logger);
    report.end_millis = begun.elapsed().as_millis() as u64;
    report.leave(place)?;
    Ok(())
}

fn close(logger: Logger) -> Option<u64> {
    let Logger { event, flush, told, guard } = logger;
    flush();
    drop((event, flush));
    drop(guard);
    told()
}

fn act(fault: Fault, caller: &mut Caller, dir: &Path, place: &Path) -> Result<()> {
    match fault {
        Fault::FullForAWhile | Fault::FullToTheEnd => return fill(fault, caller, dir),
        Fault::Exit | Fault::ExitSlow | Fault::Kill => return leave(fault, caller, place),
        Fault::Overflow | Fault::Stdout => return flood(fault, caller),
        Fault::Panic => return panic_in_display(caller),
        Fault::Rename => {
            caller.phase(1);
            // Wherever the logger has moved it.
            let taken = fs::read_dir(dir)?.filter_map(Result::ok).find(|entry| entry.path().is_dir());
            let taken = taken.context("the directory is gone")?;
            fs::rename(taken.path(), place.join(taken.file_name()))?;
            caller.phase(2);
            return Ok(());
        }
        _ => caller.phase(0),
    }
    match fault {
        Fault::DirectoryDeleted => fs::remove_dir_all(dir)?,
        Fault::FileDeleted => fs::remove_file(live_file(dir)?)?,
        Fault::FileMoved => {
            let live = live_file(dir)?;
            fs::rename(&live, dir.join(MOVED))?;
            File::create(live)?;
        }
        Fault::Copytruncate => {
            let live = live_file(dir)?;
            fs::copy(&live, dir.join("copied-by-logrotate"))?;
            File::options().write(true).open(live)?.set_len(0)?;
        }
        Fault::Permission => fs::set_permissions(dir, Permissions::from_mode(0o555))?,
        _ => {}
    }
    caller.phase(1);
    if fault == Fault::Permission {
        fs::set_permissions(dir, Permissions::from_mode(0o755))?;
    }
    caller.phase(2);
    Ok(())
}

/// The file that was written last.
fn live_file(dir: &Path) -> Result<PathBuf> {
    let files = fs::read_dir(dir)?.filter_map(|entry| Some(entry.ok()?.path()));
    let ours = files.filter(|path| path.is_file() && !is_of_others(path));
    let logs = ours.filter(|path| fs::read(path).is_ok_and(|bytes| bytes.ends_with(b"x.\n")));
    logs.max_by_key(|path| fs::metadata(path).and_then(|metadata| metadata.modified()).ok())
        .context("no live file")
}

fn fill(fault: Fault, caller: &mut Caller, dir: &Path) -> Result<()> {
    caller.phase(0);
    let balloon = dir.join("filled-by-another");
    let mut file = File::create(&balloon)?;
    for step in [4096, 1] {
        while file.write_all(&vec![b'-'; step]).is_ok() {}
    }
    drop(file); // or its blocks stay
    caller.phase(1);
    if fault == Fault::FullForAWhile {
        fs::remove_file(balloon)?;
        thread::sleep(SETTLED);
        caller.phase(2);
    }
    Ok(())
}

/// Never returns where all goes well.
fn leave(fault: Fault, caller: &mut Caller, place: &Path) -> Result<()> {
    caller.phase(0);
    let last = if fault == Fault::ExitSlow { EVENTS } else { LAST };
    // Before them, as a write after them would give the logger time.
    Report { logged: [EVENTS, last, 0], ..Report::default() }.leave(place)?;
    if fault == Fault::ExitSlow {
        fs::create_dir("/bench-shim/delay/1").err().map_or(Ok(()), Err).context("the shim isn't there")?;
    }
    caller.log(1, last, Duration::ZERO);
    if fault != Fault::Kill {
        std::process::exit(0);
    }
    nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL)?;
    bail!("SIGKILL returned")
}

fn flood(fault: Fault, caller: &mut Caller) -> Result<()> {
    caller.phase(0);
    if fault == Fault::Overflow && fs::create_dir("/bench-shim/stall/2000").is_err() {
        bail!("the shim isn't there");
    }
    caller.log(1, 1, Duration::from_millis(200));
    caller.log(1, FLOOD, Duration::ZERO);
    thread::sleep(Duration::from_secs(4));
    caller.settle();
    caller.phase(2);
    Ok(())
}

/// Writes half of what it has to say.
struct Panics;

impl fmt::Display for Panics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("line 0999999 xxxxxxxxxx")?;
        panic!("a Display that panics")
    }
}

fn panic_in_display(caller: &mut Caller) -> Result<()> {
    caller.phase(0);
    panic::set_hook(Box::new(|_| ()));
    let event = &caller.logger.event;
    if panic::catch_unwind(AssertUnwindSafe(|| event(format_args!("{Panics}")))).is_ok() {
        eprintln!("the panic didn't reach the caller");
    }
    // Where a lock is poisoned, the next events panic as well.
    let rest = panic::catch_unwind(AssertUnwindSafe(|| caller.phase(2)));
    if rest.is_err() {
        caller.report.logged[2] = EVENTS;
        eprintln!("the next event panics too");
    }
    Ok(())
}
