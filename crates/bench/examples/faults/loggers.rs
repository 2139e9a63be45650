//! The loggers, opened as their documentation shows it, with a limit on the size of a file and a number of files to keep.
//! What is done to them is in `child`.

use std::any::Any;
use std::fmt::Arguments;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use emit::Emitter as _;
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use flexi_logger::{Cleanup, Criterion, FileSpec, LogSpecification, Naming, WriteMode};
use log4rs::append::console::ConsoleAppender;
use log4rs::append::rolling_file::RollingFileAppender as Log4rsFile;
use log4rs::append::rolling_file::policy::compound::CompoundPolicy;
use log4rs::append::rolling_file::policy::compound::roll::fixed_window::FixedWindowRoller;
use log4rs::append::rolling_file::policy::compound::trigger::size::SizeTrigger;
use log4rs::config::{Appender, Config, Root};
use log4rs::encode::pattern::PatternEncoder;
use logroller::{LogRollerBuilder, RotationSize};
use rolling_file::{RollingConditionBasic, RollingFileAppender};
use spdlog::sink::{AsyncPoolSink, OverflowPolicy, RotatingFileSink, RotationPolicy, Sink, StdStreamSink};
use tracing_appender::non_blocking::NonBlockingBuilder;
use tracing_appender::rolling::{self, Rotation};
use tracing_spool::{Durable, Spool};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::native;

pub const OURS: &str = "tracing-spool";
pub const DURABLE: &str = "tracing-spool, durable";
/// Ours where it may not prune for space: what the disk refuses waits in the queue.
pub const KEEPS: &str = "tracing-spool, min_backups(1000)";
pub const NATIVE: &str = "spdlog (C++)";
const APPENDER: &str = "tracing-appender";
const FILE_ROTATE: &str = "tracing-appender + file-rotate";
const ROLLING_FILE: &str = "tracing-appender + rolling-file";
const LOGROLLER: &str = "tracing-appender + logroller";
const FLEXI: &str = "flexi_logger";
const LOG4RS: &str = "log4rs";
const LOGFORTH: &str = "logforth";
const SPDLOG: &str = "spdlog-rs";
const EMIT: &str = "emit_file";

pub const NAMES: [&str; 13] = [
    OURS,
    KEEPS,
    DURABLE,
    APPENDER,
    FILE_ROTATE,
    ROLLING_FILE,
    LOGROLLER,
    FLEXI,
    LOG4RS,
    LOGFORTH,
    SPDLOG,
    EMIT,
    NATIVE,
];

/// A flush that waits no longer than this is asked for; some wait until they are done.
const PATIENCE: Duration = Duration::from_millis(100);
/// As many lines as tracing-appender's queue takes, where a queue has no default bound.
const QUEUE: usize = 128_000;

pub struct Setup<'a> {
    pub dir: &'a Path,
    /// What outlives the directory.
    pub place: &'a Path,
    pub limit: u64,
    /// Backups.
    pub keep: usize,
    /// To stdout instead of files.
    pub stdout: bool,
    /// Whether pruning is the subject.
    pub prunes: bool,
}

type Event = dyn Fn(Arguments<'_>) + Send + Sync;

pub struct Logger {
    pub event: Box<Event>,
    pub flush: Box<dyn Fn()>,
    /// What its counter says that it lost.
    pub told: Box<dyn Fn() -> Option<u64>>,
    pub guard: Box<dyn Any>,
}

/// What the next backup will be called.
pub fn next_backup(logger: &str) -> Option<&'static str> {
    match logger {
        OURS | FILE_ROTATE | ROLLING_FILE | LOGROLLER | LOG4RS => Some("app.log.1"),
        FLEXI => Some("app_r00000.log"),
        SPDLOG => Some("app_1.log"),
        LOGFORTH | NATIVE => Some("app.1.log"),
        _ => None,
    }
}

/// Whether it rotates by size.
pub fn rotates(logger: &str) -> bool {
    ![APPENDER, KEEPS, DURABLE].contains(&logger)
}

pub fn writes_to_stdout(logger: &str) -> bool {
    [OURS, APPENDER, FLEXI, LOG4RS, LOGFORTH, SPDLOG].contains(&logger)
}

