//! The appender with dated names: writes to the file of now, and begins the next one when it is due.
//! Which names, which moments and which system calls those are, is in the files beside this one.

use std::io;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tracing_spool_fileset::Clock;
use tracing_spool_process::ProcessLock;
use tracing_subscriber::fmt::MakeWriter;

use super::disk;
use super::init_error::InitError;
use super::live::{Cut, LiveFile};
use super::names::Names;

/// A clock that a panic elsewhere cannot leave wrong: the appender is safe to use after one.
pub(super) type Watch = Box<dyn Clock + UnwindSafe + RefUnwindSafe>;

/// When nothing is due.
const NEVER: i64 = i64::MAX;

/// After a file that could not be opened, the next attempt.
const RETRY_SECONDS: i64 = 1;

/// Appends to a file with the date in its name, and begins a new one with each period.
///
/// One `write` is one record: it goes into one file, whole, or is an error. As a [`MakeWriter`] it is written to by many threads
/// at once; none of them waits for another but in the kernel.
///
/// ```
/// # let dir = tempfile::tempdir()?;
/// # let logs = dir.path();
/// use tracing_spool::compat::rolling::{RollingFileAppender, Rotation};
/// let appender = RollingFileAppender::new(Rotation::HOURLY, logs, "shop.log");
/// let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(appender).finish();
/// tracing::subscriber::with_default(lines, || tracing::info!("hello"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct RollingFileAppender {
    names: Names,
    directory: PathBuf,
    link: Option<PathBuf>,
    most_files: Option<usize>,
    clock: Watch,
    /// Swapped when a file is begun; the lock is held for no system call. None in a child that was forked just then.
    live: ProcessLock<Option<Arc<LiveFile>>>,
    /// When the next file is due, in seconds from 1970.
    due: AtomicI64,
    failures: AtomicU64,
}

/// Writes to the file that was the newest when this was made.
#[derive(Debug)]
pub struct RollingWriter<'a> {
    live: Arc<LiveFile>,
    appender: PhantomData<&'a RollingFileAppender>,
}

impl RollingFileAppender {
    pub(super) fn open(
        names: Names,
        directory: PathBuf,
        latest: Option<&str>,
        most_files: Option<usize>,
        clock: Watch,
    ) -> Result<Self, InitError> {
        let now = second(clock.as_ref());
        let live = open_live(&names, &directory, now)?;
        let appender = Self {
            link: latest.map(|name| directory.join(name)),
            due: AtomicI64::new(names.rotation.next(now).unwrap_or(NEVER)),
            live: ProcessLock::new(Some(Arc::new(live))),
            failures: AtomicU64::new(0),
            names,
            directory,
            most_files,
            clock,
        };
        let name = appender.names.at(now);
        appender.link_to(&name).map_err(InitError::of("the link to the latest log file cannot be made"))?;
        appender.remove_surplus(&name);
        Ok(appender)
    }

    /// How many operations on the directory have failed since the start: files not begun, not removed, not linked to.
    ///
    /// Behind [`non_blocking`](fn@crate::compat::non_blocking) they are among
    /// [`ErrorCounter::writer_errors`](crate::compat::non_blocking::ErrorCounter::writer_errors).
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Appends records that lie end to end, to one file.
    pub(in crate::compat) fn append(&self, records: &[u8]) -> Result<(), Cut> {
        self.live_now().append(records)
    }

    /// The file of now, begun by this caller if it is due. Others go on with the old one meanwhile.
    fn live_now(&self) -> Arc<LiveFile> {
        let (now, due) = (second(self.clock.as_ref()), self.due.load(Ordering::Acquire));
        // Nothing is due while one is begun: a caller that was held up in it cannot undo what a later one has done.
        if now >= due && self.due.compare_exchange(due, NEVER, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            let next = match self.begin_file(now) {
                Ok(()) => self.names.rotation.next(now).unwrap_or(NEVER),
                Err(_) => {
                    self.failed();
                    now.saturating_add(RETRY_SECONDS) // records go on to the old file until then
                }
            };
            self.due.store(next, Ordering::Release);
        }
        self.current(now)
    }

    /// The newest file that was begun.
    fn current(&self, now: i64) -> Arc<LiveFile> {
        let mut slot = self.live.lock();
        let open =
            || Arc::new(open_live(&self.names, &self.directory, now).unwrap_or_else(|_| LiveFile::missing()));
        Arc::clone(slot.get_or_insert_with(open))
    }

    fn begin_file(&self, now: i64) -> Result<(), InitError> {
        let live = Arc::new(open_live(&self.names, &self.directory, now)?);
        *self.live.lock() = Some(live);
        let name = self.names.at(now);
        if self.link_to(&name).is_err() {
            self.failed();
        }
        self.remove_surplus(&name);
        Ok(())
    }

    /// Removes our oldest files until there are as many as wanted with `live`, which stays.
    fn remove_surplus(&self, live: &str) {
        let Some(most) = self.most_files else { return };
        let Ok(files) = disk::files(&self.directory) else { return self.failed() };
        let dated = files.into_iter().filter(|name| name != live);
        let dated = dated.filter_map(|name| Some((self.names.period_of(&name)?, name)));
        let mut dated: Vec<(i64, String)> = dated.collect();
        dated.sort_unstable();
        let surplus = (dated.len() + 1).saturating_sub(most);
        for (_, name) in &dated[..surplus.min(dated.len())] {
            match disk::remove(&self.directory.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => self.failed(),
                _ => {}
            }
        }
    }

    fn link_to(&self, name: &str) -> io::Result<()> {
        let Some(link) = &self.link else { return Ok(()) };
        let file = self.directory.join(name);
        // A link is read from where it stands.
        let target = if link.parent() == file.parent() { file.file_name().map(PathBuf::from) } else { None };
        disk::link(&target.map_or_else(|| std::path::absolute(&file), Ok)?, link)
    }

    fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

/// Seconds from 1970.
fn second(clock: &dyn Clock) -> i64 {
    clock.now().wall.unix_micros().div_euclid(1_000_000)
}

fn open_live(names: &Names, directory: &Path, now: i64) -> Result<LiveFile, InitError> {
    let path = directory.join(names.at(now));
    let file = disk::open(&path).or_else(|_| {
        if let Some(parent) = path.parent() {
            disk::make_directories(parent).map_err(InitError::of("the log directory cannot be made"))?;
        }
        disk::open(&path).map_err(InitError::of("the log file cannot be opened"))
    })?;
    Ok(LiveFile::new(file))
}

impl io::Write for RollingFileAppender {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.append(record).map_err(|cut| cut.error)?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.current(second(self.clock.as_ref())).flush()
    }
}

impl<'a> MakeWriter<'a> for RollingFileAppender {
    type Writer = RollingWriter<'a>;

    fn make_writer(&'a self) -> RollingWriter<'a> {
        RollingWriter { live: self.live_now(), appender: PhantomData }
    }
}

impl io::Write for RollingWriter<'_> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        self.live.append(record).map_err(|cut| cut.error)?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.live.flush()
    }
}
