//! One life of a service that logs: threads that put numbered lines through `tracing`, until they are done or killed.
//! How far each has come stands in a page that outlives it.

use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use fastrand::Rng;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_spool::{
    Compression, Durable, FlushError, Overflow, Spool, SpoolBuilder, SpoolHandle, SyncPolicy,
};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::account::Account;
use crate::line::Line;
use crate::manner::Manner;
use crate::page::Page;
use crate::wild;

/// How long a flush may take before it is given up and not noted.
const FLUSH: Duration = Duration::from_secs(30);
const SHUTDOWN: Duration = Duration::from_secs(120);

/// What happens where the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhenFull {
    /// Callers wait.
    Block,
    /// Records are shed, low levels first.
    Shed,
}

/// What a life does.
#[derive(Args, Clone, Debug)]
pub struct Life {
    /// The live file
    #[arg(long)]
    pub log: PathBuf,
    /// Where the progress is kept
    #[arg(long)]
    pub page: PathBuf,
    /// Number of this life
    #[arg(long, default_value_t = 0)]
    pub life: u32,
    /// Threads that log
    #[arg(long, default_value_t = 4)]
    pub threads: u32,
    /// Lines of each thread
    #[arg(long, default_value_t = 1_000)]
    pub lines: u64,
    /// What the lengths and pauses are drawn from
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Bytes of the shortest line, its newline included
    #[arg(long, default_value_t = 50)]
    pub shortest: usize,
    /// Bytes of the longest
    #[arg(long, default_value_t = 3_000)]
    pub longest: usize,
    /// A thread flushes after so many lines (0: never)
    #[arg(long, default_value_t = 0)]
    pub flush_every: u64,
    /// A thread pauses up to so many microseconds after every tenth line
    #[arg(long, default_value_t = 0)]
    pub pause_us: u64,
    /// Size of a file
    #[arg(long, default_value_t = 256 << 10)]
    pub max_bytes: u64,
    /// Backups kept
    #[arg(long, default_value_t = 20)]
    pub backups: u32,
    /// Bytes of all files
    #[arg(long, default_value_t = 6 << 20)]
    pub total: u64,
    /// Bytes of the queue
    #[arg(long, default_value_t = 1 << 20)]
    pub queue: u64,
    /// A ring that outlives the process, in this file
    #[arg(long)]
    pub durable: Option<PathBuf>,
    /// What else it may choose
    #[command(flatten)]
    pub manner: Manner,
    /// How backups are stored: none, gzip or zstd
    #[arg(long, value_parser = form, default_value_t = Compression::None)]
    pub form: Compression,
    /// What happens where the queue is full
    #[arg(long, value_enum, default_value = "block")]
    pub when_full: WhenFull,
    /// Syncs every so many milliseconds (0: at each rotation)
    #[arg(long, default_value_t = 0)]
    pub sync_ms: u64,
    /// First delay of a retry in milliseconds; a cool-down is ten of them
    #[arg(long, default_value_t = 100)]
    pub retry_ms: u64,
    /// Goes on for so many seconds, whatever `lines` says
    #[arg(long, default_value_t = 0)]
    pub seconds: u64,
    /// Does not wait for its disk before it leaves, and leaves within so many milliseconds (0: waits)
    #[arg(long, default_value_t = 0)]
    pub hasty_ms: u64,
    /// Does not end by itself: waits to be killed
    #[arg(long)]
    pub stay: bool,
}

/// A way of storing backups, by its word in settings.
///
/// # Errors
/// Where there is none of that word.
pub fn form(word: &str) -> Result<Compression> {
    let mut forms = Compression::ALL.into_iter();
    forms.find(|form| form.as_str() == word).context("must be none, gzip or zstd")
}

impl Life {
    fn spool(&self) -> SpoolBuilder {
        let retry = Duration::from_millis(self.retry_ms);
        let builder = Spool::builder(&self.log)
            .max_bytes(self.max_bytes)
            .backup_count(self.backups)
            .max_total_bytes(self.total)
            .queue_bytes(self.queue)
            .retry_base_delay(retry)
            .retry_cooldown(retry * 10)
            .retry_cooldown_max(retry * 20)
            .compression(self.form)
            .overflow(match self.when_full {
                WhenFull::Block => Overflow::Block,
                WhenFull::Shed => Overflow::DropNewest,
            })
            .quiet();
        let builder = self.manner.describe(builder);
        let builder = match &self.durable {
            Some(ring) => builder.durable(Durable::at(ring).on_any_file_system()),
            None => builder,
        };
        if self.sync_ms > 0 {
            builder.sync(SyncPolicy::Interval(Duration::from_millis(self.sync_ms)))
        } else {
            builder
        }
    }
}

