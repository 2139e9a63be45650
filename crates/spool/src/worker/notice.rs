//! The words of notices, the lines that a spool writes about itself into its own log, as text or JSON. `gap` and the worker
//! decide when and where they are placed.

use std::fmt::{self, Write as _};
use std::path::Path;

use tracing_spool_fileset::{Edge, Event, Wall};

use crate::account::ledger::{Dropped, Reason};
use crate::account::rank::Rank;
use crate::account::recovered::Recovered;
use crate::settings::choices::Notices;

/// The longest notice in bytes, its newline included.
pub(crate) const MOST_BYTES: usize = 512;

/// The longest message of an engine event, and the longest escaped file name in a field of its own.
const MESSAGE_BYTES_MAX: usize = 240;
const NAME_BYTES_MAX: usize = 80;

/// Records lost between two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) lost: Dropped,
    pub(crate) from: Wall,
    pub(crate) until: Wall,
}

/// Returns the line for a loss.
pub(crate) fn of_loss(style: Notices, loss: &Loss, at: Wall) -> Option<String> {
    let short = format!("{} lost", records(loss.lost.total()));
    let message = match style {
        // In JSON the numbers are fields, and a line that was cut would be invalid.
        Notices::Json => short,
        _ => format!(
            "{short}: {} ({}), between {} and {}",
            list(levels(&loss.lost), ", "),
            reasons_in_words(&loss.lost),
            loss.from,
            loss.until
        ),
    };
    let fields = || {
        format!(
            ",\"lost\":{},\"reasons\":{{{}}},\"levels\":{{{}}},\"from\":\"{}\",\"until\":\"{}\"",
            loss.lost.total(),
            members(reasons(&loss.lost)),
            members(levels(&loss.lost)),
            loss.from,
            loss.until
        )
    };
    line(style, Rank::Warn, &message, fields, at)
}

/// Returns the line for what was recovered from a process that died, if anything was.
pub(crate) fn of_recovery(style: Notices, recovered: &Recovered, at: Wall) -> Option<String> {
    let fields = || {
        let Recovered { records, bytes, holes, uncertain, dropped, process } = recovered;
        format!(
            ",\"recovered\":{records},\"bytes\":{bytes},\"holes\":{holes},\"uncertain\":{uncertain},\"dropped\":{dropped},\"process\":{process}"
        )
    };
    let said = || line(style, Rank::Info, &recovered.to_string(), fields, at);
    recovered.is_worth_a_line().then(said).flatten()
}

/// Returns the line for an event of the engine, if it belongs in the log.
pub(crate) fn of_event(style: Notices, event: &Event, at: Wall) -> Option<String> {
    let mut fields = String::new();
    let (rank, message) = match event {
        Event::Alert(alert) if alert.edge == Edge::Cleared => {
            (Rank::Info, format!("{}: over, began {}", alert.trouble, alert.since))
        }
        Event::TailEnded { .. } => {
            (Rank::Warn, "the last line before the start was unfinished and was ended".to_owned())
        }
        Event::NulsCut { bytes, .. } => {
            (Rank::Warn, format!("{bytes} NUL bytes, left by a power cut at the end of the file, were cut off"))
        }
        Event::LinkedLeft { .. } => (
            Rank::Warn,
            "the file found at the start has further hard links: it was rotated away, and nothing was written to it"
                .to_owned(),
        ),
        Event::Removed { path, bytes, reason, overlong, .. } if reason.is_remarkable() || *overlong => {
            let name = name(path);
            let longer = if *overlong { ", longer than max_bytes," } else { "" };
            fields = format!(",\"removed\":\"{}\",\"bytes\":{bytes},\"reason\":\"{reason}\"", Escaped(&name));
            (Rank::Warn, format!("{name} of {bytes} bytes{longer} was removed: {reason}"))
        }
        Event::Adopted { files, bytes, names } => {
            fields = format!(",\"files\":{files},\"bytes\":{bytes}");
            let s = if *files == 1 { " that stood here is" } else { "s that stood here are" };
            (Rank::Info, format!("{files} file{s} taken as this log's own ({bytes} bytes): {}", names.join(", ")))
        }
        Event::DoneWithout(failure) => {
            (Rank::Warn, format!("not supported here, and done without from now on: {failure}"))
        }
        Event::Entered { path } => {
            (Rank::Info, format!("the path leads to another directory, and the log goes on there: {}", path.display()))
        }
        Event::FragmentLeft { bytes, .. } => {
            (Rank::Warn, format!("{bytes} bytes of an unfinished record stand at the end of an earlier file"))
        }
        Event::RecordRefused { limit_bytes, .. } => (
            Rank::Warn,
            format!(
                "no file may become longer than {limit_bytes} bytes (a file size limit): longer records are lost"
            ),
        ),
        Event::Reopened { .. } => {
            (Rank::Info, "the live file had been moved or deleted by others; this is a new one".to_owned())
        }
        _ => return None,
    };
    // A path may contain anything, and a notice is one line.
    let message = message.replace(char::is_control, "?");
    line(style, rank, short(&message, MESSAGE_BYTES_MAX), || fields, at)
}

