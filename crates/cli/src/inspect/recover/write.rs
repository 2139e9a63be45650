//! Writes what waits in a ring into its log: opens the log with the ring, whose recovery does it, and closes it.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use tracing_spool::{Durable, Notices, Overflow, Spool, SpoolBuilder};
use tracing_spool_fileset::Settings;
use tracing_spool_ring::Sight;

use crate::inspect::log::{Log, Origin};
use crate::inspect::shown;
use crate::pipe::intake::{self, Intake};
use crate::say::{self, End, Problem};

/// How long the records may take. A full disk holds them up, and they stay in the ring then.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn write(ring: &Path, seen: &Sight, log: &Log) -> Result<End, Problem> {
    let unknown: Vec<String> = log
        .limits_of(Origin::Assumed)
        .into_iter()
        .filter(|name| ["backup_count", "max_total_bytes"].contains(name))
        .map(|name| format!("--{}", name.replace('_', "-")))
        .collect();
    if !unknown.is_empty() {
        return Err(Problem::unusable(format_args!(
            "the limits of {} aren't known, as its lock file doesn't say them, and others could cost backups: give {}",
            log.settings.path.display(),
            unknown.join(" and ")
        )));
    }
    let mut builder = builder(ring, &log.settings);
    if intake::is_beside(ring) {
        // What was read last is handed over behind the ring's records, and must not be dropped then.
        builder = builder.keep_claim().overflow(Overflow::Block);
    }
    let (spool, guard) = builder.open().map_err(Problem::failed)?;
    let read_last = intake::bytes_beside(ring)?;
    let intake = intake::recover(ring, &spool)?;
    let recovered = guard.recovered();
    let report = guard.shutdown(PATIENCE);
    drop(spool);
    if report.left > 0 || report.dropped > 0 || report.timed_out || report.unflushed {
        return Err(Problem::failed(format_args!(
            "{} couldn't be written into {} within {}; {} of them wait in {} still",
            shown::count(recovered.records, "record", "records"),
            log.settings.path.display(),
            shown::duration(PATIENCE),
            report.left,
            ring.display()
        )));
    }
    intake.into_iter().for_each(Intake::remove);
    let process = seen.process.map_or_else(String::new, |process| format!(" {process}"));
    let records = shown::count(recovered.records, "record", "records");
    let bytes = shown::bytes(recovered.bytes);
    say::warn(format_args!(
        "{records} ({bytes}) of process{process} written into {}",
        log.settings.path.display()
    ));
    if read_last > 0 {
        say::warn(format_args!(
            "so was what the process had read last ({} at most)",
            shown::bytes(read_last)
        ));
    }
    if recovered.uncertain > 0 {
        let records = shown::count(recovered.uncertain, "record", "records");
        say::warn(format_args!(
            "{records} of these may stand twice: the file that was being written is gone or changed"
        ));
    }
    Ok(End::Well)
}

/// Describes the log as the process that died did, as far as is known.
fn builder(ring: &Path, settings: &Settings) -> SpoolBuilder {
    let mut builder = Spool::builder(&settings.path)
        .durable(Durable::at(ring).on_any_file_system())
        .notices(notices(&settings.path))
        .quiet()
        .max_bytes(settings.max_bytes)
        .backup_count(settings.backup_count)
        .max_total_bytes(settings.max_total_bytes)
        .min_free_bytes(settings.min_free_bytes)
        .naming(settings.naming)
        .compression(settings.compression);
    builder = settings.max_age.into_iter().fold(builder, SpoolBuilder::max_age);
    builder = settings.min_backups.into_iter().fold(builder, SpoolBuilder::min_backups);
    builder = settings.max_record_bytes.into_iter().fold(builder, longest);
    builder = settings.rotate_every.iter().cloned().fold(builder, SpoolBuilder::rotate_every);
    builder = settings.archive_dir.iter().fold(builder, SpoolBuilder::archive_dir);
    builder = settings.alert_file.iter().fold(builder, SpoolBuilder::alert_file);
    builder = settings.latest_link.iter().fold(builder, SpoolBuilder::latest_link);
    if settings.raw_bytes {
        builder = builder.raw_bytes();
    }
    if settings.single_line {
        builder = builder.single_line();
    }
    builder
}

/// Sets the longest record. The queue must hold it.
fn longest(builder: SpoolBuilder, bytes: u64) -> SpoolBuilder {
    builder.max_record_bytes(bytes).queue_bytes(bytes.max(tracing_spool::QUEUE_BYTES))
}

/// Returns how notices are written: as JSON, if the log is.
fn notices(log: &Path) -> Notices {
    let mut first = [0];
    let read = File::open(log).and_then(|mut file| file.read_exact(&mut first));
    if read.is_ok() && first == *b"{" { Notices::Json } else { Notices::Text }
}
