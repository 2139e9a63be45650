//! The table of metrics: the name, meaning and unit of each, and how it is read from a snapshot. The Prometheus text and
//! the `metrics` facade are both generated from it; nothing is counted here.

use tracing_core::Level;
use tracing_spool_fileset::{BlockReason, Trouble, Wall};

use crate::account::ledger::Reason;
use crate::account::stats::{Condition, Health, Hook, Stats};

/// Everything that metrics are read from.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The live file. A label of every sample, so that the spools of a process can be told apart.
    pub(crate) log: String,
    pub(crate) stats: Stats,
    pub(crate) health: Health,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Count,
    Bytes,
    Seconds,
}

/// Receives the samples of one metric: their labels except `log`, and their values.
pub(crate) type Take<'a> = dyn FnMut(&[(&'static str, &str)], u64) + 'a;

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    #[cfg_attr(
        not(any(feature = "metrics", test)),
        expect(dead_code, reason = "only the facade asks for units")
    )]
    pub(crate) unit: Unit,
    pub(crate) read: fn(&Reading, &mut Take<'_>),
}

macro_rules! metrics {
    ($($kind:ident $unit:ident $name:literal $help:literal $read:expr;)*) => {
        /// Every metric.
        pub(crate) const METRICS: &[Metric] = &[$(Metric {
            name: concat!("tracing_spool_", $name),
            help: $help,
            kind: Kind::$kind,
            unit: Unit::$unit,
            read: $read,
        }),*];
    };
}

metrics! {
    Counter Count "records_offered_total" "Records that callers handed over."
        |now, take| take(&[], now.stats.offered);
    Counter Count "records_written_total" "Records of which every byte is in a file."
        |now, take| take(&[], now.stats.written);
    Counter Count "records_dropped_total" "Records that are in no file, by reason and level."
        dropped;
    Counter Count "records_cut_total" "Records that were longer than max_record_bytes and were cut."
        |now, take| take(&[], now.stats.cut);
    Gauge Count "queue_records" "Records accepted and not yet written."
        |now, take| take(&[], now.stats.queue.records);
    Gauge Count "queue_limit_records" "Records that may wait."
        |now, take| take(&[], now.stats.queue.max_records);
    Gauge Count "queue_peak_records" "The most records that have waited at once."
        |now, take| take(&[], now.stats.queue.peak_records);
    Gauge Bytes "queue_bytes" "Bytes that the queued records count for."
        |now, take| take(&[], now.stats.queue.bytes);
    Gauge Bytes "queue_limit_bytes" "Bytes that may wait."
        |now, take| take(&[], now.stats.queue.max_bytes);
    Gauge Bytes "queue_peak_bytes" "The most bytes that have waited at once."
        |now, take| take(&[], now.stats.queue.peak_bytes);
    Counter Bytes "written_bytes_total" "Bytes written to files."
        |now, take| take(&[], now.stats.files.bytes_written);
    Counter Count "write_calls_total" "Calls of write that wrote something."
        |now, take| take(&[], now.stats.files.write_calls);
    Counter Count "failed_calls_total" "Calls on files that failed, those that worked when repeated included."
        |now, take| take(&[], now.stats.files.failures);
    Counter Count "rotations_total" "Rotations finished."
        |now, take| take(&[], now.stats.files.rotations);
    Counter Count "rotations_put_off_total" "Rotations by size that had to wait for min_rotation_interval."
        |now, take| take(&[], now.stats.files.rotations_put_off);
    Counter Count "reopened_total" "Times that others had moved or deleted the live file and it was opened anew."
        |now, take| take(&[], now.stats.files.reopened);
    Counter Count "pruned_files_total" "Files removed for a limit."
        |now, take| take(&[], now.stats.files.pruned_files);
    Counter Bytes "pruned_bytes_total" "Bytes of the files removed for a limit."
        |now, take| take(&[], now.stats.files.pruned_bytes);
    Counter Count "packed_files_total" "Backups compressed."
        |now, take| take(&[], now.stats.files.packed_files);
    Counter Count "fragments_total" "Records left unfinished at the end of a file."
        |now, take| take(&[], now.stats.files.fragments);
    Gauge Bytes "live_file_bytes" "Size of the live file."
        |now, take| take(&[], now.stats.sizes.live_bytes);
    Gauge Bytes "files_bytes" "Size of the live file and all its backups."
        |now, take| take(&[], now.stats.sizes.total_bytes);
    Gauge Bytes "files_limit_bytes" "What they may have: max_total_bytes."
        |now, take| take(&[], now.stats.sizes.max_total_bytes);
    Gauge Seconds "last_write_timestamp_seconds" "When a file was last written, since 1970; 0: not yet."
        |now, take| take(&[], seconds(now.stats.last_write));
    Gauge Seconds "last_rotation_timestamp_seconds" "When a rotation was last finished, since 1970; 0: not yet."
        |now, take| take(&[], seconds(now.stats.last_rotation));
    Gauge Seconds "blocked_since_timestamp_seconds" "Since when records wait, since 1970; 0: they do not."
        |now, take| take(&[], seconds(now.health.blocked_since));
    Gauge Count "condition" "1 for the state that the spool is in, 0 for the others."
        condition;
    Gauge Count "alert_open" "1 for each kind of trouble that was raised and not yet cleared, 0 for the others."
        alerts;
    Counter Count "alerts_raised_total" "Alerts raised."
        |now, take| take(&[], now.stats.files.alerts_raised);
    Gauge Seconds "slow_hook_seconds" "How long a hook of the program has kept a thread of the spool; 0: none does."
        slow_hook;
    Counter Count "stderr_lines_skipped_total" "Lines that stderr could not take at once, and that were not said."
        |now, take| take(&[], now.stats.stderr_lines_skipped);
    Counter Count "panics_total" "Panics caught on threads of the spool, those of hooks included."
        |now, take| take(&[], now.stats.panics);
}

