//! A moment as people write it on a command line: `2h`, `2026-11-29T06:00:00Z`, `2026-11-29 06:00`, `22:00`, `yesterday`.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp, ZonedDateTime};

/// What would be right, for an error message.
const WANTED: &str = "must be how long ago (2h, 30m, 1d12h) or a time: 2026-11-29T06:00:00Z, or in local time \
                      \"2026-11-29 06:00\", 2026-11-29, 22:00 (the last one), today, yesterday, \"yesterday 22:00\"";

/// Parses a moment, for `clap`. Returns microseconds since 1970.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    at(text.trim(), &ZonedDateTime::now()).map(Timestamp::as_microsecond).ok_or_else(|| WANTED.to_owned())
}

fn at(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    if text == "now" {
        return Some(now.timestamp());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some(civil) = civil(text, now) {
        return Some(civil.to_zoned_datetime(now.time_zone().clone()).ok()?.timestamp());
    }
    let ago: Span = text.strip_suffix("ago").unwrap_or(text).trim().parse().ok()?;
    now.checked_sub(ago.abs()).ok().map(|then| then.timestamp())
}

/// Parses a local time. A time without a day is the last one there was, so that 22:00 means last night in the morning.
fn civil(text: &str, now: &ZonedDateTime) -> Option<DateTime> {
    let (day, time) = text.split_once(' ').map_or((text, None), |(day, time)| (day, Some(time)));
    let day = match day {
        "today" => Some(now.date()),
        "yesterday" => Some(now.date().yesterday().ok()?),
        _ => day.parse::<Date>().ok().filter(|_| day.len() == "2026-11-29".len()),
    };
    match (day, time) {
        (Some(day), None) => Some(day.to_datetime(Time::midnight())),
        (Some(day), Some(time)) => Some(day.to_datetime(time.parse().ok()?)),
        (None, _) => match text.parse::<Time>() {
            Ok(time) if time <= now.time() => Some(now.date().to_datetime(time)),
            Ok(time) => Some(now.date().yesterday().ok()?.to_datetime(time)),
            Err(_) => text.parse().ok(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_people_write_them() {
        let now: ZonedDateTime = "2026-11-29T12:00:00+01:00[Europe/Berlin]".parse().unwrap();
        for (text, then) in [
            ("2h", "2026-11-29T09:00:00Z"),
            ("90m ago", "2026-11-29T09:30:00Z"),
            ("1d12h", "2026-11-27T23:00:00Z"),
            ("5 minutes", "2026-11-29T10:55:00Z"),
            ("2026-11-29T06:00:00Z", "2026-11-29T06:00:00Z"),
            ("2026-11-29T06:00:00+02:00", "2026-11-29T04:00:00Z"),
            ("2026-11-29 06:00", "2026-11-29T05:00:00Z"),
            ("2026-11-29T06:00:01.5", "2026-11-29T05:00:01.5Z"),
            ("2026-11-29", "2026-11-28T23:00:00Z"),
            ("06:00", "2026-11-29T05:00:00Z"),
            ("22:00", "2026-11-28T21:00:00Z"),
            ("yesterday", "2026-11-27T23:00:00Z"),
            ("yesterday 22:00", "2026-11-28T21:00:00Z"),
            ("-1h", "2026-11-29T10:00:00Z"),
            ("now", "2026-11-29T11:00:00Z"),
        ] {
            assert_eq!(at(text, &now), Some(then.parse().unwrap()), "{text}");
        }
        for text in ["", "soon", "5", "2026-13-01", "25:00", "h", "yesterday 25:00", "today soon"] {
            assert_eq!(at(text, &now), None, "{text}");
        }
    }

    #[test]
    fn an_error_says_what_would_be_right() {
        assert!(parse("soon").unwrap_err().contains("2h"));
    }
}
