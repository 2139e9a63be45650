//! The report of a check as one JSON object, for other programs.

use serde_json::{Map, Value, json};

use super::report::{Checked, Verdict, moment};
use crate::text::level::Level;
use crate::text::notice::Loss;

/// Returns the report.
pub(super) fn of(checked: &Checked<'_>) -> Value {
    let check = checked.check;
    let files = checked.files.iter().zip(&checked.tallies);
    json!({
        "verdict": match checked.verdict() {
            Verdict::Whole => "whole",
            Verdict::Damaged => "damaged",
            Verdict::Lost => "lost",
        },
        "files": files
            .map(|(path, tally)| json!({"path": path, "lines": tally.lines, "bytes": tally.bytes}))
            .collect::<Value>(),
        "files_not_read": checked.left_out,
        "lines": checked.lines(),
        "bytes": checked.bytes(),
        "counts": check
            .findings
            .counts()
            .map(|(kind, count)| (kind.name().to_owned(), count.into()))
            .collect::<Map<String, Value>>(),
        "findings": check.findings.listed().iter().map(|finding| json!({
            "file": checked.files.get(finding.place.file),
            "line": finding.place.line,
            "byte": finding.place.at,
            "kind": finding.kind.name(),
            "damage": finding.kind.is_damage(),
            "why": finding.why,
            "excerpt": finding.excerpt,
        })).collect::<Value>(),
        "missing": {"untold": check.missing, "told": check.explained},
        "lost": {
            "records": check.told.records,
            "gaps": check.told.gaps,
            "levels": by_level(&check.told.levels),
            "reasons": &check.told.reasons,
            "each": check.told.losses.iter().map(loss).collect::<Value>(),
        },
        "notes": check.told.notes.iter().map(|note| json!({
            "at": note.at.map(|at| moment(Some(at))),
            "file": checked.files.get(note.place.file),
            "line": note.place.line,
            "message": note.message,
        })).collect::<Value>(),
    })
}

fn loss(loss: &Loss) -> Value {
    json!({
        "from": loss.from.map(|from| moment(Some(from))),
        "until": loss.until.map(|until| moment(Some(until))),
        "records": loss.records,
        "levels": by_level(&loss.levels),
        "reasons": loss.reasons.iter().map(|(name, count)| (name.clone(), (*count).into())).collect::<Map<_, _>>(),
    })
}

fn by_level(counts: &[u64; 5]) -> Value {
    let named = Level::ALL.into_iter().map(Level::name).zip(counts).filter(|(_, count)| **count > 0);
    named.map(|(name, count)| (name.to_owned(), (*count).into())).collect::<Map<_, _>>().into()
}
