//! A file set as an `io::Write`: it collects lines, has a clock, and compresses on a thread of its own. Everything that
//! happens to a line is the engine's work.

mod compressor;
mod rest;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tracing_spool_process::{Process, without_file_size_signal};

use self::compressor::Packer;
use self::rest::Rest;
use crate::effect::clock::{Clock, SystemClock};
use crate::effect::disk::Disk;
use crate::effect::fs::Fs;
use crate::engine::{BlockReason, CloseReport, Counters, Engine, Moments, State};
use crate::model::alert::{Alert, Event, Rotated};
use crate::model::batch::Batch;
use crate::model::compression::Compression;
use crate::model::error::{Failure, Fault, Op, OpenError, OsError};
use crate::model::settings::Settings;
use crate::model::slot::Slot;
use crate::model::time::Now;
use crate::policy::forecast::Forecast;

/// How long the end of a set waits for backups that are still being compressed.
const PACKING_END_MAX: Duration = Duration::from_secs(5);

const IN_CHILD: &str = "a forked child must open a file set of its own";

/// A rotating set of log files as an [`io::Write`], for writing by hand, behind another crate's queue, or at the end of
/// [`io::copy`].
///
/// A record is a line. It ends with its newline, however the bytes arrive: one `write` per event, pieces, or many lines
/// at once from an [`io::BufWriter`]. Whole lines go to the file at once, on the caller's thread. Bytes after the last
/// newline are held until their newline arrives, or until [`flush`](io::Write::flush) or the drop ends the line.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("app.log");
/// use std::io::Write as _;
/// use tracing_spool_fileset::{FileSet, Settings};
///
/// let mut settings = Settings::new(&path);
/// settings.max_bytes = 1 << 20;
/// let mut log = FileSet::open(settings)?;
/// writeln!(log, "order {} shipped", 7)?;
/// assert_eq!(std::fs::read_to_string(&path)?, "order 7 shipped\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// If [`Settings::compression`] asks for it, a thread of its own compresses backups at low priority. Dropping the set
/// waits up to five seconds for that. While a call writes, SIGXFSZ is blocked on the calling thread, so that a file
/// size limit causes an error and not the end of the program.
///
/// A forked child must open a set of its own: writes to an inherited one are refused, and no other call does anything.
///
/// Nothing happens between two calls: retries, probes and checks come with the next line, with `flush`, or with
/// [`tick`](Self::tick).
#[derive(Debug)]
pub struct FileSet {
    engine: Engine,
    clock: Box<dyn Clock>,
    /// A line that was begun and could not be finished.
    held: Batch,
    /// What came after the last newline.
    rest: Rest,
    packer: Option<Packer>,
    process: Process,
}

impl FileSet {
    /// Opens the set on the disk. It first checks everything, then takes the lock, finishes what a killed process left
    /// behind, and brings the set under its limits.
    ///
    /// # Errors
    ///
    /// Returns [`OpenError::Unusable`] with every fault of the settings and of what stands at their paths, before
    /// anything is touched; [`OpenError::Locked`] if another process has the log; [`OpenError::Failed`] if an operation
    /// failed although the checks had passed.
    pub fn open(settings: Settings) -> Result<Self, OpenError> {
        Self::open_with(settings, Box::new(Disk::new()), Box::new(SystemClock::new()))
    }

    /// Opens the set on the file system `fs`, with `clock`.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`open`](Self::open).
    pub fn open_with(settings: Settings, fs: Box<dyn Fs>, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let engine = without_file_size_signal(|| {
            let opened = Engine::open_on(settings, fs, clock.now());
            let failed = opened.as_ref().map_or(true, |engine| engine.counters().failures > 0);
            (opened, failed)
        })?;
        let packer = match engine.settings().compression {
            Compression::None => None,
            _ => Some(
                Packer::start()
                    .map_err(|error| OpenError::Failed(Failure::new(Op::Spawn, "", OsError::from(error))))?,
            ),
        };
        Ok(Self {
            engine,
            clock,
            held: Batch::default(),
            rest: Rest::default(),
            packer,
            process: Process::here(),
        })
    }

    /// Does what is due: retries, probes, and checks whether others have touched the files.
    pub fn tick(&mut self) {
        self.run_if_own(Engine::tick);
    }

    /// Requests a rotation now. A live file without content is not rotated.
    pub fn rotate(&mut self) {
        self.run_if_own(Engine::rotate);
    }

    /// Checks now whether the live file was moved, deleted or replaced, and reopens it if so.
    pub fn reopen(&mut self) {
        self.run_if_own(Engine::reopen);
    }

    /// Makes what was written durable (`fdatasync`). A failure raises an alert.
    pub fn sync(&mut self) {
        self.run_if_own(Engine::sync);
    }

