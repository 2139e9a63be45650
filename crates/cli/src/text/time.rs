//! The time stamp of a line, in microseconds since 1970. Lines are parsed by the million, so this looks at fixed places and
//! allocates nothing.

/// How far into a line of JSON or logfmt the time is looked for.
const KEY_WITHIN: usize = 4096;
/// The keys under which formats write the time.
const JSON_KEYS: [&[u8]; 4] = [b"\"timestamp\":", b"\"@timestamp\":", b"\"time\":", b"\"ts\":"];
const PAIRS: [&[u8]; 3] = [b"ts=", b"time=", b"timestamp="];
/// The same behind another pair.
const LATER_PAIRS: [&[u8]; 3] = [b" ts=", b" time=", b" timestamp="];

/// Returns the time that a line states, in microseconds since 1970.
///
/// The stamp is RFC 3339 at the beginning of the line, behind a colour, or under the usual keys of JSON and logfmt. A space
/// may stand for the `T`, a comma for the point. Without an offset it is taken for UTC.
///
/// The zone of a line that names none can't be known, and UTC is what this project's formats write.
pub(crate) fn time_of(line: &[u8]) -> Option<i64> {
    match line.first()? {
        b'0'..=b'9' => stamp(line),
        b'{' => {
            let head = &line[..line.len().min(KEY_WITHIN)];
            let value = |key: &&[u8]| memchr::memmem::find(head, key).map(|at| &line[at + key.len()..]);
            // Some writers put a space behind the colon.
            JSON_KEYS.iter().find_map(|key| stamp(value(key)?.trim_ascii_start().strip_prefix(b"\"")?))
        }
        b'\x1b' => {
            let end = memchr::memchr(b'm', &line[..line.len().min(16)])?;
            stamp(&line[end + 1..])
        }
        b'[' => stamp(&line[1..]),
        b't' => PAIRS.iter().find_map(|key| pair(line.strip_prefix(*key)?)),
        b'l' if line.starts_with(b"level=") => {
            let head = &line[..line.len().min(KEY_WITHIN)];
            let value = |key: &&[u8]| memchr::memmem::find(head, key).map(|at| &line[at + key.len()..]);
            LATER_PAIRS.iter().find_map(|key| pair(value(key)?))
        }
        _ => None,
    }
}

/// Parses the value of a pair of logfmt, which may be quoted.
fn pair(value: &[u8]) -> Option<i64> {
    stamp(value.strip_prefix(b"\"").unwrap_or(value))
}

/// Parses a stamp at the beginning of `text`.
pub(crate) fn stamp(text: &[u8]) -> Option<i64> {
    let shape = text.first_chunk::<19>()?;
    let number = |from: usize, to: usize| {
        shape[from..to]
            .iter()
            .try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let marks = [(4, b"-"), (7, b"-"), (13, b":"), (16, b":")];
    if marks.iter().any(|(at, mark)| shape[*at] != mark[0]) || !matches!(shape[10], b'T' | b't' | b' ') {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let is_possible =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !is_possible {
        return None;
    }
    let (micros, rest) = fraction(&text[19..]);
    let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second - offset(rest);
    Some(seconds * 1_000_000 + micros)
}

/// Parses the digits behind the seconds. Returns them as microseconds, and what follows.
fn fraction(text: &[u8]) -> (i64, &[u8]) {
    let Some(digits) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return (0, text) };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let shown = digits[..count].iter().map(|digit| i64::from(digit - b'0'));
    let micros = shown.chain(std::iter::repeat(0)).take(6).fold(0, |micros, digit| micros * 10 + digit);
    (micros, &digits[count..])
}

/// Parses an offset such as `+01:00` into seconds.
fn offset(text: &[u8]) -> i64 {
    let [sign @ (b'+' | b'-'), rest @ ..] = text else { return 0 };
    let digits: Vec<i64> = rest
        .iter()
        .filter(|byte| **byte != b':')
        .take(4)
        .map(|byte| i64::from(*byte) - i64::from(b'0'))
        .collect();
    let [a, b, c, d] = digits[..] else { return 0 };
    if digits.iter().any(|digit| !(0..=9).contains(digit)) {
        return 0;
    }
    let seconds = (a * 10 + b) * 3_600 + (c * 10 + d) * 60;
    if *sign == b'-' { -seconds } else { seconds }
}

/// Returns the days from 1970-01-01 to a date of the Gregorian calendar. Years begin in March here, so that a leap day is
/// the last day of a year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_time_is_found_in_every_format() {
        let expected = Some(micros("2026-11-24T18:19:11.000250Z"));
        for line in [
            "2026-11-24T18:19:11.000250Z  INFO shop: words",
            "2026-11-24T19:19:11.000250+01:00 INFO",
            "2026-11-24T16:49:11.000250-0130 INFO",
            "2026-11-24 18:19:11.000250 INFO",
            "2026-11-24 18:19:11,000250123 INFO",
            "[2026-11-24T18:19:11.000250Z INFO shop] env_logger",
            "\u{1b}[2m2026-11-24T18:19:11.000250Z\u{1b}[0m",
            "{\"timestamp\":\"2026-11-24T18:19:11.000250Z\"}",
            "{\"level\":\"INFO\",\"@timestamp\":\"2026-11-24T18:19:11.000250Z\"}",
            "{\"time\":\"2026-11-24T18:19:11.000250Z\"}",
            "{\"level\": \"INFO\", \"timestamp\": \"2026-11-24T18:19:11.000250Z\"}",
            "ts=2026-11-24T18:19:11.000250Z level=info",
            "level=info ts=2026-11-24T18:19:11.000250Z",
            "time=\"2026-11-24T18:19:11.000250Z\" level=info",
        ] {
            assert_eq!(time_of(line.as_bytes()), expected, "{line}");
        }
        for line in [
            "",
            "    at shop.rs:7",
            "2026-11-24",
            "20261124T181911Z",
            "2026-13-24T18:19:11Z",
            "{}",
            "time to go",
        ] {
            assert_eq!(time_of(line.as_bytes()), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_calendar(second in -62_000_000_000_i64..250_000_000_000, micro in 0_i64..1_000_000) {
            let expected = Timestamp::from_microsecond(second * 1_000_000 + micro).unwrap();
            let text = format!("{expected:.6} x");
            prop_assume!(text.starts_with(|first: char| first.is_ascii_digit()));
            prop_assert_eq!(time_of(text.as_bytes()), Some(expected.as_microsecond()));
        }

        #[test]
        fn no_bytes_make_it_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _any = time_of(&line);
        }
    }
}