/// Returns the last part of a path, as text.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    short(&name.to_string_lossy(), NAME_BYTES_MAX).to_owned()
}

/// Returns as much of a text as fits into `bytes_max` when it is escaped.
fn short(text: &str, bytes_max: usize) -> &str {
    let mut room = bytes_max;
    let fits = |(_, character): &(usize, char)| {
        let bytes = Escaped(character.encode_utf8(&mut [0; 4])).to_string().len();
        room.checked_sub(bytes).map(|left| room = left).is_some()
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, last)| at + last.len_utf8());
    &text[..end]
}

fn line(
    style: Notices,
    rank: Rank,
    message: &str,
    fields: impl FnOnce() -> String,
    at: Wall,
) -> Option<String> {
    match style {
        Notices::Text => Some(format!("{at} {:>5} tracing_spool: {message}\n", rank.name())),
        Notices::Json => Some(format!(
            "{{\"timestamp\":\"{at}\",\"level\":\"{}\",\"fields\":{{\"message\":\"{}\"{}}},\"target\":\"tracing_spool\"}}\n",
            rank.name(),
            Escaped(message),
            fields()
        )),
        Notices::Off => None,
    }
}

fn records(count: u64) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// Returns each level and how many records of it were lost, the least important level first.
fn levels(lost: &Dropped) -> impl Iterator<Item = (u64, &'static str)> {
    Rank::ALL
        .into_iter()
        .map(|rank| (lost.at_level(rank.level()), rank.name()))
        .filter(|(count, _)| *count > 0)
}

fn reasons(lost: &Dropped) -> impl Iterator<Item = (u64, &'static str)> {
    Reason::ALL
        .into_iter()
        .map(|reason| (lost.for_reason(reason), reason.as_str()))
        .filter(|(count, _)| *count > 0)
}

/// A single reason needs no number.
fn reasons_in_words(lost: &Dropped) -> String {
    let mut all = reasons(lost);
    match (all.next(), all.next()) {
        (Some((_, only)), None) => only.to_owned(),
        _ => list(reasons(lost), ", "),
    }
}

