//! Peers with a face of their own.

use std::io::Write as _;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use emit::Emitter as _;
use log_io::sink::{NonBlocking, RotatingFile, Sink as _};
use spdlog::formatter::{PatternFormatter, pattern};
use spdlog::sink::{AsyncPoolSink, OverflowPolicy, RotatingFileSink, RotationPolicy};

use super::Target;
use crate::scenario::Spec;

const PATIENCE: Duration = Duration::from_secs(60);

pub fn spdlog(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let formatter = PatternFormatter::new(pattern!("{payload}{eol}"));
    let sink = RotatingFileSink::builder()
        .base_path(dir.join("app.log"))
        .rotation_policy(RotationPolicy::FileSize(spec.max_bytes))
        .max_files(spec.backups as usize)
        .formatter(formatter)
        .build_arc()?;
    let policy = if spec.lossy { OverflowPolicy::DropIncoming } else { OverflowPolicy::Block };
    let pool = AsyncPoolSink::builder()
        .sink(sink)
        .overflow_policy(policy)
        .error_handler(|_: spdlog::Error| ())
        .build_arc()?;
    let logger = spdlog::Logger::builder().sink(pool).build_arc()?;
    let flusher = Arc::clone(&logger);
    Ok(Target {
        write: Box::new(move |line| {
            spdlog::info!(logger: logger, "{}", line.trim_end_matches('\n'));
        }),
        write_error: None,
        flush: Box::new(move || flusher.flush()),
        told: Box::new(|| None),
        guard: Box::new(()),
    })
}

pub fn emit_file(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let files = emit_file::set(dir.join("app.log"))
        .max_file_size_bytes(usize::try_from(spec.max_bytes)?)
        .max_files(spec.backups as usize)
        .writer(|out, event| write!(out, "{}", event.msg()), b"\n")
        .spawn();
    let files = Arc::new(files);
    let flusher = Arc::clone(&files);
    Ok(Target {
        write: Box::new(move |line| {
            let message = emit::Template::literal_ref(line.trim_end_matches('\n'));
            files.emit(emit::Event::new(emit::Path::new_raw("bench"), message, emit::Empty, emit::Empty));
        }),
        write_error: None,
        flush: Box::new(move || {
            flusher.blocking_flush(PATIENCE);
        }),
        told: Box::new(|| None),
        guard: Box::new(()),
    })
}

pub fn log_io(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let file = RotatingFile::builder(dir.join("app.log"))
        .max_bytes(spec.max_bytes)
        .max_files(spec.backups as usize)
        .open()?;
    let format = log_io::format::from_fn(|record: &log_io::Record<'_>, out: &mut dyn std::fmt::Write| {
        out.write_str(record.message)
    });
    let overflow =
        if spec.lossy { log_io::sink::Overflow::DropNewest } else { log_io::sink::Overflow::Block };
    let sink =
        NonBlocking::builder(file, format).overflow(overflow).build().map_err(|error| anyhow!("{error}"))?;
    let sink = Arc::new(sink);
    let (flusher, counter) = (Arc::clone(&sink), Arc::clone(&sink));
    Ok(Target {
        write: Box::new(move |line| {
            let metadata = log_io::Metadata::new(log_io::Level::Info, "bench");
            drop(sink.write_record(&log_io::Record::new(metadata, line, &[])));
        }),
        write_error: None,
        flush: Box::new(move || drop(flusher.flush())),
        told: Box::new(move || Some(counter.dropped())),
        guard: Box::new(()),
    })
}
