//! The appender with dated names: writes to the file of now, and begins the next one when it is due or the record has no room.
//! Which names, which moments and which system calls those are, is in the files beside this one.

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

/// After a file that could not be begun, the next attempt.
const RETRY_SECONDS: i64 = 1;
const RETRY_MILLIS: u64 = 1_000;

/// As many bytes of a batch go out in one call, but for a first record that is longer.
const BATCH_BYTES: usize = 256 * 1024;

/// Appends to a file with the date in its name, and begins a new one with each period, or when the file is long enough.
///
/// One `write` is one record: it goes into one file, whole, or is an error. As a [`MakeWriter`] it is written to by many threads
/// at once, which wait for each other only in the kernel, and where a file is begun for one of them.
///
/// [`write_vectored`](io::Write::write_vectored) takes a record in each slice and writes as many as one file has room for, up
/// to 256 KiB, in one call of the system. What it returns ends where a record ends.
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
    /// Swapped when a file is begun; the lock is held for no system call. None in a child that was forked just then.
    live: ProcessLock<Option<Arc<LiveFile>>>,
    /// Held by the one thread that begins a file.
    beginning: ProcessLock<Past>,
    /// When the next file is due, in seconds from 1970.
    due: AtomicI64,
    /// No attempt to find room is made before, in milliseconds of a clock that does not step.
    retry: AtomicU64,
    troubles: Troubles,
    /// Memory of batches.
    joined: Vec<u8>,
}

/// Writes to the file of now.
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
    /// Opens the file of now.
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

    /// Warns of files that tracing-appender would have removed and this appender does not.
    pub(super) fn warn_of_uncounted(&self) {
        self.directory.warn_of_uncounted(&self.troubles);
    }

    /// How many operations on the directory have failed since the start: files not begun, not removed, not linked to.
    ///
    /// Each also has a line on stderr, but of each kind only one in ten seconds.
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

    /// The file that a record of so many bytes goes into, in which it has room from now on.
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

    /// Begins the file of a new period, by this caller if it is due. Others go on with the old one meanwhile.
    fn begin_if_due(&self, now: Now) {
        let (second, due_at) = (second(now), self.due.load(Ordering::Acquire));
        // Nothing is due while a file is begun: a caller that was held up in it cannot undo what a later one has done.
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
            None => second.saturating_add(RETRY_SECONDS), // records go on to the old file until then
        };
        self.due.store(next, Ordering::Release);
    }

    /// Room for a record in the next file, or by removing older ones. Meanwhile, others whose records have no room wait.
    #[cold]
    fn find_room(&self, bytes: usize, now: Now) -> io::Result<Arc<LiveFile>> {
        if self.directory.limits.max_total_bytes.is_some_and(|total| bytes as u64 > total) {
            return Err(io::ErrorKind::FileTooLarge.into()); // whatever was removed for it
        }
        let mut past = self.beginning.lock();
        let live = self.current(now);
        let Err(refusal) = live.reserve(bytes) else { return Ok(live) }; // another thread has found some
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

    /// Begins the next file of the period, for a record that the live one has no room for.
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

    /// Begins a file in which `bytes` are reserved; none if it cannot be made, or the budget has no room for them.
    fn begin(
        &self,
        segment: Segment,
        bytes: usize,
        before: &Arc<LiveFile>,
        past: &mut Past,
        now: Now,
    ) -> Option<Arc<LiveFile>> {
        let current = self.directory.path_of(before.segment());
        // The room is reserved before others see the file, and could take what it was begun for.
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
        self.leave(before, before.flush(), now);
        if let Err(error) = self.directory.link_to(next.segment()) {
            self.troubles.report(Kind::Link, &error, now.mono);
        }
        Some(next)
    }

    /// Reports a file that is left, if its last records may not have arrived.
    pub(super) fn leave(&self, before: &LiveFile, flushed: io::Result<()>, now: Now) {
        if let Err(error) = flushed {
            let path = self.directory.path_of(before.segment());
            let what = format_args!("the previous log file {} cannot be flushed: {error}", path.display());
            self.troubles.report(Kind::Flush, &what, now.mono);
        }
    }

    #[cfg(test)]
    pub(super) fn directory(&self) -> &LogDirectory {
        &self.directory
    }

    /// The newest file that was begun.
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

/// Seconds from 1970.
fn second(now: Now) -> i64 {
    now.wall.unix_micros().div_euclid(1_000_000)
}

/// When the period after that of a segment begins.
fn due(calendar: &Calendar, segment: Segment, now: i64) -> i64 {
    match segment.period {
        Period::Of(stamp) => calendar.next(stamp, now),
        Period::Endless => NEVER,
    }
}

/// As many bytes of the records as are whole in the first `written`.
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
        joined.shrink_to(BATCH_BYTES); // a huge record does not stay
        self.joined = joined;
        match appended {
            Ok(()) => Ok(bytes),
            Err(cut) => match whole_records(&records[..taken], cut.written) {
                0 => Err(cut.error),
                // The caller offers the others again, and is told what is wrong if it still is.
                whole => Ok(whole),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current(self.clock.now()).flush()
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

    fn flush(&mut self) -> io::Result<()> {
        self.appender.current(self.appender.clock.now()).flush()
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