pub fn open(logger: &str, setup: &Setup<'_>) -> Result<Logger> {
    match logger {
        OURS | KEEPS | DURABLE => spool(logger, setup),
        FLEXI => flexi(setup),
        LOG4RS => log4rs(setup),
        LOGFORTH => logforth(setup),
        SPDLOG => spdlog(setup),
        EMIT => emit_file(setup),
        NATIVE => native::open(setup),
        name if name.starts_with(APPENDER) => appender(name, setup),
        other => bail!("no logger is called {other:?}; there are: {}", NAMES.join(", ")),
    }
}

fn trace(event: Arguments<'_>) {
    tracing::info!("{event}");
}

fn spool(logger: &str, setup: &Setup<'_>) -> Result<Logger> {
    let (spool, guard) = if setup.stdout {
        Spool::stdout().open()?
    } else {
        let mut builder = Spool::builder(setup.dir.join("app.log"))
            .max_bytes(setup.limit)
            .backup_count(u32::try_from(setup.keep)?)
            .max_total_bytes(1 << 30);
        if logger == DURABLE {
            builder = builder.durable(Durable::at(setup.place.join("ring")).on_any_file_system());
        }
        if logger == KEEPS {
            builder = builder.min_backups(u32::try_from(setup.keep)?);
        }
        builder.open()?
    };
    let (flusher, counter) = (guard.handle(), guard.handle());
    // One logger for each process, but for a second start; that one writes nothing.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(spool.layer()));
    Ok(Logger {
        event: Box::new(trace),
        flush: Box::new(move || {
            let _ = flusher.flush(PATIENCE);
        }),
        told: Box::new(move || Some(counter.stats().dropped.total())),
        guard: Box::new(guard),
    })
}

fn appender(logger: &str, setup: &Setup<'_>) -> Result<Logger> {
    let (path, builder) = (setup.dir.join("app.log"), NonBlockingBuilder::default());
    let (writer, guard) = match logger {
        _ if setup.stdout => builder.finish(std::io::stdout()),
        FILE_ROTATE => {
            let limit = ContentLimit::BytesSurpassed(usize::try_from(setup.limit)?);
            builder.finish(FileRotate::new(
                path,
                AppendCount::new(setup.keep),
                limit,
                Compression::None,
                None,
            ))
        }
        ROLLING_FILE => {
            let condition = RollingConditionBasic::new().max_size(setup.limit);
            builder.finish(RollingFileAppender::new(path, condition, setup.keep)?)
        }
        LOGROLLER => builder.finish(
            LogRollerBuilder::new(setup.dir, Path::new("app.log"))
                .rotation(logroller::Rotation::SizeBased(RotationSize::Bytes(setup.limit)))
                .max_keep_files(setup.keep as u64)
                .build()
                .context("logroller")?,
        ),
        _ if setup.prunes => builder.finish(
            rolling::Builder::new()
                .rotation(Rotation::DAILY)
                .filename_prefix("app")
                .filename_suffix("log")
                .max_log_files(setup.keep)
                .build(setup.dir)?,
        ),
        _ => builder.finish(rolling::never(setup.dir, "app.log")),
    };
    let counter = writer.error_counter();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    // As above.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Logger {
        event: Box::new(trace),
        flush: Box::new(|| ()),
        told: Box::new(move || Some(counter.dropped_lines() as u64)),
        guard: Box::new(guard),
    })
}

fn of_log(logger: Arc<dyn log::Log>, guard: impl Any) -> Logger {
    let flusher = Arc::clone(&logger);
    let event = move |event: Arguments<'_>| {
        logger.log(&log::Record::builder().args(event).level(log::Level::Info).target("faults").build());
    };
    Logger {
        event: Box::new(event),
        flush: Box::new(move || flusher.flush()),
        told: Box::new(|| None),
        guard: Box::new(guard),
    }
}

fn flexi(setup: &Setup<'_>) -> Result<Logger> {
    let logger = flexi_logger::Logger::with(LogSpecification::info()).write_mode(WriteMode::Async);
    let cleanup = if setup.prunes { Cleanup::KeepLogFiles(setup.keep) } else { Cleanup::Never };
    let file = || FileSpec::default().directory(setup.dir).basename("app").suffix("log").suppress_timestamp();
    let logger = if setup.stdout {
        logger.log_to_stdout()
    } else {
        logger.log_to_file(file()).rotate(Criterion::Size(setup.limit), Naming::Numbers, cleanup)
    };
    let (logger, handle) = logger.build()?;
    Ok(of_log(logger.into(), handle))
}

