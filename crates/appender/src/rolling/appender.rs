//! The appender with dated names: it writes to the current file, and starts the next one when that is due or the record has
//! no room.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tracing_spool_fileset::Now;
use tracing_spool_process::ProcessLock;
use tracing_subscriber::fmt::MakeWriter;

use super::calendar::{Calendar, NEVER};
use super::directory::LogDirectory;
use super::init_error::InitError;
use super::live::{Full, LiveFile};
use super::names::{Period, Segment};
use super::outside::{Outside, Watch};
use super::past::Past;
use super::troubles::{Kind, Troubles};

/// Seconds until the next attempt after a file couldn't be started.
const RETRY_SECONDS: i64 = 1;
const RETRY_MILLIS: u64 = 1_000;

/// The most bytes of a batch that go out in one call, unless the first record is longer.
const BATCH_BYTES: usize = 256 * 1024;

/// Appends to a file with a date in its name, and starts a new one with each period, or when the file is large enough.
///
/// One `write` is one record: it goes into one file as a whole, or is an error. As a [`MakeWriter`], many threads can write
/// at once. They wait for each other only in the kernel, and while one of them starts a new file for the rest.
///
/// [`write_vectored`](io::Write::write_vectored) treats each slice as a record. It writes as many as one file has room for,
/// up to 256 KiB, in one system call. The number of bytes it returns ends at the end of a record.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// use tracing_spool_appender::rolling::{RollingFileAppender, Rotation};
/// let appender = RollingFileAppender::new(Rotation::HOURLY, logs, "shop.log");
/// let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(appender).finish();
/// tracing::subscriber::with_default(lines, || tracing::info!("hello"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RollingFileAppender {
    directory: LogDirectory,
    calendar: Calendar,
    clock: Watch,
    /// Swapped when a file is started. The lock is held for no system call. None in a child that was forked at just that
    /// moment.
    live: ProcessLock<Option<Arc<LiveFile>>>,
    /// Held by the one thread that starts a file.
    beginning: ProcessLock<Past>,
    /// When the next file is due, in seconds since 1970.
    due: AtomicI64,
    /// No attempt to find room is made before this time, in milliseconds of a monotonic clock.
    retry: AtomicU64,
    troubles: Troubles,
    /// Buffer for batches.
    joined: Vec<u8>,
}

/// Writes to the appender's current file. [`RollingFileAppender`] returns it as a [`MakeWriter`].
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// use std::io::Write as _;
/// use tracing_subscriber::fmt::MakeWriter as _;
/// let appender = tracing_spool_appender::rolling::daily(logs, "shop.log");
/// appender.make_writer().write_all(b"by hand\n")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RollingWriter<'a> {
    appender: &'a RollingFileAppender,
}

impl RollingFileAppender {
    /// Opens the current file.
    pub(super) fn open(
        directory: LogDirectory,
        calendar: Calendar,
        outside: Outside,
    ) -> Result<Self, InitError> {
        let troubles = Troubles::new(outside.say);
        let now = outside.clock.now();
        let period = directory.names.period(calendar.period(second(now)));
        let mut past = Past::default();
        let live = directory.open(directory.newest(period, &troubles, now.mono), 0, &mut past)?;
        directory.link_to(live.segment())?;
        directory.make_room((&live, 0), None, &mut past, &troubles, now.mono);
        Ok(Self {
            due: AtomicI64::new(due(&calendar, live.segment(), second(now))),
            live: ProcessLock::new(Some(Arc::new(live))),
            beginning: ProcessLock::new(past),
            retry: AtomicU64::new(0),
            clock: outside.clock,
            joined: Vec::new(),
            directory,
            calendar,
            troubles,
        })
    }

    /// Warns about files that tracing-appender would remove and this appender keeps.
    pub(super) fn warn_of_uncounted(&self) {
        self.directory.warn_of_uncounted(&self.troubles);
    }

