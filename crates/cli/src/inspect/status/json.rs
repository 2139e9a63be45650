//! `status --json`: one object with stable names, which the help lists.

use serde_json::{Value, json};
use tracing_spool_fileset::Wall;

use super::report::{File, Report};
use crate::inspect::log::{Log, Origin};
use crate::inspect::shown;
use crate::set::Lock;

pub(super) fn object(log: &Log, report: &Report) -> Value {
    let settings = &log.settings;
    let percent = report.total_bytes.saturating_mul(100).checked_div(settings.max_total_bytes);
    let from = if log.note.has_limits() { "lock_file" } else { "defaults" };
    json!({
        "log": settings.path.to_string_lossy(),
        "total_bytes": report.total_bytes,
        "max_total_bytes": settings.max_total_bytes,
        "total_percent": percent,
        "live_bytes": report.live_bytes,
        "max_bytes": settings.max_bytes,
        "backups": report.backups,
        "backup_count": settings.backup_count,
        "max_age_seconds": settings.max_age.map(|age| age.as_secs()),
        "min_free_bytes": settings.min_free_bytes,
        "leftover_bytes": report.leftover_bytes,
        "limits": {
            "from": from,
            "given": log.limits_of(Origin::Given),
            "assumed": log.limits_of(Origin::Assumed),
        },
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
        "lock": lock(log),
        "alert": report.alert.as_ref().map(|alert| json!({
            "path": alert.path.to_string_lossy(),
            "text": alert.text,
        })),
        "ring": report.ring.as_ref().map(|ring| json!({
            "path": ring.path.to_string_lossy(),
            "records": ring.problem.is_none().then_some(ring.records),
            "bytes": ring.problem.is_none().then_some(ring.bytes),
            "process": ring.process,
            "process_lives": ring.process_lives,
            "problem": ring.problem,
        })),
        "space": report.space.map(|space| json!({
            "free_bytes": space.free_bytes,
            "total_bytes": space.total_bytes,
            "free_inodes": space.free_inodes,
            "total_inodes": space.total_inodes,
        })),
        "others": report.others.map(|others| json!({ "files": others.files, "bytes": others.bytes })),
        "next": {
            "bytes_left": report.next.bytes_left,
            "seconds_left": report.next.estimate.map(|estimate| estimate.as_secs()),
            "at": report.next.at.map(shown::moment),
        },
        "troubles": report.troubles,
    })
}

fn lock(log: &Log) -> Value {
    let (state, by) = match &log.lock {
        Lock::Held => ("held", Some(log.note.words.as_str())),
        Lock::Free => ("free", None),
        Lock::Missing => ("missing", None),
        Lock::Unreadable(_) => ("unreadable", None),
    };
    json!({ "state": state, "by": by.filter(|words| !words.is_empty()) })
}

fn file(file: &File) -> Value {
    let written: Wall = file.written;
    json!({
        "name": file.path.file_name().map(|name| name.to_string_lossy()),
        "path": file.path.to_string_lossy(),
        "role": file.role,
        "compression": file.compression,
        "bytes": file.bytes,
        "written_at": shown::moment(written),
        "age_seconds": shown::since(written).as_secs(),
    })
}