    /// Sets a hook that runs at the end of each rotation, inside the call that finishes it. If it panics, the panic is
    /// caught and counted.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use std::io::Write as _;
    /// use tracing_spool_fileset::{FileSet, Settings};
    /// let mut log = FileSet::open(Settings::new(&path))?;
    /// log.on_rotate(|rotated| println!("{:?} is the newest backup", rotated.backup));
    /// writeln!(log, "hello")?;
    /// log.rotate();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_rotate(&mut self, hook: impl FnMut(&Rotated) + Send + 'static) {
        self.engine.on_rotate(hook);
    }

    /// Changes limits and retries of the open set.
    ///
    /// # Errors
    ///
    /// Returns every objection to the new settings, as [`Engine::objections`] does, or the fault that this is a forked
    /// child. Nothing has changed then.
    pub fn reconfigure(&mut self, settings: Settings) -> Result<(), Vec<Fault>> {
        if !self.is_own() {
            return Err(vec![Fault::new("path", settings.path.display(), IN_CHILD)]);
        }
        self.run(|engine, now| engine.reconfigure(settings, now))
    }

    /// Returns the settings, with absolute paths.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.engine.settings()
    }

    /// Returns the state of the set.
    #[must_use]
    pub fn state(&self) -> State {
        self.engine.state()
    }

    /// Returns the counters of what the set has done since it was opened.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.engine.counters()
    }

    /// Returns the moments at which things last happened.
    #[must_use]
    pub fn moments(&self) -> Moments {
        self.engine.moments()
    }

    /// Returns the size, in bytes, of the file that takes the lines.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.engine.live_bytes()
    }

    /// Returns the size of the whole set in bytes, which `max_total_bytes` bounds.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.engine.total_bytes()
    }

    /// Returns the backups and their sizes in bytes, as last seen, beginning with the newest.
    pub fn backups(&self) -> impl Iterator<Item = (Slot, u64)> + '_ {
        self.engine.backups()
    }

    /// Returns the paths of the set's files, as last seen, oldest first: the backups, then the live file.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("app.log");
    /// use std::io::Write as _;
    /// use tracing_spool_fileset::{FileSet, Settings};
    /// let mut log = FileSet::open(Settings::new(&path))?;
    /// writeln!(log, "old")?;
    /// log.rotate();
    /// writeln!(log, "new")?;
    /// assert_eq!(log.paths().collect::<Vec<_>>(), [dir.path().join("app.log.1"), path]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.engine.paths()
    }

    /// Returns what the next rotation would do. It displays as a list.
    ///
    /// # Errors
    ///
    /// Returns the failure that a rotation would meet if every backup number is held by something that is not a file of
    /// the set.
    pub fn plan(&self) -> Result<Forecast, Failure> {
        self.engine.plan(self.clock.now())
    }

    /// Takes the events since the last call, oldest first: alerts, removals, rotations, remarks.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.engine.take_events()
    }

    /// Returns the alerts that are still open.
    #[must_use]
    pub fn open_alerts(&self) -> Vec<Alert> {
        self.engine.open_alerts()
    }

    /// Runs the engine at the current time, with the signal of a file size limit blocked.
    fn run<T>(&mut self, work: impl FnOnce(&mut Engine, Now) -> T) -> T {
        let (engine, now) = (&mut self.engine, self.clock.now());
        let failures = engine.counters().failures;
        without_file_size_signal(|| {
            let value = work(engine, now);
            (value, engine.counters().failures > failures)
        })
    }

    /// Writes what is held, and returns whether nothing is left.
    fn pump(&mut self, lines: &mut Batch) -> bool {
        self.run(|engine, now| {
            // Nobody waits here: a line that can't be taken now is refused.
            engine.set_pressed(true);
            engine.append(lines, now);
        });
        if let Some(packer) = &mut self.packer {
            packer.attend(&mut self.engine, self.clock.now());
        }
        lines.is_done()
    }

    /// Writes the rest of a line that was begun, if there is one.
    fn finish_held(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.held);
        let refused = self.engine.counters().records_refused;
        let is_done = held.is_done() || self.pump(&mut held);
        if is_done {
            held.clear();
        }
        self.held = held;
        if self.engine.counters().records_refused > refused {
            return Err(OsError::EFBIG.into());
        }
        if is_done { Ok(()) } else { Err(self.refusal()) }
    }

    /// Writes whole lines, the first behind what is held of it. Returns the number of bytes taken; a line that was
    /// begun counts as taken.
    fn write_lines(&mut self, lines: &[u8]) -> io::Result<usize> {
        let rules = self.engine.settings().rules();
        let mut batch = Batch::default();
        let mut ends = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            ends.push(ends.last().copied().unwrap_or(0) + line.len());
            if ends.len() == 1 {
                self.rest.push_with(line, &mut batch, &rules);
            } else {
                let _ = batch.push(line, &rules);
            }
        }
        let refused = self.engine.counters().records_refused;
        let is_done = self.pump(&mut batch);
        let taken = batch.finished() + usize::from(batch.partial() > 0);
        if taken > 0 {
            self.rest.clear();
        }
        if batch.partial() > 0 {
            batch.forget_unbegun();
            self.held = batch;
        }
        match taken {
            _ if is_done && ends.len() == 1 && self.engine.counters().records_refused > refused => {
                Err(OsError::EFBIG.into())
            }
            0 => Err(self.refusal()),
            taken => Ok(ends[taken - 1]),
        }
    }

    fn refusal(&self) -> io::Error {
        let why = match self.engine.state() {
            State::Blocked(BlockReason::Budget) => "max_total_bytes is reached and nothing can be removed",
            _ => match self.engine.open_alerts().into_iter().find_map(|alert| alert.failure) {
                Some(failure) => return io::Error::new(io::Error::from(failure.error).kind(), failure),
                None => "the file takes no records now",
            },
        };
        io::Error::new(io::ErrorKind::WouldBlock, why)
    }

    /// Returns whether this process opened the set.
    fn is_own(&self) -> bool {
        self.process.is_here()
    }

    /// Runs `work`, except in a forked child, which must not touch the files that its parent rotates.
    fn run_if_own(&mut self, work: impl FnOnce(&mut Engine, Now)) {
        if self.is_own() {
            self.run(work);
        }
    }

    fn refuse_in_child(&self) -> io::Result<()> {
        if self.is_own() { Ok(()) } else { Err(io::Error::new(io::ErrorKind::Unsupported, IN_CHILD)) }
    }
}