    /// Returns how many operations on the directory have failed since the start: starting a file, removing one, updating
    /// the link.
    ///
    /// Each failure also has a line on stderr, but at most one per kind every ten seconds.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.troubles.failures()
    }

    /// Appends a record.
    fn append(&self, record: &[u8]) -> io::Result<usize> {
        if !record.is_empty() {
            self.reserve(record.len())?.append(record).map_err(|cut| cut.error)?;
        }
        Ok(record.len())
    }

    /// Returns the file for a record of this size, with room reserved in it.
    fn reserve(&self, bytes: usize) -> io::Result<Arc<LiveFile>> {
        let now = self.clock.now();
        self.begin_if_due(now);
        let live = self.current(now);
        live.measure();
        match live.reserve(bytes) {
            Ok(()) => Ok(live),
            Err(_) => self.find_room(bytes, now),
        }
    }

    /// Starts the file of a new period if it is due. One caller does it, and the others continue with the old file
    /// meanwhile.
    fn begin_if_due(&self, now: Now) {
        let (second, due_at) = (second(now), self.due.load(Ordering::Acquire));
        // Nothing counts as due while a file is being started, so a caller that was delayed in it can't undo what a later
        // one has done.
        if second < due_at
            || self.due.compare_exchange(due_at, NEVER, Ordering::AcqRel, Ordering::Relaxed).is_err()
        {
            return;
        }
        let mut past = self.beginning.lock();
        let live = self.current(now);
        // A clock that shows an hour twice must not lead back to earlier files.
        let period = self.directory.names.period(self.calendar.period(second)).max(live.segment().period);
        let segment = if period == live.segment().period {
            Some(live.segment())
        } else {
            let newest = self.directory.newest(period, &self.troubles, now.mono);
            self.begin(newest, 0, &live, &mut past, now).map(|next| next.segment())
        };
        let next = match segment {
            Some(segment) => due(&self.calendar, segment, second),
            None => second.saturating_add(RETRY_SECONDS), // records go to the old file until then
        };
        self.due.store(next, Ordering::Release);
    }

    /// Makes room for a record in the next file, or by removing older ones. Other threads whose records have no room wait
    /// meanwhile.
    #[cold]
    fn find_room(&self, bytes: usize, now: Now) -> io::Result<Arc<LiveFile>> {
        if self.directory.limits.max_total_bytes.is_some_and(|total| bytes as u64 > total) {
            return Err(io::ErrorKind::FileTooLarge.into()); // no removal would make room for it
        }
        let mut past = self.beginning.lock();
        let live = self.current(now);
        let Err(refusal) = live.reserve(bytes) else { return Ok(live) }; // another thread has made room
        let millis = u64::try_from(now.mono.since_start().as_millis()).unwrap_or(u64::MAX);
        if millis >= self.retry.load(Ordering::Acquire) {
            let found = match refusal {
                Full::File => self.begin_next(bytes, &live, &mut past, now),
                Full::Budget => {
                    let wanted = (&*live, bytes as u64);
                    self.directory.make_room(wanted, None, &mut past, &self.troubles, now.mono);
                    live.reserve(bytes).is_ok().then(|| Arc::clone(&live))
                }
            };
            if let Some(found) = found {
                return Ok(found);
            }
            self.retry.store(millis.saturating_add(RETRY_MILLIS), Ordering::Release);
        }
        live.reserve_overlong(bytes).map_err(|_| io::ErrorKind::StorageFull)?;
        Ok(live)
    }

    /// Starts the next file of the period, for a record that the live file has no room for.
    fn begin_next(
        &self,
        bytes: usize,
        live: &Arc<LiveFile>,
        past: &mut Past,
        now: Now,
    ) -> Option<Arc<LiveFile>> {
        let Some(next) = self.directory.next(live.segment()) else {
            let path = self.directory.path_of(live.segment());
            let what =
                format_args!("there is no number behind the log file {}: it is written on", path.display());
            self.troubles.report(Kind::Create, &what, now.mono);
            return None;
        };
        self.begin(next, bytes, live, past, now)
    }

    /// Starts a file with `bytes` reserved in it. Returns none if it can't be created, or the budget has no room for them.
    fn begin(
        &self,
        segment: Segment,
        bytes: usize,
        before: &Arc<LiveFile>,
        past: &mut Past,
        now: Now,
    ) -> Option<Arc<LiveFile>> {
        let current = self.directory.path_of(before.segment());
        // The room is reserved before others see the file, who could take what it was started for.
        let next = match self.directory.open(segment, bytes, past) {
            Ok(next) => Arc::new(next),
            Err(error) => {
                let what = format_args!("{error}; {} is written on until it can", current.display());
                self.troubles.report(Kind::Create, &what, now.mono);
                return None;
            }
        };
        if self.directory.limits.max_total_bytes.is_some() {
            before.seal(); // or it could grow after it was counted
            past.leave(before);
        }
        if !self.directory.make_room((&next, 0), Some(before), past, &self.troubles, now.mono) {
            before.unseal();
            past.take_back();
            let path = self.directory.path_of(next.segment());
            let what = format_args!(
                "the log file {} cannot be begun: max_total_bytes has no room for it; records go into {} while they fit",
                path.display(),
                current.display()
            );
            self.troubles.report(Kind::Create, &what, now.mono);
            return None;
        }
        *self.live.lock() = Some(Arc::clone(&next));
        if let Err(error) = self.directory.link_to(next.segment()) {
            self.troubles.report(Kind::Link, &error, now.mono);
        }
        Some(next)
    }

    #[cfg(test)]
    pub(super) fn directory(&self) -> &LogDirectory {
        &self.directory
    }

    /// Returns the newest file.
    pub(super) fn current(&self, now: Now) -> Arc<LiveFile> {
        let mut slot = self.live.lock();
        let open = || {
            let period = self.directory.names.period(self.calendar.period(second(now)));
            let newest = self.directory.newest(period, &self.troubles, now.mono);
            Arc::new(
                self.directory
                    .open(newest, 0, &mut Past::default())
                    .unwrap_or_else(|_| LiveFile::missing(newest)),
            )
        };
        Arc::clone(slot.get_or_insert_with(open))
    }
}