/// Lives it, and prints the account.
///
/// # Errors
/// Where the log cannot be opened or the page not be written.
pub fn live(life: &Life) -> Result<()> {
    let page = Page::create(&life.page, life.threads)?;
    let (spool, guard) = life.spool().open()?;
    let handle = guard.handle();
    let wild = life.manner.wild.then(|| Verbatim(spool.clone()));
    let tame = (!life.manner.wild).then(|| {
        tracing_subscriber::fmt::layer()
            .with_writer(spool)
            .with_ansi(false)
            .with_level(false)
            .with_target(false)
            .without_time()
    });
    let used = Used::default();
    let over = AtomicBool::new(false);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(tame).with(wild), || {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        thread::scope(|scope| -> Result<()> {
            scope.spawn(|| used.watch(&over));
            let thread = |number| {
                let (dispatch, handle, page) = (&dispatch, &handle, &page);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(dispatch, || log(life, number, handle, page))
                })
            };
            let threads: Vec<_> = (0..life.threads).map(thread).collect();
            let mut outcome = Ok(());
            for thread in threads {
                outcome =
                    outcome.and(thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a caller panicked"))));
            }
            over.store(true, Ordering::Relaxed);
            outcome
        })
    })?;
    if life.stay {
        loop {
            thread::park();
        }
    }
    let report = if life.hasty_ms > 0 {
        guard.shutdown(Duration::from_millis(life.hasty_ms))
    } else {
        come_to_rest(&handle);
        guard.shutdown(SHUTDOWN)
    };
    let mut account = Account::new(life.life, &handle.stats(), &report);
    (account.descriptors, account.resident_kib) = used.spans();
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&account)?)?;
    Ok(())
}

/// Waits until the disk takes records, as who wants every line does before the end.
fn come_to_rest(handle: &SpoolHandle) {
    let end = Instant::now() + SHUTDOWN;
    while Instant::now() < end
        && matches!(handle.flush(FLUSH), Err(FlushError::Blocked { .. } | FlushError::TimedOut { .. }))
    {
        thread::sleep(Duration::from_millis(10));
    }
}

/// One thread's lines.
fn log(life: &Life, thread: u32, handle: &SpoolHandle, page: &Page) -> Result<()> {
    let mut rng = Rng::with_seed(life.seed ^ (u64::from(thread) << 32));
    let end = (life.seconds > 0).then(|| Instant::now() + Duration::from_secs(life.seconds));
    let goes_on = |number: u64| end.map_or(number < life.lines, |end| Instant::now() < end);
    let mut number = 0;
    while goes_on(number) {
        let width = rng.usize(life.shortest - 1..life.longest);
        let line = Line { life: life.life, thread, number, width };
        let record = if life.manner.wild { wild::record(&line) } else { line.text().into_bytes() };
        page.offered(thread, number + 1)?;
        say(life.manner.level(number), &record, life.manner.wild);
        number += 1;
        page.accepted(thread, number)?;
        if life.flush_every > 0 && number % life.flush_every == 0 && handle.flush(FLUSH).is_ok() {
            page.flushed(thread, number)?;
        }
        if life.pause_us > 0 && number % 10 == 0 {
            thread::sleep(Duration::from_micros(rng.u64(0..life.pause_us)));
        }
    }
    Ok(())
}

macro_rules! event {
    ($level:expr, $($field:tt)+) => {
        match $level {
            Level::ERROR => tracing::error!($($field)+),
            Level::WARN => tracing::warn!($($field)+),
            Level::INFO => tracing::info!($($field)+),
            Level::DEBUG => tracing::debug!($($field)+),
            _ => tracing::trace!($($field)+),
        }
    };
}

/// One event: a message, or bytes that are written as they are.
fn say(level: Level, record: &[u8], is_wild: bool) {
    if is_wild {
        event!(level, record);
    } else {
        event!(level, "{}", String::from_utf8_lossy(record));
    }
}

/// Writes the bytes that an event bears, and a newline: `fmt` would escape what is wild in them.
struct Verbatim(Spool);

impl<S: Subscriber> Layer<S> for Verbatim {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut Bytes(self.0.make_writer_for(event.metadata())));
    }
}

struct Bytes<W>(W);

impl<W: Write> Visit for Bytes<W> {
    fn record_bytes(&mut self, _: &Field, value: &[u8]) {
        // A spool's writer takes all.
        let _ = self.0.write_all(value).and_then(|()| self.0.write_all(b"\n"));
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// Descriptors and memory while it runs: least and most.
#[derive(Debug, Default)]
struct Used {
    descriptors: Span,
    resident_kib: Span,
}

#[derive(Debug)]
struct Span {
    least: AtomicU64,
    most: AtomicU64,
}

impl Default for Span {
    fn default() -> Self {
        Self { least: AtomicU64::new(u64::MAX), most: AtomicU64::new(0) }
    }
}

impl Span {
    fn add(&self, value: u64) {
        self.least.fetch_min(value, Ordering::Relaxed);
        self.most.fetch_max(value, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        let most = self.most.load(Ordering::Relaxed);
        (self.least.load(Ordering::Relaxed).min(most), most)
    }
}

impl Used {
    /// Looks now and then, once everything has been used for a while.
    fn watch(&self, over: &AtomicBool) {
        const SETTLED: u32 = 10;
        for look in 0.. {
            thread::sleep(Duration::from_millis(100));
            if over.load(Ordering::Relaxed) {
                return;
            }
            if look >= SETTLED {
                self.descriptors
                    .add(std::fs::read_dir("/proc/self/fd").map_or(0, |list| list.count() as u64));
                self.resident_kib.add(resident_kib().unwrap_or(0));
            }
        }
    }

    fn spans(&self) -> ((u64, u64), (u64, u64)) {
        (self.descriptors.get(), self.resident_kib.get())
    }
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok())
}