fn log4rs(setup: &Setup<'_>) -> Result<Logger> {
    let encoder = Box::new(PatternEncoder::new("{d} {l} {m}{n}"));
    let appender = if setup.stdout {
        Appender::builder().build("out", Box::new(ConsoleAppender::builder().encoder(encoder).build()))
    } else {
        let pattern = setup.dir.join("app.log.{}");
        let keep = u32::try_from(setup.keep)?;
        let roller = FixedWindowRoller::builder().base(1).build(&pattern.to_string_lossy(), keep)?;
        let policy = CompoundPolicy::new(Box::new(SizeTrigger::new(setup.limit)), Box::new(roller));
        let file =
            Log4rsFile::builder().encoder(encoder).build(setup.dir.join("app.log"), Box::new(policy))?;
        Appender::builder().build("out", Box::new(file))
    };
    let config = Config::builder()
        .appender(appender)
        .build(Root::builder().appender("out").build(log::LevelFilter::Info))?;
    Ok(of_log(Arc::new(log4rs::Logger::new(config)), ()))
}

fn logforth(setup: &Setup<'_>) -> Result<Logger> {
    use logforth_append_async::AsyncBuilder;
    use logforth_core::record::LevelFilter;
    let queue = AsyncBuilder::new("logforth").buffered_lines_limit(Some(QUEUE)).overflow_drop_incoming();
    let queue = if setup.stdout {
        queue.append(logforth_core::append::Stdout::default())
    } else {
        let size = |bytes: usize| NonZeroUsize::new(bytes).context("not zero");
        let file = logforth_append_file::FileBuilder::new(setup.dir, "app")
            .filename_suffix("log")
            .rollover_size(size(usize::try_from(setup.limit)?)?)
            .max_log_files(size(setup.keep)?);
        queue.append(file.build().map_err(|error| anyhow!("{error}"))?)
    };
    let logger =
        logforth_core::builder().dispatch(|d| d.filter(LevelFilter::All).append(queue.build())).build();
    let logger = Arc::new(logger);
    let flusher = Arc::clone(&logger);
    let event = move |event: Arguments<'_>| {
        let record = logforth_core::record::Record::builder().payload(event);
        logger.log(&record.level(logforth_core::record::Level::Info).target("faults").build());
    };
    Ok(Logger {
        event: Box::new(event),
        flush: Box::new(move || flusher.flush()),
        told: Box::new(|| None),
        guard: Box::new(()),
    })
}

fn spdlog(setup: &Setup<'_>) -> Result<Logger> {
    let sink: Arc<dyn Sink> = if setup.stdout {
        StdStreamSink::builder().stdout().build_arc()?
    } else {
        RotatingFileSink::builder()
            .base_path(setup.dir.join("app.log"))
            .rotation_policy(RotationPolicy::FileSize(setup.limit))
            .max_files(setup.keep)
            .build_arc()?
    };
    let pool =
        AsyncPoolSink::builder().sink(sink).overflow_policy(OverflowPolicy::DropIncoming).build_arc()?;
    let logger = spdlog::Logger::builder().sink(pool).build_arc()?;
    let flusher = Arc::clone(&logger);
    Ok(Logger {
        event: Box::new(move |event| spdlog::info!(logger: logger, "{event}")),
        flush: Box::new(move || flusher.flush()),
        told: Box::new(|| None),
        guard: Box::new(()),
    })
}

fn emit_file(setup: &Setup<'_>) -> Result<Logger> {
    let files = emit_file::set(setup.dir.join("app.log"))
        .max_file_size_bytes(usize::try_from(setup.limit)?)
        .max_files(setup.keep)
        .writer(|out, event| write!(out, "{}", event.msg()), b"\n")
        .spawn();
    let files = Arc::new(files);
    let flusher = Arc::clone(&files);
    let event = move |event: Arguments<'_>| {
        let parts = [emit::template::Part::hole("payload")];
        let payload = ("payload", emit::Value::from_display(&event));
        files.emit(emit::Event::new(
            emit::Path::new_raw("faults"),
            emit::Template::new_ref(&parts),
            emit::Empty,
            payload,
        ));
    };
    Ok(Logger {
        event: Box::new(event),
        flush: Box::new(move || {
            let _ = flusher.blocking_flush(PATIENCE);
        }),
        told: Box::new(|| None),
        guard: Box::new(()),
    })
}