/// Reports zeros too: a rate computed from a series misses its first increase if the series only appears with it.
fn dropped(now: &Reading, take: &mut Take<'_>) {
    for reason in Reason::ALL {
        for level in [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR] {
            let words = reason.as_str().replace(' ', "_");
            let labels = [("reason", &*words), ("level", level.as_str())];
            take(&labels, now.stats.dropped.by(reason, level));
        }
    }
}

fn condition(now: &Reading, take: &mut Take<'_>) {
    for (word, condition) in [
        ("writing", Condition::Writing),
        ("overdue", Condition::Overdue),
        ("blocked_budget", Condition::Blocked(BlockReason::Budget)),
        ("blocked_disk", Condition::Blocked(BlockReason::Disk)),
        ("stalled", Condition::Stalled),
        ("closed", Condition::Closed),
        ("forked", Condition::Forked),
    ] {
        take(&[("condition", word)], u64::from(now.health.condition == condition));
    }
}

fn alerts(now: &Reading, take: &mut Take<'_>) {
    for trouble in Trouble::ALL {
        let is_open = now.health.alerts.iter().any(|alert| alert.trouble == trouble);
        take(&[("trouble", &trouble.as_str().replace(' ', "_"))], u64::from(is_open));
    }
}

fn slow_hook(now: &Reading, take: &mut Take<'_>) {
    for hook in Hook::ALL {
        let slow = now.health.slow_hook.filter(|slow| slow.hook == hook);
        take(&[("hook", hook.as_str())], slow.map_or(0, |slow| slow.time.as_secs()));
    }
}

fn seconds(at: Option<Wall>) -> u64 {
    at.map_or(0, |at| u64::try_from(at.unix_micros() / 1_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_as_prometheus_wants_them() {
        let mut names = BTreeSet::new();
        for metric in METRICS {
            assert!(names.insert(metric.name), "{} stands twice", metric.name);
            assert!(
                metric.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                metric.name
            );
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
            let stem = metric.name.trim_end_matches("_total");
            assert_eq!(stem.ends_with("_bytes"), metric.unit == Unit::Bytes, "{}", metric.name);
            assert_eq!(stem.ends_with("_seconds"), metric.unit == Unit::Seconds, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.help);
        }
    }

    /// The names of metrics in a text.
    fn named(text: &str) -> impl Iterator<Item = &str> {
        let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
        let parts = text.split(move |c| !is_part(c));
        parts.filter(|part| part.starts_with("tracing_spool_") && !part.ends_with('_'))
    }

    #[test]
    fn the_dashboard_and_the_manual_name_metrics_that_there_are() {
        let dashboard = include_str!("../../manual/grafana.json");
        let page = include_str!("../../manual/metrics-and-health.md");
        let parsed: serde_json::Value = serde_json::from_str(dashboard).unwrap();
        assert!(parsed["panels"].as_array().is_some_and(|panels| panels.len() > 5));
        for name in named(dashboard).chain(named(page)) {
            assert!(METRICS.iter().any(|metric| metric.name == name), "there is no {name}");
        }
        assert!(named(dashboard).count() > 20);
    }
}
