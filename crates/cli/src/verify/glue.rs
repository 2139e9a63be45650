//! The beginning of a record in the middle of a line: its time stamp and its level, or the first key of its JSON.

use crate::text::time::stamp;

/// What stands in front of the stamp at the beginning of a record, in the formats that have something there.
const OPENINGS: [&[u8]; 4] = [b"{\"timestamp\":\"", b"timestamp=", b"time=", b"ts="];
const LEVELS: [&[u8]; 5] = [b"TRACE", b"DEBUG", b"INFO", b"WARN", b"ERROR"];

/// The beginning of a record in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) at: usize,
    /// Whether it stands behind a space, a quote or the like, as a record does that another one quotes.
    pub(super) may_be_quoted: bool,
}

/// Returns the first beginning of a record behind the start of a line. One that can't be a quotation is preferred.
pub(super) fn beginning_in(line: &[u8]) -> Option<Beginning> {
    // The `T` of a stamp at the start of the line is the eleventh byte.
    let rest = line.get(11..)?;
    let mut quoted = None;
    for found in memchr::memchr_iter(b'T', rest) {
        let Some(beginning) = beginning_around(line, found + 11) else { continue };
        if !beginning.may_be_quoted {
            return Some(beginning);
        }
        quoted = quoted.or(Some(beginning));
    }
    quoted
}

/// Returns the beginning of the record whose stamp has its `T` at `middle`.
fn beginning_around(line: &[u8], middle: usize) -> Option<Beginning> {
    if line.get(middle + 3) != Some(&b':') || line[middle - 3] != b'-' {
        return None;
    }
    let at = middle - 10;
    let behind = line.get(at..)?;
    stamp(behind)?;
    let opening = OPENINGS.iter().find(|opening| line[..at].ends_with(opening));
    let start = at - opening.map_or(0, |opening| opening.len());
    let is_json = opening.is_some_and(|opening| opening.starts_with(b"{"));
    if start == 0 || !(is_json || is_followed_by_a_level(behind)) {
        return None;
    }
    let before = line[start - 1];
    let is_cut = before.is_ascii_alphanumeric() || !before.is_ascii() || b"}).,".contains(&before);
    Some(Beginning { at: start, may_be_quoted: !is_cut })
}

/// Returns whether a stamp is followed by a level, as a word in capitals or as `level=`.
fn is_followed_by_a_level(stamp: &[u8]) -> bool {
    let Some(space) = memchr::memchr(b' ', &stamp[..stamp.len().min(40)]) else { return false };
    let rest = stamp[space..].trim_ascii_start();
    LEVELS.iter().any(|level| {
        rest.strip_prefix(*level)
            .is_some_and(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric()))
    }) || rest.starts_with(b"level=")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str =
        "2026-11-24T18:19:11.000250Z  INFO shop: TRUE The T, between 2026-11-24T18:19:11Z and later";

    #[test]
    fn a_record_behind_the_rest_of_another_is_found() {
        for record in [
            RECORD,
            "2026-11-24T19:19:11+01:00 ERROR x",
            "{\"timestamp\":\"2026-11-24T18:19:11.000250Z\",\"level\":\"INFO\"}",
            "ts=2026-11-24T18:19:11Z level=info msg=x",
        ] {
            assert_eq!(beginning_in(record.as_bytes()), None, "{record}");
            for (before, may_be_quoted) in [
                (RECORD, false),
                ("half a wo", false),
                ("żółw", false),
                ("it said: ", true),
                ("it said \"", true),
            ] {
                let found = beginning_in(format!("{before}{record}").as_bytes());
                assert_eq!(found, Some(Beginning { at: before.len(), may_be_quoted }), "{before}{record}");
            }
        }
        for line in ["", "T", "about 2026-11-24T18:19:11Z it broke", "12345678901T"] {
            assert_eq!(beginning_in(line.as_bytes()), None, "{line}");
        }
    }
}
