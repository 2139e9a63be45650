//! Peers that are a `log::Log`: each gets the line as its message and adds the newline.

use std::path::Path as FilePath;

use anyhow::Result;
use flexi_logger::{Cleanup, Criterion, FileSpec, LogSpecification, Logger, Naming, WriteMode};
use log::{Level, Log, Record};
use log4rs::append::rolling_file::RollingFileAppender;
use log4rs::append::rolling_file::policy::compound::CompoundPolicy;
use log4rs::append::rolling_file::policy::compound::roll::fixed_window::FixedWindowRoller;
use log4rs::append::rolling_file::policy::compound::trigger::size::SizeTrigger;
use log4rs::config::{Appender, Config, Root};
use log4rs::encode::pattern::PatternEncoder;

use super::Target;
use crate::scenario::Spec;

fn log(logger: &dyn Log, line: &str) {
    let line = line.trim_end_matches('\n');
    logger.log(&Record::builder().args(format_args!("{line}")).level(Level::Info).target("bench").build());
}

fn target(logger: Box<dyn Log>, guard: impl std::any::Any) -> Target {
    let logger: std::sync::Arc<dyn Log> = logger.into();
    let flusher = std::sync::Arc::clone(&logger);
    Target {
        write: Box::new(move |line| log(&*logger, line)),
        write_error: None,
        flush: Box::new(move || flusher.flush()),
        told: Box::new(|| None),
        guard: Box::new(guard),
    }
}

pub fn flexi(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let mode = if spec.peer == "flexi-async" { WriteMode::Async } else { WriteMode::BufferAndFlush };
    let (logger, handle) = Logger::with(LogSpecification::info())
        .log_to_file(FileSpec::default().directory(dir).basename("app").suffix("log").suppress_timestamp())
        .rotate(Criterion::Size(spec.max_bytes), Naming::Numbers, Cleanup::Never)
        .format(|out, _, record| write!(out, "{}", record.args()))
        .write_mode(mode)
        .build()?;
    Ok(target(logger, handle))
}

pub fn log4rs(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let pattern = dir.join("app.log.{}");
    let roller = FixedWindowRoller::builder().base(1).build(&pattern.to_string_lossy(), spec.backups)?;
    let policy = CompoundPolicy::new(Box::new(SizeTrigger::new(spec.max_bytes)), Box::new(roller));
    let appender = RollingFileAppender::builder()
        .encoder(Box::new(PatternEncoder::new("{m}{n}")))
        .build(dir.join("app.log"), Box::new(policy))?;
    let config = Config::builder()
        .appender(Appender::builder().build("file", Box::new(appender)))
        .build(Root::builder().appender("file").build(log::LevelFilter::Info))?;
    Ok(target(Box::new(log4rs::Logger::new(config)), ()))
}

/// The message alone; a time stamp is put before it in any case.
struct Plain;

impl ftlog::FtLogFormat for Plain {
    fn msg(&self, record: &Record<'_>) -> Box<dyn Send + Sync + std::fmt::Display> {
        Box::new(record.args().to_string())
    }
}

pub fn ftlog(spec: &Spec, dir: &FilePath) -> Result<Target> {
    let guard = ftlog::builder()
        .format(Plain)
        .utc()
        .bounded(100_000, !spec.lossy)
        .root(ftlog::appender::FileAppender::builder().path(dir.join("app.log")).build())
        .build()?
        .init()?;
    Ok(Target {
        write: Box::new(|line| log(log::logger(), line)),
        write_error: None,
        flush: Box::new(|| log::logger().flush()),
        told: Box::new(|| None),
        guard: Box::new(guard),
    })
}