fn list(counts: impl Iterator<Item = (u64, &'static str)>, between: &str) -> String {
    counts.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(between)
}

fn members(counts: impl Iterator<Item = (u64, &'static str)>) -> String {
    counts.map(|(count, name)| format!("\"{name}\":{count}")).collect::<Vec<_>>().join(",")
}

/// Text inside a JSON string.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_spool_fileset::Reason as RemovalReason;

    use super::*;

    const AT: Wall = Wall::from_unix_micros(1_795_544_351_000_250);

    fn loss(lost: Dropped) -> Loss {
        Loss { lost, from: AT, until: Wall::from_unix_micros(1_795_544_353_000_000) }
    }

    #[test]
    fn a_loss_in_words() {
        let lost = Dropped::default().with(Reason::QueueFull, Rank::Debug, 1_200).with(
            Reason::QueueFull,
            Rank::Info,
            34,
        );
        assert_eq!(
            of_loss(Notices::Text, &loss(lost), AT).unwrap(),
            "2026-11-24T18:19:11.000250Z  WARN tracing_spool: 1234 records lost: 1200 DEBUG, 34 INFO (queue full), \
             between 2026-11-24T18:19:11.000250Z and 2026-11-24T18:19:13.000000Z\n"
        );
        let one = Dropped::default().with(Reason::Panic, Rank::Error, 1);
        assert!(
            of_loss(Notices::Text, &loss(one), AT).unwrap().contains(" 1 record lost: 1 ERROR (panic), ")
        );
    }

    #[test]
    fn several_reasons_have_numbers() {
        let lost = Dropped::default().with(Reason::QueueFull, Rank::Debug, 3).with(
            Reason::DiskError,
            Rank::Error,
            2,
        );
        let text = of_loss(Notices::Text, &loss(lost), AT).unwrap();
        assert!(
            text.contains("5 records lost: 3 DEBUG, 2 ERROR (3 queue full, 2 disk error), between"),
            "{text}"
        );
        assert_eq!(of_loss(Notices::Off, &loss(lost), AT), None);
    }

    #[test]
    fn a_loss_as_json() {
        let lost = Dropped::default().with(Reason::DiskBudget, Rank::Info, 7);
        assert_eq!(
            of_loss(Notices::Json, &loss(lost), AT).unwrap(),
            "{\"timestamp\":\"2026-11-24T18:19:11.000250Z\",\"level\":\"WARN\",\"fields\":{\"message\":\
             \"7 records lost\",\"lost\":7,\"reasons\":{\"disk budget\":7},\"levels\":{\"INFO\":7},\
             \"from\":\"2026-11-24T18:19:11.000250Z\",\"until\":\"2026-11-24T18:19:13.000000Z\"},\
             \"target\":\"tracing_spool\"}\n"
        );
    }

    #[test]
    fn the_longest_loss_stays_within_the_limit() {
        let mut lost = Dropped::default();
        for reason in Reason::ALL {
            for rank in Rank::ALL {
                lost = lost.with(reason, rank, 99_999_999);
            }
        }
        for style in [Notices::Text, Notices::Json] {
            let text = of_loss(style, &loss(lost), AT).unwrap();
            assert!(text.len() <= MOST_BYTES, "{}", text.len());
        }
    }

    #[test]
    fn events_in_words() {
        let removed = |reason, overlong| Event::Removed {
            path: "/x/app.log.3".into(),
            slot: Some(3.into()),
            bytes: 5,
            reason,
            overlong,
        };
        let event = removed(RemovalReason::Budget, false);
        assert!(
            of_event(Notices::Text, &event, AT).unwrap().contains(
                " WARN tracing_spool: app.log.3 of 5 bytes was removed: max_total_bytes is reached"
            )
        );
        let json = of_event(Notices::Json, &event, AT).unwrap();
        assert!(json.contains("\"level\":\"WARN\"") && json.ends_with("\"target\":\"tracing_spool\"}\n"));
        assert!(
            json.contains("\"removed\":\"app.log.3\",\"bytes\":5,\"reason\":\"max_total_bytes is reached\"")
        );
        assert_eq!(
            of_event(Notices::Text, &removed(RemovalReason::Rotation, false), AT),
            None,
            "an ordinary one"
        );
        let overlong = of_event(Notices::Text, &removed(RemovalReason::Rotation, true), AT).unwrap();
        assert!(overlong.contains("longer than max_bytes"));
        let long = Event::Removed {
            path: format!("/x/{}", "\"\u{1}é".repeat(90)).into(),
            slot: None,
            bytes: u64::MAX,
            reason: RemovalReason::Rotation,
            overlong: true,
        };
        for style in [Notices::Text, Notices::Json] {
            let line = of_event(style, &long, AT).unwrap();
            assert!(line.len() <= MOST_BYTES, "{}", line.len());
        }
        let entered = of_event(Notices::Text, &Event::Entered { path: "/x\ny".into() }, AT).unwrap();
        assert!(entered.ends_with(" goes on there: /x?y\n"), "{entered}");
        let names = vec!["app.log".to_owned(); 99];
        let adopted = of_event(Notices::Json, &Event::Adopted { files: 2, bytes: 7, names }, AT).unwrap();
        assert!(adopted.contains("\"files\":2,\"bytes\":7") && adopted.len() <= MOST_BYTES, "{adopted}");
        let reopened = Event::Reopened { path: "/x".into() };
        assert!(of_event(Notices::Text, &reopened, AT).unwrap().contains(" INFO tracing_spool: "));
        let refused = Event::RecordRefused { path: "/x".into(), limit_bytes: 99 };
        assert!(of_event(Notices::Text, &refused, AT).unwrap().contains(" than 99 bytes"));
        let tail = Event::TailEnded { path: "/x".into() };
        assert!(of_event(Notices::Text, &tail, AT).unwrap().contains("unfinished"));
        assert_eq!(Escaped("a\"b\\c\n").to_string(), "a\\\"b\\\\c\\u000a");
    }
}