impl io::Write for FileSet {
    /// Writes the whole lines in `bytes` as far as there is room for them, and holds what follows the last newline.
    ///
    /// # Errors
    ///
    /// Returns `StorageFull`, `WouldBlock` or the like if the set can take no line now; then it took nothing of this
    /// call. Returns `FileTooLarge` if the call was a single line that is longer than any file may become; among
    /// several lines, such a line is left out and counted. Returns `Unsupported` in a forked child.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.refuse_in_child()?;
        if bytes.is_empty() {
            return Ok(0);
        }
        self.finish_held()?;
        let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else {
            self.rest.hold(bytes, self.engine.settings().record_limit());
            return Ok(bytes.len());
        };
        let (lines, rest) = bytes.split_at(last + 1);
        let taken = self.write_lines(lines)?;
        if taken < lines.len() {
            return Ok(taken);
        }
        self.rest.hold(rest, self.engine.settings().record_limit());
        Ok(bytes.len())
    }

    /// Ends and writes the line that is held. It syncs nothing: that follows the `sync` setting.
    ///
    /// # Errors
    ///
    /// Returns the same errors as `write`, if something stays held.
    fn flush(&mut self) -> io::Result<()> {
        self.refuse_in_child()?;
        self.engine.hurry();
        self.finish_held()?;
        if !self.rest.is_empty() {
            self.write_lines(b"\n")?;
        }
        self.tick();
        Ok(())
    }

    /// Formats first, so that a `writeln!` is taken whole or not at all.
    fn write_fmt(&mut self, arguments: fmt::Arguments<'_>) -> io::Result<()> {
        match arguments.as_str() {
            Some(text) => self.write_all(text.as_bytes()),
            None => self.write_all(arguments.to_string().as_bytes()),
        }
    }
}

impl FileSet {
    /// Ends the set, and reports what could not be written. Dropping it does the same without a report.
    pub fn close(mut self) -> CloseReport {
        self.end()
    }

    /// Ends the set. Leaves no file with half a line, if that can be helped.
    fn end(&mut self) -> CloseReport {
        if !self.is_own() {
            // A thread that doesn't exist in this child may have locked its channels.
            std::mem::forget(self.packer.take());
            return CloseReport::default();
        }
        let flushed = io::Write::flush(self);
        let mut held = std::mem::take(&mut self.held);
        if let Some(packer) = self.packer.take() {
            packer.end(&mut self.engine, self.clock.as_ref(), PACKING_END_MAX);
        }
        let mut report = self.run(|engine, now| engine.end(&mut held, now, None));
        if flushed.is_err() && !self.rest.is_empty() {
            report.records_left += 1;
        }
        self.rest.clear();
        report
    }
}

impl Drop for FileSet {
    fn drop(&mut self) {
        self.end();
    }
}
