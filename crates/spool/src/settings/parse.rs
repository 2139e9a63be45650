//! Reads values as people write them, "10 MiB", "7d", "0640". The table says which setting each is for.

use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use jiff::{Span, SpanRelativeTo};
use tracing_core::Level;
use tracing_spool_fileset::{Allow, Compression, Naming, Owner, Schedule, SyncPolicy};

use crate::settings::choices::{LateRecords, Notices};
use crate::settings::durable::Place;
use crate::settings::overflow::Overflow;

/// A value as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    #[cfg_attr(not(any(feature = "serde", test)), expect(dead_code, reason = "variables are text"))]
    Number(u64),
    #[cfg_attr(not(any(feature = "serde", test)), expect(dead_code, reason = "variables are text"))]
    Flag(bool),
}

/// What would have been right, for an error message.
pub(crate) type Wanted = &'static str;

impl Value {
    /// Returns the value as text. A bare number has none where it would say too little.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()),
            Self::Number(_) | Self::Flag(_) => None,
        }
    }
}

/// Displays the value for messages, with text in quotes.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

/// Reads a size: `10 MiB` is 10 × 1024 × 1024 bytes, `10 MB` and `10M` are 10,000,000 bytes, and `1048576` is that many
/// bytes.
pub(super) fn size(value: &Value) -> Result<u64, Wanted> {
    const WANTED: Wanted =
        "must be a size in bytes, such as 10485760 or \"10 MiB\" (MiB is 1024 × 1024, MB is 1,000,000)";
    match value {
        Value::Number(bytes) => Ok(*bytes),
        _ => value
            .text()
            .and_then(|text| text.parse::<ByteSize>().ok())
            .map(|size| size.as_u64())
            .ok_or(WANTED),
    }
}

/// Reads a duration: `500ms`, `30 s`, `1h 30m`, `7d`, `PT5M`. A day has 24 hours; months and years have no fixed length.
pub(super) fn duration(value: &Value) -> Result<Duration, Wanted> {
    value
        .text()
        .and_then(span)
        .ok_or("must be a duration with its unit, such as \"500ms\", \"30s\" or \"7d\"")
}

fn span(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    duration.try_into().ok()
}

pub(super) fn count<T: TryFrom<u64>>(value: &Value) -> Result<T, Wanted> {
    let number = match value {
        Value::Number(number) => Some(*number),
        _ => value.text().and_then(|text| text.parse().ok()),
    };
    number.and_then(|number| number.try_into().ok()).ok_or("must be a whole number, such as 5")
}