/// Returns the seconds since 1970.
fn second(now: Now) -> i64 {
    now.wall.unix_micros().div_euclid(1_000_000)
}

/// Returns when the period after that of a segment begins.
fn due(calendar: &Calendar, segment: Segment, now: i64) -> i64 {
    match segment.period {
        Period::Of(stamp) => calendar.next(stamp, now),
        Period::Endless => NEVER,
    }
}

/// Returns how many of the first `written` bytes are whole records.
pub(super) fn whole_records(records: &[IoSlice<'_>], written: usize) -> usize {
    let ends = records.iter().scan(0, |end, record| {
        *end += record.len();
        Some(*end)
    });
    ends.take_while(|end| *end <= written).last().unwrap_or(0)
}

impl io::Write for RollingFileAppender {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.append(record)
    }

    fn write_vectored(&mut self, records: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(begin) = records.iter().position(|record| !record.is_empty()) else { return Ok(0) };
        let (first, more) = (&records[begin], &records[begin + 1..]);
        let live = self.reserve(first.len())?;
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.extend_from_slice(first);
        let mut taken = begin + 1;
        for record in more {
            if joined.len() + record.len() > BATCH_BYTES || live.reserve(record.len()).is_err() {
                break;
            }
            joined.extend_from_slice(record);
            taken += 1;
        }
        let appended = live.append(&joined);
        let bytes = joined.len();
        joined.shrink_to(BATCH_BYTES); // don't keep the memory of a huge record
        self.joined = joined;
        match appended {
            Ok(()) => Ok(bytes),
            Err(cut) => match whole_records(&records[..taken], cut.written) {
                0 => Err(cut.error),
                // The caller offers the rest again, and gets the error then if it persists.
                whole => Ok(whole),
            },
        }
    }

    /// Does nothing: a record is in the file when `write` returns.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for RollingFileAppender {
    type Writer = RollingWriter<'a>;

    fn make_writer(&'a self) -> RollingWriter<'a> {
        RollingWriter { appender: self }
    }
}

impl io::Write for RollingWriter<'_> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.appender.append(record)
    }

    /// Does nothing: a record is in the file when `write` returns.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    use tracing_spool_fileset::sim::SimClock;

    use super::super::{Builder, Rotation};
    use super::*;

    /// Far longer than a write takes.
    const PATIENCE: Duration = Duration::from_secs(10);
    /// Far more than a thread needs to start.
    const LOOKS: u32 = 10_000_000;

    #[test]
    fn others_go_on_with_the_old_file_while_one_begins_the_next() {
        let (dir, clock) = (tempfile::tempdir().unwrap(), SimClock::new());
        let outside = Outside { clock: Box::new(clock.clone()), ..Outside::system() };
        let builder = Builder::new().rotation(Rotation::DAILY).filename_prefix("app");
        let appender = builder.build_with(dir.path(), outside).unwrap();
        clock.advance(Duration::from_secs(24 * 60 * 60));
        let beginning = appender.beginning.lock(); // held up in the directory
        thread::scope(|scope| {
            let slow = scope.spawn(|| appender.append(b"slow\n"));
            // Looked for a limited time: a failure must not leave the scope waiting.
            let is_begun = |_| {
                thread::yield_now();
                appender.due.load(Ordering::Acquire) == NEVER
            };
            let is_begun = (0..LOOKS).any(is_begun);
            let (tell, told) = channel();
            let appender = &appender;
            scope.spawn(move || tell.send(appender.append(b"quick\n").unwrap()));
            let quick = told.recv_timeout(PATIENCE);
            drop(beginning);
            assert!(is_begun && quick.is_ok() && slow.join().unwrap().is_ok());
        });
        assert_eq!(appender.failures(), 0);
    }
}
