//! Peers that stand behind `tracing_subscriber::fmt` as a `MakeWriter`. Which are measured is not decided here.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::{Context as _, Result};
use file_rotate::compression::Compression;
use file_rotate::suffix::AppendCount;
use file_rotate::{ContentLimit, FileRotate};
use logroller::{LogRollerBuilder, Rotation, RotationSize};
use rolling_file::{RollingConditionBasic, RollingFileAppender};
use tracing::Level;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling;
use tracing_spool::{Durable, EventTime, Overflow, Spool, SyncPolicy};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::{DURABLE, Target};
use crate::scenario::{Path, Spec};
use crate::work::MARK;

const PATIENCE: Duration = Duration::from_secs(60);

pub fn spool(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let mut removed = None;
    let mut builder = Spool::builder(dir.join("app.log"))
        .max_bytes(spec.max_bytes)
        .backup_count(spec.backups)
        .max_total_bytes(1 << 40)
        .quiet();
    if !spec.lossy {
        builder = builder.overflow(Overflow::Block);
    }
    if spec.peer != "spool-default" {
        builder = builder.sync(SyncPolicy::Never);
    }
    match spec.peer.as_str() {
        DURABLE => {
            let ring =
                FilePath::new("/dev/shm").join(format!("tracing-spool-bench-{}.ring", std::process::id()));
            removed = Some(ring.clone());
            builder = builder.durable(Durable::at(ring));
        }
        "spool-durable-disk" => {
            builder = builder.durable(Durable::at(dir.join("bench.ring")).on_any_file_system())
        }
        _ => {}
    }
    let (spool, guard) = builder.open()?;
    if let Some(ring) = removed {
        // Mapped already; nothing is left when the process ends.
        std::fs::remove_file(ring)?;
    }
    let (flusher, counter) = (guard.handle(), guard.handle());
    let flush = move || {
        let _ = flusher.flush(PATIENCE);
    };
    let told = move || Some(counter.stats().dropped.total());
    if spec.path == Path::Tracing && spec.peer == "spool-event-time" {
        return Ok(target(spec, spool, EventTime::utc(), flush, told, guard));
    }
    Ok(target(spec, spool, SystemTime, flush, told, guard))
}

pub fn appender(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let (path, limit) = (dir.join("app.log"), spec.max_bytes);
    let keep = spec.backups as usize;
    let builder = NonBlockingBuilder::default().lossy(spec.lossy);
    let (writer, guard): (NonBlocking, WorkerGuard) = match spec.peer.as_str() {
        "appender-daily" => builder.finish(rolling::daily(dir, "app.log")),
        "appender+file-rotate" => {
            let limit = ContentLimit::BytesSurpassed(usize::try_from(limit)?);
            builder.finish(FileRotate::new(path, AppendCount::new(keep), limit, Compression::None, None))
        }
        "appender+logroller" => builder.finish(
            LogRollerBuilder::new(dir, FilePath::new("app.log"))
                .rotation(Rotation::SizeBased(RotationSize::Bytes(limit)))
                .max_keep_files(u64::from(spec.backups))
                .build()
                .context("logroller")?,
        ),
        "appender+rolling-file" => {
            let condition = RollingConditionBasic::new().max_size(limit);
            builder.finish(RollingFileAppender::new(path, condition, keep)?)
        }
        _ => builder.finish(rolling::never(dir, "app.log")),
    };
    let counter = writer.error_counter();
    let told = move || Some(counter.dropped_lines() as u64);
    Ok(target(spec, writer, SystemTime, || (), told, guard))
}

pub fn our_appender(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let builder = tracing_spool_appender::non_blocking::NonBlockingBuilder::default().lossy(spec.lossy);
    let (writer, guard) = builder.finish(tracing_spool_appender::rolling::never(dir, "app.log"));
    let counter = writer.error_counter();
    let told = move || Some(counter.dropped_lines() as u64);
    Ok(target(spec, writer, SystemTime, || (), told, guard))
}

/// A writer that every caller locks.
struct Locked(Arc<Mutex<BufWriter<File>>>);

struct Lock<'a>(MutexGuard<'a, BufWriter<File>>);

impl Write for Lock<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl<'a> MakeWriter<'a> for Locked {
    type Writer = Lock<'a>;
    fn make_writer(&'a self) -> Self::Writer {
        Lock(self.0.lock().expect("no caller panics"))
    }
}

pub fn mutex(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let file = File::options().create(true).append(true).open(dir.join("app.log"))?;
    let writer = Arc::new(Mutex::new(BufWriter::with_capacity(64 * 1024, file)));
    let flusher = Arc::clone(&writer);
    let flush = move || drop(flusher.lock().expect("no caller panics").flush());
    Ok(target(spec, Locked(writer), SystemTime, flush, || Some(0), ()))
}

/// Metadata of an event, as `fmt` would show it to a writer.
fn metadata(level: Level) -> &'static tracing::Metadata<'static> {
    use tracing::Callsite as _;
    // A callsite each: only they can make metadata.
    macro_rules! callsite {
        ($level:expr) => {{
            static SITE: tracing::callsite::DefaultCallsite = tracing::callsite::DefaultCallsite::new(&METADATA);
            static METADATA: tracing::Metadata<'static> = tracing::metadata! {
                name: "line", target: "bench", level: $level, fields: &[], callsite: &SITE, kind: tracing::metadata::Kind::EVENT,
            };
            SITE.metadata()
        }};
    }
    if level == Level::ERROR { callsite!(Level::ERROR) } else { callsite!(Level::INFO) }
}

fn target<W, T>(
    spec: &Spec,
    writer: W,
    timer: T,
    flush: impl Fn() + Send + Sync + 'static,
    told: impl Fn() -> Option<u64> + Send + Sync + 'static,
    guard: impl std::any::Any,
) -> Target
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    T: FormatTime + Send + Sync + 'static,
{
    let (flush, told) = (Box::new(flush), Box::new(told));
    if spec.path == Path::Tracing {
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_timer(timer).with_writer(writer).finish();
        // One peer for each process, so one subscriber.
        drop(tracing::subscriber::set_global_default(subscriber));
        let write = |_: &str| tracing::info!(user = 4_711, path = "/orders/17", micros = 1_234, "{}", MARK);
        return Target { write: Box::new(write), write_error: None, flush, told, guard: Box::new(guard) };
    }
    let writer = Arc::new(writer);
    let at = |level: Level| {
        let (writer, metadata) = (Arc::clone(&writer), metadata(level));
        move |line: &str| drop(writer.make_writer_for(metadata).write_all(line.as_bytes()))
    };
    let (write, write_error) = (Box::new(at(Level::INFO)), Box::new(at(Level::ERROR)));
    Target { write, write_error: Some(write_error), flush, told, guard: Box::new(guard) }
}