pub(super) fn flag(value: &Value) -> Result<bool, Wanted> {
    match (value, value.text()) {
        (Value::Flag(flag), _) => Ok(*flag),
        (_, Some("true" | "yes" | "on" | "1")) => Ok(true),
        (_, Some("false" | "no" | "off" | "0")) => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// Reads a mode: octal, as for `chmod`. A bare number is refused, because some formats would already have read it as
/// decimal.
pub(super) fn mode(value: &Value) -> Result<u32, Wanted> {
    let digits = |text: &str| u32::from_str_radix(text.trim_start_matches("0o"), 8).ok();
    value.text().and_then(digits).ok_or("must be a mode in octal and in quotes, such as \"0640\"")
}

pub(super) fn text(value: &Value) -> Result<String, Wanted> {
    value.text().map(str::to_owned).ok_or("must be text")
}

pub(super) fn path(value: &Value) -> Result<PathBuf, Wanted> {
    match value {
        // Not trimmed, because a name may begin with a blank.
        Value::Text(text) => Ok(text.into()),
        _ => Err("must be a path, such as \"/var/log/app/app.log\""),
    }
}

/// Splits a word from the duration behind it, if it has one.
fn word(value: &Value) -> Option<(&str, Option<Duration>)> {
    let text = value.text()?;
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => Some((word, Some(span(rest.trim())?))),
        None => Some((text, None)),
    }
}

pub(super) fn overflow(value: &Value) -> Result<Overflow, Wanted> {
    match word(value) {
        Some(("drop_newest", None)) => Ok(Overflow::DropNewest),
        Some(("block", None)) => Ok(Overflow::Block),
        Some(("block_for", Some(time))) => Ok(Overflow::BlockFor(time)),
        _ => Err("must be \"drop_newest\", \"block_for 20ms\" or \"block\""),
    }
}

pub(super) fn sync(value: &Value) -> Result<SyncPolicy, Wanted> {
    match word(value) {
        Some(("never", None)) => Ok(SyncPolicy::Never),
        Some(("on_rotate", None)) => Ok(SyncPolicy::OnRotate),
        Some(("interval", Some(time))) => Ok(SyncPolicy::Interval(time)),
        _ => Err("must be \"on_rotate\", \"interval 1s\" or \"never\""),
    }
}

pub(super) fn durable(value: &Value) -> Result<Place, Wanted> {
    match value.text() {
        Some("automatic") => Ok(Place::Automatic),
        Some("off") => Ok(Place::Memory),
        Some(path) if !path.is_empty() => Ok(Place::At(path.into())),
        _ => Err("must be \"automatic\", \"off\", or the path of a file, such as \"/run/shop/log.ring\""),
    }
}

pub(super) fn schedule(value: &Value) -> Result<Schedule, Wanted> {
    let wanted = "must be a schedule, such as \"hourly\", \"daily at 03:30 in Europe/Berlin\" or \"weekly on Sunday in local\"";
    value.text().and_then(Schedule::parse).ok_or(wanted)
}

pub(super) fn naming(value: &Value) -> Result<Naming, Wanted> {
    match value.text() {
        Some("numbered") => Ok(Naming::Numbered),
        Some("timestamped") => Ok(Naming::Timestamped),
        _ => Err("must be \"numbered\" or \"timestamped\""),
    }
}

pub(super) fn compression(value: &Value) -> Result<Compression, Wanted> {
    match value.text() {
        Some("none") => Ok(Compression::None),
        Some("gzip") => Ok(Compression::Gzip),
        Some("zstd") => Ok(Compression::Zstd),
        _ => Err("must be \"none\", \"gzip\" or \"zstd\""),
    }
}

pub(super) fn level(value: &Value) -> Result<Level, Wanted> {
    let wanted = "must be \"error\", \"warn\", \"info\", \"debug\" or \"trace\"";
    let word = value.text().filter(|text| text.bytes().all(|byte| byte.is_ascii_alphabetic()));
    word.and_then(|word| word.parse().ok()).ok_or(wanted)
}

pub(super) fn notices(value: &Value) -> Result<Notices, Wanted> {
    match value.text() {
        Some("text") => Ok(Notices::Text),
        Some("json") => Ok(Notices::Json),
        Some("off") => Ok(Notices::Off),
        _ => Err("must be \"text\", \"json\" or \"off\""),
    }
}

pub(super) fn late_records(value: &Value) -> Result<LateRecords, Wanted> {
    match value.text() {
        Some("count") => Ok(LateRecords::Count),
        Some("write") => Ok(LateRecords::Write),
        _ => Err("must be \"count\" or \"write\""),
    }
}

/// Reads a user and a group with a colon between them.
pub(super) fn owner(value: &Value) -> Result<Owner, Wanted> {
    let names = value.text().and_then(|text| text.split_once(':'));
    names
        .and_then(|(user, group)| Owner::named(user.trim(), group.trim()).ok())
        .ok_or("must be a user and a group of this system, by name or number, such as \"app:adm\"")
}

/// Reads a list, which has commas if it is one text.
pub(super) fn allow(value: &Value) -> Result<Vec<Allow>, Wanted> {
    let one = |word: &str| match word.trim() {
        "symlink" => Some(Allow::Symlink),
        "hard_link" => Some(Allow::HardLink),
        "foreign_owner" => Some(Allow::ForeignOwner),
        "device" => Some(Allow::Device),
        "fifo" => Some(Allow::Fifo),
        "reserved_name" => Some(Allow::ReservedName),
        "found_files" => Some(Allow::FoundFiles),
        "no_lock" => Some(Allow::NoLock),
        _ => None,
    };
    let words = value.text().map(|text| text.split(',').filter(|word| !word.trim().is_empty()));
    words.and_then(|words| words.map(one).collect()).ok_or(
        "must be a list of \"symlink\", \"hard_link\", \"foreign_owner\", \"device\", \"fifo\", \
         \"reserved_name\", \"found_files\" and \"no_lock\"",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn sizes_as_people_write_them() {
        for (text, bytes) in [
            ("10 MiB", 10 << 20),
            ("10MiB", 10 << 20),
            ("10Mi", 10 << 20),
            (" 1.5 GiB ", 3 << 29),
            ("64k", 64_000),
            ("10 MB", 10_000_000),
            ("1024", 1_024),
            ("0", 0),
        ] {
            assert_eq!(size(&said(text)), Ok(bytes), "{text}");
        }
        assert_eq!(size(&Value::Number(7)), Ok(7));
        for text in ["", "ten", "10 MiX", "-1", "1,000", "10 MiB 5", "1..5 MiB"] {
            assert!(size(&said(text)).is_err(), "{text:?}");
        }
        assert!(size(&Value::Flag(true)).is_err());
    }

    #[test]
    fn durations_as_people_write_them() {
        for (text, millis) in [
            ("500ms", 500),
            ("30 s", 30_000),
            ("7d", 7 * 86_400_000),
            ("1h 30m", 5_400_000),
            ("2 weeks", 14 * 86_400_000),
            ("PT5M", 300_000),
        ] {
            assert_eq!(duration(&said(text)), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "30", "-5s", "5 s ago", "1 month", "1y", "soon"] {
            assert!(duration(&said(text)).is_err(), "{text:?}");
        }
        assert!(duration(&Value::Number(30)).is_err(), "of what?");
    }

    #[test]
    fn words_numbers_and_modes() {
        assert_eq!(count::<u32>(&said("12")), Ok(12));
        assert!(count::<u8>(&Value::Number(300)).is_err() && count::<u32>(&said("1.5")).is_err());
        assert_eq!(
            (mode(&said("0640")), mode(&said("0o640")), mode(&said("640"))),
            (Ok(0o640), Ok(0o640), Ok(0o640))
        );
        assert!(mode(&Value::Number(640)).is_err() && mode(&said("0980")).is_err());
        assert_eq!((flag(&said("on")), flag(&Value::Flag(false))), (Ok(true), Ok(false)));
        assert!(flag(&said("maybe")).is_err());
        assert_eq!(overflow(&said("block_for 20ms")), Ok(Overflow::BlockFor(Duration::from_millis(20))));
        assert_eq!(
            (overflow(&said("block")), overflow(&said("drop_newest"))),
            (Ok(Overflow::Block), Ok(Overflow::DropNewest))
        );
        assert!(overflow(&said("block_for")).is_err() && overflow(&said("block 20ms")).is_err());
        assert_eq!(sync(&said("interval 1s")), Ok(SyncPolicy::Interval(Duration::from_secs(1))));
        assert!(sync(&said("interval")).is_err() && sync(&said("interval 1")).is_err());
        assert_eq!(allow(&said("fifo, device")), Ok(vec![Allow::Fifo, Allow::Device]));
        assert_eq!(
            allow(&said("symlink,hard_link,foreign_owner,reserved_name,found_files,no_lock")),
            Ok(vec![
                Allow::Symlink,
                Allow::HardLink,
                Allow::ForeignOwner,
                Allow::ReservedName,
                Allow::FoundFiles,
                Allow::NoLock
            ])
        );
        assert_eq!(allow(&said("")), Ok(Vec::new()));
        assert!(allow(&said("fifo, all")).is_err());
        assert_eq!(path(&said(" a")), Ok(" a".into()));
        assert_eq!(
            ["never", "on_rotate"].map(|word| sync(&said(word)).unwrap()),
            [SyncPolicy::Never, SyncPolicy::OnRotate]
        );
        assert_eq!(
            ["automatic", "off", "/run/x.ring"].map(|word| durable(&said(word))),
            [Place::Automatic, Place::Memory, Place::At("/run/x.ring".into())].map(Ok)
        );
        assert!(durable(&said("")).is_err() && durable(&Value::Flag(true)).is_err());
        assert_eq!(
            ["numbered", "timestamped"].map(|word| naming(&said(word))),
            [Naming::Numbered, Naming::Timestamped].map(Ok)
        );
        assert_eq!(
            ["none", "gzip", "zstd"].map(|word| compression(&said(word))),
            [Compression::None, Compression::Gzip, Compression::Zstd].map(Ok)
        );
        assert_eq!(
            ["text", "json", "off"].map(|word| notices(&said(word))),
            [Notices::Text, Notices::Json, Notices::Off].map(Ok)
        );
        assert_eq!(
            ["count", "write"].map(|word| late_records(&said(word))),
            [LateRecords::Count, LateRecords::Write].map(Ok)
        );
        assert_eq!(text(&said("writer")), Ok("writer".to_owned()));
    }
}
